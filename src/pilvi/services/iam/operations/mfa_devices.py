"""Virtual MFA devices: create, enable with two codes, bring back in step, take away; tags.

AWS: IAM User Guide, "Assign MFA devices in the AWS CLI or AWS API".
"""

from __future__ import annotations

import asyncio
import base64
import io
from urllib.parse import quote, urlencode

import segno

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.services.iam import errors, limits, pages, records, rules
from pilvi.services.iam.operations import users
from pilvi.services.iam.operations.callers import holder_of
from pilvi.services.iam.proofs import mfa, mfa_devices
from pilvi.services.iam.proofs.mfa_devices import MFA_DEVICES, MfaDevice
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    CreateVirtualMFADeviceResponse,
    DeactivateMFADeviceRequest,
    DeleteVirtualMFADeviceRequest,
    EnableMFADeviceRequest,
    GetMFADeviceRequest,
    GetMFADeviceResponse,
    ListMFADevicesRequest,
    ListMFADevicesResponse,
    ListMFADeviceTagsRequest,
    ListMFADeviceTagsResponse,
    ListVirtualMFADevicesRequest,
    ListVirtualMFADevicesResponse,
    ResyncMFADeviceRequest,
    TagMFADeviceRequest,
    UntagMFADeviceRequest,
    VirtualMFADevice,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer


@iam.stream("CreateVirtualMFADevice")
async def create_virtual_mfa_device(
    call: Call, req: WatchedRequest, body: Body
) -> CreateVirtualMFADeviceResponse:
    """Make a device that nobody uses yet. Its seed, as text and as a QR code, is told this once.

    Raises: EntityAlreadyExists, InvalidInput (tags), LimitExceeded. AWS: CreateVirtualMFADevice.
    """
    device = MfaDevice(
        name=req["VirtualMFADeviceName"],
        path=req.get("Path", "/"),
        seed=b"",
        created_at_ms=call.now_ms,
        tags=rules.tags_of(req.get("Tags")),
    )
    refuse_unread(call.cloud.operation(call.service, call.operation), req)
    seed = call.entropy.bytes(limits.MFA_SEED_BYTES)

    def create(tx: Transaction) -> None:
        home = records.home_of(call.scope)
        if MFA_DEVICES.find(tx, home, *MFA_DEVICES.key_of(device)) is not None:
            raise errors.EntityAlreadyExists(
                detail="MFADevice entity at the same path and name already exists."
            )
        if sum(1 for _ in MFA_DEVICES.scan(tx, home)) >= limits.MFA_DEVICES:
            raise errors.LimitExceeded(quota="MFADevicesPerAccount", limit=limits.MFA_DEVICES)
        mfa_devices.seal_seed(tx, call.scope, call.ask(Sealer), device, seed)
        mfa_devices.put(tx, call.scope, device)

    await call.transact(create)
    text = base64.b32encode(seed).decode()
    told: VirtualMFADevice = {
        "SerialNumber": mfa_devices.serial_of(call.scope, device),
        "Base32StringSeed": text.encode(),
        "QRCodePNG": await asyncio.to_thread(_drawn, f"{device.name}@{call.account}", text),
    }
    if device.tags:
        told["Tags"] = rules.wire_tags(device.tags)
    return {"VirtualMFADevice": told}


def _drawn(label: str, seed: str) -> bytes:
    """What an authenticator app reads off the screen."""
    query = urlencode({"secret": seed, "issuer": "Amazon Web Services"}, quote_via=quote)
    image = io.BytesIO()
    code = segno.make(f"otpauth://totp/{quote(label)}?{query}", error="m", micro=False)
    code.save(image, kind="png", scale=6)
    return image.getvalue()


@iam.write("EnableMFADevice")
def enable_mfa_device(call: Call, tx: Transaction, req: EnableMFADeviceRequest) -> None:
    """Give a device to a user, who proves to have it by two codes that follow each other.

    Differs: root, when it enables a device of its own, calls itself "root".
    Raises: NoSuchEntity, EntityAlreadyExists (in use), LimitExceeded, InvalidAuthenticationCode.
    AWS: EnableMFADevice.
    """
    holder = holder_of(call, tx, req["UserName"])
    device = mfa_devices.get(tx, call.scope, req["SerialNumber"])
    codes = req["AuthenticationCode1"], req["AuthenticationCode2"]
    if device.holder_id:
        raise errors.EntityAlreadyExists(detail="MFA Device is already in use.")
    if len(list(mfa_devices.of_holder(tx, call.scope, holder))) >= limits.MFA_DEVICES_PER_USER:
        raise errors.LimitExceeded(quota="MFADevicesPerUser", limit=limits.MFA_DEVICES_PER_USER)
    device.holder_id = mfa_devices.holder_id(call.scope, holder)
    device.holder_name = holder.name
    device.enabled_at_ms = call.now_ms
    _synchronise(call, tx, device, codes, limits.MFA_ENABLE_STEPS_OFF)


@iam.write("ResyncMFADevice")
def resync_mfa_device(call: Call, tx: Transaction, req: ResyncMFADeviceRequest) -> None:
    """Find out by two codes how far a device's clock is off.

    Raises: NoSuchEntity, InvalidAuthenticationCode. AWS: ResyncMFADevice.
    """
    device = _own_device(call, tx, req["UserName"], req["SerialNumber"])
    codes = req["AuthenticationCode1"], req["AuthenticationCode2"]
    _synchronise(call, tx, device, codes, limits.MFA_RESYNC_STEPS_OFF)


def _synchronise(
    call: Call, tx: Transaction, device: MfaDevice, codes: tuple[str, str], steps_off: int
) -> None:
    """Stores the device. Raises: InvalidAuthenticationCode."""
    found = mfa.find_pair(
        tx,
        call.scope,
        device,
        codes,
        call.now_ms,
        steps_off=steps_off,
        sealer=call.ask(Sealer),
    )
    if found is None:
        raise errors.InvalidAuthenticationCode
    step, device.drift = found
    mfa_devices.accept(tx, call.scope, device, step)


@iam.write("DeactivateMFADevice")
def deactivate_mfa_device(call: Call, tx: Transaction, req: DeactivateMFADeviceRequest) -> None:
    """Take a device from its user; the device stays. Raises: NoSuchEntity. AWS: DeactivateMFADevice."""
    device = _own_device(call, tx, req.get("UserName"), req["SerialNumber"])
    device.holder_id, device.holder_name, device.enabled_at_ms = "", "", 0
    mfa_devices.put(tx, call.scope, device)


@iam.write("DeleteVirtualMFADevice")
def delete_virtual_mfa_device(
    call: Call, tx: Transaction, req: DeleteVirtualMFADeviceRequest
) -> None:
    """Raises: NoSuchEntity, DeleteConflict (in use). AWS: DeleteVirtualMFADevice."""
    device = mfa_devices.get(tx, call.scope, req["SerialNumber"])
    if device.holder_id:
        raise errors.InUse(detail="MFA VirtualDevice in use. Must deactivate first.")
    MFA_DEVICES.delete(tx, records.home_of(call.scope), *MFA_DEVICES.key_of(device))


@iam.read("GetMFADevice")
def get_mfa_device(call: Call, at: Snapshot, req: GetMFADeviceRequest) -> GetMFADeviceResponse:
    """Raises: NoSuchEntity. AWS: GetMFADevice."""
    device = _own_device(call, at, req.get("UserName"), req["SerialNumber"])
    return {
        "UserName": device.holder_name,
        "SerialNumber": mfa_devices.serial_of(call.scope, device),
        "EnableDate": device.enabled_at_ms,
    }


@iam.read("ListMFADevices")
def list_mfa_devices(
    call: Call, at: Snapshot, req: ListMFADevicesRequest
) -> ListMFADevicesResponse:
    """The devices of a user, or of the caller. Raises: NoSuchEntity, ValidationError. AWS: ListMFADevices."""
    holder = holder_of(call, at, req.get("UserName"))
    after = pages.after_marker(req)
    found = mfa_devices.of_holder(at, call.scope, holder)
    behind = (one for one in found if after is None or MFA_DEVICES.key_of(one) > after)
    page, more = pages.cut(req, behind, MFA_DEVICES.key_of)
    return {
        "MFADevices": [
            {
                "UserName": device.holder_name,
                "SerialNumber": mfa_devices.serial_of(call.scope, device),
                "EnableDate": device.enabled_at_ms,
            }
            for device in page
        ],
        **more,
    }


@iam.read("ListVirtualMFADevices")
def list_virtual_mfa_devices(
    call: Call, at: Snapshot, req: ListVirtualMFADevicesRequest
) -> ListVirtualMFADevicesResponse:
    """All devices of the account, or those that are (not) in use; without seeds. AWS: ListVirtualMFADevices."""
    wanted = req.get("AssignmentStatus", "Any")
    found = MFA_DEVICES.scan(at, records.home_of(call.scope), after_key=pages.after_marker(req))
    fitting = (one for one in found if wanted in ("Any", _assignment(one)))
    page, more = pages.cut(req, fitting, MFA_DEVICES.key_of)
    return {"VirtualMFADevices": [_told(call, at, device) for device in page], **more}


def _assignment(device: MfaDevice) -> str:
    return "Assigned" if device.holder_id else "Unassigned"


def _told(call: Call, at: Snapshot, device: MfaDevice) -> VirtualMFADevice:
    told: VirtualMFADevice = {"SerialNumber": mfa_devices.serial_of(call.scope, device)}
    if not device.holder_id:
        return told
    told["EnableDate"] = device.enabled_at_ms
    if device.holder_id == call.account:
        told["User"] = users.root_told(call)
    else:
        user = records.get_user(at, call.scope, device.holder_name)
        told["User"] = users.told(call.scope, user, tags=False)
    return told


def _own_device(call: Call, at: Snapshot, name: str | None, serial: str) -> MfaDevice:
    """A device that this user has. Raises: NoSuchEntity, ValidationError (no name, and the caller is no user)."""
    holder = holder_of(call, at, name)
    device = mfa_devices.get(at, call.scope, serial)
    if device.holder_id != mfa_devices.holder_id(call.scope, holder):
        raise errors.NoSuchEntity(detail="MFA Device invalid for user.")
    return device


@iam.write("TagMFADevice")
def tag_mfa_device(call: Call, tx: Transaction, req: TagMFADeviceRequest) -> None:
    """Raises: NoSuchEntity, InvalidInput, LimitExceeded. AWS: TagMFADevice."""
    device = mfa_devices.get(tx, call.scope, req["SerialNumber"])
    device.tags = rules.merge_tags(device.tags, rules.tags_of(req["Tags"]))
    mfa_devices.put(tx, call.scope, device)


@iam.write("UntagMFADevice")
def untag_mfa_device(call: Call, tx: Transaction, req: UntagMFADeviceRequest) -> None:
    """Raises: NoSuchEntity. AWS: UntagMFADevice."""
    device = mfa_devices.get(tx, call.scope, req["SerialNumber"])
    device.tags = rules.without_tags(device.tags, req["TagKeys"])
    mfa_devices.put(tx, call.scope, device)


@iam.read("ListMFADeviceTags")
def list_mfa_device_tags(
    call: Call, at: Snapshot, req: ListMFADeviceTagsRequest
) -> ListMFADeviceTagsResponse:
    """Raises: NoSuchEntity. AWS: ListMFADeviceTags."""
    tags = mfa_devices.get(at, call.scope, req["SerialNumber"]).tags
    page, more = pages.cut_tags(req, tags)
    return {"Tags": page, **more}
