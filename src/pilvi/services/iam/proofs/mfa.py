"""Does a one-time code prove that the caller has its MFA device?

Invariants:
1. A code that was accepted is not accepted again, nor any of an earlier step.
2. Few wrong codes of a device are looked at in ten minutes; then right ones are refused like wrong ones until those are
   over (`tries.py`).
3. A refusal does not tell whether a code was wrong, used before, or not looked at.
"""

from __future__ import annotations

from pilvi.base.arn import Scope
from pilvi.services.iam import errors, limits
from pilvi.services.iam.proofs import mfa_devices, totp
from pilvi.services.iam.proofs.mfa_devices import MfaDevice
from pilvi.services.iam.proofs.tries import TriesOf
from pilvi.services.iam.records import Root, User
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer


def check_code(
    tx: Transaction,
    scope: Scope,
    user_or_root: User | Root,
    serial: str,
    code: str,
    now_ms: int,
    *,
    sealer: Sealer,
) -> None:
    """Accept a code of a device that this user has enabled, once. `scope`: the user's account.

    Raises: AccessDenied.
    """
    step = verify_code(tx, scope, user_or_root, serial, code, now_ms, sealer=sealer)
    mfa_devices.accept(tx, scope, mfa_devices.get(tx, scope, serial), step)


def verify_code(
    at: Snapshot,
    scope: Scope,
    user_or_root: User | Root,
    serial: str,
    code: str,
    now_ms: int,
    *,
    sealer: Sealer,
) -> int:
    """As `check_code`, without using the code up: for decisions that come before the act. Gives the code's step.

    Raises: AccessDenied.
    """
    device = mfa_devices.find(at, scope, serial)
    if device is None or device.holder_id != mfa_devices.holder_id(scope, user_or_root):
        raise errors.MfaDeviceUnknown
    now = totp.step_at(now_ms) + device.drift
    steps = range(now - limits.MFA_STEPS_BEHIND, now + limits.MFA_STEPS_AHEAD + 1)
    tries = _TRIES(sealer)
    if not tries.may_try(serial, now_ms):
        raise errors.MfaCodeInvalid
    step = _find(at, scope, device, (code,), steps, sealer)
    if step is None:
        tries.note_wrong(serial, now_ms)
        raise errors.MfaCodeInvalid
    return step


def find_pair(
    at: Snapshot,
    scope: Scope,
    device: MfaDevice,
    codes: tuple[str, str],
    now_ms: int,
    *,
    steps_off: int,
    sealer: Sealer,
) -> tuple[int, int] | None:
    """Two codes that follow each other, of a device whose clock is off by so many steps at most: the step of the second
    one, and by how many steps that clock is ahead of ours.

    Wrong ones are not counted: two codes are not found by trying, and whoever did would not know the next one.
    """
    now = totp.step_at(now_ms)
    steps = range(now - steps_off - 1, now + steps_off)
    first = _find(at, scope, device, codes, steps, sealer)
    return None if first is None else (first + 1, _drift(first + 1 - now))


def _drift(steps: int) -> int:
    """Small differences are the time that people need, and no matter of the clock."""
    return steps if abs(steps) > 1 else 0


def _find(
    at: Snapshot,
    scope: Scope,
    device: MfaDevice,
    codes: tuple[str, ...],
    steps: range,
    sealer: Sealer,
) -> int | None:
    """Keeps invariant 1: only steps behind the last accepted one count."""
    fresh = (step for step in steps if step > device.last_step)
    return totp.find_step(mfa_devices.open_seed(at, scope, sealer, device), codes, fresh)


_TRIES = TriesOf(limits.WRONG_TRIES, limits.WRONG_TRIES_MS)
"""Owned by the sealer, of which a cloud has one."""
