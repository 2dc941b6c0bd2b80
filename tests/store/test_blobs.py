"""Blobs: whole or refused, there while named, gone after."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.base.entropy import Entropy
from pilvi.store.blob_files import BlobFiles
from pilvi.store.blob_rows import INLINE_BYTES_MAX
from pilvi.store.blobs import BlobCorrupt, BlobGone, BlobRef, Blobs, BlobTooLarge
from pilvi.store.memory import MemoryStore

MIB = 1024 * 1024
SIZES = (0, 1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, MIB, MIB + 1, 2 * MIB + 77_777)


def run(
    folder: Path, body: Callable[[Blobs, MemoryStore], Awaitable[None]], grace_s: float = 60
) -> None:
    async def main() -> None:
        store = MemoryStore()
        blobs = Blobs(folder / "blobs", store, entropy=Entropy(7), grace_s=grace_s)
        await body(blobs, store)
        await blobs.close()

    asyncio.run(main())


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def pieces(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def keep(blobs: Blobs, store: MemoryStore, data: bytes) -> BlobRef:
    new = await blobs.write(pieces(data), size_max=len(data))
    return await store.write(new.commit)


async def until_gone(folder: Path) -> None:
    """Removal runs in a thread after the commit: wait for the fact."""
    async with asyncio.timeout(10):
        while files(folder):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read(tmp_path: Path, size: int) -> None:
    """On both sides of the edges: inline or file, whole chunks or not."""
    data = os.urandom(size)

    async def body(blobs: Blobs, store: MemoryStore) -> None:
        digest = hashlib.md5()
        new = await blobs.write(pieces(data), size_max=size, hashers=[digest])
        ref = await store.write(new.commit)
        assert digest.digest() == hashlib.md5(data).digest()
        assert (ref.size, ref.inline) == (size, size <= INLINE_BYTES_MAX)
        assert len(files(tmp_path)) == (not ref.inline)
        assert await blobs.read_all([ref], size_max=size) == data
        if ref.inline:
            assert await store.read(lambda at: blobs.read_inline(at, ref)) == data

    run(tmp_path, body)


def test_any_range_over_any_parts(tmp_path: Path) -> None:
    parts = [os.urandom(size) for size in (100_000, 0, 10, MIB + 5, 65_536)]
    whole = b"".join(parts)

    @settings(max_examples=40, deadline=None)
    @given(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))).map(sorted))
    def ranges(bounds: list[int]) -> None:
        async def body(blobs: Blobs, store: MemoryStore) -> None:
            async with await store.read(lambda at: blobs.open(at, refs, *bounds)) as stream:
                found = b"".join([piece async for piece in stream])
            assert len(found) == stream.length
            assert found == whole[bounds[0] : bounds[1]]

        loop.run_until_complete(body(blobs, store))

    loop = asyncio.new_event_loop()
    store = MemoryStore()
    blobs = Blobs(tmp_path / "blobs", store)
    refs = [loop.run_until_complete(keep(blobs, store, part)) for part in parts]
    ranges()
    loop.run_until_complete(blobs.close())
    loop.close()


@pytest.mark.parametrize("damage", ["flip", "cut", "longer chunk lost"])
def test_no_wrong_byte_leaves(tmp_path: Path, damage: str) -> None:
    data = os.urandom(3 * MIB)

    async def body(blobs: Blobs, store: MemoryStore) -> None:
        ref = await keep(blobs, store, data)
        path = files(tmp_path)[0]
        with path.open("r+b") as file:
            if damage == "flip":
                file.seek(MIB + 12_345)
                file.write(bytes([data[MIB + 12_345] ^ 1]))
            else:
                file.truncate(2 * MIB - 1 if damage == "cut" else MIB)
        good: list[bytes] = []

        async def read() -> None:
            async for piece in blobs.read(ref):
                good.append(piece)

        with pytest.raises(BlobCorrupt):
            await read()
        assert b"".join(good) == data[:MIB]
        assert b"".join([piece async for piece in blobs.read(ref, 5, MIB)]) == data[5:MIB]

    run(tmp_path, body)


def test_a_stream_past_its_limit_leaves_nothing(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        with pytest.raises(BlobTooLarge):
            await blobs.write(pieces(bytes(3 * MIB)), size_max=3 * MIB - 1)
        assert files(tmp_path) == []

    run(tmp_path, body)


def test_a_source_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Its own error reaches the caller, be it an OSError: the disk is not to blame."""

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2 * MIB)
        raise ConnectionResetError

    async def body(blobs: Blobs, store: MemoryStore) -> None:
        with pytest.raises(ConnectionResetError):
            await blobs.write(broken(), size_max=9 * MIB)
        assert files(tmp_path) == []

    run(tmp_path, body)


def test_an_upload_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        arrived = asyncio.Event()

        async def stuck() -> AsyncIterator[bytes]:
            yield bytes(3 * MIB)
            arrived.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(blobs.write(stuck(), size_max=9 * MIB))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert files(tmp_path) == []

    run(tmp_path, body)


def test_a_blob_goes_with_its_last_reference(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        for data in (bytes(10), bytes(100_000)):
            ref = await keep(blobs, store, data)
            await store.write(lambda tx, ref=ref: blobs.retain(tx, ref))
            await store.write(lambda tx, ref=ref: blobs.release(tx, ref))
            assert await blobs.read_all([ref], size_max=MIB) == data
            await store.write(lambda tx, ref=ref: blobs.release(tx, ref))
            for use in (blobs.retain, blobs.release):
                with pytest.raises(BlobGone):
                    await store.write(lambda tx, ref=ref, use=use: use(tx, ref))
            with pytest.raises(BlobGone):
                await blobs.read_all([ref], size_max=MIB)
        await until_gone(tmp_path)
        assert await store.read(lambda at: list(at.scan(b"", b"\xff"))) == []

    run(tmp_path, body, grace_s=0)


def test_a_release_that_aborts_removes_nothing(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        ref = await keep(blobs, store, bytes(100_000))

        def fail(tx) -> None:
            blobs.release(tx, ref)
            raise KeyError

        with pytest.raises(KeyError):
            await store.write(fail)
        await blobs.close()
        assert len(files(tmp_path)) == 1

    run(tmp_path, body, grace_s=0)


def test_a_stream_outlives_the_deletion(tmp_path: Path) -> None:
    """Also of parts that it has not come to yet."""
    parts = [os.urandom(100_000), os.urandom(100_001)]

    async def body(blobs: Blobs, store: MemoryStore) -> None:
        refs = [await keep(blobs, store, part) for part in parts]
        stream = await store.read(lambda at: blobs.open(at, refs))
        for ref in refs:
            await store.write(lambda tx, ref=ref: blobs.release(tx, ref))
        for _ in range(5):
            await asyncio.sleep(0.005)
        assert b"".join([piece async for piece in stream]) == b"".join(parts)
        await until_gone(tmp_path)

    run(tmp_path, body, grace_s=0)


def test_the_sweep_takes_orphans_and_nothing_else(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        kept = await keep(blobs, store, bytes(100_000))
        pending = await blobs.write(bytes(100_000), size_max=MIB)
        orphan = BlobFiles(tmp_path / "blobs").folder("ab" * 16) / ("ab" * 16)
        orphan.write_bytes(b"left by a crash")
        assert await blobs.sweep() == 1
        names = {path.name for path in files(tmp_path)}
        assert names == {kept.id, pending.ref.id}
        await blobs.abandon(pending)
        assert {path.name for path in files(tmp_path)} == {kept.id}

    run(tmp_path, body)


def test_a_backup_keeps_files_from_going(tmp_path: Path) -> None:
    async def body(blobs: Blobs, store: MemoryStore) -> None:
        ref = await keep(blobs, store, bytes(100_000))
        with BlobFiles(tmp_path / "blobs").keep_all():
            await store.write(lambda tx: blobs.release(tx, ref))
            for _ in range(5):
                await asyncio.sleep(0.005)
            assert len(files(tmp_path)) == 1
        await until_gone(tmp_path)

    run(tmp_path, body, grace_s=0.01)


def test_references_and_bytes_fit(tmp_path: Path) -> None:
    """A record that names a blob of another size is damage, not a shorter answer."""

    async def body(blobs: Blobs, store: MemoryStore) -> None:
        ref = await keep(blobs, store, bytes(10))
        wrong = BlobRef(ref.id, 11, ref.crc64nvme, ref.inline)
        with pytest.raises(BlobCorrupt):
            await blobs.read_all([wrong], size_max=MIB)

    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), body)
