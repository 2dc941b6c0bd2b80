"""Tags of buckets and access points, added and taken away one by one.

A bucket has one set of tags, whichever operations put them there.
AWS: S3 User Guide, "Using tags with S3 general purpose buckets", "Using tags with access points".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pilvi.base.errors import AwsError, NotBuilt
from pilvi.kit.call import Call
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.control.service import account_of, s3control
from pilvi.services.s3.points import records as points
from pilvi.services.s3.points.records import AccessPoint
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import point_names
from pilvi.services.s3.rules import tags as tag_rules
from pilvi.services.s3.wire_control import (
    ListTagsForResourceRequest,
    ListTagsForResourceResult,
    TagResourceRequest,
    UntagResourceRequest,
)
from pilvi.store.api import Snapshot, Transaction

_BUCKET = "arn:aws:s3:::"


@s3control.write("TagResource")
def tag_resource(call: Call, tx: Transaction, req: TagResourceRequest) -> dict[str, Any]:
    """Add tags, or replace the values of those that are there.

    Raises: NoSuchResource, InvalidTag, MalformedXML, BadRequest (too many), AccessDenied.
    AWS: TagResource.
    """
    found = _get(call, tx, req)
    _put(tx, found, checked(req.get("Tags") or (), found.tags or {}))
    return {}


@s3control.write("UntagResource")
def untag_resource(call: Call, tx: Transaction, req: UntagResourceRequest) -> dict[str, Any]:
    """Those that are not there are no error. Raises: NoSuchResource, AccessDenied. AWS: UntagResource."""
    found = _get(call, tx, req)
    gone = frozenset(req.get("TagKeys") or ())
    _put(tx, found, {key: value for key, value in (found.tags or {}).items() if key not in gone})
    return {}


@s3control.read("ListTagsForResource")
def list_tags_for_resource(
    call: Call, at: Snapshot, req: ListTagsForResourceRequest
) -> ListTagsForResourceResult:
    """Raises: NoSuchResource, AccessDenied. AWS: ListTagsForResource."""
    return {"Tags": tag_rules.tag_set(_get(call, at, req).tags or {})}


def _get(
    call: Call,
    at: Snapshot,
    req: TagResourceRequest | UntagResourceRequest | ListTagsForResourceRequest,
) -> Bucket | AccessPoint:
    """Raises: NoSuchResource, AccessDenied; NotBuilt for what else AWS puts tags on."""
    account = account_of(call, req)
    arn: str = req["ResourceArn"]
    found: Bucket | AccessPoint | None = None
    if arn.startswith(_BUCKET):
        found = buckets.find_bucket(at, arn.removeprefix(_BUCKET))
    else:
        named = point_names.of_arn(arn)
        if named is None:
            raise NotBuilt(what=f"tags of {arn.rpartition(':')[2].partition('/')[0]}")
        found = points.find(at, named[0])
    if found is None:
        raise errors.NoSuchResource()
    if found.account != account:
        raise errors.AccessDenied()
    return found


def _put(tx: Transaction, found: Bucket | AccessPoint, tags: dict[str, str]) -> None:
    if isinstance(found, Bucket):
        buckets.put_bucket(tx, msgspec.structs.replace(found, tags=tags or None))
    else:
        points.put(tx, msgspec.structs.replace(found, tags=tags or None))


def checked(given: Iterable[Mapping[str, Any]], had: Mapping[str, str]) -> dict[str, str]:
    """The tags that there are afterwards. Raises: InvalidTag, MalformedXML, BadRequest (too many)."""
    added: dict[str, str] = {}
    for tag in given:
        key, value = tag.get("Key"), tag.get("Value")
        if key is None or value is None:
            raise errors.MalformedXML()
        if key in added:
            raise errors.InvalidTag(
                detail="There are duplicate tag keys in your request. Remove the duplicate tag keys and try again."
            )
        if key.startswith("aws:"):
            raise errors.InvalidTag(
                detail='User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags.'
                ' Remove "aws:" from your tag keys and try again.'
            )
        try:
            tag_rules.check_tags({key: value}, of_bucket=True)
        except AwsError:
            raise errors.InvalidTag(
                detail="This request contains a tag key or value that isn't valid. Valid characters include the"
                " following: [a-zA-Z+-=._:/]. Tag keys can contain up to 128 characters. Tag values can contain up"
                " to 256 characters."
            ) from None
        added[key] = value
    tags = {**had, **added}
    if len(tags) > limits.BUCKET_TAGS_MAX:
        raise errors.BadRequest(
            detail=f"Bucket tags cannot be greater than {limits.BUCKET_TAGS_MAX}"
        )
    return tags
