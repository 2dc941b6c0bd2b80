"""Virtual MFA devices: records. Home `(account, "aws-global")`, key: the end of the serial number (`path/name`).

Invariants, checked at the write:
1. A device that is in use names its holder by id, and by the name that the holder has now.
2. `seed` is sealed (`store/sealing.py`) for this record alone.
3. `last_step` only grows, whoever holds the device: a code is accepted once.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.services.iam import errors
from pilvi.services.iam.records import Root, User, home_of
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key
from pilvi.store.sealing import Sealer


class MfaDevice(msgspec.Struct, kw_only=True):
    """`drift`: by how many steps of 30 s the device's clock is ahead of ours. `holder_id`: "" when nobody uses it."""

    name: str
    path: str
    seed: bytes
    created_at_ms: int
    tags: dict[str, str] = {}
    holder_id: str = ""
    holder_name: str = ""
    enabled_at_ms: int = 0
    drift: int = 0
    last_step: int = -1


def _key(device: MfaDevice) -> Key:
    return (f"{device.path}{device.name}",)


MFA_DEVICES = Collection(
    "iam.mfa_device",
    MfaDevice,
    key=_key,
    indexes={"holder": lambda device: (device.holder_id,) if device.holder_id else None},
)


def holder_id(scope: Scope, holder: User | Root) -> str:
    return scope.account if isinstance(holder, Root) else holder.id


def serial_of(scope: Scope, device: MfaDevice) -> str:
    return str(Arn("iam", "", scope.account, f"mfa{device.path}{device.name}", scope.partition))


def find(at: Snapshot, scope: Scope, serial: str) -> MfaDevice | None:
    """By the whole serial number, which is an ARN of this account."""
    device = MFA_DEVICES.find(at, home_of(scope), serial.partition(":mfa")[2])
    return device if device is not None and serial_of(scope, device) == serial else None


def get(at: Snapshot, scope: Scope, serial: str) -> MfaDevice:
    """Raises: NoSuchEntity."""
    device = find(at, scope, serial)
    if device is None:
        raise errors.NoSuchEntity(
            detail=f"VirtualMFADevice with serial number {serial} doesn't exist."
        )
    return device


def put(tx: Transaction, scope: Scope, device: MfaDevice) -> None:
    MFA_DEVICES.put(tx, home_of(scope), device)


def of_holder(at: Snapshot, scope: Scope, holder: User | Root) -> Iterator[MfaDevice]:
    parts = (holder_id(scope, holder),)
    return MFA_DEVICES.scan_index(at, home_of(scope), "holder", parts)


def rename_holder(tx: Transaction, scope: Scope, user: User) -> None:
    """Keeps invariant 1 after a user got another name."""
    for device in list(of_holder(tx, scope, user)):
        device.holder_name = user.name
        put(tx, scope, device)


def seal_seed(
    tx: Transaction, scope: Scope, sealer: Sealer, device: MfaDevice, seed: bytes
) -> None:
    """Keeps invariant 2."""
    device.seed = sealer.seal(tx, _identity(scope, device), seed)


def open_seed(at: Snapshot, scope: Scope, sealer: Sealer, device: MfaDevice) -> bytes:
    return sealer.open(at, _identity(scope, device), device.seed)


def accept(tx: Transaction, scope: Scope, device: MfaDevice, step: int) -> None:
    """Remember the step whose code was accepted. Keeps invariant 3."""
    assert step > device.last_step, (step, device.last_step)
    device.last_step = step
    put(tx, scope, device)


def _identity(scope: Scope, device: MfaDevice) -> Key:
    return (*home_of(scope), MFA_DEVICES.name, *_key(device))
