"""Who may do what in a bucket: what stands on the bucket's side, for the permission step and for handlers.

The permission step decides by the caller's policies and the bucket's, before any handler. Here is what it is told of
the bucket, and what handlers still have to see to: that a bucket of another account, or an unsigned request, was let in
by the bucket's own policy.
AWS: S3 User Guide, "How Amazon S3 authorizes a request", "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pilvi.identity.permissions import OnResource
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.languages.policy import RESOURCE, Attachment, Origin, document
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import names, policies
from pilvi.store.api import Snapshot

_NOBODYS = OnResource()
"""Of a bucket that does not exist: the handler says so."""


async def on_bucket(call: Call, asked: Permission, resource: str) -> OnResource:
    """The policy and the owner of the bucket that an ARN names."""
    if call.operation == "CreateBucket":
        return _NOBODYS  # whose name it is already, the handler says
    name = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
    side, restricted = await call.cloud.kept(_side_of, most=limits.BUCKETS_KEPT).get(name)
    if restricted and not (call.principal.authenticated and call.account == side.account):
        return OnResource(side.account)
    return side


def _side_of(at: Snapshot, name: str) -> tuple[OnResource, bool]:
    """What stands on a bucket's side, and whether it is for the bucket's own account only."""
    bucket = buckets.find_bucket(at, name)
    if bucket is None:
        return _NOBODYS, False
    if bucket.policy is None:
        return OnResource(bucket.account), False
    block = bucket.public_access
    restricted = block is not None and block.restrict_buckets and policies.is_public(bucket.policy)
    origin = Origin(Attachment.RESOURCE, holder=bucket.arn)
    return OnResource(bucket.account, (document(bucket.policy, RESOURCE, origin),)), restricted


def admit(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Bucket:
    """The bucket of a request. Raises: NoSuchBucket, AccessDenied."""
    return _admit(call, at, req["Bucket"], req.get("ExpectedBucketOwner"))


def admit_source(call: Call, at: Snapshot, name: str, expected: str | None) -> Bucket:
    """The bucket that something is copied from. Raises: NoSuchBucket, AccessDenied."""
    return _admit(call, at, name, expected)


def _admit(call: Call, at: Snapshot, name: str, expected: str | None) -> Bucket:
    bucket = buckets.get_bucket(at, name)
    if not call.granted and not owns(call, bucket):
        raise errors.AccessDenied()  # it was another one, or had another policy, when permission was asked
    names.check_owner_expected(expected, bucket.account)
    return bucket


def owns(call: Call, bucket: Bucket) -> bool:
    return call.principal.authenticated and call.principal.account == bucket.account


def missing(call: Call, key: str) -> Exception:
    """Of a key that is not there. Who may not list the bucket is not told which keys are."""
    return errors.NoSuchKey(key) if call.discloses else errors.AccessDenied()


# --- further permissions


def listing(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Who may list the bucket is told that a key does not exist."""
    yield Permission("s3:ListBucket", (names.bucket_arn(req.get("Bucket", "*")),))


def listing_source(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    bucket, _ = _source(req)
    yield Permission("s3:ListBucket", (names.bucket_arn(bucket),))


def tagging(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Objects that are stored with tags need the permission to tag, too."""
    if req.get("Tagging"):
        target = names.object_arn(req.get("Bucket", "*"), req.get("Key", "*"))
        yield Permission("s3:PutObjectTagging", (target,))


def copying(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """What is copied must be readable, and tags need what they always need."""
    bucket, key = _source(req)
    yield Permission("s3:GetObject", (names.object_arn(bucket, key),))
    yield from tagging(call, req)


def _source(req: Mapping[str, Any]) -> tuple[str, str]:
    """The bucket and key that are copied; any of them for a text that the handler will refuse."""
    try:
        bucket, key, _ = names.copy_source(str(req.get("CopySource", "")))
    except errors.InvalidArgument:
        return "*", "*"
    return bucket, key
