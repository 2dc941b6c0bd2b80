"""Immutable byte streams named by ids of their own: up to 64 KiB inside the store, larger ones in files.

    new = await blobs.write(body, size_max=limit)          # between transactions
    try:
        await store.write(lambda tx: put_record(tx, new.ref, new.commit(tx)))
    except BaseException:
        await blobs.abandon(new)
        raise

Order: bytes, folder, row. A crash leaves orphans, which `sweep` removes, never a row without its bytes.
Every chunk is verified before it leaves. A file goes some seconds after the commit that released it, and
never while this process streams it; a reader in another process that comes later gets `BlobGone`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import ParamSpec, TypeVar

from pilvi.base.entropy import Entropy
from pilvi.store import blob_rows, crc
from pilvi.store.api import Snapshot, Store, StoreUnavailable, Transaction
from pilvi.store.blob_files import BlobFiles, FileWriter, Hasher
from pilvi.store.blob_rows import CHUNK_BYTES, INLINE_BYTES_MAX, BlobRef, BlobRow
from pilvi.store.blob_rows import BlobCorrupt as BlobCorrupt  # what a caller of Blobs may meet
from pilvi.store.blob_rows import BlobGone as BlobGone
from pilvi.store.blob_stream import BlobStream, HeldBlobs

P = ParamSpec("P")
T = TypeVar("T")

GRACE_S = 10.0
PARTS_MAX = 10_000
_THREADS = 4
_ROOM_S = 0.1
"""For so long, small bodies take it that there is still room on the disk."""
_DOOMED_MAX = 100_000
"""Files that wait to be removed; beyond that the oldest are left to the next sweep."""

_log = logging.getLogger("pilvi.store")


class BlobTooLarge(Exception):
    """The stream has more bytes than the caller allows. Nothing was kept."""


class NewBlob:
    """Written and durable, but named by nobody: commit or abandon it."""

    def __init__(self, row: BlobRow, file: FileWriter | None) -> None:
        self.ref = row.ref
        self._row = row
        self._file = file

    def commit(self, tx: Transaction) -> BlobRef:
        """Put the row, with one reference: the caller's record keeps what this gives."""
        blob_rows.put(tx, self._row)
        if self._file is not None:
            tx.after_commit(self._file.release)
        return self.ref

    def keep_unknown(self) -> None:
        if self._file is not None:
            self._file.release()

    def discard(self) -> None:
        if self._file is not None:
            self._file.discard()


class Blobs:
    """Used on one event loop; blocking work runs in a few threads of its own."""

    def __init__(
        self,
        root: Path,
        store: Store,
        *,
        entropy: Entropy | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        # What is in the log is yet to be copied into the database.
        self._files = BlobFiles(root, lambda: store.statistics().log_bytes)
        self._store = store
        self._entropy = entropy or Entropy()
        self._process = self._entropy.hex(8)
        self._made = 0
        self._grace_s = grace_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pilvi-blob")
        self._streamed: Counter[str] = Counter()
        self._doomed: deque[tuple[float, str]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._room_until_s = 0.0

    # --- writing

    def new_id(self) -> str:
        """Of a file: spread over all folders."""
        return self._entropy.id_bytes().hex()

    def new_inline_id(self) -> str:
        """Of a body inside the store: those that this process makes one after another lie side by side there, so
        that a group of them is written to few pages."""
        self._made += 1
        return f"{self._process}{self._made & 0xFFFFFFFF:08x}{self._entropy.id_bytes().hex()[:16]}"

    async def write(
        self,
        source: AsyncIterator[bytes] | bytes,
        *,
        size_max: int,
        hashers: Iterable[Hasher] = (),
        blob_id: str | None = None,
    ) -> NewBlob:
        """Take a whole stream in. `hashers` see every byte, in threads when there are many.
        `blob_id`: of `new_id`, for who must know it before the bytes.

        Raises: BlobTooLarge, StoreUnavailable (the disk is full or fails), whatever `source` raises.
        """
        pieces = _once(source) if isinstance(source, bytes) else source
        hashers = tuple(hashers)
        buffer = bytearray()
        size = 0
        file: FileWriter | None = None
        writing: asyncio.Future[None] | None = None
        blob_id = blob_id or self.new_id()
        try:
            async for piece in pieces:
                size += len(piece)
                if size > size_max:
                    raise BlobTooLarge(f"a stream of more than {size_max} bytes")
                buffer += piece
                while len(buffer) >= CHUNK_BYTES:
                    if file is None:
                        file = FileWriter(self._files, blob_id, hashers)
                    if writing is not None:
                        await writing
                    chunk = bytes(memoryview(buffer)[:CHUNK_BYTES])
                    del buffer[:CHUNK_BYTES]
                    writing = self._submit(file.append, chunk)
            if file is None and size <= INLINE_BYTES_MAX:
                return self.keep(bytes(buffer), hashers=hashers, blob_id=blob_id)
            if file is None:
                file = FileWriter(self._files, blob_id, hashers)
            if writing is not None:
                await writing
            await self._run(file.finish, bytes(buffer))
        except BaseException:
            if writing is not None:
                writing.cancel()
            if file is not None:
                await self._run(file.discard)
            raise
        assert file.size == size
        ref = BlobRef(blob_id, size, file.crc64nvme, inline=False)
        return NewBlob(BlobRow(ref, blob_rows.pack_checksums(file.chunk_checksums)), file)

    def keep(
        self, data: bytes, *, hashers: Iterable[Hasher] = (), blob_id: str | None = None
    ) -> NewBlob:
        """A small body that is at hand, for the store itself: as `write`, without waiting.

        Raises: StoreUnavailable."""
        assert len(data) <= INLINE_BYTES_MAX, len(data)
        now_s = monotonic()
        if now_s >= self._room_until_s:
            self._files.check_room()
            self._room_until_s = now_s + _ROOM_S
        for hasher in hashers:
            hasher.update(data)
        blob_id = blob_id or self.new_inline_id()
        ref = BlobRef(blob_id, len(data), crc.crc64nvme(data), inline=True)
        return NewBlob(BlobRow(ref, data), None)

    async def abandon(self, new: NewBlob) -> None:
        """Nobody will name it. When the disk failed, the row may come back after a restart: then the file
        stays, and the next sweep decides."""
        await self._run(new.keep_unknown if self._store.in_doubt else new.discard)

    # --- references, inside transactions

    def retain(self, tx: Transaction, ref: BlobRef) -> None:
        """One more record names it: copies. Raises: BlobGone."""
        blob_rows.retain(tx, ref)

    def release(self, tx: Transaction, ref: BlobRef) -> None:
        """One record fewer names it; with the last it goes. Raises: BlobGone."""
        if blob_rows.release(tx, ref) and not ref.inline:
            tx.after_commit(lambda: self._doom(ref.id))

    # --- reading

    def read_inline(self, at: Snapshot, ref: BlobRef) -> bytes:
        """The bytes of a small blob at once. Raises: BlobGone, BlobCorrupt."""
        assert ref.inline, "only small blobs live in the store"
        return blob_rows.get(at, ref).inline_bytes()

    def open(
        self, at: Snapshot, refs: Sequence[BlobRef], start: int = 0, end: int | None = None
    ) -> BlobStream:
        """Bytes start..end-1 of the blobs one behind the other, opened in the snapshot that names them.

        From here on the bytes stay readable, whatever is deleted. Raises: BlobGone (read again).
        """
        assert len(refs) <= PARTS_MAX, f"at most {PARTS_MAX} blobs in one stream"
        size = sum(ref.size for ref in refs)
        end = size if end is None else end
        assert 0 <= start <= end <= size, f"bytes {start}..{end} of {size}"
        rows = [blob_rows.get(at, ref) for ref in refs]
        return BlobStream(self._files, self._threads, self._streamed, rows, start, end)

    def hold(self, at: Snapshot, refs: Sequence[BlobRef]) -> HeldBlobs:
        """For reading here and there in them, for as long as they are held. Raises: BlobGone (read again)."""
        rows = [blob_rows.get(at, ref) for ref in refs]
        return HeldBlobs(self._files, self._threads, self._streamed, rows)

    async def read(
        self, ref: BlobRef, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Raises: BlobGone, BlobCorrupt (before any wrong byte leaves), StoreUnavailable."""
        stream = await self._store.read(lambda at: self.open(at, (ref,), start, end))
        async with stream:
            async for piece in stream:
                yield piece

    async def read_all(self, refs: Sequence[BlobRef], *, size_max: int) -> bytes:
        """Raises: BlobTooLarge beyond `size_max`; else as `read`."""
        if sum(ref.size for ref in refs) > size_max:
            raise BlobTooLarge(f"more than {size_max} bytes")
        async with await self._store.read(lambda at: self.open(at, refs)) as stream:
            return b"".join([piece async for piece in stream])

    # --- removing

    def _doom(self, blob_id: str) -> None:
        loop = asyncio.get_running_loop()
        if len(self._doomed) >= _DOOMED_MAX:
            self._doomed.popleft()
        self._doomed.append((loop.time() + self._grace_s, blob_id))
        if self._timer is None:
            self._timer = loop.call_later(self._grace_s, self._reap, loop)

    def _reap(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        due: list[str] = []
        while self._doomed and self._doomed[0][0] <= loop.time() + 0.001 and len(due) < 1000:
            due.append(self._doomed.popleft()[1])
        ready = [blob_id for blob_id in due if not self._streamed[blob_id]]
        job = self._threads.submit(self._files.unlink, ready)
        job.add_done_callback(
            lambda done: _call(loop, self._reaped, loop, ready, done.exception() or done.result())
        )
        later_s = loop.time() + self._grace_s
        self._doomed.extend((later_s, blob_id) for blob_id in due if self._streamed[blob_id])
        if self._doomed:
            delay_s = max(0.01, self._doomed[0][0] - loop.time())
            self._timer = loop.call_later(delay_s, self._reap, loop)

    def _reaped(
        self, loop: asyncio.AbstractEventLoop, ids: list[str], result: bool | BaseException
    ) -> None:
        if isinstance(result, BaseException):
            _log.error("Cannot remove deleted blobs; the next start will: %s", result)
        elif not result:  # A backup is under way.
            for blob_id in ids:
                self._doom(blob_id)

    async def sweep(self) -> int:
        """Remove the files that no row names and no live process is writing; gives their number.

        Raises: StoreUnavailable.
        """
        removed = 0
        try:
            folders = self._files.list_ids()
            while (ids := await self._run(next, folders, None)) is not None:
                removed += await self.sweep_ids(ids)
        except OSError as error:
            raise StoreUnavailable(reason=str(error)) from error
        return removed

    async def next_folder(self, after: str) -> tuple[str, list[str]] | None:
        """The first folder of files behind that one, and the ids in it. Raises: StoreUnavailable."""
        try:
            return await self._run(self._files.next_folder, after)
        except OSError as error:
            raise StoreUnavailable(reason=str(error)) from error

    async def sweep_ids(self, ids: Sequence[str]) -> int:
        """Remove those of these files that no row names and nobody is writing. Gives how many."""
        return sum([await self._sweep_one(blob_id) for blob_id in await self._unnamed(ids)])

    async def problem_of(self, row: BlobRow, chunk: int) -> str:
        """What is wrong with one chunk of a blob, or with the one that lies in its row; empty when nothing is."""
        if row.ref.inline:
            try:
                row.inline_bytes()
            except BlobCorrupt as error:
                return str(error)
            return ""
        return await self._run(self._files.problem_of, row, chunk)

    async def _unnamed(self, ids: Sequence[str]) -> list[str]:
        return await self._store.read(
            lambda at: [blob_id for blob_id in ids if blob_rows.find(at, blob_id) is None]
        )

    async def _sweep_one(self, blob_id: str) -> bool:
        """Under the file's lock, look again: its writer may have committed just before it let go."""
        if self._streamed[blob_id] or any(blob_id == doomed for _, doomed in self._doomed):
            return False
        descriptor = await self._run(self._files.lock_orphan, blob_id)
        if descriptor is None:
            return False
        try:
            if not await self._unnamed((blob_id,)):
                return False
            return await self._run(self._files.unlink, (blob_id,))
        finally:
            os.close(descriptor)

    async def close(self) -> None:
        """Remove what is due for removal and end the threads."""
        if self._timer is not None:
            self._timer.cancel()
        ids = [blob_id for _, blob_id in self._doomed if not self._streamed[blob_id]]
        self._doomed.clear()
        if ids:
            await self._run(self._files.unlink, ids)
        self._threads.shutdown(wait=False)

    # --- threads

    def _submit(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._threads.submit(function, *args, **kwargs))

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._submit(function, *args, **kwargs)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: object) -> None:
    """From a thread to the loop; when that is closed, nobody waits any more."""
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
