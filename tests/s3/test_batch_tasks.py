"""What the tasks of batch jobs do, and which manifests they are from."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambda_.support import Functions, package
from s3.batches import Control

ACTING = """
import json, urllib.parse
seen = {}
def handler(event, context):
    task = event['tasks'][0]
    key = urllib.parse.unquote_plus(task['s3Key'])
    seen[key] = seen.get(key, 0) + 1
    answer = {'invocationSchemaVersion': event['invocationSchemaVersion'],
              'treatMissingKeysAs': 'PermanentFailure', 'invocationId': event['invocationId']}
    if key == 'broken':
        raise ValueError('no such thing')
    if key == 'silent':
        return {**answer, 'results': []}
    code = 'PermanentFailure' if key == 'bad' else 'Succeeded'
    if key == 'later' and seen[key] < 3 or key == 'never':
        code = 'TemporaryFailure'
    told = json.dumps({'event': event, 'seen': seen[key]})
    return {**answer, 'results': [{'taskId': task['taskId'], 'resultCode': code, 'resultString': told}]}
"""


@pytest.fixture
def function(client: Callable[..., Any], account: str) -> str:
    made = Functions(client("lambda"), account).create("acting", package(ACTING))
    return made["FunctionArn"]


def test_a_function_is_invoked_for_each_object(control: Control, function: str) -> None:
    """Failures that say that they pass are tried again, some seconds later, four times in all."""
    invoke = {
        "FunctionArn": function,
        "InvocationSchemaVersion": "2.0",
        "UserArguments": {"of": "mine"},
    }
    manifest = control.manifest("a+b", "bad", "never", "broken", "silent")
    control.clock.freeze()
    job = control.create({"LambdaInvoke": invoke}, Manifest=manifest)
    for _ in range(4):
        control.clock.wait_until_idle()
        control.clock.advance(seconds=20)
    control.clock.wait_until_idle()
    described = control.describe(job)
    assert described["Status"] == "Complete", described
    rows = control.report(described)
    told = {row[1]: json.loads(row[6]) for row in rows["succeeded"]}
    assert set(told) == {"a+b"}
    event = told["a+b"]["event"]
    assert event["invocationSchemaVersion"] == "2.0"
    assert event["job"] == {"id": job, "userArguments": {"of": "mine"}}
    (task,) = event["tasks"]
    assert (task["s3Key"], task["s3Bucket"], task["s3VersionId"]) == ("a+b", control.bucket, None)
    failed = {row[1]: (row[4], row[5]) for row in rows["failed"]}
    assert failed == {
        "bad": ("200", "PermanentFailure"),
        "never": ("200", "TemporaryFailure"),
        "broken": ("200", "PermanentFailure"),
        "silent": ("200", "PermanentFailure"),
    }
    broken = next(row[6] for row in rows["failed"] if row[1] == "broken")
    assert "no such thing" in broken


def test_a_task_that_failed_for_the_time_being_is_done_later(
    control: Control, function: str
) -> None:
    control.clock.freeze()
    manifest = control.manifest("later")
    job = control.create({"LambdaInvoke": {"FunctionArn": function}}, Manifest=manifest)
    for seconds in (3, 5):
        control.clock.wait_until_idle()
        assert control.describe(job)["Status"] == "Active"
        control.clock.advance(seconds=seconds)
    control.clock.wait_until_idle()
    (row,) = control.report(control.describe(job))["succeeded"]
    assert json.loads(row[6])["seen"] == 3


def test_the_first_schema_names_buckets_by_arn(control: Control, function: str) -> None:
    manifest = control.manifest("k")
    job = control.run({"LambdaInvoke": {"FunctionArn": function}}, Manifest=manifest)
    (row,) = control.report(job)["succeeded"]
    event = json.loads(row[6])["event"]
    assert event["invocationSchemaVersion"] == "1.0"
    assert event["tasks"][0]["s3BucketArn"] == f"arn:aws:s3:::{control.bucket}"


def test_checksums_of_what_is_stored(control: Control) -> None:
    """Of an object in parts also the composite one: the checksum of the parts' own."""
    s3, bucket = control.s3, control.bucket
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    parts: list[dict[str, Any]] = []
    bodies = (b"a" * 5 * 1024**2, b"rest")
    for number, body in enumerate(bodies, 1):
        named = {"Bucket": bucket, "Key": "parts", "UploadId": upload, "PartNumber": number}
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**named, Body=body)["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )

    def computed(kind: str) -> dict[str, Any]:
        wish = {"ChecksumAlgorithm": "SHA256", "ChecksumType": kind}
        job = control.run({"S3ComputeObjectChecksum": wish}, Manifest=control.manifest("parts"))
        (row,) = control.report(job)["succeeded"]
        return json.loads(row[6])

    whole = hashlib.sha256(b"".join(bodies)).digest()
    told = computed("FULL_OBJECT")
    assert told["checksum_base64"] == base64.b64encode(whole).decode()
    assert (told["checksumAlgorithm"], told["checksumType"]) == ("SHA256", "FULL_OBJECT")
    joined = hashlib.sha256(b"".join(hashlib.sha256(body).digest() for body in bodies)).digest()
    told = computed("COMPOSITE")
    assert told["checksum_base64"] == base64.b64encode(joined).decode() + "-2"


def test_locks_lists_and_metadata(control: Control, s3: Any, account: str) -> None:
    name = f"{control.bucket}-lock"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, ObjectOwnership="ObjectWriter")
    version = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    own, control.bucket = control.bucket, name
    manifest = control.manifest("k")
    now = datetime.fromtimestamp(control.clock.now_ms() // 1000, UTC)
    until = now + timedelta(days=2)
    retention = {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": until}}
    report = {"Report": {"Enabled": False}, "Manifest": manifest}
    done = [
        control.run({"S3PutObjectRetention": retention}, **report),
        control.run({"S3PutObjectLegalHold": {"LegalHold": {"Status": "ON"}}}, **report),
        control.run(
            {"S3PutObjectAcl": {"AccessControlPolicy": {"CannedAccessControlList": "private"}}},
            **report,
        ),
    ]
    assert [job["Status"] for job in done] == ["Complete"] * 3, done
    assert [job["ProgressSummary"]["NumberOfTasksFailed"] for job in done] == [0] * 3
    head = s3.head_object(Bucket=name, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    copy = {
        "TargetResource": f"arn:aws:s3:::{own}",
        "MetadataDirective": "REPLACE",
        "NewObjectMetadata": {
            "ContentType": "text/x",
            "UserMetadata": {"a": "b"},
            "HttpExpiresDate": datetime(2030, 1, 1, tzinfo=UTC),
        },
        "StorageClass": "STANDARD_IA",
    }
    body = f"{name},k,{version}\n".encode()
    etag = s3.put_object(Bucket=name, Key="in/manifest.csv", Body=body)["ETag"]
    manifest["Location"]["ETag"] = etag
    manifest["Spec"]["Fields"].append("VersionId")
    s3.put_object(Bucket=name, Key="k", Body=b"2")
    control.run({"S3PutObjectCopy": copy}, **report)
    copied = s3.get_object(Bucket=own, Key="k")
    assert (copied["Body"].read(), copied["ContentType"]) == (b"1", "text/x")
    assert copied["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert (copied["Metadata"], copied["StorageClass"]) == ({"a": "b"}, "STANDARD_IA")


def test_a_manifest_is_generated_kept_and_read_again(control: Control, s3: Any) -> None:
    """What was generated is an inventory report itself: another job can be made of it."""
    bucket = control.bucket
    for key, size in (("a/1.txt", 3), ("a/2.csv", 3), ("a/3.txt", 30), ("b/4.txt", 3)):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    newest = s3.put_object(Bucket=bucket, Key="a/1.txt", Body=b"new")["VersionId"]
    generator = {
        "S3JobManifestGenerator": {
            "SourceBucket": f"arn:aws:s3:::{bucket}",
            "EnableManifestOutput": True,
            "ManifestOutputLocation": {
                "Bucket": f"arn:aws:s3:::{bucket}",
                "ManifestPrefix": "generated",
                "ManifestFormat": "S3InventoryReport_CSV_20211130",
                "ManifestEncryption": {"SSES3": {}},
            },
            "Filter": {
                "KeyNameConstraint": {"MatchAnyPrefix": ["a/"], "MatchAnySuffix": [".txt"]},
                "ObjectSizeLessThanBytes": 30,
                "CreatedAfter": datetime(2020, 1, 1, tzinfo=UTC),
                "MatchAnyStorageClass": ["STANDARD"],
                "ObjectReplicationStatuses": ["NONE"],
                "MatchAnyObjectEncryption": [{"SSES3": {}}],
            },
        }
    }
    tagging = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    job = control.run(tagging, ManifestGenerator=generator)
    assert job["Status"] == "Complete", job
    rows = control.report(job)["succeeded"]
    assert [row[1:3] for row in rows] == [["a/1.txt", newest]]
    assert job["ManifestGenerator"]["S3JobManifestGenerator"]["Filter"]
    location = job["GeneratedManifestDescriptor"]["Location"]
    again = {
        "Spec": {"Format": "S3InventoryReport_CSV_20161130"},
        "Location": {"ObjectArn": location["ObjectArn"], "ETag": location["ETag"]},
    }
    job = control.run({"S3DeleteObjectTagging": {}}, Manifest=again)
    assert [row[1:3] for row in control.report(job)["succeeded"]] == [["a/1.txt", newest]]
    inner = generator["S3JobManifestGenerator"]
    inner["EnableManifestOutput"] = False
    inner["Filter"] = {"ObjectSizeGreaterThanBytes": 1000}
    job = control.run(tagging, ManifestGenerator=generator)
    assert job["Status"] == "Failed"
    assert "no keys" in job["FailureReasons"][0]["FailureReason"]


def test_a_job_whose_tasks_fail_is_ended(control: Control, s3: Any) -> None:
    """As soon as a thousand are done and more than half of them have failed."""
    keys = [f"k{number}" for number in range(1100)]
    report = {"Report": {"Enabled": False}}
    manifest = control.manifest(*keys)
    job = control.run({"S3DeleteObjectTagging": {}}, Manifest=manifest, **report)
    assert job["Status"] == "Failed"
    assert 1000 <= job["ProgressSummary"]["NumberOfTasksFailed"] < 1100
    assert job["FailureReasons"][0]["FailureCode"] == "FailureThresholdExceeded"


def test_the_most_urgent_run_first(control: Control, function: str) -> None:
    """Tasks that wait keep their jobs running: so four run, and a more urgent one pauses the least urgent of them."""
    control.clock.freeze()
    invoke = {"LambdaInvoke": {"FunctionArn": function}}
    manifest = control.manifest("never")
    jobs = [control.create(invoke, Manifest=manifest, Priority=n) for n in (1, 2, 3, 4)]
    control.clock.wait_until_idle()
    assert {control.describe(job)["Status"] for job in jobs} == {"Active"}
    urgent = control.create(invoke, Manifest=manifest, Priority=9)
    control.clock.wait_until_idle()
    assert control.describe(jobs[0])["Status"] == "Pausing"
    assert control.describe(urgent)["Status"] == "Ready"
    control.clock.advance(seconds=3)
    control.clock.wait_until_idle()
    assert control.describe(jobs[0])["Status"] == "Paused"
    assert control.describe(urgent)["Status"] == "Active"
    named = {"AccountId": control.account, "JobId": jobs[0]}
    control.client.update_job_priority(**named, Priority=20)
    for _ in range(8):
        control.clock.advance(seconds=20)
        control.clock.wait_until_idle()
    ended = [control.describe(job) for job in (*jobs, urgent)]
    assert {job["Status"] for job in ended} == {"Complete"}
    assert {job["ProgressSummary"]["NumberOfTasksFailed"] for job in ended} == {1}
