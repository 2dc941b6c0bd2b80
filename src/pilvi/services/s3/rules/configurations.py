"""Configurations of a bucket that are many: storage class analysis, request metrics, Intelligent-Tiering.

They are kept as they were put, after checks; nothing is analysed, measured or moved by them.
AWS: S3 User Guide, "Amazon S3 analytics – Storage Class Analysis", "Monitoring metrics with Amazon CloudWatch",
"Managing storage costs with Amazon S3 Intelligent-Tiering".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from pilvi.services.s3 import errors

Document = dict[str, Any]
Template = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TAG = {"Key": None, "Value": None}
_FILTER: Template = {"Prefix": None, "Tag": _TAG, "And": {"Prefix": None, "Tags": [_TAG]}}
_EXPORT: Template = {
    "OutputSchemaVersion": None,
    "Destination": {
        "S3BucketDestination": {
            "Format": None,
            "BucketAccountId": None,
            "Bucket": None,
            "Prefix": None,
        }
    },
}
_ANALYTICS: Template = {
    "Id": None,
    "Filter": _FILTER,
    "StorageClassAnalysis": {"DataExport": _EXPORT},
}
_METRICS: Template = {"Id": None, "Filter": _FILTER}
_TIERING: Template = {
    "Id": None,
    "Filter": _FILTER,
    "Status": None,
    "Tierings": [{"Days": None, "AccessTier": None}],
}
_TIER_DAYS = {"ARCHIVE_ACCESS": range(90, 731), "DEEP_ARCHIVE_ACCESS": range(180, 731)}


def analytics(id: str, given: Mapping[str, Any]) -> Document:
    """Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidS3DestinationBucket."""
    kept = _kept(id, given, _ANALYTICS)
    if "StorageClassAnalysis" not in kept:
        raise errors.MalformedXML()
    export = kept["StorageClassAnalysis"].get("DataExport")
    if export is not None:
        destination = export.get("Destination", {}).get("S3BucketDestination", {})
        if export.get("OutputSchemaVersion") != "V_1" or destination.get("Format") != "CSV":
            raise errors.MalformedXML()
        if not str(destination.get("Bucket", "")).startswith("arn:aws:s3:::"):
            raise errors.InvalidS3DestinationBucket()
    return kept


def metrics(id: str, given: Mapping[str, Any]) -> Document:
    """Raises: MalformedXML, IdMismatch, InvalidConfigurationId."""
    return _kept(id, given, _METRICS)


def tiering(id: str, given: Mapping[str, Any]) -> Document:
    """Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidArgument."""
    kept = _kept(id, given, _TIERING)
    tiers = cast("list[Document]", kept.get("Tierings", []))
    named = [one.get("AccessTier") for one in tiers]
    if kept.get("Status") not in ("Enabled", "Disabled") or not named:
        raise errors.MalformedXML()
    if len(set(named)) < len(named) or not set(named) <= _TIER_DAYS.keys():
        raise errors.MalformedXML()
    for one in tiers:
        if one.get("Days") not in _TIER_DAYS[one["AccessTier"]]:
            raise errors.InvalidArgument(
                "The number of days is not allowed for the access tier",
                "Days",
                str(one.get("Days")),
            )
    return kept


def _kept(id: str, given: Mapping[str, Any], template: Template) -> Document:
    check_id(id)
    kept = copied(given, template)
    if kept.get("Id") != id:
        raise errors.IdMismatch()
    _check_filter(kept.get("Filter"))
    return kept


def check_id(id: str) -> None:
    """Raises: InvalidConfigurationId."""
    if _ID.fullmatch(id) is None:
        raise errors.InvalidConfigurationId()


def _check_filter(kept: Document | None) -> None:
    """One condition, or several with And. Raises: MalformedXML."""
    if kept is None:
        return
    if len(kept) != 1:
        raise errors.MalformedXML()
    both = kept.get("And", {})
    listed = list(both.get("Tags", ()))
    if "And" in kept and len(listed) + ("Prefix" in both) < 2:
        raise errors.MalformedXML()
    if "Tag" in kept:
        listed.append(kept["Tag"])
    if any(not one.get("Key") or "Value" not in one for one in listed):
        raise errors.MalformedXML()


def copied(given: Mapping[str, Any], template: Template) -> Document:
    """What a document says, as far as the template knows it; what else it says stays unread, and is refused."""
    kept: Document = {}
    for name, inner in template.items():
        value = given.get(name)
        if value is None:
            continue
        if inner is None:
            kept[name] = value
        elif isinstance(inner, list):
            below = cast("list[Template]", inner)[0]
            kept[name] = [copied(one, below) for one in value]
        else:
            kept[name] = copied(value, cast("Template", inner))
    return kept
