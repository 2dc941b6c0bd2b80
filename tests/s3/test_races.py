"""Many clients at once, in one process and in two that share the data: conditions are decided in the transaction.

Afterwards nothing is damaged, and no body is left that nobody names.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pilvi.store.check import check
from servers import Server

ACCOUNT = "000000000001"
MIB = 1024 * 1024
WRITERS = 50


class Races:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.s3: Any = server.client("s3", ACCOUNT, max_pool_connections=WRITERS)
        self._buckets = 0

    def bucket(self) -> str:
        self._buckets += 1
        name = f"race-{self._buckets}"
        self.s3.create_bucket(Bucket=name)
        return name

    def clear(self) -> None:
        """Delete all that there is."""
        for bucket in self.s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            for one in self.s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
                to = {"Bucket": name, "Key": one["Key"], "UploadId": one["UploadId"]}
                self.s3.abort_multipart_upload(**to)
            for one in self.s3.list_objects_v2(Bucket=name).get("Contents", []):
                self.s3.delete_object(Bucket=name, Key=one["Key"])
            self.s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def races(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Races]:
    data = tmp_path_factory.mktemp("races") / "data"
    server = Server(data, "--workers", str(request.param)).start()
    found = Races(server)
    yield found
    found.clear()
    assert server.stop() == 0
    assert [one for one in check(data) if one.severity == "damage"] == []
    assert [one for one in (data / "blobs").rglob("*") if one.is_file()] == []


def at_once(act: Callable[[int], Any], count: int) -> Counter[str]:
    """How many of so many calls at the same moment were answered "done", and with which errors the others."""
    ready = Barrier(count)

    def run(number: int) -> str:
        ready.wait()
        try:
            act(number)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(run, range(count)))


def upload(s3: Any, bucket: str, key: str, body: bytes) -> dict[str, Any]:
    """What completes an upload of one part."""
    to = {"Bucket": bucket, "Key": key}
    to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]
    etag = s3.upload_part(**to, PartNumber=1, Body=body)["ETag"]
    return {**to, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}


@pytest.mark.parametrize("how", ["put", "put a file", "complete", "copy"])
def test_one_of_fifty_creates(races: Races, how: str) -> None:
    """If-None-Match: *. What stands there is the winner's, and none of the others' bodies stays."""
    s3, bucket = races.s3, races.bucket()
    size = 100_000 if how == "put a file" else 10
    bodies = [os.urandom(8).hex().encode() * (size // 10) for _ in range(WRITERS)]
    won: list[int] = []
    to = {"Bucket": bucket, "Key": "lock", "IfNoneMatch": "*"}
    if how == "complete":
        with ThreadPoolExecutor(8) as pool:
            ready = list(pool.map(lambda body: upload(s3, bucket, "lock", body), bodies))
    if how == "copy":
        for number, body in enumerate(bodies):
            s3.put_object(Bucket=bucket, Key=f"source{number}", Body=body)

    def create(number: int) -> None:
        if how == "complete":
            s3.complete_multipart_upload(**ready[number], IfNoneMatch="*")
        elif how == "copy":
            s3.copy_object(**to, CopySource={"Bucket": bucket, "Key": f"source{number}"})
        else:
            s3.put_object(**to, Body=bodies[number])
        won.append(number)

    outcomes = at_once(create, WRITERS)
    assert outcomes.pop("done") == 1
    assert outcomes.keys() <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert s3.get_object(Bucket=bucket, Key="lock")["Body"].read() == bodies[won[0]]


@pytest.mark.parametrize("how", ["put", "complete", "copy", "delete"])
def test_one_of_many_replaces_what_it_knows(races: Races, how: str) -> None:
    """If-Match with the same entity tag."""
    s3, bucket = races.s3, races.bucket()
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    to = {"Bucket": bucket, "Key": "k", "IfMatch": etag}
    s3.put_object(Bucket=bucket, Key="source", Body=b"copied")
    if how == "complete":
        ready = [upload(s3, bucket, "k", b"part") for _ in range(12)]

    def replace(number: int) -> None:
        if how == "complete":
            s3.complete_multipart_upload(**ready[number], IfMatch=etag)
        elif how == "copy":
            s3.copy_object(**to, CopySource={"Bucket": bucket, "Key": "source"})
        elif how == "delete":
            s3.delete_object(**to)
        else:
            s3.put_object(**to, Body=b"%d" % number)

    outcomes = at_once(replace, 12)
    assert outcomes.pop("done") == 1
    assert outcomes.keys() <= {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


def test_no_increment_is_lost(races: Races) -> None:
    """A number in an object, read and written on the condition that nobody else did: as state locks do."""
    s3, bucket = races.s3, races.bucket()
    s3.put_object(Bucket=bucket, Key="n", Body=b"0")

    def increment(_: int) -> None:
        for _ in range(5):
            while True:
                found = s3.get_object(Bucket=bucket, Key="n")
                text = b"%d" % (int(found["Body"].read()) + 1)
                try:
                    s3.put_object(Bucket=bucket, Key="n", Body=text, IfMatch=found["ETag"])
                    break
                except ClientError as error:
                    if error.response["Error"]["Code"] != "PreconditionFailed":
                        raise

    assert at_once(increment, 6) == {"done": 6}
    assert s3.get_object(Bucket=bucket, Key="n")["Body"].read() == b"30"


def test_an_upload_completes_once(races: Races) -> None:
    s3, bucket = races.s3, races.bucket()
    ready = upload(s3, bucket, "k", b"x" * 200_000)
    outcomes = at_once(lambda _: s3.complete_multipart_upload(**ready), 10)
    assert outcomes == {"done": 1, "NoSuchUpload": 9}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 200_000


def test_an_upload_is_completed_or_aborted(races: Races) -> None:
    """Never both, and never by half."""
    s3, bucket = races.s3, races.bucket()
    acts = (s3.complete_multipart_upload, s3.abort_multipart_upload)
    for number in range(6):
        ready = upload(s3, bucket, f"k{number}", b"x" * 100_000)
        to = {name: ready[name] for name in ("Bucket", "Key", "UploadId")}
        outcomes = at_once(lambda n, ready=ready, to=to: acts[n](**(to if n else ready)), 2)
        assert outcomes == {"done": 1, "NoSuchUpload": 1}
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    for one in found:
        body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        assert body == b"x" * 100_000
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_an_abort_during_uploads_leaves_nothing(races: Races) -> None:
    """Parts that arrive meanwhile are refused; the end of the module looks for their bodies."""
    s3, bucket = races.s3, races.bucket()
    to = {"Bucket": bucket, "Key": "k"}
    to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]

    def act(number: int) -> None:
        if number == 0:
            s3.abort_multipart_upload(**to)
        else:
            s3.upload_part(**to, PartNumber=number, Body=b"x" * (number * 40_000))

    outcomes = at_once(act, 12)
    assert outcomes["done"] >= 1
    assert outcomes.keys() <= {"done", "NoSuchUpload"}
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(**to)


@pytest.mark.parametrize("how", ["delete", "replace"])
def test_a_read_outlives_the_deletion(races: Races, how: str) -> None:
    """Whoever has begun to read gets all of it."""
    s3, bucket = races.s3, races.bucket()
    data = os.urandom(16 * MIB)  # more than buffers on the way take
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    readers = [s3.get_object(Bucket=bucket, Key="k")["Body"] for _ in range(3)]
    beginnings = [reader.read(10) for reader in readers]
    if how == "delete":
        s3.delete_object(Bucket=bucket, Key="k")
    else:
        s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    for beginning, reader in zip(beginnings, readers, strict=True):
        assert beginning + reader.read() == data


def test_reading_while_it_changes(races: Races) -> None:
    """Each read is one of the bodies that were written, whole, or says that there is none."""
    s3, bucket = races.s3, races.bucket()
    bodies = {bytes([number]) * size for number, size in enumerate((10, 70_000, 300_000))}

    def act(number: int) -> None:
        for body in list(bodies) * 4:
            if number < 2:
                s3.put_object(Bucket=bucket, Key="k", Body=body)
            elif number == 2:
                s3.delete_object(Bucket=bucket, Key="k")
            else:
                try:
                    found = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
                except s3.exceptions.NoSuchKey:
                    continue
                assert found in bodies

    assert at_once(act, 6) == {"done": 6}
