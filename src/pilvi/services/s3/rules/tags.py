"""Tags of buckets and objects.

AWS: S3 User Guide, "Categorizing your objects using tags", "Using cost allocation S3 bucket tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.wire import Tag

_TEXT = re.compile(r"[\w\s+\-=.:/@]*", re.UNICODE)
_HEADER_TEXT = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag"
    " name duplicates."
)


def tags_of_new_bucket(tag_set: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What CreateBucket gives. Raises: InvalidTag, BadRequest, MalformedXML."""
    if any((tag.get("Key") or "").startswith("aws:") for tag in tag_set):
        raise errors.InvalidTag(
            detail='User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags.'
            ' Remove "aws:" from your tag keys and try again.'
        )
    return tags_of(tag_set, of_bucket=True)


def tags_of(tag_set: Sequence[Mapping[str, Any]], *, of_bucket: bool) -> dict[str, str]:
    """The tags of a Tagging document. Raises: InvalidTag, BadRequest, MalformedXML."""
    tags: dict[str, str] = {}
    for tag in tag_set:
        key, value = tag.get("Key"), tag.get("Value")
        if key is None or value is None:
            raise errors.MalformedXML()
        if key in tags:
            raise errors.InvalidTag(
                {"TagKey": key}, detail="Cannot provide multiple Tags with the same key"
            )
        tags[key] = value
    check_tags(tags, of_bucket=of_bucket)
    return tags


def tags_of_header(header: str | None) -> dict[str, str]:
    """The tags of an x-amz-tagging header. Raises: InvalidArgument, InvalidTag, BadRequest."""
    if not header:
        return {}
    try:
        named = "&".join(pair if "=" in pair else f"{pair}=" for pair in header.split("&") if pair)
        pairs = parse_qsl(named, keep_blank_values=True, errors="strict")
    except ValueError:
        raise errors.InvalidArgument(_HEADER_TEXT, "x-amz-tagging", header) from None
    tags = dict(pairs)
    if len(tags) != len(pairs) or "," in header:
        raise errors.InvalidArgument(_HEADER_TEXT, "x-amz-tagging", header)
    check_tags(tags, of_bucket=False)
    return tags


def check_tags(tags: Mapping[str, str], *, of_bucket: bool) -> None:
    """Raises: InvalidTag, BadRequest (too many)."""
    count_max = limits.BUCKET_TAGS_MAX if of_bucket else limits.OBJECT_TAGS_MAX
    if len(tags) > count_max:
        what = "Bucket" if of_bucket else "Object"
        raise errors.BadRequest(detail=f"{what} tags cannot be greater than {count_max}")
    for key, value in tags.items():
        if not 1 <= len(key) <= limits.TAG_KEY_LENGTH_MAX or _TEXT.fullmatch(key) is None:
            raise errors.InvalidTag(
                {"TagKey": key}, detail="The TagKey you have provided is invalid"
            )
        if key.startswith("aws:"):
            raise errors.InvalidTag(
                {"TagKey": key},
                detail="System tags cannot be added/updated by requester"
                if of_bucket
                else "Your TagKey cannot be prefixed with aws:",
            )
        if len(value) > limits.TAG_VALUE_LENGTH_MAX or _TEXT.fullmatch(value) is None:
            raise errors.InvalidTag(
                {"TagKey": key, "TagValue": value},
                detail="The TagValue you have provided is invalid",
            )


def tag_set(tags: Mapping[str, str]) -> list[Tag]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
