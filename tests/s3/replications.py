"""Rules, roles and buckets for tests of replication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rule = dict[str, Any]


def rule(destination: str, **more: Any) -> Rule:
    """A rule for everything, of the second version. `more`: members of the rule; `to`: of its destination."""
    to = more.pop("to", {})
    return {
        "ID": destination,
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}", **to},
        **more,
    }


def versioned_bucket(s3: Any, name: str, **more: Any) -> str:
    s3.create_bucket(Bucket=name, **more)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def status(s3: Any, bucket: str, key: str, version_id: str | None = None) -> str | None:
    named = {} if version_id is None else {"VersionId": version_id}
    return s3.head_object(Bucket=bucket, Key=key, **named).get("ReplicationStatus")


def versions(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """(key, version id, whether it is a delete marker) of all, newest first."""
    listed = s3.list_object_versions(Bucket=bucket)
    found = [(one, False) for one in listed.get("Versions", [])]
    found += [(one, True) for one in listed.get("DeleteMarkers", [])]
    found.sort(key=lambda pair: not pair[0]["IsLatest"])
    return [(one["Key"], one["VersionId"], marker) for one, marker in found]


Replicate = Callable[..., None]
