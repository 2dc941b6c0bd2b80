"""The second factor that is shown with a request for temporary credentials: SerialNumber and TokenCode.

A trust policy may ask for it, so it is looked at before the decision; it is used up with the act.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pilvi.kit.call import Call
from pilvi.services.iam import errors, records
from pilvi.services.iam.proofs import mfa
from pilvi.services.iam.records import Root, User
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.sealing import Sealer


class Shown(NamedTuple):
    serial: str
    code: str


def shown_in(call: Call, req: Mapping[str, Any]) -> Shown | None:
    """Raises: ValidationError for only one of the two."""
    if "SerialNumber" not in req and "TokenCode" not in req:
        return None
    if "SerialNumber" not in req or "TokenCode" not in req:
        raise errors.ValidationError(
            detail="Both the serial number and the token code of the MFA device are needed."
        )
    return Shown(str(req["SerialNumber"]), str(req["TokenCode"]))


def verify(call: Call, at: Snapshot, shown: Shown) -> None:
    """Raises: AccessDenied (wrong, or of a device of somebody else)."""
    mfa.verify_code(
        at,
        call.scope,
        _holder(call, at),
        shown.serial,
        shown.code,
        call.now_ms,
        sealer=call.ask(Sealer),
    )


def use_up(call: Call, tx: Transaction, req: Mapping[str, Any]) -> bool:
    """Whether a second factor was shown; its code cannot be used again. Raises: as `shown_in` and `verify`."""
    shown = shown_in(call, req)
    if shown is None:
        return False
    mfa.check_code(
        tx,
        call.scope,
        _holder(call, tx),
        shown.serial,
        shown.code,
        call.now_ms,
        sealer=call.ask(Sealer),
    )
    return True


def _holder(call: Call, at: Snapshot) -> User | Root:
    """The caller, who must be a user or root: roles have no devices."""
    caller = call.principal
    if caller.is_root:
        return records.get_root(at, call.scope)
    _, user, path = caller.arn.partition(":user/")
    found = records.USERS.find(at, records.home_of(call.scope), path.rpartition("/")[2].lower())
    if not user or found is None:
        raise errors.MfaDeviceUnknown
    return found
