"""Buckets: create, look, list, delete."""

from __future__ import annotations

from typing import Any, cast

from pilvi.base.errors import NotBuilt
from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, limits
from pilvi.services.s3.points import records as points
from pilvi.services.s3.records import buckets, objects, uploads, versions
from pilvi.services.s3.records.buckets import Bucket, PublicAccess
from pilvi.services.s3.records.grants import Acl
from pilvi.services.s3.records.locks import BucketLock
from pilvi.services.s3.rules import acls, descriptions, names, tags
from pilvi.services.s3.rules.point_names import is_alias
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    CreateBucketOutput,
    CreateBucketRequest,
    DeleteBucketRequest,
    GetBucketLocationOutput,
    GetBucketLocationRequest,
    HeadBucketOutput,
    HeadBucketRequest,
    ListBucketsOutput,
    ListBucketsRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("CreateBucket")
def create_bucket(call: Call, tx: Transaction, req: CreateBucketRequest) -> CreateBucketOutput:
    """Create a bucket; its name is taken for all accounts.

    Its public access block is on and, unless asked otherwise, its ACLs are off, as AWS makes buckets since
    2023. In us-east-1 the owner may create it again, without effect.

    Raises: InvalidBucketName, BucketAlreadyExists, BucketAlreadyOwnedByYou, TooManyBuckets,
        IllegalLocationConstraintException, InvalidLocationConstraint, InvalidTag,
        InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError.
    AWS: CreateBucket.
    """
    name: str = req["Bucket"]
    if not call.principal.authenticated:
        raise errors.AccessDenied()
    names.check_bucket_name(name)
    asked = acls.asked(req, of_bucket=True)
    locked = bool(req.get("ObjectLockEnabledForBucket"))
    if req.get("BucketNamespace", "global") != "global":
        raise NotBuilt(what="account-regional bucket namespaces")
    ownership = req.get("ObjectOwnership", acls.ENFORCED)
    if ownership not in acls.OWNERSHIPS:
        raise errors.InvalidArgument(
            f"Invalid x-amz-object-ownership header: {ownership}", "x-amz-object-ownership"
        )
    configuration = req.get("CreateBucketConfiguration") or {}
    constraint = configuration.get("LocationConstraint")
    region = names.region_of(constraint, call.region)
    bucket_tags = tags.tags_of_new_bucket(configuration.get("Tags") or ())
    account = call.principal.account
    acl = _first_acl(asked, ownership, account)
    existing = buckets.find_bucket(tx, name)
    if existing is not None:
        if existing.account != account:
            raise errors.BucketAlreadyExists(name)
        if region != "us-east-1" or existing.region != "us-east-1" or bucket_tags:
            raise errors.BucketAlreadyOwnedByYou(name)
        return {"Location": f"/{name}", "BucketArn": existing.arn}
    bucket = Bucket(
        name=name,
        id=call.entropy.hex(16),
        account=account,
        region=region,
        created_at_ms=call.now_ms,
        public_access=PublicAccess(),
        tags=bucket_tags or None,
        ownership=ownership,
        acl=acl,
        versioning=buckets.ENABLED if locked else "",
        lock=BucketLock() if locked else None,
        constraint=names.EU if constraint == names.EU else "",
    )
    buckets.add_bucket(tx, bucket)
    return {
        "Location": f"/{name}" if region == "us-east-1" else _location(call, name),
        "BucketArn": bucket.arn,
    }


def _first_acl(asked: acls.Asked, ownership: str, account: str) -> Acl:
    """Raises: InvalidBucketAclWithObjectOwnership, InvalidBucketAclWithBlockPublicAccessError."""
    if ownership == acls.ENFORCED:
        if not acls.keeps_to_owner(asked, account):
            raise errors.InvalidBucketAclWithObjectOwnership()
        return None
    acl = acls.acl_of_bucket(asked, account)
    if acls.is_public(acl):
        raise errors.InvalidBucketAclWithBlockPublicAccessError()
    return acl


def _location(call: Call, name: str) -> str:
    return f"{call.cloud.settings.external_url}/{name}/"


@s3.read("HeadBucket")
def head_bucket(call: Call, at: Snapshot, req: HeadBucketRequest) -> HeadBucketOutput:
    """Whether the bucket is there and ours. Raises: NoSuchBucket, AccessDenied. AWS: HeadBucket."""
    bucket = access.admit(call, at, req)
    alias = is_alias(req["Bucket"])
    return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": alias}


@s3.read("GetBucketLocation")
def get_bucket_location(
    call: Call, at: Snapshot, req: GetBucketLocationRequest
) -> GetBucketLocationOutput:
    """The bucket's region; nothing for us-east-1, as ever. AWS: GetBucketLocation."""
    bucket = access.admit(call, at, req)
    if bucket.region == "us-east-1":
        return {}
    return {"LocationConstraint": cast("Any", bucket.constraint or bucket.region)}


@s3.read("ListBuckets")
def list_buckets(call: Call, at: Snapshot, req: ListBucketsRequest) -> ListBucketsOutput:
    """The account's buckets of all regions, by name.

    Raises: AccessDenied, InvalidArgument.
    AWS: ListBuckets.
    """
    if not call.principal.authenticated:
        raise errors.AccessDenied()
    account = call.principal.account
    size = req.get("MaxBuckets", limits.LIST_BUCKETS_MAX)
    if not 1 <= size <= limits.LIST_BUCKETS_MAX:
        raise errors.InvalidArgument(
            f"Argument max-buckets must be an integer between 1 and {limits.LIST_BUCKETS_MAX}",
            "max-buckets",
            str(size),
        )
    prefix: str = req.get("Prefix", "")
    region: str | None = req.get("BucketRegion")
    token: str = req.get("ContinuationToken", "")
    found = (
        bucket
        for bucket in buckets.scan_buckets(at, account, after_name=_name_of(token))
        if bucket.name.startswith(prefix) and region in (None, bucket.region)
    )
    page, more = paging.page_of(found, size)
    result: dict[str, Any] = {
        "Owner": {"ID": names.canonical_id(account)},
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": descriptions.second(bucket.created_at_ms),
                "BucketRegion": bucket.region,
                "BucketArn": bucket.arn,
            }
            for bucket in page
        ],
    }
    if "Prefix" in req:
        result["Prefix"] = prefix
    if more:
        result["ContinuationToken"] = paging.token_of((page[-1].name,))
    return cast("ListBucketsOutput", result)


def _name_of(token: str) -> str | None:
    if not token:
        return None
    try:
        (name,) = paging.key_of(token)
    except ValueError:
        name = None
    if not isinstance(name, str):
        raise errors.InvalidArgument(
            "The continuation token provided is incorrect", "continuation-token"
        )
    return name


@s3.write("DeleteBucket")
def delete_bucket(call: Call, tx: Transaction, req: DeleteBucketRequest) -> dict[str, Any]:
    """Delete an empty bucket and all that is configured on it.

    Uploads that are open go with it. Raises: NoSuchBucket, AccessDenied, BucketNotEmpty,
        BucketHasAccessPointsAttached.
    AWS: DeleteBucket.
    """
    bucket = access.admit(call, tx, req)
    if not (objects.is_empty(tx, bucket) and versions.is_empty(tx, bucket)):
        if bucket.versioning:
            raise errors.VersionedBucketNotEmpty(bucket.name)
        raise errors.BucketNotEmpty(bucket.name)
    if points.has_any(tx, bucket):
        raise errors.BucketHasAccessPointsAttached()
    for upload in uploads.scan_uploads(tx, bucket):
        for part in uploads.scan_parts(tx, bucket, upload.id):
            call.cloud.blobs.release(tx, part.blob)
    buckets.delete_bucket(tx, bucket)
    return {}
