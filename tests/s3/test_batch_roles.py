"""Who may make batch jobs, and as whom they act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow, document, refusal, trust
from s3.batches import Control

TAGGING = {"S3PutObjectTagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
SERVICE = "batchoperations.s3.amazonaws.com"


@pytest.fixture
def role(client: Callable[..., Any], control: Control) -> Callable[..., None]:
    """role(*statements): the jobs' role exists from now on, and may do this."""
    iam = client("iam")

    def make(*statements: Any, service: str = SERVICE) -> None:
        made = iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust(Service=service))
        control.role = made["Role"]["Arn"]
        iam.put_role_policy(RoleName="jobs", PolicyName="p", PolicyDocument=document(*statements))

    return make


def test_a_job_may_what_its_role_may(
    control: Control, role: Callable[..., None], client: Callable[..., Any]
) -> None:
    """Each task is decided by itself: here the role may tag what begins with `a`, and nothing else."""
    bucket = f"arn:aws:s3:::{control.bucket}"
    for key in ("a", "b"):
        control.s3.put_object(Bucket=control.bucket, Key=key)
    role(
        allow("s3:GetObject", f"{bucket}/in/*"),
        allow("s3:PutObject", f"{bucket}/reports/*"),
        allow("s3:PutObjectTagging", f"{bucket}/a*"),
    )
    job = control.run(TAGGING, Manifest=control.manifest("a", "b"))
    assert job["Status"] == "Complete"
    rows = control.report(job)
    assert [row[1] for row in rows["succeeded"]] == ["a"]
    assert [row[1:6] for row in rows["failed"]] == [["b", "", "failed", "403", "AccessDenied"]]
    tags = control.s3.get_object_tagging
    assert tags(Bucket=control.bucket, Key="a")["TagSet"]
    assert not tags(Bucket=control.bucket, Key="b")["TagSet"]
    only_tags = document(allow("s3:PutObjectTagging"))
    client("iam").put_role_policy(RoleName="jobs", PolicyName="p", PolicyDocument=only_tags)
    job = control.run(TAGGING, Manifest=control.manifest("a"))
    assert job["Status"] == "Failed"
    assert job["FailureReasons"][0]["FailureCode"] == "AccessDenied"
    # Without a place for its report a job that was done has failed.
    no_report = document(allow("s3:PutObjectTagging"), allow("s3:GetObject"))
    client("iam").put_role_policy(RoleName="jobs", PolicyName="p", PolicyDocument=no_report)
    job = control.run(TAGGING, Manifest=control.manifest("a"))
    assert (job["Status"], job["ProgressSummary"]["NumberOfTasksSucceeded"]) == ("Failed", 1)
    assert "report" in job["FailureReasons"][0]["FailureReason"]


def test_a_role_that_does_not_trust_batch_operations(
    control: Control, role: Callable[..., None]
) -> None:
    role(allow("s3:*"), service="lambda.amazonaws.com")
    job = control.run(TAGGING, Manifest=control.manifest("a"))
    assert job["Status"] == "Failed"
    assert job["FailureReasons"][0]["FailureCode"] == "AccessDenied"


def test_whoever_makes_a_job_must_be_allowed_to_pass_its_role(
    control: Control, role: Callable[..., None], client: Callable[..., Any], account: str
) -> None:
    role(allow("s3:*"))
    ann = Person(client, account)
    theirs = ann.client("s3control")
    manifest = control.manifest("a")
    own, control.client = control.client, theirs
    ann.may(allow("s3:CreateJob"))
    code, text = refusal(control.create, operation=TAGGING, Manifest=manifest)
    assert code == "AccessDenied"
    assert "iam:PassRole" in text
    passing = allow("iam:PassRole", control.role)
    conditions = {"StringEquals": {"s3:RequestJobOperation": "S3PutObjectTagging"}}
    ann.may(passing, allow("s3:CreateJob", Condition=conditions))
    job = control.create(TAGGING, Manifest=manifest)
    code, _ = refusal(control.create, operation={"S3DeleteObjectTagging": {}}, Manifest=manifest)
    assert code == "AccessDenied"
    tags = [{"Key": "k", "Value": "v"}]
    assert refusal(control.create, operation=TAGGING, Manifest=manifest, Tags=tags)[0] == (
        "AccessDenied"
    )
    named = {"AccountId": account, "JobId": job}
    assert refusal(theirs.describe_job, **named)[0] == "AccessDenied"
    arn = own.describe_job(**named)["Job"]["JobArn"]
    ann.may(allow("s3:DescribeJob", arn))
    assert theirs.describe_job(**named)["Job"]["JobId"] == job
    low = {"NumericLessThan": {"s3:RequestJobPriority": "5"}}
    ann.may(allow("s3:UpdateJobPriority", arn, Condition=low))
    assert refusal(theirs.update_job_priority, **named, Priority=7)[0] == "AccessDenied"
