"""Who may do what in a bucket: what stands on the bucket's side, for the permission step and for handlers.

The permission step decides by the caller's policies and the bucket's, before any handler. Here is what it is told of
the bucket, and what handlers still have to see to: that a bucket of another account, or an unsigned request, was let in
by the bucket's own policy.
AWS: S3 User Guide, "How Amazon S3 authorizes a request", "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, check
from pilvi.kit.service import PermissionsOfRequest
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
    policy = document(bucket.policy, RESOURCE, origin, bucket.policy_ids)
    return OnResource(bucket.account, (policy,)), restricted


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


# --- further permissions. Functions that mostly give none give tuples: that costs less than a generator.


def listing(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Who may list the bucket is told that a key does not exist."""
    yield Permission("s3:ListBucket", (names.bucket_arn(req.get("Bucket", "*")),))


def listing_source(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    bucket, _, _ = _source(req)
    yield Permission("s3:ListBucket", (names.bucket_arn(bucket),))


def of_version(action: str) -> PermissionsOfRequest:
    """Of a version one needs another permission than of the object, also when it is the only one there is."""

    def permissions(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
        if "VersionId" not in req:
            return ()
        return (Permission(action, (_target(req),), told=req),)

    return permissions


def of_versions(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """Those versions that DeleteObjects names."""
    listed = listed_objects(req)
    found = [
        Permission("s3:DeleteObjectVersion", (_target({**req, **one}),), told=one)
        for one in listed
        if "VersionId" in one
    ]
    if req.get("BypassGovernanceRetention"):
        keys = dict.fromkeys(_target({**req, **one}) for one in listed)
        found.append(Permission("s3:BypassGovernanceRetention", tuple(keys), told=req))
    return found


def listed_objects(req: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    document = cast("Mapping[str, Any]", req.get("Delete") or {})
    return cast("list[Mapping[str, Any]]", document.get("Objects") or [])


def deleting(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    found: list[Permission] = []
    if "VersionId" in req:
        found.append(Permission("s3:DeleteObjectVersion", (_target(req),), told=req))
    if req.get("BypassGovernanceRetention"):
        found.append(Permission("s3:BypassGovernanceRetention", (_target(req),), told=req))
    return found


def attributes(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """Whoever asks for attributes must be able to read the object."""
    if "VersionId" not in req:
        return (Permission("s3:GetObject", (_target(req),), told=req),)
    versioned = ("s3:GetObjectVersion", "s3:GetObjectVersionAttributes")
    return tuple(Permission(action, (_target(req),), told=req) for action in versioned)


def writing(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """Objects that are stored with tags or an ACL need the permissions for these, too."""
    found: list[Permission] = []
    if req.get("Tagging"):
        found.append(Permission("s3:PutObjectTagging", (_target(req),), told=req))
    if _ACLS & req.keys():
        found.append(Permission("s3:PutObjectAcl", (_target(req),), told=req))
    if _LOCKS & req.keys():
        found.append(Permission("s3:PutObjectRetention", (_target(req),), told=req))
    if "ObjectLockLegalHoldStatus" in req:
        found.append(Permission("s3:PutObjectLegalHold", (_target(req),), told=req))
    return found


_ACLS = frozenset(
    {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"}
)
_LOCKS = frozenset({"ObjectLockMode", "ObjectLockRetainUntilDate"})


def creating(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """A bucket that is made with more than its name."""
    bucket = names.bucket_arn(req.get("Bucket", "*"))
    wanted: list[str] = []
    if _ACLS & req.keys():
        wanted.append("s3:PutBucketAcl")
    if req.get("ObjectLockEnabledForBucket"):
        wanted += ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")
    if "ObjectOwnership" in req:
        wanted.append("s3:PutBucketOwnershipControls")
    found = [Permission(action, (bucket,), told=req) for action in wanted]
    given = list(bucket_tags(req))
    if given:
        found.append(Permission("s3:TagResource", (bucket,), tags.of_request(given)))
    return found


def bucket_tags(req: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
    configuration = req.get("CreateBucketConfiguration")
    if isinstance(configuration, Mapping):
        return tags.listed("Tags")(cast("Mapping[str, Any]", configuration))
    return ()


def copying(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """What is copied must be readable; the rest as for everything that is written."""
    bucket, key, version_id = _source(req)
    action = "s3:GetObject" if version_id is None else "s3:GetObjectVersion"
    told = {} if version_id is None else {"VersionId": version_id}
    yield Permission(action, (names.object_arn(bucket, key),), told=told)
    yield from writing(call, req)


async def permit_copied_tags(call: Call, req: Mapping[str, Any]) -> None:
    """An object with tags is copied with them: that is reading them, and putting them. Raises: AccessDenied."""
    bucket, key, version_id = _source(req)
    reading = "s3:GetObjectTagging" if version_id is None else "s3:GetObjectVersionTagging"
    await check(call, Permission(reading, (names.object_arn(bucket, key),)))
    await check(call, Permission("s3:PutObjectTagging", (_target(req),), told={}))


def _target(req: Mapping[str, Any]) -> str:
    return names.object_arn(req.get("Bucket", "*"), req.get("Key", "*"))


def _source(req: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """The bucket, key and version that are copied; any of them for a text that the handler will refuse."""
    try:
        return names.copy_source(str(req.get("CopySource", "")))
    except errors.InvalidArgument:
        return "*", "*", None
