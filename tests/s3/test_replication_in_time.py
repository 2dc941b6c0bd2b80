"""Replication by the clock: attempts, what is promised, what is told of it, and what somebody asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pilvi.services.s3 import replication
from pilvi.services.s3.records import objects, versions
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication.records import JOB
from pilvi.store.api import Transaction
from s3.replications import World, rule

MINUTES = {"Minutes": 15}
TIMED = {
    "ReplicationTime": {"Status": "Enabled", "Time": MINUTES},
    "Metrics": {"Status": "Enabled", "EventThreshold": MINUTES},
}
KMS = {
    "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
}


def in_world(test: Callable[[World], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        async def inside() -> None:
            await test(World(tmp_path))  # where an event loop runs

        asyncio.run(inside())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def _suspended(world: World, bucket: str, status: str = "Suspended") -> None:
    configuration = {"Status": status}
    await world.ask("PutBucketVersioning", Bucket=bucket, VersioningConfiguration=configuration)


async def _status(world: World, bucket: str, key: str) -> str | None:
    return (await world.ask("HeadObject", Bucket=bucket, Key=key)).get("ReplicationStatus")


def _names(records: list[dict[str, Any]]) -> list[str]:
    return [record["eventName"].removeprefix("Replication:") for record in records]


async def _begun(world: World, **to: Any) -> None:
    """Buckets `a` and `b`, from the one to the other, and `a` tells of it."""
    for name in ("aaa", "bbb"):
        await world.bucket(name)
    await world.replicate("aaa", rule("bbb", to=to))
    await world.tell("aaa", "s3:Replication:*")


@in_world
async def test_what_takes_longer_than_promised_is_told(there: World) -> None:
    await _begun(there, **TIMED)
    await there.ask("PutObject", b"1", Bucket="aaa", Key="soon")
    await there.run()
    assert await there.told() == []
    await _suspended(there, "bbb")
    await there.ask("PutObject", b"1", Bucket="aaa", Key="late")
    noted_ms = there.cloud.clock.now_ms()
    for _ in range(3):
        await there.run()
        there.advance(30)
    there.advance(15 * 60)
    await _suspended(there, "bbb", "Enabled")
    await there.run()
    missed, after = await there.told()
    assert _names([missed, after]) == [
        "OperationMissedThreshold",
        "OperationReplicatedAfterThreshold",
    ]
    data = after["replicationEventData"]
    assert after["eventVersion"] == "2.2"
    assert after["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert after["s3"]["object"]["key"] == "late"
    assert data["destinationBucket"] == "arn:aws:s3:::bbb"
    assert (data["replicationRuleId"], data["s3Operation"]) == ("bbb", "OBJECT_PUT")
    assert data["requestTime"].startswith("20"), noted_ms
    assert await _status(there, "aaa", "late") == "COMPLETED"


@in_world
async def test_the_threshold_is_told_when_it_is_passed(there: World) -> None:
    """While something only does not work just now, it is tried on, and told once."""
    await _begun(there, **TIMED)
    await there.ask("PutObject", b"1", Bucket="aaa", Key="k")
    await there.run(killed=True)
    there.advance(15 * 60 + 1)
    await there.run()
    assert _names(await there.told()) == [
        "OperationMissedThreshold",
        "OperationReplicatedAfterThreshold",
    ]


@in_world
async def test_a_failure_is_told_where_there_are_metrics(there: World) -> None:
    await _begun(there, Metrics={"Status": "Enabled"})
    await there.bucket("ccc")
    measured = rule("bbb", Filter={"Prefix": "m"}, to={"Metrics": {"Status": "Enabled"}})
    await there.replicate("aaa", measured, rule("ccc", Priority=2, Filter={"Prefix": "u"}))
    for name in ("bbb", "ccc"):
        await _suspended(there, name)
    for key in ("measured", "unmeasured"):
        await there.ask("PutObject", b"1", Bucket="aaa", Key=key)
    attempts = 0
    while await there.waiting(JOB):
        await there.run()
        there.advance(60)
        attempts += 1
    (told,) = await there.told()
    assert _names([told]) == ["OperationFailedReplication"]
    assert told["s3"]["object"]["key"] == "measured"
    assert told["replicationEventData"]["failureReason"] == "DstBucketUnversioned"
    assert [await _status(there, "aaa", key) for key in ("measured", "unmeasured")] == [
        "FAILED"
    ] * 2
    assert 4 <= attempts <= 12, "some minutes"


@in_world
async def test_what_is_no_longer_tracked_is_told(there: World) -> None:
    await _begun(there, **TIMED)
    gone = await there.ask("PutObject", b"1", Bucket="aaa", Key="gone")
    await there.ask("PutObject", b"1", Bucket="aaa", Key="left")
    await there.ask("DeleteObject", Bucket="aaa", Key="gone", VersionId=gone["VersionId"])
    await there.ask("DeleteBucketReplication", Bucket="aaa")
    await there.run()
    told = await there.told()
    assert _names(told) == ["OperationNotTracked"] * 2
    assert {record["s3"]["object"]["key"] for record in told} == {"gone", "left"}
    assert await _status(there, "aaa", "left") == "FAILED"


@in_world
async def test_a_key_that_is_not_there_is_the_reason(there: World) -> None:
    key = "arn:aws:kms:us-east-1:000000000007:key/00000000-0000-0000-0000-000000000000"
    for name in ("aaa", "bbb"):
        await there.bucket(name)
    to = {
        "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
        "Metrics": {"Status": "Enabled"},
    }
    await there.replicate("aaa", rule("bbb", to=to, **KMS))
    await there.tell("aaa", "s3:Replication:OperationFailedReplication")
    await there.ask("PutObject", b"1", Bucket="aaa", Key="k", ServerSideEncryption="aws:kms")
    for _ in range(10):
        await there.run()
        there.advance(200)
    (told,) = await there.told()
    assert told["replicationEventData"]["failureReason"] == "DstKmsKeyNotFound"


@in_world
async def test_replicas_are_events_of_their_bucket(there: World) -> None:
    await _begun(there)
    await there.tell("bbb", "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")
    await there.ask("PutObject", b"1", Bucket="aaa", Key="k")
    await there.run()
    tags = {"TagSet": [{"Key": "aaa", "Value": "bbb"}]}
    await there.ask("PutObjectTagging", Bucket="aaa", Key="k", Tagging=tags)
    await there.run()
    await there.ask("DeleteObject", Bucket="aaa", Key="k")
    await there.run()
    told = await there.told()
    assert [one["eventName"] for one in told] == [
        "ObjectCreated:Put",
        "ObjectTagging:Put",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    assert "assumed-role" not in told[0]["userIdentity"]["principalId"]
    assert told[0]["userIdentity"]["principalId"].endswith(":s3-replication")


@in_world
async def test_many_wait_in_one_job(there: World) -> None:
    """More than a page; and what is refused holds up nothing else."""
    await _begun(there)
    await there.bucket("ccc")
    both = (rule("bbb"), rule("ccc", Priority=2, Filter={"Prefix": "1"}))
    await there.replicate("aaa", *both)
    await _suspended(there, "ccc")
    for number in range(150):
        await there.ask("PutObject", b"1", Bucket="aaa", Key=str(number))
    assert len(await there.waiting(JOB)) == 1
    await there.run()
    listed = await there.ask("ListObjectsV2", Bucket="bbb")
    assert listed["KeyCount"] == 150
    (job,) = await there.waiting(JOB)
    assert job.due_ms > there.cloud.clock.now_ms()
    await there.ask("PutObject", b"1", Bucket="aaa", Key="new")
    await there.run()
    assert await _status(there, "bbb", "new") == "REPLICA", (
        "it does not wait for what is tried again"
    )


@in_world
async def test_what_is_broken_holds_up_nothing_else(there: World) -> None:
    """A manifest that is lost is nothing that any attempt expects."""
    await _begun(there)
    upload = {"Bucket": "aaa", "Key": "broken"}
    upload["UploadId"] = (await there.ask("CreateMultipartUpload", **upload))["UploadId"]
    part = await there.ask("UploadPart", b"1", **upload, PartNumber=1)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    await there.ask("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
    bucket = await there.found("aaa")

    def lose(tx: Transaction) -> None:
        objects.delete_manifest(tx, bucket, objects.get_object(tx, bucket, "broken"))

    await there.cloud.store.write(lose)
    for number in range(40):
        await there.ask("PutObject", b"1", Bucket="aaa", Key=str(number))
    await there.run()
    assert there.broken
    assert (await there.ask("ListObjectsV2", Bucket="bbb"))["KeyCount"] == 40
    assert await _status(there, "aaa", "broken") == "PENDING"
    for _ in range(110):
        there.advance(900)
        await there.run()
    assert await _status(there, "aaa", "broken") == "FAILED"
    assert there.broken < 500


async def _asked(world: World, bucket: str, key: str, version_id: str = "") -> tuple[str, ...]:
    found = await world.found(bucket)

    def enqueue(tx: Transaction) -> tuple[str, ...]:
        stored = versions.find(tx, found, key, version_id)
        assert isinstance(stored, Object)
        return replication.enqueue(world.call(), tx, found, stored)

    return await world.cloud.store.write(enqueue)


@in_world
async def test_somebody_may_ask_for_what_was_there(there: World) -> None:
    """For batch jobs: null versions, what failed, what was replicated, replicas; not what no rule fits."""
    await there.ask("CreateBucket", Bucket="aaa")
    await there.ask("PutObject", b"old", Bucket="aaa", Key="old")
    await _suspended(there, "aaa", "Enabled")
    with pytest.raises(replication.NotEligible, match="SrcBucketReplicationConfigMissing"):
        await _asked(there, "aaa", "old")
    for name in ("bbb", "ccc"):
        await there.bucket(name)
    await there.replicate("aaa", rule("bbb", Filter={"Prefix": "o"}))
    await there.ask("PutObject", b"x", Bucket="aaa", Key="x")
    with pytest.raises(replication.NotEligible, match="SrcObjectNotEligible"):
        await _asked(
            there, "aaa", "x", (await there.ask("HeadObject", Bucket="aaa", Key="x"))["VersionId"]
        )
    for _ in range(2):
        assert await _asked(there, "aaa", "old") == ("bbb",)
        assert await _status(there, "aaa", "old") == "PENDING"
        await there.run(killed=True)
        await there.run()
        assert await _status(there, "aaa", "old") == "COMPLETED"
    listed = (await there.ask("ListObjectVersions", Bucket="bbb"))["Versions"]
    assert [(one["Key"], one["VersionId"]) for one in listed] == [("old", "null")]
    await there.replicate("bbb", rule("ccc"))
    assert await _asked(there, "bbb", "old") == ("ccc",)
    await there.run()
    assert (await _status(there, "bbb", "old"), await _status(there, "ccc", "old")) == (
        "REPLICA",
    ) * 2
    await there.ask("PutObject", b"own", Bucket="ccc", Key="old")
    await _asked(there, "bbb", "old")
    await there.run()
    listed = (await there.ask("ListObjectVersions", Bucket="ccc"))["Versions"]
    assert [one["VersionId"] == "null" for one in listed] == [False, True]


@in_world
async def test_two_versions_of_one_place(there: World) -> None:
    """Buckets number their versions apart, so that replicas of the same millisecond find room."""
    for name in ("aaa", "bbb"):
        await there.bucket(name)
    await there.replicate("aaa", rule("bbb"))
    await there.replicate("bbb", rule("aaa"))
    for _ in range(3):
        for name in ("aaa", "bbb"):
            await there.ask("PutObject", name.encode(), Bucket=name, Key="k")
    await there.run()
    told = [
        (await there.ask("ListObjectVersions", Bucket=name))["Versions"] for name in ("aaa", "bbb")
    ]
    first, second = ([one["VersionId"] for one in listed] for listed in told)
    assert first == second
    assert len(set(first)) == 6
