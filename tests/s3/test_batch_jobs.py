"""Batch jobs: one operation on each object of a manifest, as the job's role, and the report of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from s3.batches import Control

Refused = Callable[..., dict[str, Any]]


def test_a_copy_job_from_its_manifest_to_its_report(control: Control, s3: Any) -> None:
    """Keys are URL-encoded in the manifest and in the report. A task that fails is told, and fails no other."""
    for key in ("a b/ä.txt", "plain"):
        s3.put_object(Bucket=control.bucket, Key=key, Body=key.encode(), Metadata={"m": "1"})
    copy = {
        "TargetResource": f"arn:aws:s3:::{control.bucket}",
        "TargetKeyPrefix": "copied",
        "NewObjectTagging": [{"Key": "k", "Value": "v w"}],
    }
    manifest = control.manifest("a+b/%C3%A4.txt", "plain", "missing")
    job = control.run({"S3PutObjectCopy": copy}, Manifest=manifest, Description="some words")
    assert job["Status"] == "Complete", job
    progress = job["ProgressSummary"]
    assert progress["TotalNumberOfTasks"] == 3
    assert (progress["NumberOfTasksSucceeded"], progress["NumberOfTasksFailed"]) == (2, 1)
    assert job["Operation"]["S3PutObjectCopy"]["TargetKeyPrefix"] == "copied"
    assert job["Manifest"]["Spec"]["Fields"] == ["Bucket", "Key"]
    assert job["TerminationDate"] >= job["CreationTime"]
    copied = s3.get_object(Bucket=control.bucket, Key="copied/a b/ä.txt")
    assert (copied["Body"].read().decode(), copied["Metadata"]) == ("a b/ä.txt", {"m": "1"})
    tags = s3.get_object_tagging(Bucket=control.bucket, Key="copied/plain")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v w"}]
    rows = control.report(job)
    assert rows["succeeded"] == [
        [control.bucket, "a+b/%C3%A4.txt", "", "succeeded", "200", "", "Successful"],
        [control.bucket, "plain", "", "succeeded", "200", "", "Successful"],
    ]
    (failed,) = rows["failed"]
    assert failed[1:6] == ["missing", "", "failed", "404", "NoSuchKey"]


def test_a_job_that_waits_for_its_confirmation(control: Control, refused: Refused) -> None:
    control.s3.put_object(Bucket=control.bucket, Key="k")
    tagging = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    manifest = control.manifest("k")
    job = control.create(tagging, Manifest=manifest, ConfirmationRequired=True)
    control.clock.wait_until_idle()
    told = control.describe(job)
    assert (told["Status"], told["SuspendedCause"]) == ("Suspended", "AWAITING_CONFIRMATION")
    assert told["ProgressSummary"]["TotalNumberOfTasks"] == 1
    client, named = control.client, {"AccountId": control.account, "JobId": job}
    answer = client.update_job_status(**named, RequestedJobStatus="Ready")
    assert answer["Status"] == "Active"
    control.clock.wait_until_idle()
    assert control.describe(job)["Status"] == "Complete"
    assert control.s3.get_object_tagging(Bucket=control.bucket, Key="k")["TagSet"]
    refused("JobStatusException", client.update_job_status, **named, RequestedJobStatus="Ready")
    refused("JobStatusException", client.update_job_status, **named, RequestedJobStatus="Cancelled")
    refused("InvalidRequest", client.update_job_priority, **named, Priority=1)
    waiting = control.create(tagging, Manifest=manifest, ConfirmationRequired=True)
    control.clock.wait_until_idle()
    named["JobId"] = waiting
    client.update_job_status(
        **named, RequestedJobStatus="Cancelled", StatusUpdateReason="not needed"
    )
    control.clock.wait_until_idle()
    told = control.describe(waiting)
    assert (told["Status"], told["StatusUpdateReason"]) == ("Cancelled", "not needed")


def test_a_token_makes_one_job(control: Control, refused: Refused) -> None:
    manifest = control.manifest("k")
    one = control.create({"S3DeleteObjectTagging": {}}, Manifest=manifest, ClientRequestToken="t")
    two = control.create({"S3DeleteObjectTagging": {}}, Manifest=manifest, ClientRequestToken="t")
    assert one == two
    other = {"Manifest": manifest, "ClientRequestToken": "t", "Priority": 11}
    refused("IdempotencyException", control.create, {"S3DeleteObjectTagging": {}}, **other)


def test_tags_lists_and_what_is_not_there(control: Control, refused: Refused) -> None:
    client, account = control.client, control.account
    tags = [{"Key": "team", "Value": "x"}]
    manifest = control.manifest("k")
    first = control.create({"S3DeleteObjectTagging": {}}, Manifest=manifest, Tags=tags)
    control.clock.freeze()
    control.clock.advance(seconds=1)
    second = control.create({"S3DeleteObjectTagging": {}}, Manifest=manifest)
    control.clock.wait_until_idle()
    named = {"AccountId": account, "JobId": first}
    assert client.get_job_tagging(**named)["Tags"] == tags
    client.put_job_tagging(**named, Tags=[{"Key": "b", "Value": ""}])
    assert client.get_job_tagging(**named)["Tags"] == [{"Key": "b", "Value": ""}]
    client.delete_job_tagging(**named)
    assert client.get_job_tagging(**named)["Tags"] == []
    page = client.list_jobs(AccountId=account, MaxResults=1)
    assert [one["JobId"] for one in page["Jobs"]] == [second]
    assert page["Jobs"][0]["Operation"] == "S3DeleteObjectTagging"
    rest = client.list_jobs(AccountId=account, NextToken=page["NextToken"])
    assert [one["JobId"] for one in rest["Jobs"]] == [first]
    assert client.list_jobs(AccountId=account, JobStatuses=["Suspended"])["Jobs"] == []
    missing = {"AccountId": account, "JobId": "00000000-0000-0000-0000-000000000000"}
    error = refused("NoSuchJob", client.describe_job, **missing)
    assert error["status"] == 404
    refused("InvalidNextTokenException", client.list_jobs, AccountId=account, NextToken="x")
    refused("AccessDenied", client.list_jobs, AccountId="000000000778")
    # Records go ninety days after a job's end.
    control.clock.advance(seconds=91 * 24 * 3600)
    control.clock.wait_until_idle()
    refused("NoSuchJob", client.describe_job, **named)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Operation": {}}, "InvalidRequest"),
        ({"Manifest": None}, "InvalidRequest"),
        (
            {"Operation": {"S3UpdateObjectEncryption": {"ObjectEncryption": {}}}},
            "NotImplemented",
        ),
        (
            {
                "Operation": {
                    "S3PutObjectCopy": {
                        "TargetResource": "arn:aws:s3:::some-bucket",
                        "ObjectLockEventHold": "ON",
                    }
                }
            },
            "NotImplemented",
        ),
        (
            {"Operation": {"S3PutObjectRetention": {"Retention": {"EventHold": "ON"}}}},
            "NotImplemented",
        ),
        ({"Operation": {"LambdaInvoke": {"FunctionArn": "no-arn"}}}, "InvalidRequest"),
        ({"RoleArn": "arn:aws:iam::000000000778:role/r"}, "InvalidRequest"),
        ({"Report": {"Enabled": True}}, "InvalidRequest"),
    ],
)
def test_what_no_job_can_be_made_of(
    control: Control, refused: Refused, change: dict[str, Any], code: str
) -> None:
    request = {"Manifest": control.manifest("k"), **change}
    request = {name: value for name, value in request.items() if value is not None}
    operation = request.pop("Operation", {"S3DeleteObjectTagging": {}})
    refused(code, control.create, operation, **request)


def test_a_manifest_that_was_changed_or_is_none_fails_the_job(control: Control) -> None:
    manifest = control.manifest("k")
    control.s3.put_object(Bucket=control.bucket, Key="in/manifest.csv", Body=b"another")
    job = control.run({"S3DeleteObjectTagging": {}}, Manifest=manifest)
    assert job["Status"] == "Failed"
    assert job["FailureReasons"][0]["FailureCode"] == "ManifestChanged"
    manifest = control.manifest("k,too,many")
    job = control.run({"S3DeleteObjectTagging": {}}, Manifest=manifest)
    assert job["FailureReasons"][0]["FailureCode"] == "InvalidManifest"


def test_a_long_manifest_is_read_in_several_steps(control: Control) -> None:
    """Each begins at the byte behind the last line of the one before: no line is lost, none is read twice."""
    keys = [f"key-{number}" for number in range(50_700)]
    manifest = control.manifest(*keys)
    job = control.create(
        {"S3DeleteObjectTagging": {}}, Manifest=manifest, ConfirmationRequired=True
    )
    control.clock.wait_until_idle()
    told = control.describe(job)
    assert told["Status"] == "Suspended"
    assert told["ProgressSummary"]["TotalNumberOfTasks"] == len(keys)
    named = {"AccountId": control.account, "JobId": job}
    control.client.update_job_status(**named, RequestedJobStatus="Cancelled")
