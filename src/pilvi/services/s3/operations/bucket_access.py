"""Who may reach a bucket: its policy and its public access block."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.contracts.principals import Principals
from pilvi.kit.call import Call
from pilvi.languages.policy import RESOURCE, principals_named
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import policies, public_access
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketPolicyRequest,
    DeletePublicAccessBlockRequest,
    GetBucketPolicyOutput,
    GetBucketPolicyRequest,
    GetBucketPolicyStatusOutput,
    GetBucketPolicyStatusRequest,
    GetPublicAccessBlockOutput,
    GetPublicAccessBlockRequest,
    PutBucketPolicyRequest,
    PutPublicAccessBlockRequest,
)
from pilvi.store.api import Snapshot, Transaction

# --- policy


@s3.write("PutBucketPolicy")
def put_bucket_policy(call: Call, tx: Transaction, req: PutBucketPolicyRequest) -> dict[str, Any]:
    """Replace the bucket's policy.

    Raises: MalformedPolicy, AccessDenied (a public policy, and the block forbids it).
    AWS: PutBucketPolicy; User Guide, "Bucket policies for Amazon S3".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    text: str = req["Policy"]
    req.get("ConfirmRemoveSelfBucketAccess")  # nobody of the account can lock himself out here
    policies.check_policy(text, bucket.arn)
    if buckets.blocked(tx, bucket).block_policy and policies.is_public(text):
        raise errors.AccessDenied(
            f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource:"
            f' "{bucket.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3'
            " Block Public Access."
        )
    ids = call.ask(Principals).ids_of(tx, principals_named(text, RESOURCE))
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, policy=text, policy_ids=ids or None))
    return {}


@s3.read("GetBucketPolicy")
def get_bucket_policy(
    call: Call, at: Snapshot, req: GetBucketPolicyRequest
) -> GetBucketPolicyOutput:
    """Raises: NoSuchBucketPolicy. AWS: GetBucketPolicy."""
    bucket = access.admit(call, at, req)
    if bucket.policy is None:
        raise errors.NoSuchBucketPolicy(bucket.name)
    return {"Policy": bucket.policy}


@s3.write("DeleteBucketPolicy")
def delete_bucket_policy(
    call: Call, tx: Transaction, req: DeleteBucketPolicyRequest
) -> dict[str, Any]:
    """Without effect where there is none. AWS: DeleteBucketPolicy."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, policy=None, policy_ids=None))
    return {}


@s3.read("GetBucketPolicyStatus")
def get_bucket_policy_status(
    call: Call, at: Snapshot, req: GetBucketPolicyStatusRequest
) -> GetBucketPolicyStatusOutput:
    """Whether the policy makes anything public. Raises: NoSuchBucketPolicy. AWS: GetBucketPolicyStatus."""
    bucket = access.admit(call, at, req)
    if bucket.policy is None:
        raise errors.NoSuchBucketPolicy(bucket.name)
    return {"PolicyStatus": {"IsPublic": policies.is_public(bucket.policy)}}


# --- public access block


@s3.read("GetPublicAccessBlock")
def get_public_access_block(
    call: Call, at: Snapshot, req: GetPublicAccessBlockRequest
) -> GetPublicAccessBlockOutput:
    """Raises: NoSuchPublicAccessBlockConfiguration. AWS: GetPublicAccessBlock."""
    bucket = access.admit(call, at, req)
    block = bucket.public_access
    if block is None:
        raise errors.NoSuchPublicAccessBlockConfiguration(bucket.name)
    return {"PublicAccessBlockConfiguration": public_access.told(block)}


@s3.write("PutPublicAccessBlock")
def put_public_access_block(
    call: Call, tx: Transaction, req: PutPublicAccessBlockRequest
) -> dict[str, Any]:
    """Settings that are not given are off. AWS: PutPublicAccessBlock."""
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    block = public_access.block_of(req["PublicAccessBlockConfiguration"])
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, public_access=block))
    return {}


@s3.write("DeletePublicAccessBlock")
def delete_public_access_block(
    call: Call, tx: Transaction, req: DeletePublicAccessBlockRequest
) -> dict[str, Any]:
    """Nothing is blocked then. AWS: DeletePublicAccessBlock."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, public_access=None))
    return {}
