"""The policy of an access point: who may do what through it, as far as the bucket lets them.

AWS: S3 User Guide, "Configuring IAM policies for using access points".
"""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.contracts.principals import Principals
from pilvi.kit.call import Call
from pilvi.languages.policy import RESOURCE, principals_named
from pilvi.services.s3 import errors
from pilvi.services.s3.control.service import account_of, s3control
from pilvi.services.s3.points import records
from pilvi.services.s3.points.records import AccessPoint
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import policies
from pilvi.services.s3.wire_control import (
    DeleteAccessPointPolicyRequest,
    GetAccessPointPolicyRequest,
    GetAccessPointPolicyResult,
    GetAccessPointPolicyStatusRequest,
    GetAccessPointPolicyStatusResult,
    PutAccessPointPolicyRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3control.write("PutAccessPointPolicy")
def put_access_point_policy(
    call: Call, tx: Transaction, req: PutAccessPointPolicyRequest
) -> dict[str, Any]:
    """Replace the point's policy; it is about this point and the objects behind it.

    Raises: NoSuchAccessPoint, MalformedPolicy, AccessDenied (a public policy, and the point, the account, or the
        account's own bucket forbids it).
    AWS: PutAccessPointPolicy.
    """
    point = records.get(tx, account_of(call, req), call.region, req["Name"])
    text: str = req["Policy"]
    policies.check_policy(text, point.arn, below="/object/")
    if policies.is_public(text) and _blocks_policies(tx, point):
        raise errors.AccessDenied(
            f"User: {call.principal.arn} is not authorized to perform: s3:PutAccessPointPolicy on resource:"
            f' "{point.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3'
            " Block Public Access."
        )
    ids = call.ask(Principals).ids_of(tx, principals_named(text, RESOURCE))
    records.put(tx, msgspec.structs.replace(point, policy=text, policy_ids=ids or None))
    return {}


def _blocks_policies(at: Snapshot, point: AccessPoint) -> bool:
    account = buckets.find_account_block(at, point.account)
    if point.block.block_policy or (account is not None and account.block_policy):
        return True
    bucket = buckets.find_bucket(at, point.bucket)
    if bucket is None or bucket.account != point.account:
        return False
    return buckets.blocked(at, bucket).block_policy


@s3control.read("GetAccessPointPolicy")
def get_access_point_policy(
    call: Call, at: Snapshot, req: GetAccessPointPolicyRequest
) -> GetAccessPointPolicyResult:
    """Raises: NoSuchAccessPoint, NoSuchAccessPointPolicy, AccessDenied. AWS: GetAccessPointPolicy."""
    return {"Policy": _policy(call, at, req)}


@s3control.read("GetAccessPointPolicyStatus")
def get_access_point_policy_status(
    call: Call, at: Snapshot, req: GetAccessPointPolicyStatusRequest
) -> GetAccessPointPolicyStatusResult:
    """Whether the policy makes anything public.

    Raises: NoSuchAccessPoint, NoSuchAccessPointPolicy, AccessDenied. AWS: GetAccessPointPolicyStatus.
    """
    return {"PolicyStatus": {"IsPublic": policies.is_public(_policy(call, at, req))}}


def _policy(
    call: Call,
    at: Snapshot,
    req: GetAccessPointPolicyRequest | GetAccessPointPolicyStatusRequest,
) -> str:
    point = records.get(at, account_of(call, req), call.region, req["Name"])
    if point.policy is None:
        raise errors.NoSuchAccessPointPolicy(point.name)
    return point.policy


@s3control.write("DeleteAccessPointPolicy")
def delete_access_point_policy(
    call: Call, tx: Transaction, req: DeleteAccessPointPolicyRequest
) -> dict[str, Any]:
    """Without effect where there is none. Raises: NoSuchAccessPoint, AccessDenied. AWS: DeleteAccessPointPolicy."""
    point = records.get(tx, account_of(call, req), call.region, req["Name"])
    records.put(tx, msgspec.structs.replace(point, policy=None, policy_ids=None))
    return {}
