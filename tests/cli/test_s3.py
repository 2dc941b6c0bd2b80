"""`pilvi s3`, as a person would type it: what will go, make it go now, and what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nursery
from servers import Server

ACCOUNT = "000000000000"


def pilvi(server: Server, *words: str, fails: bool = False) -> str:
    """What it says on standard output; on standard error when it fails."""
    ran = nursery.pilvi().run("s3", *words, "--data", str(server.data))
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr if fails else ran.stdout


def asked(server: Server, *words: str) -> Any:
    return json.loads(pilvi(server, *words, "--json"))


def put(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    made = [
        {"ID": f"r{n}", "Status": "Enabled", "Filter": {}, **rule} for n, rule in enumerate(rules)
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": made})


def test_what_would_happen_and_making_it_happen(own_server: Callable[..., Server]) -> None:
    """A dry run of several pages tells the rule and the night, changes nothing, and is what then happens."""
    server = own_server("--durability", "relaxed")
    s3 = server.client("s3", ACCOUNT)
    s3.create_bucket(Bucket="logs")
    assert "no lifecycle rules" in pilvi(server, "lifecycle", "logs", "--dry-run", fails=True)
    assert "does not exist" in pilvi(server, "lifecycle", "nope", fails=True)
    s3.put_bucket_versioning(Bucket="logs", VersioningConfiguration={"Status": "Enabled"})
    server.ask("POST", "/_pilvi/clock", {"action": "freeze", "at_ms": 1_800_000_000_000})
    put(
        s3,
        "logs",
        {"Expiration": {"Days": 1}, "Filter": {"Prefix": "a/"}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {
            "Transitions": [{"Days": 9, "StorageClass": "GLACIER"}],
            "Filter": {"ObjectSizeGreaterThan": 1},
        },
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    )
    for n in range(255):
        s3.put_object(Bucket="logs", Key=f"a/{n:04d}", Body=b"1")
    s3.put_object(Bucket="logs", Key="b", Body=b"1")
    s3.put_object(Bucket="logs", Key="b", Body=b"22")
    s3.create_multipart_upload(Bucket="logs", Key="m")

    told = asked(server, "lifecycle", "logs", "--dry-run")
    assert told["examined"] == 258
    whats = [(one["what"], one["rule"], one["due"]) for one in told["entries"]]
    assert whats[:255] == [("mark", "r0", False)] * 255
    assert whats[255:] == [
        ("transition", "r2", False),
        ("delete", "r1", False),
        ("abort", "r3", False),
    ]
    assert pilvi(server, "lifecycle", "logs", "--dry-run", "--due").count("\n") == 1
    lines = pilvi(server, "lifecycle", "logs", "--dry-run").splitlines()
    assert lines[0] == "2027-01-17 00:00  delete marker          a/0000  by r0"
    assert lines[255] == "2027-01-25 00:00  -> GLACIER             b  by r2"
    assert lines[258] == "258 versions and uploads examined; nothing was done."
    assert "they have not run yet" in pilvi(server, "lifecycle", "logs")

    server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 3 * 86_400_000})
    server.ask("POST", "/_pilvi/idle", {"timeout_s": 30})
    put(s3, "logs", {"Expiration": {"Days": 1}})
    run = asked(server, "lifecycle", "logs", "--now")["run"]
    assert (run["examined"], run["markers"]) == (2 * 255 + 1, 1)
    assert "1 delete markers made" in pilvi(server, "lifecycle", "logs")


def test_what_buckets_take_up(own_server: Callable[..., Server]) -> None:
    server = own_server("--durability", "relaxed")
    s3 = server.client("s3", ACCOUNT)
    for name in ("one", "two"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket="one", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="one", Key="a/1", Body=b"x" * 2048)
    s3.put_object(Bucket="one", Key="a/1", Body=b"x" * 1024)
    s3.put_object(Bucket="one", Key="b", Body=b"x", StorageClass="GLACIER")
    s3.delete_object(Bucket="one", Key="b")
    upload = s3.create_multipart_upload(Bucket="one", Key="a/2")["UploadId"]
    s3.upload_part(Bucket="one", Key="a/2", UploadId=upload, PartNumber=1, Body=b"12345")
    told = asked(server, "du", "one")
    assert told["classes"] == {
        "GLACIER": {"noncurrent": 1, "noncurrent_bytes": 1},
        "STANDARD": {
            "objects": 1,
            "objects_bytes": 1024,
            "noncurrent": 1,
            "noncurrent_bytes": 2048,
        },
    }
    counts = ("objects", "bytes", "markers", "uploads", "parts", "parts_bytes")
    assert [told[name] for name in counts] == [1, 3078, 1, 1, 1, 5]
    assert asked(server, "du", "one/b")["bytes"] == 1
    text = pilvi(server, "du", "one/a/")
    assert "1.0 KiB             1 objects              STANDARD" in text
    assert text.splitlines()[-1].split() == ["3.0", "KiB", "in", "all:", "one/a/"]
    assert [one["bucket"] for one in asked(server, "du")] == ["one", "two"]
    assert "in 2 buckets" in pilvi(server, "du")
