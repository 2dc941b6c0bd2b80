"""Manifests that are made from a bucket: its objects that pass a filter, some at a time.

A job that replicates gets all versions, any other those that are current; delete markers are never among them.
AWS: S3 User Guide, "Specifying a manifest", section "Generating a manifest automatically"; S3 API Reference,
"JobManifestGeneratorFilter".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pilvi.services.s3.batch import requests
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.manifests import Unreadable
from pilvi.services.s3.records import buckets, versions
from pilvi.services.s3.records.batch_jobs import Place, Task
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_C, SSE_KMS, SSE_S3
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication import records as replication_records
from pilvi.services.s3.replication import rules as replication
from pilvi.services.s3.rules import inventories, names, version_names
from pilvi.store.api import Snapshot

LOOKED_AT = 500
"""How many versions one look into the store passes over."""

Passes = Callable[[Object], bool]


async def permitted(acting: Acting, inner: Mapping[str, Any]) -> None:
    """The role must be allowed to ask for inventories of the bucket, and the bucket be the account's.

    Raises: Unreadable, AccessDenied.
    """
    name = requests.bucket_of(inner["SourceBucket"])
    bucket = await acting.cloud.store.read(lambda at: buckets.find_bucket(at, name))
    if bucket is None:
        raise Unreadable("NoSuchBucket", f"The source bucket {name} does not exist")
    expected = inner.get("ExpectedBucketOwner", acting.job.account)
    if bucket.account != acting.job.account or bucket.account != expected:
        raise Unreadable("AccessDenied", f"The source bucket {name} has another owner")
    await acting.demand("s3:PutInventoryConfiguration", names.bucket_arn(name))
    if inner.get("Filter", {}).get("EligibleForReplication"):
        await acting.demand("s3:GetReplicationConfiguration", names.bucket_arn(name))


def tasks(
    at: Snapshot, document: Mapping[str, Any], operation: str, place: Place, now_ms: int
) -> tuple[list[Task], Place | None]:
    """Those among the next versions that pass, and the place behind these; None at the end of the bucket."""
    inner = document["S3JobManifestGenerator"]
    bucket = buckets.find_bucket(at, requests.bucket_of(inner["SourceBucket"]))
    if bucket is None:
        return [], None
    wanted = inner.get("Filter", {})
    passes = filter_of(wanted)
    if wanted.get("EligibleForReplication"):
        eligible = _eligible(at, bucket, now_ms)
        passes = _both(passes, eligible)
    everything = operation == "S3ReplicateObject"
    found: list[Task] = []
    last: versions.Listed | None = None
    looked = 0
    for one in _behind(at, bucket, place):
        looked += 1
        last = one
        if one.object is not None and (one.latest or everything) and passes(one.object):
            version_id = version_names.shown(one.id) if bucket.versioning else ""
            found.append(Task(bucket.name, one.key, version_id))
    if looked < LOOKED_AT or last is None:
        return found, None
    return found, Place(key=last.key, rank=last.rank)


def _behind(at: Snapshot, bucket: Bucket, place: Place) -> Any:
    resumed = (place.key, -place.rank) if place.key else None
    ordered = versions.ordered_versions(at, bucket, resumed)
    start = ordered.behind(*resumed) if resumed is not None else ordered.at("")
    return ordered.rows(start, ordered.behind_all(""), LOOKED_AT)


def _eligible(at: Snapshot, bucket: Bucket, now_ms: int) -> Passes:
    """Whether a rule of the bucket's replication fits."""
    configuration = replication_records.find_configuration(at, bucket)

    def passes(stored: Object) -> bool:
        if configuration is None or replication.is_archived(stored, now_ms):
            return False
        return bool(replication.chosen(configuration, stored))

    return passes


def _both(one: Passes, other: Passes) -> Passes:
    return lambda stored: one(stored) and other(stored)


def filter_of(given: Mapping[str, Any]) -> Passes:
    """Whether an object is wanted."""
    checks: list[Passes] = []
    if "CreatedAfter" in given:
        checks.append(lambda stored: stored.modified_at_ms > given["CreatedAfter"])
    if "CreatedBefore" in given:
        checks.append(lambda stored: stored.modified_at_ms < given["CreatedBefore"])
    if "ObjectSizeGreaterThanBytes" in given:
        checks.append(lambda stored: stored.size > given["ObjectSizeGreaterThanBytes"])
    if "ObjectSizeLessThanBytes" in given:
        checks.append(lambda stored: stored.size < given["ObjectSizeLessThanBytes"])
    if given.get("MatchAnyStorageClass"):
        classes = frozenset(given["MatchAnyStorageClass"])
        checks.append(lambda stored: stored.storage_class in classes)
    if given.get("ObjectReplicationStatuses"):
        statuses = frozenset(given["ObjectReplicationStatuses"])
        checks.append(lambda stored: (inventories.replication_status(stored) or "NONE") in statuses)
    names_wanted = given.get("KeyNameConstraint", {})
    if "MatchAnyPrefix" in names_wanted:
        prefixes = tuple(names_wanted["MatchAnyPrefix"])
        checks.append(lambda stored: stored.key.startswith(prefixes))
    if "MatchAnySuffix" in names_wanted:
        suffixes = tuple(names_wanted["MatchAnySuffix"])
        checks.append(lambda stored: stored.key.endswith(suffixes))
    if "MatchAnySubstring" in names_wanted:
        parts = tuple(names_wanted["MatchAnySubstring"])
        checks.append(lambda stored: any(part in stored.key for part in parts))
    for one in given.get("MatchAnyObjectEncryption", []):
        ((kind, details),) = one.items()
        checks.append(_encrypted(kind, details))
    return lambda stored: all(check(stored) for check in checks)


_KINDS = {"SSES3": SSE_S3, "SSEKMS": SSE_KMS, "SSEC": SSE_C, "DSSEKMS": "aws:kms:dsse"}


def _encrypted(kind: str, details: Mapping[str, Any]) -> Passes:
    def passes(stored: Object) -> bool:
        how = stored.encryption
        if how is None:
            return kind == "NOTSSE"
        if kind == "NOTSSE" or how.kind != _KINDS[kind]:
            return False
        if details.get("KmsKeyArn") not in (None, how.key_arn):
            return False
        return details.get("BucketKeyEnabled") in (None, how.bucket_key)

    return passes
