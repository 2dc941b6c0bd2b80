"""Inventories: what a configuration may ask for, when one is due, and what a row of it says.

AWS: S3 User Guide, "Cataloging and analyzing your data with S3 Inventory", sections "Amazon S3 Inventory list",
"Locating your inventory list"; S3 API Reference, "InventoryConfiguration".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote_plus

import orjson

from pilvi.base.errors import NotBuilt
from pilvi.protocol.timestamps import iso8601_full
from pilvi.services.s3 import errors
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_C, SSE_KMS, SSE_S3
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.versions import Listed
from pilvi.services.s3.rules import acls, configurations, names, version_names

Document = dict[str, Any]
Value = str | int | bool | None
"""Instants are milliseconds."""

_TEMPLATE: Mapping[str, Any] = {
    "Destination": {
        "S3BucketDestination": {
            "AccountId": None,
            "Bucket": None,
            "Format": None,
            "Prefix": None,
            "Encryption": {"SSES3": {}, "SSEKMS": {"KeyId": None}},
        }
    },
    "IsEnabled": None,
    "Filter": {"Prefix": None},
    "Id": None,
    "IncludedObjectVersions": None,
    "OptionalFields": None,
    "Schedule": {"Frequency": None},
}
_BUCKET_ARN = re.compile(r"arn:aws:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")
_DAILY, _WEEKLY = "Daily", "Weekly"
_FIELDS_UNBUILT = (
    "ObjectLockEventHoldStatus",
    "ObjectLockEventHoldDuration",
    "IntelligentTieringReferenceDate",
)


@dataclass(frozen=True, slots=True)
class From:
    """What rows are of. `expires_ms`: when the lifecycle rules of the bucket end a current object; None for never."""

    bucket: Bucket
    expires_ms: Callable[[Object], int | None]


@dataclass(frozen=True, slots=True)
class Column:
    """`type`: of Parquet, as the manifest tells it; `sql`: the same for the writer. `value`: None for what a delete
    marker does not have."""

    name: str
    parquet: str
    type: str
    sql: str
    value: Callable[[From, Listed], Value]


_TEXT, _LONG = ("binary", "VARCHAR"), ("int64", "BIGINT")
_TRUTH, _INSTANT = ("boolean", "BOOLEAN"), ("int64", "TIMESTAMP_MS")


def _column(
    name: str, parquet: str, kind: tuple[str, str], value: Callable[[From, Listed], Value]
) -> Column:
    return Column(name, parquet, kind[0], kind[1], value)


def _of(value: Callable[[Object], Value]) -> Callable[[From, Listed], Value]:
    return lambda of, listed: None if listed.object is None else value(listed.object)


def replication_status(stored: Object) -> str:
    """ "" for an object that no rule replicates."""
    return "" if stored.replication is None else stored.replication.told


_ENCRYPTION = {SSE_S3: "SSE-S3", SSE_KMS: "SSE-KMS", SSE_C: "SSE-C"}


def _encryption(stored: Object) -> str:
    return "NOT-SSE" if stored.encryption is None else _ENCRYPTION[stored.encryption.kind]


def _bucket_key(stored: Object) -> str:
    uses = stored.encryption is not None and stored.encryption.bucket_key
    return "ENABLED" if uses else "DISABLED"


def _tier(stored: Object) -> str:
    return "FREQUENT" if stored.storage_class == "INTELLIGENT_TIERING" else ""


def _grants(of: From, listed: Listed) -> str | None:
    """As AWS writes it: a document of its own kind, in base64."""
    bucket, stored = of.bucket, listed.object
    if stored is None:
        return None
    owner = names.owner_id(bucket.owner_of(stored.owner), bucket.account)
    acl = stored.acl if bucket.has_acls else None
    grants: list[dict[str, str]] = []
    for one in acls.described(acl, owner)["Grants"]:
        grantee = one["Grantee"]
        grant = {"permission": one["Permission"], "type": grantee["Type"]}
        grant["canonicalId" if "ID" in grantee else "uri"] = grantee.get("ID") or grantee["URI"]
        grants.append(grant)
    document = {"version": "2022-11-10", "status": "AVAILABLE", "grants": grants}
    return base64.b64encode(orjson.dumps(document)).decode()


def _expires(of: From, listed: Listed) -> int | None:
    """Of what is current alone: rules about other versions are not told."""
    if listed.object is None or not listed.latest:
        return None
    return of.expires_ms(listed.object)


def _owner(of: From, listed: Listed) -> str | None:
    bucket, stored = of.bucket, listed.object
    if stored is None:
        return None
    return names.owner_id(bucket.owner_of(stored.owner), bucket.account)


_ALWAYS = (
    _column("Bucket", "bucket", _TEXT, lambda of, listed: of.bucket.name),
    _column("Key", "key", _TEXT, lambda of, listed: listed.key),
)
_OF_VERSIONS = (
    _column(
        "VersionId",
        "version_id",
        _TEXT,
        lambda of, listed: version_names.shown(listed.id) if of.bucket.versioning else "",
    ),
    _column("IsLatest", "is_latest", _TRUTH, lambda of, listed: listed.latest),
    _column("IsDeleteMarker", "is_delete_marker", _TRUTH, lambda of, listed: listed.object is None),
)
_OPTIONAL = (
    _column("Size", "size", _LONG, _of(lambda stored: stored.size)),
    _column(
        "LastModifiedDate",
        "last_modified_date",
        _INSTANT,
        lambda of, listed: listed.modified_at_ms // 1000 * 1000,
    ),
    _column("ETag", "e_tag", _TEXT, _of(lambda stored: stored.etag)),
    _column("StorageClass", "storage_class", _TEXT, _of(lambda stored: stored.storage_class)),
    _column(
        "IsMultipartUploaded",
        "is_multipart_uploaded",
        _TRUTH,
        _of(lambda stored: stored.parts > 0),
    ),
    _column("ReplicationStatus", "replication_status", _TEXT, _of(replication_status)),
    _column("EncryptionStatus", "encryption_status", _TEXT, _of(_encryption)),
    _column(
        "ObjectLockRetainUntilDate",
        "object_lock_retain_until_date",
        _INSTANT,
        _of(lambda stored: None if stored.lock is None else stored.lock.until_ms),
    ),
    _column(
        "ObjectLockMode",
        "object_lock_mode",
        _TEXT,
        _of(lambda stored: "" if stored.lock is None else stored.lock.mode or ""),
    ),
    _column(
        "ObjectLockLegalHoldStatus",
        "object_lock_legal_hold_status",
        _TEXT,
        _of(lambda stored: "On" if stored.lock is not None and stored.lock.held else "Off"),
    ),
    _column("IntelligentTieringAccessTier", "intelligent_tiering_access_tier", _TEXT, _of(_tier)),
    _column("BucketKeyStatus", "bucket_key_status", _TEXT, _of(_bucket_key)),
    _column(
        "ChecksumAlgorithm",
        "checksum_algorithm",
        _TEXT,
        _of(lambda stored: stored.checksum.algorithm),
    ),
    _column("ObjectAccessControlList", "object_access_control_list", _TEXT, _grants),
    _column("ObjectOwner", "object_owner", _TEXT, _owner),
    _column("LifecycleExpirationDate", "lifecycle_expiration_date", _INSTANT, _expires),
)
_OPTIONAL_NAMES = frozenset(column.name for column in _OPTIONAL)


# --- configurations


def kept(id: str, given: Mapping[str, Any]) -> Document:
    """Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidS3DestinationBucket, NotBuilt."""
    configurations.check_id(id)
    document = configurations.copied(given, _TEMPLATE)
    if document.get("Id") != id:
        raise errors.IdMismatch()
    destination = document.get("Destination", {}).get("S3BucketDestination", {})
    fields = cast("list[str]", document.get("OptionalFields", []))
    formed = (
        isinstance(document.get("IsEnabled"), bool)
        and destination.get("Format") in ("CSV", "ORC", "Parquet")
        and document.get("Schedule", {}).get("Frequency") in (_DAILY, _WEEKLY)
        and document.get("IncludedObjectVersions") in ("All", "Current")
        and set(fields) <= _OPTIONAL_NAMES | set(_FIELDS_UNBUILT)
        and len(set(fields)) == len(fields)
        and "Prefix" in document.get("Filter", {"Prefix": ""})
        and len(destination.get("Encryption", {"SSES3": {}})) == 1
    )
    if not formed:
        raise errors.MalformedXML()
    if _BUCKET_ARN.fullmatch(destination.get("Bucket", "")) is None:
        raise errors.InvalidS3DestinationBucket()
    if destination["Format"] == "ORC":
        raise NotBuilt(what="inventories as ORC")
    unbuilt = [field for field in fields if field in _FIELDS_UNBUILT]
    if unbuilt:
        raise NotBuilt(what=f"the field {unbuilt[0]} of inventories")
    if "OptionalFields" in document:
        document["OptionalFields"] = list(fields)
    return document


def target_of(document: Document) -> str:
    """The bucket that the inventory goes to."""
    return document["Destination"]["S3BucketDestination"]["Bucket"].rpartition(":")[2]


def next_ms(document: Document, now_ms: int, *, first: bool) -> int:
    """When the next one is due: the next midnight (UTC); of weekly ones after the first, the next Sunday's."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    ) + timedelta(days=1)
    if document["Schedule"]["Frequency"] == _WEEKLY and not first:
        day += timedelta(days=(6 - day.weekday()) % 7)
    return int(day.timestamp() * 1000)


# --- rows


def columns(document: Document) -> tuple[Column, ...]:
    """In AWS's order, whatever that of the configuration."""
    asked = set(document.get("OptionalFields", []))
    of_versions = _OF_VERSIONS if document["IncludedObjectVersions"] == "All" else ()
    return (*_ALWAYS, *of_versions, *(column for column in _OPTIONAL if column.name in asked))


def schema(document: Document) -> str:
    """As the manifest tells it."""
    chosen = columns(document)
    if document["Destination"]["S3BucketDestination"]["Format"] == "CSV":
        return ", ".join(column.name for column in chosen)
    told: list[str] = []
    for column in chosen:
        need = "required" if column in _ALWAYS else "optional"
        note = ""
        if column.sql == "VARCHAR":
            note = " (UTF8)"
        elif column.sql == "TIMESTAMP_MS":
            note = " (TIMESTAMP_MILLIS)"
        told.append(f"{need} {column.type} {column.parquet}{note};")
    return "message s3.inventory { " + " ".join(told) + " }"


def csv_row(of: From, listed: Listed, chosen: tuple[Column, ...]) -> str:
    """Each value in quotes, keys URL-encoded, as AWS writes it."""
    values: list[str] = []
    for column in chosen:
        value = column.value(of, listed)
        if value is None:
            text = ""
        elif column.name == "Key":
            text = quote_plus(str(value), safe="/*")
        elif isinstance(value, bool):
            text = "true" if value else "false"
        elif column.sql == "TIMESTAMP_MS":
            text = iso8601_full(int(value))
        else:
            text = str(value).replace('"', '""')
        values.append(f'"{text}"')
    return ",".join(values) + "\n"


def csv_line(bucket: str, key: str, version_id: str) -> str:
    """A row of the least columns that name a version."""
    return f'"{bucket}","{quote_plus(key, safe="/*")}","{version_id}"\n'


def plain_row(of: From, listed: Listed, chosen: tuple[Column, ...]) -> bytes:
    """A line of JSON, for the writer of Parquet: keys as they are."""
    return orjson.dumps([column.value(of, listed) for column in chosen]) + b"\n"
