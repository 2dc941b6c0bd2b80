"""Access control lists of buckets, and who owns what is in them."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import acls, names
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketOwnershipControlsRequest,
    GetBucketAclOutput,
    GetBucketAclRequest,
    GetBucketOwnershipControlsOutput,
    GetBucketOwnershipControlsRequest,
    PutBucketAclRequest,
    PutBucketOwnershipControlsRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.read("GetBucketAcl")
def get_bucket_acl(call: Call, at: Snapshot, req: GetBucketAclRequest) -> GetBucketAclOutput:
    """The bucket's list; where lists are off, that the owner has everything. AWS: GetBucketAcl."""
    bucket = access.admit(call, at, req)
    acl = bucket.acl if bucket.has_acls else None
    told = acls.described(acl, names.canonical_id(bucket.account))
    return cast("GetBucketAclOutput", told)


@s3.write("PutBucketAcl")
def put_bucket_acl(call: Call, tx: Transaction, req: PutBucketAclRequest) -> dict[str, Any]:
    """Replace the bucket's list, by a canned one, by headers or by a document.

    Raises: AccessControlListNotSupported, MissingSecurityHeader, UnexpectedContent, MalformedACLError,
        InvalidArgument, InvalidRequest, MethodNotAllowed (e-mail addresses), AccessDenied (public lists are blocked, or
        another owner is named).
    AWS: PutBucketAcl; User Guide, "Access control list (ACL) overview".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    has_content = call.request is not None and bool(call.request.body)
    owner = names.canonical_id(bucket.account)
    asked = acls.asked_to_put(req, owner, of_bucket=True, has_content=has_content)
    if not bucket.has_acls:
        if asked.canned is None or not acls.keeps_to_owner(asked, bucket.account):
            raise errors.AccessControlListNotSupported()
        return {}
    acl = acls.acl_of_bucket(asked, bucket.account)
    access.check_public(call, tx, bucket, acl)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, acl=acl))
    return {}


# --- ownership


@s3.write("PutBucketOwnershipControls")
def put_bucket_ownership_controls(
    call: Call, tx: Transaction, req: PutBucketOwnershipControlsRequest
) -> dict[str, Any]:
    """Say who owns what others write, and whether lists count.

    Raises: MalformedXML, InvalidBucketAclWithObjectOwnership (they shall not, and the bucket's grants something).
    AWS: PutBucketOwnershipControls; User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    rules = req["OwnershipControls"].get("Rules") or ()
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in acls.OWNERSHIPS:
        raise errors.MalformedXML()
    ownership = rules[0]["ObjectOwnership"]
    if ownership == acls.ENFORCED and acls.reaches_others(bucket.acl, bucket.account):
        raise errors.InvalidBucketAclWithObjectOwnership()
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, ownership=ownership))
    return {}


@s3.read("GetBucketOwnershipControls")
def get_bucket_ownership_controls(
    call: Call, at: Snapshot, req: GetBucketOwnershipControlsRequest
) -> GetBucketOwnershipControlsOutput:
    """Raises: OwnershipControlsNotFoundError. AWS: GetBucketOwnershipControls."""
    bucket = access.admit(call, at, req)
    if bucket.ownership is None:
        raise errors.OwnershipControlsNotFoundError(bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


@s3.write("DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(
    call: Call, tx: Transaction, req: DeleteBucketOwnershipControlsRequest
) -> dict[str, Any]:
    """Lists count then, and objects are their writers'. AWS: DeleteBucketOwnershipControls."""
    bucket = access.admit(call, tx, req)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, ownership=None))
    return {}
