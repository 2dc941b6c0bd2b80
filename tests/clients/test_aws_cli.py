"""The AWS CLI, from PyPI, unchanged but for AWS_ENDPOINT_URL."""

from __future__ import annotations

import io
import json
import os
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nursery
from persons import Person

Aws = Callable[..., Any]


@pytest.fixture
def aws(endpoint: str, ann: Person, tmp_path: Path) -> Aws:
    """aws("s3", "ls"): what it prints, as JSON where it is."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ann.keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ann.keys["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }

    def run(*words: str, fails: bool = False) -> Any:
        ran = nursery.aws().run(*words, environment=environment, directory=tmp_path)
        assert (ran.returncode != 0) == fails, ran.stderr
        if fails:
            return ran.stderr
        return json.loads(ran.stdout) if ran.stdout.startswith(("{", "[")) else ran.stdout

    return run


def test_objects_travel_through_s3_cp_sync_and_ls(aws: Aws, account: str, tmp_path: Path) -> None:
    """20 MiB goes by multipart upload in the CLI, small files by one PUT."""
    large = os.urandom(20 * 1024 * 1024)
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "large.bin").write_bytes(large)
    (folder / "deep" / "a b.txt").write_text("text")
    bucket = f"s3://cli-{account}"
    aws("s3", "mb", bucket)
    aws("s3", "sync", str(folder), f"{bucket}/f", "--no-progress")
    listed = aws("s3", "ls", f"{bucket}/f/", "--recursive")
    assert "f/deep/a b.txt" in listed
    assert "20971520 f/large.bin" in listed
    aws("s3", "cp", f"{bucket}/f/large.bin", "back.bin", "--no-progress")
    assert (tmp_path / "back.bin").read_bytes() == large
    aws("s3", "rb", bucket, "--force")
    assert f"cli-{account}" not in aws("s3", "ls")


# What `sync` copies and deletes hangs on sizes, times and ETags as they are listed.
def test_sync_leaves_both_sides_equal(aws: Aws, bucket: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "b+c").mkdir(parents=True)
    for name in ("a", "b+c/ä%2F", "b+c/gone", "skipped.log"):
        (here / name).write_text(name)
        os.utime(here / name, (1_000_000_000, 1_000_000_000))  # S3 tells whole seconds
    there = f"s3://{bucket}/there"
    quiet = ("--no-progress", "--exclude", "*.log")
    assert aws("s3", "sync", "here", there, *quiet).count("upload:") == 3
    assert aws("s3", "sync", "here", there, *quiet) == ""
    (here / "b+c/gone").unlink()
    (here / "a").write_text("longer")
    changed = aws("s3", "sync", "here", there, *quiet, "--delete")
    assert (changed.count("upload:"), changed.count("delete:")) == (1, 1)
    aws("s3", "cp", there, f"s3://{bucket}/copied", "--recursive", "--no-progress")
    aws("s3", "sync", f"s3://{bucket}/copied", "back", "--no-progress")
    found = {str(p.relative_to(tmp_path / "back")): p.read_text() for p in files(tmp_path / "back")}
    assert found == {"a": "longer", "b+c/ä%2F": "b+c/ä%2F"}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_objects_are_moved_presigned_and_removed(
    aws: Aws, bucket: str, account: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("text")
    aws("s3", "mv", "a", f"s3://{bucket}/b c", "--no-progress", "--metadata", "note=x")
    assert not (tmp_path / "a").exists()
    aws("s3", "mv", f"s3://{bucket}/b c", f"s3://{bucket}/d", "--no-progress")
    assert aws("s3api", "head-object", "--bucket", bucket, "--key", "d")["Metadata"] == {
        "note": "x"
    }
    url = aws("s3", "presign", f"s3://{bucket}/d", "--expires-in", "60").strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"text"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"))
    aws("s3", "rm", f"s3://{bucket}", "--recursive")
    assert aws("s3", "ls", f"s3://{bucket}") == ""
    aws("s3", "rb", f"s3://{bucket}")
    other = f"s3://other-{account}"
    aws("s3", "mb", other, "--region", "eu-west-1")
    found = aws("s3api", "get-bucket-location", "--bucket", f"other-{account}")
    assert found["LocationConstraint"] == "eu-west-1"
    assert "BucketAlreadyOwnedByYou" in aws("s3", "mb", other, "--region", "eu-west-1", fails=True)
    missing = aws("s3", "cp", f"s3://{bucket}/nothing", "x", fails=True)
    assert "404" in missing or "NoSuchBucket" in missing


def test_a_table_from_creation_to_query(aws: Aws) -> None:
    aws(
        *("dynamodb", "create-table", "--table-name", "table"),
        *("--attribute-definitions", "AttributeName=id,AttributeType=S"),
        *("--key-schema", "AttributeName=id,KeyType=HASH"),
        *("--billing-mode", "PAY_PER_REQUEST"),
    )
    aws("dynamodb", "wait", "table-exists", "--table-name", "table")
    item = {"id": {"S": "a"}, "n": {"N": "1"}}
    aws("dynamodb", "put-item", "--table-name", "table", "--item", json.dumps(item))
    key = json.dumps({"id": {"S": "a"}})
    assert aws("dynamodb", "get-item", "--table-name", "table", "--key", key)["Item"] == item
    again = ("dynamodb", "put-item", "--table-name", "table", "--item", json.dumps(item))
    refused = aws(*again, "--condition-expression", "attribute_not_exists(id)", fails=True)
    assert "ConditionalCheckFailedException" in refused


def test_a_function_runs_and_its_log_is_there(aws: Aws, account: str, tmp_path: Path) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(
            "app.py", "def handler(event, context):\n    print('hi')\n    return event\n"
        )
    (tmp_path / "code.zip").write_bytes(code.getvalue())
    aws(
        *("lambda", "create-function", "--function-name", "f", "--runtime", "python3.11"),
        *("--handler", "app.handler", "--role", f"arn:aws:iam::{account}:role/r"),
        *("--zip-file", "fileb://code.zip"),
    )
    aws("lambda", "wait", "function-active-v2", "--function-name", "f")
    told = aws(
        *("lambda", "invoke", "--function-name", "f", "--payload", '{"a": 1}', "out.json"),
    )
    assert told["StatusCode"] == 200
    assert "FunctionError" not in told
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": 1}
    events = aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/f")["events"]
    assert "hi\n" in [event["message"] for event in events]


def test_identity(aws: Aws, account: str) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == account
    aws("iam", "create-user", "--user-name", "u")
    users = aws("iam", "list-users")["Users"]
    assert [user["UserName"] for user in users] == ["ann", "u"]


def test_a_message_there_and_back(aws: Aws, endpoint: str) -> None:
    """Version 1 of the CLI must be told the address for SQS, as README says."""

    def sqs(*words: str) -> Any:
        return aws("sqs", "--endpoint-url", endpoint, *words)

    url = sqs("create-queue", "--queue-name", "cli")["QueueUrl"]
    sqs("send-message", "--queue-url", url, "--message-body", "hello")
    (message,) = sqs("receive-message", "--queue-url", url, "--wait-time-seconds", "1")["Messages"]
    assert message["Body"] == "hello"
    handle = message["ReceiptHandle"]
    sqs("delete-message", "--queue-url", url, "--receipt-handle", handle)
    sqs("delete-queue", "--queue-url", url)
