"""Virtual MFA devices: made, enabled by real codes, used once per code."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from iam.codes import App
from iam.refusals import refused
from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.iam import errors
from pilvi.services.iam.proofs import mfa, mfa_devices, totp
from pilvi.services.iam.proofs.mfa_devices import MfaDevice
from pilvi.services.iam.records import Root, User
from pilvi.store.api import Transaction
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

Make = Callable[..., Any]
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


# RFC 6238, appendix B; six digits of its eight.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert totp.code_of(b"12345678901234567890", totp.step_at(seconds * 1000)) == code


@pytest.fixture
def frozen(clock: Any) -> Any:
    clock.freeze()
    return clock


def _device(iam: Any, name: str = "phone") -> tuple[str, App]:
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    return made["SerialNumber"], App(made["Base32StringSeed"])


def _enable(iam: Any, user: str, serial: str, app: App, now_ms: int, steps: int = 0) -> None:
    iam.enable_mfa_device(
        UserName=user,
        SerialNumber=serial,
        AuthenticationCode1=app.code(now_ms, steps - 1),
        AuthenticationCode2=app.code(now_ms, steps),
    )


def test_a_new_device_tells_its_seed_once(client: Make, account: str) -> None:
    iam = client("iam")
    made = iam.create_virtual_mfa_device(
        VirtualMFADeviceName="phone", Path="/p/", Tags=[{"Key": "k", "Value": "v"}]
    )["VirtualMFADevice"]
    serial = f"arn:aws:iam::{account}:mfa/p/phone"
    assert (made["SerialNumber"], len(made["Base32StringSeed"])) == (serial, 64)
    image = Image.open(io.BytesIO(made["QRCodePNG"]))
    assert (image.format, image.width) == ("PNG", image.height)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == [{"SerialNumber": serial}]
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "K", "Value": "w"}])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "K", "Value": "w"}]
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["k"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == []
    taken = "MFADevice entity at the same path and name already exists."
    with refused("EntityAlreadyExists", taken, 409):
        iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/p/")
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    gone = f"VirtualMFADevice with serial number {serial} doesn't exist."
    with refused("NoSuchEntity", gone, 404):
        iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_two_codes_that_follow_each_other_enable(client: Make, frozen: Any) -> None:
    iam = client("iam")
    user = iam.create_user(UserName="ann")["User"]
    serial, app = _device(iam)
    now = frozen.now_ms()
    for first, second in ((0, 0), (0, -1), (-2, 0), (5, 7)):
        with refused(
            "InvalidAuthenticationCode", "Authentication code for device is not valid.", 403
        ):
            iam.enable_mfa_device(
                UserName="ann",
                SerialNumber=serial,
                AuthenticationCode1=app.code(now, first),
                AuthenticationCode2=app.code(now, second),
            )
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    _enable(iam, "ann", serial, app, now)
    (device,) = iam.list_mfa_devices(UserName="ann")["MFADevices"]
    assert (device["UserName"], device["SerialNumber"]) == ("ann", serial)
    assert iam.get_mfa_device(SerialNumber=serial, UserName="ann")["EnableDate"]
    (listed,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert listed["User"]["Arn"] == user["Arn"]
    assert "Base32StringSeed" not in listed
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    with refused("EntityAlreadyExists", status=409):
        _enable(iam, "ann", serial, app, now, 2)
    iam.create_user(UserName="bob")
    for act in (iam.deactivate_mfa_device, iam.get_mfa_device):
        with refused("NoSuchEntity", "MFA Device invalid for user.", 404):
            act(UserName="bob", SerialNumber=serial)


def test_devices_that_are_in_use_stay(client: Make, frozen: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, app = _device(iam)
    _enable(iam, "ann", serial, app, frozen.now_ms())
    with refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    with refused("DeleteConflict", "Cannot delete entity, must delete MFA device first.", 409):
        iam.delete_user(UserName="ann")
    iam.update_user(UserName="ann", NewUserName="anna")
    (device,) = iam.list_mfa_devices(UserName="anna")["MFADevices"]
    assert device["UserName"] == "anna"
    (listed,) = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert listed["User"]["UserName"] == "anna"
    iam.deactivate_mfa_device(UserName="anna", SerialNumber=serial)
    iam.delete_user(UserName="anna")
    iam.delete_virtual_mfa_device(SerialNumber=serial)


# Codes that served once enable nothing, not even after the device was taken away and given back.
def test_used_codes_enable_nothing(client: Make, frozen: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, app = _device(iam)
    now = frozen.now_ms()
    _enable(iam, "ann", serial, app, now)
    iam.deactivate_mfa_device(UserName="ann", SerialNumber=serial)
    with refused("InvalidAuthenticationCode"):
        _enable(iam, "ann", serial, app, now)
    _enable(iam, "ann", serial, app, now, 2)


def test_a_clock_that_is_off_is_found_out(client: Make, frozen: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    serial, app = _device(iam)
    now = frozen.now_ms()
    with refused("InvalidAuthenticationCode"):
        _enable(iam, "ann", serial, app, now, 60)
    _enable(iam, "ann", serial, app, now)
    iam.resync_mfa_device(
        UserName="ann",
        SerialNumber=serial,
        AuthenticationCode1=app.code(now, 60),
        AuthenticationCode2=app.code(now, 61),
    )
    with refused("InvalidAuthenticationCode"):
        iam.resync_mfa_device(
            UserName="ann",
            SerialNumber=serial,
            AuthenticationCode1=app.code(now, 121),
            AuthenticationCode2=app.code(now, 122),
        )


def test_root_has_devices_too(client: Make, account: str, frozen: Any) -> None:
    iam = client("iam")
    serial, app = _device(iam, "root-account-mfa-device")
    _enable(iam, "root", serial, app, frozen.now_ms())
    assert [one["SerialNumber"] for one in iam.list_mfa_devices()["MFADevices"]] == [serial]
    (listed,) = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert listed["User"]["Arn"] == f"arn:aws:iam::{account}:root"
    iam.deactivate_mfa_device(SerialNumber=serial)


def test_eight_devices_at_most(client: Make, frozen: Any) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    for number in range(9):
        serial, app = _device(iam, f"d{number}")
        if number == 8:
            break
        _enable(iam, "ann", serial, app, frozen.now_ms())
    with refused("LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8", 409):
        _enable(iam, "ann", serial, app, frozen.now_ms())
    pages = iam.get_paginator("list_mfa_devices").paginate(
        UserName="ann", PaginationConfig={"PageSize": 3}
    )
    assert len([one for page in pages for one in page["MFADevices"]]) == 8


# --- what STS asks


class Desk:
    """A user with a device, and somebody who asks for its codes."""

    scope = Scope("111122223333", "aws-global")
    seed = b"0123456789012345678901234567890123456789"

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.sealer = Sealer(RootKeySource(None), Entropy())
        self.user = User(name="ann", path="/", id="AIDAANN", created_at_ms=0)
        self.device = MfaDevice(
            name="phone", path="/", seed=b"", created_at_ms=0, holder_id="AIDAANN"
        )
        self.serial = mfa_devices.serial_of(self.scope, self.device)

    async def give(self) -> None:
        def put(tx: Transaction) -> None:
            mfa_devices.seal_seed(tx, self.scope, self.sealer, self.device, self.seed)
            mfa_devices.put(tx, self.scope, self.device)

        await self.store.write(put)

    async def check(self, code: str, now_ms: int, holder: User | Root | None = None) -> None:
        await self.store.write(
            lambda tx: mfa.check_code(
                tx,
                self.scope,
                holder or self.user,
                self.serial,
                code,
                now_ms,
                sealer=self.sealer,
            )
        )

    def code(self, step: int) -> str:
        return totp.code_of(self.seed, step)


def _run(asking: Callable[[Desk], Any]) -> None:
    async def run() -> None:
        desk = Desk()
        await desk.give()
        await asking(desk)

    asyncio.run(run())


NOW_STEP = 60_000_000
NOW_MS = NOW_STEP * 30_000


def test_a_code_is_accepted_once_and_none_before_it() -> None:
    async def asking(desk: Desk) -> None:
        await desk.check(desk.code(NOW_STEP), NOW_MS)
        for step in (NOW_STEP, NOW_STEP - 1):
            with pytest.raises(errors.MfaCodeInvalid) as refusal:
                await desk.check(desk.code(step), NOW_MS)
            assert refusal.value.text == WRONG
        await desk.check(desk.code(NOW_STEP + 1), NOW_MS)

    _run(asking)


@pytest.mark.parametrize(
    ("step", "good"), [(-3, False), (-2, True), (0, True), (1, True), (2, False)]
)
def test_codes_hold_for_a_while(step: int, good: bool) -> None:
    async def asking(desk: Desk) -> None:
        if good:
            await desk.check(desk.code(NOW_STEP + step), NOW_MS)
        else:
            with pytest.raises(errors.MfaCodeInvalid):
                await desk.check(desk.code(NOW_STEP + step), NOW_MS)

    _run(asking)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "000000\n"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    async def asking(desk: Desk) -> None:
        with pytest.raises(errors.MfaCodeInvalid):
            await desk.check(code, NOW_MS)

    _run(asking)


def test_a_device_speaks_for_its_holder_only() -> None:
    async def asking(desk: Desk) -> None:
        bob = User(name="ann", path="/", id="AIDABOB", created_at_ms=0)
        for holder in (bob, Root()):
            with pytest.raises(errors.AccessDenied):
                await desk.check(desk.code(NOW_STEP), NOW_MS, holder)
        desk.serial = desk.serial.replace("111122223333", "444455556666")
        with pytest.raises(errors.AccessDenied):
            await desk.check(desk.code(NOW_STEP), NOW_MS)

    _run(asking)


# Nobody may try all codes: after five wrong ones not even the right one is taken, until ten minutes are over.
def test_guessing_is_slow() -> None:
    async def asking(desk: Desk) -> None:
        for _ in range(5):
            with pytest.raises(errors.MfaCodeInvalid):
                await desk.check("abcdef", NOW_MS)
        for late in (0, 19):
            with pytest.raises(errors.MfaCodeInvalid):
                await desk.check(desk.code(NOW_STEP + late), NOW_MS + late * 30_000)
        await desk.check(desk.code(NOW_STEP + 20), NOW_MS + 20 * 30_000)

    _run(asking)


# A drifted device is judged by its own time.
def test_drift_is_reckoned_with() -> None:
    async def asking(desk: Desk) -> None:
        desk.device.drift = 50
        await desk.give()
        with pytest.raises(errors.MfaCodeInvalid):
            await desk.check(desk.code(NOW_STEP), NOW_MS)
        await desk.check(desk.code(NOW_STEP + 50), NOW_MS)

    _run(asking)
