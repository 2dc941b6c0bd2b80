"""Scrubbing: rot, missing files, orphans and wrong counts are found, whatever interrupts it, and named by their owners.

Damage is planted in the files and in the database, as a failing disk would.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

import nursery
from pilvi.store.keys import pack
from servers import Server

ACCOUNT = "000000000001"
BUCKET = "scrubbed"
MIB = 1024 * 1024
LARGE = bytes(range(256)) * (3 * MIB // 256)


def scrubbed(data: Path, *options: str, status: int) -> dict[str, Any]:
    """What `pilvi scrub` finds."""
    done = nursery.pilvi().run("scrub", "--json", "--data", str(data), *options)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def owners(told: dict[str, Any]) -> dict[str, str]:
    """Of each damaged object: what is wrong with it."""
    return {
        owner["what"]: damage["what"]
        for damage in told["latest"]["damaged"]
        for owner in damage["owners"]
    }


def files(data: Path) -> dict[str, Path]:
    return {path.name: path for path in (data / "blobs").rglob("*") if path.is_file()}


def rot(path: Path, at: int = 2 * MIB + 5) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ 1]))


def edit(data: Path, statement: str, *bindings: bytes) -> None:
    connection = apsw.Connection(str(data / "pilvi.db"))
    connection.execute(statement, bindings)
    assert connection.changes() == 1
    connection.close()


def inline_row(data: Path, near: bytes) -> tuple[bytes, bytes]:
    """The key and value of the row of the only body in the store."""
    connection = apsw.Connection(str(data / "pilvi.db"))
    low, high = pack(("blobs", "b")), pack(("blobs", "b")) + b"\xff"
    rows = connection.execute("SELECT key, value FROM kv WHERE key >= ? AND key < ?", (low, high))
    found = [(bytes(k), bytes(v)) for k, v in rows if len(v) > len(near) and v[1] == 1]
    connection.close()
    assert len(found) == 1
    return found[0]


class Filled:
    """A server with objects of every kind; `new_file(act)` gives the file that an act made."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.s3 = server.client("s3", ACCOUNT)
        self.s3.create_bucket(Bucket=BUCKET)

    def new_file(self, act: Callable[[], Any]) -> Path:
        before = set(files(self.server.data))
        act()
        (name,) = set(files(self.server.data)) - before
        return files(self.server.data)[name]

    def put(self, key: str, body: bytes = LARGE) -> Path:
        return self.new_file(lambda: self.s3.put_object(Bucket=BUCKET, Key=key, Body=body))


@pytest.fixture
def filled(own_server: Callable[..., Server]) -> Filled:
    return Filled(own_server())


def test_rot_is_named_by_bucket_key_version_and_part(filled: Filled) -> None:
    """Bodies of current objects, of older versions, of finished and of open uploads; a missing and a short file."""
    s3, data = filled.s3, filled.server.data
    rotten = filled.put("rotten")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "rotten"})
    sound = scrubbed(data, status=0)["latest"]
    assert (sound["damages"], sound["bodies"], sound["records"]) == (0, 1, 2)
    assert sound["bytes"] > len(LARGE)
    rot(rotten)
    filled.put("missing").unlink()
    with filled.put("short").open("r+b") as file:
        file.truncate(MIB)
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    rot(filled.put("versioned"))
    old = s3.head_object(Bucket=BUCKET, Key="versioned")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="versioned", Body=b"new")
    ids = {}
    for key in ("finished", "open"):
        ids[key] = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        to = {"Bucket": BUCKET, "Key": key, "UploadId": ids[key]}
        rot(filled.new_file(lambda to=to: s3.upload_part(**to, PartNumber=1, Body=LARGE * 2)))
        etag = s3.list_parts(**to)["Parts"][0]["ETag"]
        if key == "finished":
            second = s3.upload_part(**to, PartNumber=2, Body=b"end")["ETag"]
            parts = [{"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": second}]
            s3.complete_multipart_upload(**to, MultipartUpload={"Parts": parts})
    finished = s3.head_object(Bucket=BUCKET, Key="finished")["VersionId"]
    filled.put("sound")
    found = owners(scrubbed(data, status=1))
    assert found.keys() == {
        f"s3://{BUCKET}/rotten",
        f"s3://{BUCKET}/copy",
        f"s3://{BUCKET}/missing",
        f"s3://{BUCKET}/short",
        f"s3://{BUCKET}/versioned?versionId={old}",
        f"s3://{BUCKET}/finished?versionId={finished}",
        f"s3://{BUCKET}/open?uploadId={ids['open']}",
    }
    assert "is damaged in chunk 2" in found[f"s3://{BUCKET}/rotten"]
    assert "has no file" in found[f"s3://{BUCKET}/missing"]
    assert "bytes on disk" in found[f"s3://{BUCKET}/short"]


def test_without_a_server_it_finds_what_is_in_the_store(filled: Filled) -> None:
    """A body inside the store that rotted, one whose row is gone, an orphan, references that were counted wrongly."""
    data = filled.server.data
    hollow = filled.put("hollow").name
    shared = filled.put("shared").name
    filled.s3.put_object(Bucket=BUCKET, Key="small", Body=b"small body")
    assert filled.server.stop() == 0
    key, value = inline_row(data, b"small body")
    edit(data, "UPDATE kv SET value = ? WHERE key = ?", value[:-1] + bytes([value[-1] ^ 8]), key)
    edit(data, "INSERT INTO kv VALUES (?, ?)", pack(("blobs", "n", shared)), bytes(7) + b"\x02")
    edit(data, "DELETE FROM kv WHERE key = ?", pack(("blobs", "b", hollow)))
    orphan = data / "blobs" / "ab" / "cd" / ("abcd" + "0" * 28)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"nobody's")
    told = scrubbed(data, status=1)
    found = owners(told)
    assert "does not match its checksum" in found[f"s3://{BUCKET}/small"]
    assert found[f"s3://{BUCKET}/shared"] == "counts 3 references, but 1 records name it"
    assert found[f"s3://{BUCKET}/hollow"] == "is gone, but 1 records name it"
    assert told["latest"]["orphans"] == 2  # and what was left of the body that is gone
    assert not orphan.exists()
    assert scrubbed(data, "--report", status=1)["latest"] == told["latest"]


def test_it_goes_on_where_it_was_killed(filled: Filled) -> None:
    """The server is killed in the middle; the next one goes on, reads nothing twice, and what was found stays."""
    server = filled.server
    for number in range(5):
        rot(filled.put(f"k{number}"))
    ask = server.ask
    ask("POST", "/_pilvi/scrub", {"rate_bytes": 4 * MIB})
    while not 2 <= (before := ask("GET", "/_pilvi/scrub")["latest"])["bodies"] < 5:
        assert before["ended_at_ms"] is None
    server.kill()
    server.start()
    told = scrubbed(server.data, "--rate", "0", status=1)
    assert told["latest"]["number"] == before["number"]
    assert told["latest"]["bodies"] == 5
    assert told["latest"]["bytes"] < 5 * (len(LARGE) + MIB)
    assert len(owners(told)) == 5


def test_it_begins_by_the_clock(own_server: Callable[..., Server]) -> None:
    """Every week; after a reset, too."""
    server = own_server("--scrub-every", "7")
    filled = Filled(server)
    server.ask("POST", "/_pilvi/clock", {"action": "freeze"})
    rot(filled.put("rotten"))
    assert server.ask("GET", "/_pilvi/scrub")["latest"] is None

    def after_days(days: float) -> dict[str, Any]:
        by_ms = round(days * 86_400_000)
        server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": by_ms})
        assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
        return server.ask("GET", "/_pilvi/scrub")

    assert after_days(6.9)["latest"] is None
    first = after_days(0.2)
    assert first["finished"]["number"] == 1
    assert owners(first) == {f"s3://{BUCKET}/rotten": first["latest"]["damaged"][0]["what"]}
    with urllib.request.urlopen(server.url + "/metrics") as answer:
        assert b"\npilvi_scrub_damages 1.0\n" in answer.read()
    filled.s3.delete_object(Bucket=BUCKET, Key="rotten")
    assert after_days(6.8)["latest"]["number"] == 1
    assert after_days(0.2)["finished"]["damages"] == 0
    server.ask("POST", "/_pilvi/reset", {})
    assert server.ask("GET", "/_pilvi/scrub")["next_at_ms"] is not None


def test_no_wrong_byte_leaves(filled: Filled) -> None:
    """A read that begins in rot is refused with 500; one that gets there later is cut off, and both are counted."""
    rot(filled.put("rotten"))
    s3 = filled.s3
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=BUCKET, Key="rotten", Range=f"bytes={2 * MIB}-{2 * MIB + 99}")
    assert refused.value.response["Error"]["Code"] == "InternalError"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    body = s3.get_object(Bucket=BUCKET, Key="rotten")["Body"]
    got = bytearray()

    def read() -> None:
        while piece := body.read(64 * 1024):
            got.extend(piece)

    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        read()
    assert got == LARGE[: len(got)]
    assert len(got) < len(LARGE)
    first = s3.get_object(Bucket=BUCKET, Key="rotten", Range="bytes=0-99")["Body"].read()
    assert first == LARGE[:100]
    with urllib.request.urlopen(filled.server.url + "/metrics") as answer:
        assert b"\npilvi_damage_met 2.0\n" in answer.read()
