"""Versions as requests name them and answers tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.services.s3 import errors
from pilvi.services.s3.records import version_ids
from pilvi.services.s3.records.buckets import Bucket

NULL = "null"


def of_permission(told: object) -> str | None:
    """The version that a permission is asked for, from `Permission.told`: as the request names it."""
    if not isinstance(told, Mapping):
        return None
    return cast("Mapping[str, str | None]", told).get("VersionId")


def stored_id(told: str) -> str:
    """`null` is kept as nothing. Raises: InvalidArgument for what no version can be called."""
    if told == NULL:
        return ""
    rank_of(told)
    return told


def rank_of(told: str, name: str = "versionId") -> int:
    """Of the id of a version. Raises: InvalidArgument, which calls it `name`."""
    if not told:
        raise errors.InvalidArgument("Version id cannot be the empty string", name, told)
    try:
        return version_ids.rank_of(told)
    except ValueError:
        raise errors.InvalidArgument("Invalid version id specified", name, told) from None


def shown(stored: str) -> str:
    return stored or NULL


def told(bucket: Bucket, stored: str) -> dict[str, Any]:
    """The VersionId of an answer that is about a version; nothing where versioning was never on."""
    return {"VersionId": shown(stored)} if bucket.versioning else {}


def written(stored: str) -> dict[str, Any]:
    """The VersionId of an answer to a write: null versions are not told."""
    return {"VersionId": stored} if stored else {}
