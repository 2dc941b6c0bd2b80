"""Server access logs: what may be configured, and what is delivered."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from pilvi.services.s3.rules import names

Refused = Callable[..., dict[str, Any]]
Make = Callable[..., str]

DELIVERY_S = 301


@pytest.fixture
def target(s3: Any, bucket: str, new_bucket: Make, account: str) -> str:
    """A bucket where logs of `bucket` may be put, by the policy that AWS's guide gives."""
    name = new_bucket()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/log*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def _log(s3: Any, bucket: str, target: str, **more: Any) -> None:
    enabled = {"TargetBucket": target, "TargetPrefix": "log", **more}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def _delivered(s3: Any, target: str, clock: Any) -> list[str]:
    clock.advance(seconds=DELIVERY_S)
    clock.wait_until_idle()
    listed = s3.list_objects_v2(Bucket=target).get("Contents", [])
    return [
        line
        for one in listed
        for line in s3.get_object(Bucket=target, Key=one["Key"])["Body"]
        .read()
        .decode()
        .splitlines()
    ]


def test_the_configuration(s3: Any, bucket: str, target: str) -> None:
    """Recorded: test_put_bucket_logging, test_put_bucket_logging_accept_wrong_grants."""
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    logs = {"URI": "http://acs.amazonaws.com/groups/s3/LogDelivery", "Type": "Group"}
    grants = [{"Grantee": logs, "Permission": "WRITE"}]
    _log(s3, bucket, target, TargetGrants=grants)
    told = s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    assert told == {"TargetBucket": target, "TargetPrefix": "log", "TargetGrants": grants}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_targets_that_are_none(
    s3: Any, bucket: str, client: Callable[..., Any], account: str, refused: Refused
) -> None:
    """Recorded: test_put_bucket_logging_wrong_target, test_put_bucket_logging_cross_locations."""

    def refused_for(code: str, source: str, target: str, by: Any = s3) -> dict[str, Any]:
        enabled = {"TargetBucket": target, "TargetPrefix": "log"}
        status = {"LoggingEnabled": enabled}
        return refused(code, by.put_bucket_logging, Bucket=source, BucketLoggingStatus=status)

    error = refused_for("InvalidTargetBucketForLogging", bucket, f"{bucket}-none")
    assert error["TargetBucket"] == f"{bucket}-none"
    assert error["Message"] == "The target bucket for logging does not exist"
    made = []
    for region in ("eu-west-1", "us-west-2"):
        made.append(f"{bucket}-{region}")
        there = client("s3", region_name=region)
        there.create_bucket(
            Bucket=made[-1], CreateBucketConfiguration={"LocationConstraint": region}
        )
    error = refused_for("CrossLocationLoggingProhibitted", bucket, made[0])
    assert error["Message"] == "Cross S3 location logging not allowed. "
    assert error["TargetBucketLocation"] == "eu-west-1"
    assert "SourceBucketLocation" not in error
    error = refused_for("CrossLocationLoggingProhibitted", made[1], made[0])
    assert (error["SourceBucketLocation"], error["status"]) == ("us-west-2", 403)
    theirs = f"{bucket}-theirs"
    client("s3", account="000000000777").create_bucket(Bucket=theirs)
    refused_for("InvalidTargetBucketForLogging", bucket, theirs)


def test_requests_are_logged(
    s3: Any, bucket: str, target: str, account: str, endpoint: str, clock: Any
) -> None:
    """Each request on the bucket is a line, refusals too, and nothing that a client writes makes two of one."""
    clock.freeze()
    _log(s3, bucket, target)
    put = s3.put_object(Bucket=bucket, Key="a b", Body=b"12345")
    assert s3.get_object(Bucket=bucket, Key="a b", Range="bytes=1-2")["Body"].read() == b"23"
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    connection.request("GET", f"/{bucket}/a%20b", headers={"User-Agent": 'x" "y\tz'})
    assert connection.getresponse().status == 403
    connection.close()
    s3.list_objects_v2(Bucket=bucket)
    s3.head_bucket(Bucket=target)  # not the one that is logged
    lines = _delivered(s3, target, clock)
    owner = names.canonical_id(account)
    assert all(line.startswith(f"{owner} {bucket} [") for line in lines)
    shown = [line.partition("] ")[2].split(" ") for line in lines]
    operations = [fields[3] for fields in shown]
    assert operations == [
        "REST.PUT.LOGGING_STATUS",
        "REST.PUT.OBJECT",
        "REST.GET.OBJECT",
        "REST.GET.OBJECT",
        "REST.GET.BUCKET",
    ]
    written, read, denied = shown[1:4]
    assert written[1:5] == [owner, put["ResponseMetadata"]["RequestId"], "REST.PUT.OBJECT", "a%20b"]
    assert written[5:8] == ['"PUT', f"/{bucket}/a%20b", 'HTTP/1.1"']
    assert read[8:12] == ["206", "-", "2", "5"]
    assert denied[1] == "-"
    assert denied[8:10] == ["403", "AccessDenied"]
    assert "AuthHeader" in read
    assert "AuthHeader" not in denied
    assert 'x%22 %22y%09z"' in lines[3]
    assert all(line.count('"') % 2 == 0 for line in lines)
    kept = s3.list_objects_v2(Bucket=target)["Contents"]
    assert len(kept) == 1
    assert kept[0]["Key"].startswith("log2")
    s3.list_objects_v2(Bucket=bucket)
    assert len(_delivered(s3, target, clock)) == len(lines) + 1


def test_where_logs_may_not_be_put_there_are_none(
    s3: Any, bucket: str, target: str, new_bucket: Make, clock: Any
) -> None:
    """Neither in a bucket that does not say so, nor where it says so of another one's logs."""
    clock.freeze()
    closed = new_bucket()
    _log(s3, bucket, closed)
    s3.list_objects_v2(Bucket=bucket)
    assert _delivered(s3, closed, clock) == []
    other = new_bucket()
    _log(s3, other, target)
    s3.list_objects_v2(Bucket=other)
    assert _delivered(s3, target, clock) == []
    _log(s3, bucket, target)
    assert len(_delivered(s3, target, clock)) == 1


def test_a_list_may_let_logs_in(s3: Any, bucket: str, new_bucket: Make, clock: Any) -> None:
    """The old way: the target's list grants the log delivery group to write."""
    clock.freeze()
    target = new_bucket()
    s3.put_bucket_ownership_controls(
        Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    form = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    _log(s3, bucket, target, TargetObjectKeyFormat=form)
    assert len(_delivered(s3, target, clock)) == 1
    key = s3.list_objects_v2(Bucket=target)["Contents"][0]["Key"]
    assert f"/us-east-1/{bucket}/" in key


def test_no_line_lets_its_reader_send_a_request_again(
    client: Callable[..., Any], s3: Any, bucket: str, target: str, clock: Any
) -> None:
    _log(s3, bucket, target)
    signer = client("s3", signature_version="s3v4")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}&x-amz-security-token=token")
    connection.getresponse().read()
    connection.close()
    (line,) = [one for one in _delivered(s3, target, clock) if "X-Amz-Credential" in one]
    assert line.count("=REDACTED") == 2
    assert parts.query.partition("X-Amz-Signature=")[2] not in line
    assert "token=token" not in line
