"""Who may do what in a bucket: the first step of every handler.

1. The bucket's own account may do everything (policies of users and roles are the identity room's).
2. Everyone else, signed or not, may read an object that the bucket's policy plainly makes public, unless the
   public access block restricts it. Nothing else.
3. Who may not list a bucket is not told whether a key exists in it: AccessDenied, not NoSuchKey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pilvi.kit.call import Call
from pilvi.services.s3 import errors
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import names, policies
from pilvi.store.api import Snapshot


def admit(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Bucket:
    """The bucket of a request, for its owner. Raises: NoSuchBucket, AccessDenied."""
    bucket = buckets.get_bucket(at, req["Bucket"])
    if not owns(call, bucket):
        raise errors.AccessDenied()
    names.check_owner_expected(req.get("ExpectedBucketOwner"), bucket.account)
    return bucket


def admit_reader(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Bucket:
    """The bucket of a request that reads one object. Raises: NoSuchBucket, AccessDenied."""
    bucket = buckets.get_bucket(at, req["Bucket"])
    if not owns(call, bucket) and not is_public(bucket, req["Key"]):
        raise errors.AccessDenied()
    names.check_owner_expected(req.get("ExpectedBucketOwner"), bucket.account)
    return bucket


def admit_source(call: Call, at: Snapshot, name: str, key: str, expected: str | None) -> Bucket:
    """The bucket that something is copied from. Raises: NoSuchBucket, AccessDenied."""
    bucket = buckets.get_bucket(at, name)
    if not owns(call, bucket) and not is_public(bucket, key):
        raise errors.AccessDenied()
    names.check_owner_expected(expected, bucket.account)
    return bucket


async def decide_anonymous(call: Call, action: str, resources: Sequence[str]) -> bool:
    """Whether an unsigned request reaches its handler: those that get one object do, and `admit_reader`
    decides there, in the snapshot that the answer is made of."""
    return action == "s3:GetObject"


def owns(call: Call, bucket: Bucket) -> bool:
    return call.principal.authenticated and call.principal.account == bucket.account


def is_public(bucket: Bucket, key: str) -> bool:
    """Whether anyone may get this object."""
    if bucket.policy is None:
        return False
    if bucket.public_access is not None and bucket.public_access.restrict_buckets:
        return False
    return policies.allows_everyone(
        bucket.policy, "s3:GetObject", names.object_arn(bucket.name, key)
    )
