"""Who may do what in a bucket: what stands on the bucket's side, for the permission step and for handlers.

The permission step decides by the caller's policies and the bucket's, before any handler. Here is what it is told of
the bucket, and what handlers still have to see to: that a bucket of another account, or an unsigned request, was let in
by the bucket's own policy.
AWS: S3 User Guide, "How Amazon S3 authorizes a request", "Blocking public access to your Amazon S3 storage".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from pilvi.base.errors import AwsError
from pilvi.identity.permissions import OnResource
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission, Undisclosed, check
from pilvi.kit.service import PermissionsOfRequest
from pilvi.languages.policy import RESOURCE, Attachment, Document, Origin, document
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.points import sides
from pilvi.services.s3.records import buckets, objects, versions
from pilvi.services.s3.records.buckets import BUCKET_OWNER, Bucket
from pilvi.services.s3.records.grants import NOBODY, Acl
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.rules import acls, names, policies, version_names
from pilvi.store.api import Snapshot

_NOBODYS = OnResource()
"""Of a bucket that does not exist: the handler says so."""


class _Side(NamedTuple):
    """What stands on a bucket's side.

    `restricted`: it is for the bucket's own account only. `bucket`: where access control lists count; the rest is
    then of use, too. `denies`: what of the policy holds for objects of other owners. `own`: what the list grants on
    objects that belong to who asks, `new` on those that are not there yet.
    """

    side: OnResource
    restricted: bool = False
    bucket: Bucket | None = None
    denies: tuple[Document, ...] = ()
    listed: tuple[Document, ...] = ()
    own: tuple[Document, ...] = ()
    new: tuple[Document, ...] = ()
    logged: bool = False


async def on_bucket(call: Call, asked: Permission, resource: str) -> OnResource:
    """The policy and the owner of the bucket that an ARN names; the access control lists, where they count."""
    if call.operation == "CreateBucket":
        return _NOBODYS  # whose name it is already, the handler says
    side = await _on_bucket(call, asked, resource)
    if not call.source_arn:
        return side
    source = {"aws:sourcearn": (call.source_arn,), "aws:sourceaccount": (call.account,)}
    return msgspec.structs.replace(side, context={**side.context, **source})


async def _on_bucket(call: Call, asked: Permission, resource: str) -> OnResource:
    name, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    kept = await call.cloud.kept(_side_of, most=limits.BUCKETS_KEPT).get(name)
    side = kept.side
    if side is _NOBODYS:
        if "s3:dataaccesspointarn" in asked.context:
            return side  # the bucket behind a point is gone
        own = not resource.startswith("arn:aws:s3:::") and resource.startswith("arn:")
        return await (sides.on_own if own else sides.on_point)(call, resource)
    if kept.restricted and not (call.principal.authenticated and call.account == side.account):
        return OnResource(side.account)
    if kept.bucket is None:
        return side
    if not key:
        return OnResource(side.account, (*side.policies, *kept.listed)) if kept.listed else side
    return await _on_object(call, asked, kept, kept.bucket, key)


async def logged(cloud: Cloud, name: str, region: Callable[[], str]) -> tuple[str, str] | None:
    """The bucket whose log a request on `name` goes into, and the ARN of the point that it came through, if by one.
    `region`: that the request is signed for."""
    kept = cloud.kept(_side_of, most=limits.BUCKETS_KEPT)
    side = await kept.get(name)
    if side.side is not _NOBODYS:
        return (name, "") if side.logged else None
    point = await sides.find(cloud, name, region())
    if point is None or not (await kept.get(point.bucket)).logged:
        return None
    return point.bucket, point.arn


def _side_of(at: Snapshot, name: str) -> _Side:
    bucket = buckets.find_bucket(at, name)
    if bucket is None:
        return _Side(_NOBODYS)
    stated: tuple[Document, ...] = ()
    block = buckets.blocked(at, bucket)
    restricted = False
    if bucket.policy is not None:
        origin = Origin(Attachment.RESOURCE, holder=bucket.arn)
        stated = (document(bucket.policy, RESOURCE, origin, bucket.policy_ids),)
        restricted = block.restrict_buckets and policies.is_public(bucket.policy)
    side = OnResource(bucket.account, stated)
    if not bucket.has_acls:
        return _Side(side, restricted, logged=bucket.logging is not None)
    account, public = bucket.account, not block.ignore_acls
    return _Side(
        side,
        restricted,
        bucket,
        denies=tuple(policies.denials(one) for one in stated),
        listed=_listed(bucket, acls.policy_of_bucket(bucket.acl, account, public=public)),
        own=_listed(bucket, acls.policy_of_writers(bucket.acl, account, public=public, own=True)),
        logged=bucket.logging is not None,
        new=_listed(bucket, acls.policy_of_writers(bucket.acl, account, public=public, own=False)),
    )


def _listed(bucket: Bucket, policy: str | None) -> tuple[Document, ...]:
    """A list's grants as a document."""
    if policy is None:
        return ()
    origin = Origin(Attachment.RESOURCE, name="access control list", holder=bucket.arn)
    return (document(policy, RESOURCE, origin),)


_WRITES = frozenset(
    {
        *("PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy"),
        *("CompleteMultipartUpload", "s3-post"),
    }
)
"""What these are allowed to do with the object that stands there already is to replace it."""


async def _on_object(
    call: Call, asked: Permission, kept: _Side, bucket: Bucket, key: str
) -> OnResource:
    """Lists count: the object's owner may be another than the bucket's, and then decides alone who reads it."""
    action, side = asked.action, kept.side
    about_writing = call.operation in _WRITES and action in acls.WRITERS_ACTIONS
    if about_writing or action == "s3:DeleteObject":
        if not kept.own:
            return side
        stored = await call.view(lambda at: objects.find_object(at, bucket, key))
        if stored is None:
            granted = kept.new
        else:
            granted = kept.own if stored.owner == writer(call) else ()
        return OnResource(side.account, (*side.policies, *granted)) if granted else side
    if action not in acls.OWNERS_ACTIONS:
        return side
    version_id = version_names.of_permission(asked.told)
    through = asked.context.get("s3:dataaccesspointarn", ("",))[0]
    stored, public = await call.view(lambda at: _look(at, bucket, key, version_id, through))
    if stored is None:
        return side
    owner = stored.owner or bucket.account
    listed = _listed(bucket, acls.policy_of_object(stored.acl, owner, public=public))
    if not stored.owner:
        return OnResource(side.account, (*side.policies, *listed)) if listed else side
    if call.principal.authenticated and call.principal.account == bucket.account:
        return OnResource(owner, (*kept.denies, *listed))
    if owner != NOBODY:
        listed += _listed(bucket, acls.policy_of_owner(owner))
    return OnResource(side.account, (*kept.denies, *listed))


def _look(
    at: Snapshot, bucket: Bucket, key: str, version_id: str | None, through: str
) -> tuple[Object | None, bool]:
    """An object or the version of it that is asked for, and whether grants to everyone count. `through`: the access
    point that is in the way."""
    block = buckets.blocked(at, bucket)
    public = not block.ignore_acls and not (through and sides.ignores_acls(at, through))
    if version_id is None:
        stored = objects.find_object(at, bucket, key)
    else:
        stored = versions.find(at, bucket, key, "" if version_id == "null" else version_id)
    return stored if isinstance(stored, Object) else None, public


def writer(call: Call) -> str:
    """Who owns what is written, as records tell it; "" for services, which write for the bucket's owner."""
    return call.principal.account if call.principal.authenticated else NOBODY


def owned(call: Call, at: Snapshot, bucket: Bucket, asked: acls.Asked) -> tuple[str, Acl]:
    """The owner and the list of an object that is written.

    Raises: AccessControlListNotSupported, AccessDenied (public lists are blocked).
    """
    if not bucket.has_acls:
        if asked.given and not acls.keeps_to_owner(asked, bucket.account):
            raise errors.AccessControlListNotSupported()
        return "", None
    owner = acls.owner_of_object(asked, writer(call), bucket.account, bucket.ownership)
    acl = acls.acl_of_object(asked, owner, bucket.account)
    check_public(call, at, bucket, acl)
    return owner, acl


def check_public(call: Call, at: Snapshot, bucket: Bucket, acl: Acl) -> None:
    """Raises: AccessDenied."""
    if acls.is_public(acl) and buckets.blocked(at, bucket).block_acls:
        who = f"User: {call.principal.arn} is" if call.principal.authenticated else "You are"
        raise errors.AccessDenied(
            f'{who} not authorized to perform: s3:{call.operation} on resource: "{bucket.arn}" because public'
            " ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."
        )


def admit(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Bucket:
    """The bucket of a request. Raises: NoSuchBucket, AccessDenied."""
    return _admit(call, at, req["Bucket"], req.get("ExpectedBucketOwner"))


def admit_source(call: Call, at: Snapshot, name: str, expected: str | None) -> Bucket:
    """The bucket that something is copied from. Raises: NoSuchBucket, AccessDenied."""
    return _admit(call, at, name, expected)


def _admit(call: Call, at: Snapshot, name: str, expected: str | None) -> Bucket:
    bucket = buckets.find_bucket(at, name)
    if bucket is None:
        bucket = sides.behind(call, at, name)
    if not call.granted and not owns(call, bucket):
        raise errors.AccessDenied()  # it was another one, or had another policy, when permission was asked
    names.check_owner_expected(expected, bucket.account)
    if bucket.payer != BUCKET_OWNER and not owns(call, bucket):
        _check_payer(call)
    return bucket


_CHARGED = ("x-amz-request-charged", "requester")


def _check_payer(call: Call) -> None:
    """Other accounts must say that they would pay; who is nobody in particular cannot. Raises: AccessDenied."""
    principal, request = call.principal, call.request
    if principal.service or request is None:
        return
    says = request.headers.get("x-amz-request-payer") == "requester"
    says = says or "x-amz-request-payer=requester" in request.query.lower()
    if not says or not principal.authenticated:
        raise errors.AccessDenied()
    if _CHARGED not in call.headers:
        call.headers.append(_CHARGED)


def owns(call: Call, bucket: Bucket) -> bool:
    return call.principal.authenticated and call.principal.account == bucket.account


def missing(error: AwsError) -> Undisclosed:
    """Of a key that is not there, or a version. Who may not list the bucket is not told which are."""
    return Undisclosed(error, errors.AccessDenied())


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


def passing_role(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """Whoever gives a bucket a role to replicate with must be allowed to. What is no role, the handler refuses."""
    role = str(cast("Mapping[str, Any]", req.get("ReplicationConfiguration") or {}).get("Role", ""))
    if not role.startswith("arn:aws:iam::") or ":role/" not in role:
        return ()
    context = {
        "iam:passedtoservice": ("s3.amazonaws.com",),
        "iam:associatedresourcearn": (names.bucket_arn(req.get("Bucket", "*")),),
    }
    return (Permission("iam:PassRole", (role,), context),)


def retaining(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """Whoever says that he passes governance by must be allowed to."""
    if req.get("BypassGovernanceRetention"):
        return (Permission("s3:BypassGovernanceRetention", (_target(req),), told=req),)
    return ()


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
    told = {} if version_id is None else {"VersionId": version_id}
    await check(call, Permission(reading, (names.object_arn(bucket, key),), told=told))
    await check(call, Permission("s3:PutObjectTagging", (_target(req),), told={}))


def _target(req: Mapping[str, Any]) -> str:
    return names.object_arn(req.get("Bucket", "*"), req.get("Key", "*"))


def _source(req: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """The bucket, key and version that are copied; any of them for a text that the handler will refuse."""
    try:
        return names.copy_source(str(req.get("CopySource", "")))
    except errors.InvalidArgument:
        return "*", "*", None
