"""A disk without room, without inodes, or that fails: everything is refused cleanly, and goes on when it can.

The server's data directory is a small file system of its own, in a namespace of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from botocore.exceptions import ClientError

from pilvi.store.api import StoreUnavailable
from pilvi.store.blobs import Blobs
from pilvi.store.sqlite import SqliteStore
from servers import Server

ACCOUNT = "000000000001"
BUCKET = "tight"
MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$0" && shift && exec "$@"'
MIB = 1024 * 1024

_unshare = subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True)
needs_namespaces = pytest.mark.skipif(
    _unshare.returncode != 0, reason="this machine forbids user namespaces"
)


class Tight:
    """A server on a disk with these bounds. `inside`: its data directory, seen from here."""

    def __init__(self, data: Path, bounds: str) -> None:
        data.mkdir()
        self.server = Server(data)
        self.server.wrap = ("unshare", "-Urm", "sh", "-c", MOUNT, str(data), bounds)
        self.server.start()
        assert self.server.process is not None
        self.inside = Path(f"/proc/{self.server.process.pid}/root{data}")
        self.s3 = self.server.client("s3", ACCOUNT)
        self.s3.create_bucket(Bucket=BUCKET)
        self.acknowledged: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> bool:
        """Whether it was taken; a refusal says that trying again may help."""
        try:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        except ClientError as error:
            told: Any = error.response
            assert told["Error"]["Code"] == "ServiceUnavailable"
            assert told["ResponseMetadata"]["HTTPStatusCode"] == 503
            return False
        self.acknowledged[key] = body
        return True

    def fill(self, kind: str, size: int) -> int:
        """Put objects until one is refused."""
        for number in range(1000):
            if not self.put(f"{kind}{number}", os.urandom(16) * (size // 16)):
                return number
        raise AssertionError("the disk is never full")

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=BUCKET, Key=key)
        del self.acknowledged[key]

    def holds_what_it_acknowledged(self) -> None:
        page = self.s3.list_objects_v2(Bucket=BUCKET)
        assert {one["Key"] for one in page["Contents"]} == self.acknowledged.keys()
        for key, body in self.acknowledged.items():
            assert self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body

    def is_sound(self, copy: Path) -> None:
        """Nothing is there by half, in a copy of it all."""
        self.server.ask("POST", "/_pilvi/idle", {"timeout_s": 30})
        assert self.server.process is not None
        os.killpg(self.server.process.pid, signal.SIGSTOP)  # the log may be emptied at any time
        try:
            shutil.copytree(self.inside, copy, ignore=shutil.ignore_patterns("run", "lock"))
        finally:
            os.killpg(self.server.process.pid, signal.SIGCONT)
        verify = [sys.executable, "-m", "pilvi", "check", "--data", str(copy)]
        checked = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode == 0, checked.stdout


@pytest.fixture
def tight(tmp_path: Path) -> Any:
    started: list[Tight] = []

    def start(bounds: str) -> Tight:
        started.append(Tight(tmp_path / "data", bounds))
        return started[-1]

    yield start
    for one in started:
        one.server.kill()


@needs_namespaces
@pytest.mark.parametrize("kind", ["large", "small", "multipart"])
def test_a_full_disk(tight: Callable[[str], Tight], tmp_path: Path, kind: str) -> None:
    """Deletions still go through: how else should there be room again?"""
    disk = tight("size=24m")
    ballast = disk.inside / "logs" / "ballast"
    ballast.write_bytes(bytes(12 * MIB))
    if kind == "multipart":
        to = {"Bucket": BUCKET, "Key": "k"}
        to["UploadId"] = disk.s3.create_multipart_upload(**to)["UploadId"]
        taken = 0

        def fill() -> None:
            nonlocal taken
            for number in range(1, 100):
                disk.s3.upload_part(**to, PartNumber=number, Body=bytes(MIB))
                taken = number

        with pytest.raises(ClientError, match="ServiceUnavailable"):
            fill()
        assert len(disk.s3.list_parts(**to)["Parts"]) == taken > 3
        disk.s3.abort_multipart_upload(**to)
        disk.put("small", b"x")
    else:
        assert disk.fill(kind, 1_500_000 if kind == "large" else 40_000) > 3
        disk.holds_what_it_acknowledged()
        disk.delete(f"{kind}0")
    ballast.unlink()
    assert disk.put("again", bytes(MIB))
    disk.holds_what_it_acknowledged()
    disk.is_sound(tmp_path / "copy")


@needs_namespaces
def test_no_inodes(tight: Callable[[str], Tight], tmp_path: Path) -> None:
    """No file can be made: large bodies are refused, small ones need none."""
    disk = tight("size=64m,nr_inodes=60")
    assert disk.fill("large", 100_000) > 3
    assert disk.put("small", b"x")
    disk.holds_what_it_acknowledged()
    (disk.inside / "clock").stat()
    disk.is_sound(tmp_path / "copy")


@pytest.mark.parametrize("fails", ["fdatasync", "fsync"])
def test_a_body_that_cannot_be_made_durable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Of the file itself, and of its folder. Whoever says that it is stored would lie."""

    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        blobs = Blobs(tmp_path / "blobs", store)

        def fail(_descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(os, fails, fail)
            with pytest.raises(StoreUnavailable, match="Input/output error"):
                await blobs.write(bytes(100_000), size_max=MIB)
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
        new = await blobs.write(bytes(100_000), size_max=MIB)
        await store.write(new.commit)
        assert await blobs.read_all([new.ref], size_max=MIB) == bytes(100_000)
        await blobs.close()
        await store.close()

    asyncio.run(main())


class FailingFile(apsw.VFSFile):
    def xSync(self, flags: int) -> None:
        if FailingDisk.broken:
            raise apsw.IOError("the disk failed to sync")
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    broken = False

    def __init__(self) -> None:
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> FailingFile:
        return FailingFile("unix", name, flags)


def test_a_database_that_cannot_be_synced_is_refused_until_it_is_opened_again(
    tmp_path: Path,
) -> None:
    """After a failed sync nobody knows what the disk has: to try again and say that it is there would be a lie."""
    disk = FailingDisk()
    FailingDisk.broken = False

    async def main() -> None:
        store = SqliteStore(tmp_path / "pilvi.db")
        await store.write(lambda tx: tx.put(b"before", b"1"))
        FailingDisk.broken = True
        with pytest.raises(StoreUnavailable):
            await store.write(lambda tx: tx.put(b"lost", b"1"))
        assert store.in_doubt
        FailingDisk.broken = False
        with pytest.raises(StoreUnavailable, match="restart to recover"):
            await store.write(lambda tx: tx.put(b"after", b"1"))
        assert await store.read(lambda at: at.get(b"before")) == b"1"
        assert await store.read(lambda at: at.get(b"lost")) is None
        await store.close()
        again = SqliteStore(tmp_path / "pilvi.db")
        await again.write(lambda tx: tx.put(b"after", b"1"))
        assert await again.read(lambda at: at.get(b"before")) == b"1"
        await again.close()

    try:
        asyncio.run(main())
    finally:
        disk.unregister()
