"""Every blob has as many references as records that name it, whatever was done; none is left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pilvi.services.s3 import s3 as _service
from pilvi.store.check import check
from pilvi.store.keys import span

MIN = 5 * 1024 * 1024


def test_no_blob_is_lost_and_none_is_left(own_server: Callable[..., Any]) -> None:
    assert _service.operations, "its records tell `check` which blobs they name"
    server = own_server()
    s3 = server.client("s3", "000000000001")
    s3.create_bucket(Bucket="first")
    s3.create_bucket(Bucket="second")

    def upload(key: str, *parts: bytes) -> tuple[dict[str, str], list[dict[str, Any]]]:
        to = {"Bucket": "first", "Key": key}
        to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]
        sent = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part(**to, PartNumber=number, Body=part)["ETag"],
            }
            for number, part in enumerate(parts, 1)
        ]
        return to, sent

    for size in (10, 100_000):
        for key in ("a", "b", "c"):
            s3.put_object(Bucket="first", Key=f"{key}{size}", Body=bytes(size))
        s3.put_object(Bucket="first", Key=f"a{size}", Body=bytes(size))  # replaces
        s3.copy_object(Bucket="second", Key=f"copy{size}", CopySource=f"first/a{size}")
        s3.copy_object(
            Bucket="first", Key=f"b{size}", CopySource=f"first/b{size}", MetadataDirective="REPLACE"
        )
        s3.delete_object(Bucket="first", Key=f"c{size}")
    to, sent = upload("whole", bytes(MIN), b"end", b"not named")
    s3.upload_part(**to, PartNumber=2, Body=b"again")
    sent[1] = {
        "PartNumber": 2,
        "ETag": s3.upload_part_copy(**to, PartNumber=2, CopySource="first/a100000")[
            "CopyPartResult"
        ]["ETag"],
    }
    s3.complete_multipart_upload(**to, MultipartUpload={"Parts": sent[:2]})
    s3.copy_object(Bucket="second", Key="whole", CopySource="first/whole")
    s3.copy_object(Bucket="second", Key="whole2", CopySource="second/whole")
    s3.delete_object(Bucket="second", Key="whole")
    upload("open", b"x", bytes(100_000))
    aborted, _ = upload("aborted", b"x", bytes(100_000))
    s3.abort_multipart_upload(**aborted)
    assert server.stop() == 0
    assert [one for one in check(server.data) if one.severity == "damage"] == []

    server.start()
    s3 = server.client("s3", "000000000001")
    for bucket in ("first", "second"):
        for one in s3.list_objects_v2(Bucket=bucket)["Contents"]:
            s3.delete_object(Bucket=bucket, Key=one["Key"])
        s3.delete_bucket(Bucket=bucket)
    assert server.stop() == 0
    assert [one for one in check(server.data) if one.severity == "damage"] == []
    assert _records_of(server.data, "000000000001") == 0
    assert not [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


def _records_of(data: Path, account: str) -> int:
    """All that lies under an account: what buckets leave behind would never be seen again."""
    with sqlite3.connect(data / "pilvi.db") as database:
        query = "SELECT count(*) FROM kv WHERE key >= ? AND key < ?"
        return database.execute(query, span((account,))).fetchone()[0]
