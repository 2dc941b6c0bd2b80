"""Blobs as files: making them durable, reading them verified, removing them. Blocking; runs in threads.

1. A file has its final name from the start, and is synced with its folder before its row is committed.
2. Its writer keeps it locked until the row is committed or given up. So whoever gets the lock of a file
   that no row names has found an orphan, whichever process lives or died.
3. Whoever removes files shares `blobs.lock`; a backup holds it alone, and nothing disappears meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Protocol

from pilvi.store import crc
from pilvi.store.api import StoreUnavailable
from pilvi.store.blob_rows import CHUNK_BYTES, BlobCorrupt, BlobGone, BlobRow
from pilvi.store.locks import lock, open_lock, try_lock
from pilvi.store.sqlite_file import sync_folder

RESERVE_BYTES = 64 * 1024 * 1024
"""Left free of bodies, or an eighth of a small disk: deletions need room to be written down, too."""


class Hasher(Protocol):
    """hashlib's and our own incremental hashes."""

    def update(self, data: bytes, /) -> object: ...


class BlobFiles:
    def __init__(self, root: Path, spoken_for: Callable[[], int] = lambda: 0) -> None:
        """`spoken_for`: how much more of the disk the database will take for what it holds already."""
        self.root = root
        self._spoken_for = spoken_for
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._durable: set[Path] = set()

    def check_room(self) -> None:
        """Raises: StoreUnavailable when only the reserve is left."""
        with _disk_errors():
            disk = os.statvfs(self.root)
            free = disk.f_bavail * disk.f_frsize - self._spoken_for()
        if free < min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // 8):
            raise StoreUnavailable(reason=f"only {free} bytes of the disk are free")

    def path(self, blob_id: str) -> Path:
        return self.root / blob_id[:2] / blob_id[2:4] / blob_id

    def folder(self, blob_id: str) -> Path:
        """The file's folder, made durable first."""
        folder = self.path(blob_id).parent
        if folder not in self._durable:
            for step in (folder.parent, folder):
                step.mkdir(mode=0o700, exist_ok=True)
                sync_folder(step.parent)
            self._durable.add(folder)
        return folder

    def list_ids(self) -> Iterator[list[str]]:
        """All files, folder by folder, in order."""
        for outer in _folders(self.root):
            for inner in _folders(outer):
                yield sorted(os.listdir(inner))

    def next_folder(self, after: str) -> tuple[str, list[str]] | None:
        """The first folder ("ab/cd") behind that one, with the ids in it."""
        for outer in _folders(self.root):
            if outer.name < after[:2]:
                continue
            for inner in _folders(outer):
                name = f"{outer.name}/{inner.name}"
                if name > after:
                    return name, sorted(os.listdir(inner))
        return None

    def problem_of(self, row: BlobRow, chunk: int) -> str:
        """What is wrong with one chunk, or with the whole file; empty when nothing is."""
        try:
            reader = FileReader(self, row)
            try:
                if reader.size_on_disk() != row.ref.size:
                    return f"has {reader.size_on_disk()} bytes on disk instead of {row.ref.size}"
                reader.read_chunk(chunk)
            finally:
                reader.close()
        except (BlobCorrupt, BlobGone, StoreUnavailable) as error:
            return str(error)
        return ""

    def unlink(self, blob_ids: Iterable[str]) -> bool:
        """Remove files; those already gone are fine. False, with nothing done, during a backup.

        Raises: OSError.
        """
        hold = open_lock(self._hold_path)
        try:
            if not try_lock(hold, shared=True):
                return False
            for blob_id in blob_ids:
                self.path(blob_id).unlink(missing_ok=True)
            return True
        finally:
            os.close(hold)

    @contextmanager
    def keep_all(self) -> Generator[None]:
        """No process removes a file meanwhile: for backups. Waits for removals under way."""
        hold = open_lock(self._hold_path)
        try:
            lock(hold)
            yield
        finally:
            os.close(hold)

    def lock_orphan(self, blob_id: str) -> int | None:
        """The lock on a file, or None while its writer is at work or when it is gone. Close it after."""
        try:
            descriptor = os.open(self.path(blob_id), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if try_lock(descriptor):
            return descriptor
        os.close(descriptor)
        return None

    @property
    def _hold_path(self) -> Path:
        return self.root.with_name(self.root.name + ".lock")


class FileWriter:
    """One new file, made at the first chunk. Methods may be called from any thread, one after another."""

    def __init__(self, files: BlobFiles, blob_id: str, hashers: Iterable[Hasher]) -> None:
        self.chunk_checksums: list[int] = []
        self.crc64nvme = 0
        self.size = 0
        self._files = files
        self._id = blob_id
        self._hashers = tuple(hashers)
        self._alone = threading.Lock()
        self._file: FileIO | None = None
        self._over = False

    def append(self, chunk: bytes) -> None:
        """Every chunk but the last has CHUNK_BYTES. Raises: StoreUnavailable."""
        with self._alone, _disk_errors():
            if self._over:
                return  # Given up meanwhile.
            self._files.check_room()
            if self._file is None:
                self._file = self._create()
            self.crc64nvme = crc.crc64nvme(chunk, self.crc64nvme)
            self.chunk_checksums.append(crc.crc32c(chunk))
            for hasher in self._hashers:
                hasher.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._file.write(rest) :]
            self.size += len(chunk)

    def finish(self, last: bytes) -> None:
        """Make the bytes and then the name durable. Raises: StoreUnavailable."""
        if last:
            self.append(last)
        with self._alone, _disk_errors():
            if self._file is not None:
                os.fdatasync(self._file.fileno())
                sync_folder(self._files.folder(self._id))

    def release(self) -> None:
        """The row is committed, or what became of it is unknown: the file stays."""
        with self._alone:
            self._over = True
            if self._file is not None:
                self._file.close()

    def discard(self) -> None:
        with self._alone:
            if not self._over and self._file is not None:
                self._files.path(self._id).unlink(missing_ok=True)
                self._file.close()
            self._over = True

    def _create(self) -> FileIO:
        """Made and locked; again, when a sweep found it between the two."""
        self._files.folder(self._id)
        while True:
            file = FileIO(self._files.path(self._id), "x", opener=_for_its_owner)
            lock(file.fileno())
            if os.fstat(file.fileno()).st_nlink:
                return file
            file.close()


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class FileReader:
    """One open file; it stays readable when its name is removed meanwhile."""

    def __init__(self, files: BlobFiles, row: BlobRow) -> None:
        self._row = row
        self._alone = threading.Lock()
        try:
            with _disk_errors():
                self._file = FileIO(files.path(row.ref.id))
        except FileNotFoundError as error:
            raise BlobGone(f"blob {row.ref.id} has no file any more") from error

    def read_chunk(self, number: int) -> bytes:
        """One verified chunk. Raises: BlobCorrupt, StoreUnavailable."""
        offset = number * CHUNK_BYTES
        size = min(CHUNK_BYTES, self._row.ref.size - offset)
        with self._alone, _disk_errors():
            chunk = self._pread(size, offset)
        if len(chunk) != size or crc.crc32c(chunk) != self._row.chunk_checksum(number):
            raise BlobCorrupt(f"blob {self._row.ref.id} is damaged in chunk {number}")
        return chunk

    def _pread(self, size: int, offset: int) -> bytes:
        chunk = os.pread(self._file.fileno(), size, offset)
        while len(chunk) < size:
            more = os.pread(self._file.fileno(), size - len(chunk), offset + len(chunk))
            if not more:
                break
            chunk += more
        return chunk

    def size_on_disk(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        with self._alone:
            self._file.close()


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir())


@contextmanager
def _disk_errors() -> Generator[None]:
    """The disk's refusal, in the store's words. A missing file is the caller's matter."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnavailable(reason=str(error)) from error
