"""Batch jobs that replicate what was there before the rule, or restore what is archived."""

from __future__ import annotations

from typing import Any

from s3.batches import Control
from s3.replications import rule


def test_existing_objects_are_replicated(control: Control, s3: Any, account: str) -> None:
    """All their versions that a rule fits; a task has succeeded once its replica is there."""
    source, target = control.bucket, f"{control.bucket}-target"
    s3.create_bucket(Bucket=target)
    for name in (source, target):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"older", b"newer"):
        s3.put_object(Bucket=source, Key="in/k", Body=body)
    s3.put_object(Bucket=source, Key="out", Body=b"other")
    configuration = {
        "Role": f"arn:aws:iam::{account}:role/replicator",
        "Rules": [rule(target, Filter={"Prefix": "in/"})],
    }
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)
    generator = {
        "S3JobManifestGenerator": {
            "SourceBucket": f"arn:aws:s3:::{source}",
            "EnableManifestOutput": False,
            "Filter": {"EligibleForReplication": True, "ObjectReplicationStatuses": ["NONE"]},
        }
    }
    control.clock.freeze()
    job = control.create({"S3ReplicateObject": {}}, ManifestGenerator=generator)
    for _ in range(3):
        control.clock.wait_until_idle()
        control.clock.advance(seconds=3)
    control.clock.wait_until_idle()
    described = control.describe(job)
    assert described["Status"] == "Complete", described
    rows = control.report(described)["succeeded"]
    assert [row[1] for row in rows] == ["in/k", "in/k"]
    copies = s3.list_object_versions(Bucket=target)["Versions"]
    assert [one["VersionId"] for one in copies] == [row[2] for row in rows]
    assert s3.head_object(Bucket=source, Key="in/k")["ReplicationStatus"] == "COMPLETED"
    manifest = control.manifest("out", "missing")
    described = control.run({"S3ReplicateObject": {}}, Manifest=manifest)
    failed = {row[1]: row[5] for row in control.report(described)["failed"]}
    assert failed == {"out": "SrcObjectNotEligible", "missing": "NoSuchKey"}


def test_archived_objects_are_restored(control: Control, s3: Any) -> None:
    s3.put_object(Bucket=control.bucket, Key="k", Body=b"1", StorageClass="GLACIER")
    wish = {"ExpirationInDays": 2, "GlacierJobTier": "STANDARD"}
    job = control.run(
        {"S3InitiateRestoreObject": wish}, Manifest=control.manifest("k", "in/manifest.csv")
    )
    rows = control.report(job)
    assert [row[1] for row in rows["succeeded"]] == ["k"]
    assert [row[5] for row in rows["failed"]] == ["InvalidObjectState"]
    assert 'ongoing-request="true"' in s3.head_object(Bucket=control.bucket, Key="k")["Restore"]
