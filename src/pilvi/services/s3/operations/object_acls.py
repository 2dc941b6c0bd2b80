"""Access control lists of objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, events, integrity
from pilvi.services.s3 import asked as asked_for
from pilvi.services.s3.records import versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication import noting
from pilvi.services.s3.rules import acls, names
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetObjectAclOutput,
    GetObjectAclRequest,
    PutObjectAclOutput,
    PutObjectAclRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.read("GetObjectAcl")
def get_object_acl(call: Call, at: Snapshot, req: GetObjectAclRequest) -> GetObjectAclOutput:
    """The object's list and its owner; where lists are off, that the bucket's owner has everything.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker). AWS: GetObjectAcl.
    """
    bucket, stored = _find(call, at, req, asked_for.get)
    acl = stored.acl if bucket.has_acls else None
    return cast("GetObjectAclOutput", acls.described(acl, _owner_id(bucket, stored)))


@s3.write("PutObjectAcl")
def put_object_acl(call: Call, tx: Transaction, req: PutObjectAclRequest) -> PutObjectAclOutput:
    """Replace the object's list, by a canned one, by headers or by a document.

    Raises: NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), and what PutBucketAcl raises.
    AWS: PutObjectAcl; User Guide, "Access control list (ACL) overview".
    """
    bucket, stored = _find(call, tx, req, asked_for.get_any)
    integrity.check_document(call, req)
    has_content = call.request is not None and bool(call.request.body)
    owner = _owner_id(bucket, stored)
    asked = acls.asked_to_put(req, owner, of_bucket=False, has_content=has_content)
    if not bucket.has_acls:
        if not acls.keeps_to_owner(asked, bucket.account):
            raise errors.AccessControlListNotSupported()
        return {}
    acl = acls.acl_of_object(asked, stored.owner, bucket.account)
    access.check_public(call, tx, bucket, acl)
    changed = msgspec.structs.replace(stored, acl=acl)
    if bucket.replicates:
        changed = noting.note_change(call, tx, bucket, changed)
    versions.put_row(tx, bucket, changed)
    if acl == stored.acl:
        return {}  # recorded: what changes nothing is not told
    told = Event(
        "ObjectAcl:Put", stored.key, call.now_ms, etag=stored.etag, version_id=stored.version_id
    )
    events.tell(call, tx, bucket, told)
    return {}


def _find(
    call: Call, at: Snapshot, req: Mapping[str, Any], find: Callable[..., Object]
) -> tuple[Bucket, Object]:
    bucket = access.admit(call, at, req)
    return bucket, find(call, at, bucket, req)


def _owner_id(bucket: Bucket, stored: Object) -> str:
    return names.owner_id(bucket.owner_of(stored.owner), bucket.account)
