"""boto3's transfer manager: many threads, parts both ways, checksums; and what is built on conditional writes."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from persons import Person

MIB = 1024 * 1024
LARGE = os.urandom(21 * MIB + 5)
BY_PARTS = TransferConfig(
    multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=8
)


# Parts arrive in any order, over many connections; what comes back is checked by boto3 against the checksum.
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_large_files_travel_in_parts(
    ann: Person, bucket: str, tmp_path: Path, algorithm: str
) -> None:
    s3 = ann.client("s3")
    (tmp_path / "large").write_bytes(LARGE)
    given = {"ChecksumAlgorithm": algorithm, "Metadata": {"note": "a b"}, "ContentType": "x/y"}
    s3.upload_file(str(tmp_path / "large"), bucket, "large", ExtraArgs=given, Config=BY_PARTS)
    told = s3.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert told["ETag"].endswith('-5"')
    assert (told["ContentType"], told["Metadata"]) == ("x/y", {"note": "a b"})
    composite = algorithm != "CRC64NVME"
    assert told["ChecksumType"] == ("COMPOSITE" if composite else "FULL_OBJECT")
    assert told[f"Checksum{algorithm}"].endswith("-5") == composite
    s3.download_file(bucket, "large", str(tmp_path / "back"), Config=BY_PARTS)
    assert (tmp_path / "back").read_bytes() == LARGE


def test_a_stream_is_put_copied_in_parts_and_read_back(ann: Person, bucket: str) -> None:
    s3 = ann.client("s3")
    s3.upload_fileobj(io.BytesIO(LARGE), bucket, "a", Config=BY_PARTS)
    s3.copy({"Bucket": bucket, "Key": "a"}, bucket, "b", Config=BY_PARTS)
    assert s3.head_object(Bucket=bucket, Key="b")["ETag"].endswith('-5"')
    back = io.BytesIO()
    s3.download_fileobj(bucket, "b", back, Config=BY_PARTS)
    assert back.getvalue() == LARGE
    pieces = s3.get_object(Bucket=bucket, Key="b")["Body"].iter_chunks(MIB)
    assert b"".join(pieces) == LARGE


class Lock:
    """As Terraform locks its state (`use_lockfile`): a file beside it that only one can create."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._at = {"Bucket": bucket, "Key": "env/terraform.tfstate.tflock"}

    def take(self, who: str) -> bool:
        try:
            self._s3.put_object(**self._at, Body=who.encode(), IfNoneMatch="*")
        except ClientError as refused:
            error: Any = refused.response["Error"]
            assert error["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"), error
            return False
        return True

    def holder(self) -> str:
        return self._s3.get_object(**self._at)["Body"].read().decode()

    def release(self) -> None:
        self._s3.delete_object(**self._at)


def test_a_state_is_locked_by_one_at_a_time(ann: Person, bucket: str) -> None:
    s3 = ann.client("s3", max_pool_connections=16)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lock = Lock(s3, bucket)
    for _ in range(3):
        names = [f"runner {number}" for number in range(16)]
        with ThreadPoolExecutor(16) as threads:
            taken = list(threads.map(lock.take, names))
        assert taken.count(True) == 1
        assert lock.holder() == names[taken.index(True)]
        lock.release()
