"""Key policies: who may do what with a key. They are kept and validated here, and evaluated with each request."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.kms import errors, records
from pilvi.services.kms.access import policy_ids
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.rules import policies
from pilvi.services.kms.service import kms
from pilvi.services.kms.wire import (
    GetKeyPolicyRequest,
    GetKeyPolicyResponse,
    ListKeyPoliciesRequest,
    ListKeyPoliciesResponse,
    PutKeyPolicyRequest,
)
from pilvi.store.api import Snapshot, Transaction


@kms.write("PutKeyPolicy")
def put_key_policy(call: Call, tx: Transaction, req: PutKeyPolicyRequest) -> None:
    """Replace a key's policy. One that would not let the caller change it again is refused unless told otherwise.

    Raises: NotFoundException, MalformedPolicyDocumentException, LimitExceededException. AWS: PutKeyPolicy.
    """
    ring = Keyring.of(call)
    key = ring.get_own(tx, req["KeyId"], "PutKeyPolicy")
    _check_name(req.get("PolicyName", policies.NAME))
    bypass = bool(req.get("BypassPolicyLockoutSafetyCheck", False))
    policies.check_policy(req["Policy"], ring.who, call.account, bypass=bypass)
    ids = policy_ids(call, tx, req["Policy"])
    records.put_key(tx, msgspec.structs.replace(key, policy=req["Policy"], policy_ids=ids))


@kms.read("GetKeyPolicy")
def get_key_policy(call: Call, at: Snapshot, req: GetKeyPolicyRequest) -> GetKeyPolicyResponse:
    """Raises: NotFoundException. AWS: GetKeyPolicy."""
    key = Keyring.of(call).get_by_id(at, req["KeyId"], "GetKeyPolicy")
    _check_name(req.get("PolicyName", policies.NAME))
    return {"Policy": key.policy, "PolicyName": policies.NAME}


@kms.read("ListKeyPolicies")
def list_key_policies(
    call: Call, at: Snapshot, req: ListKeyPoliciesRequest
) -> ListKeyPoliciesResponse:
    """There is one, and its name is `default`; so no Marker was ever given.

    Raises: NotFoundException, InvalidMarkerException. AWS: ListKeyPolicies.
    """
    Keyring.of(call).get_by_id(at, req["KeyId"], "ListKeyPolicies")
    if "Marker" in req:
        raise errors.InvalidMarkerException(marker=req["Marker"])
    return {"PolicyNames": [policies.NAME], "Truncated": False}


def _check_name(name: str) -> None:
    if name != policies.NAME:
        raise errors.NotFoundException(detail="No such policy exists")
