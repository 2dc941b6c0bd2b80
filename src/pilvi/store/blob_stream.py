"""A range of bytes over one or several blobs, read and verified chunk by chunk."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from pilvi.store.blob_files import BlobFiles, FileReader
from pilvi.store.blob_rows import CHUNK_BYTES, BlobRef, BlobRow


class BlobStream:
    """Iterate once, or close. While it lives, this process removes none of its files.

    The first file is open from the beginning, the others are opened as the stream gets there; one chunk
    is read ahead. Raises while iterating: BlobCorrupt, StoreUnavailable.
    """

    def __init__(
        self,
        files: BlobFiles,
        threads: ThreadPoolExecutor,
        streamed: Counter[str],
        rows: Sequence[BlobRow],
        start: int,
        end: int,
    ) -> None:
        self.length = end - start
        self._files = files
        self._threads = threads
        self._streamed = streamed
        self._pinned: list[str] = []
        self._parts: list[tuple[BlobRow, int, int]] = []
        self._reader: FileReader | None = None
        offset = 0
        for row in rows:
            low, high = max(start - offset, 0), min(end - offset, row.ref.size)
            if low < high:
                self._parts.append((row, low, high))
            offset += row.ref.size
        if self._parts and not self._parts[0][0].ref.inline:
            self._reader = FileReader(files, self._parts[0][0])
        for row, _, _ in self._parts:
            if not row.ref.inline:
                self._pinned.append(row.ref.id)
                streamed[row.ref.id] += 1

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files. Safe at any time, more than once."""
        reader, self._reader = self._reader, None
        if reader is not None:
            try:
                self._threads.submit(reader.close)  # A chunk may be on its way.
            except RuntimeError:  # The threads have ended, so no chunk is.
                reader.close()
        for blob_id in self._pinned:
            self._streamed[blob_id] -= 1
            if not self._streamed[blob_id]:
                del self._streamed[blob_id]
        self._pinned = []

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            for row, low, high in self._parts:
                if row.ref.inline:
                    yield row.inline_bytes()[low:high]
                else:
                    async for piece in self._file_pieces(row, low, high):
                        yield piece
        finally:
            self.close()

    async def _file_pieces(self, row: BlobRow, low: int, high: int) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        reader = self._reader
        if reader is None:
            reader = await loop.run_in_executor(self._threads, FileReader, self._files, row)
            self._reader = reader
        last = (high - 1) // CHUNK_BYTES
        ahead = loop.run_in_executor(self._threads, reader.read_chunk, low // CHUNK_BYTES)
        for number in range(low // CHUNK_BYTES, last + 1):
            chunk = await ahead
            if number < last:
                ahead = loop.run_in_executor(self._threads, reader.read_chunk, number + 1)
            offset = number * CHUNK_BYTES
            if low <= offset and offset + len(chunk) <= high:
                yield chunk
            else:
                yield chunk[max(low - offset, 0) : high - offset]
        self._reader = None
        self._threads.submit(reader.close)


class HeldBlobs:
    """Blobs that can be read again and again, as they were found. Close it when done.

    While it lives, this process removes none of their files.
    """

    def __init__(
        self,
        files: BlobFiles,
        threads: ThreadPoolExecutor,
        streamed: Counter[str],
        rows: Sequence[BlobRow],
    ) -> None:
        self._files = files
        self._threads = threads
        self._streamed = streamed
        self._rows = {row.ref.id: row for row in rows}
        for blob_id in self._rows:
            streamed[blob_id] += 1

    def open(self, refs: Sequence[BlobRef], start: int, end: int) -> BlobStream:
        """As `Blobs.open`, of some of them."""
        rows = [self._rows[ref.id] for ref in refs]
        return BlobStream(self._files, self._threads, self._streamed, rows, start, end)

    def close(self) -> None:
        """Safe more than once."""
        rows, self._rows = self._rows, {}
        for blob_id in rows:
            self._streamed[blob_id] -= 1
            if not self._streamed[blob_id]:
                del self._streamed[blob_id]
