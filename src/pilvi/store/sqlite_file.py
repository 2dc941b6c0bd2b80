"""The SQLite file itself: making it, opening connections to it, and judging its errors."""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import os
from pathlib import Path

import apsw

from pilvi.base.errors import PilviError
from pilvi.store.locks import WriteLock

APPLICATION_ID = 0x70696C76
"""Marks the file as ours for `file(1)` and for us."""
FORMAT = 1
BUSY_MS = 10_000
"""How long to wait for a stranger (a database shell) that holds SQLite's own lock."""

_INCREMENTAL = 2
"""Pages know who points at them, so that the file can be made smaller in steps. Measured: a body of 4 KiB that is put
costs 13 us more of about 75 in here."""
SHRINK_PAGES = 1_000
"""Given back in one step, which keeps writers waiting for some 30 ms."""
_KEPT_PAGES = 1_024
"""Free pages that stay, and an eighth of the file with them: what is written next takes them."""


def open_writer(path: Path, lock: WriteLock, *, relaxed: bool) -> apsw.Connection:
    """Make the file where it is missing. Raises: PilviError for a file that is not ours, or newer."""
    lock.acquire()
    try:
        _make(path)
        connection = _connect(path)
        connection.set_busy_timeout(BUSY_MS)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        connection.pragma("synchronous", "NORMAL" if relaxed else "FULL")
        # What was deleted is overwritten, on pages that become free as well: a large value costs
        # less to delete than to write, and a key that was destroyed must not lie about.
        connection.pragma("secure_delete", True)
        connection.wal_autocheckpoint(0)
        connection.set_busy_timeout(0)
    finally:
        lock.release()
    return connection


def _make(path: Path) -> None:
    """For its owner alone: SQLite would let everyone read it, and gives its other files the same mode.

    A file that is there is not opened: to close it would drop the locks that this process holds on it.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise PilviError(f"Cannot make the database {path}: {error}.") from error


def open_reader(path: Path) -> apsw.Connection:
    """For snapshots. It writes nothing but the WAL's shared index."""
    connection = _connect(path)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)
    return connection


def _connect(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(os.fspath(path))
        connection.pragma("cache_size", -16_384)
        connection.pragma("temp_store", "MEMORY")
    except apsw.Error as error:
        raise PilviError(f"Cannot open the database {path}: {error}.") from error
    return connection


def _prepare(connection: apsw.Connection, path: Path) -> None:
    try:
        fresh = connection.pragma("page_count") == 0
        if fresh:
            connection.pragma("auto_vacuum", _INCREMENTAL)
            connection.pragma("journal_mode", "WAL")
            with connection:
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", FORMAT)
                connection.execute(
                    "CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
                )
        application, version = (
            connection.pragma("application_id"),
            connection.pragma("user_version"),
        )
    except apsw.Error as error:
        raise PilviError(f"Cannot use the database {path}: {error}.") from error
    if application != APPLICATION_ID:
        raise PilviError(f"{path} is not a database of pilvi.", "Choose another data directory.")
    if not isinstance(version, int) or version > FORMAT:
        raise PilviError(f"{path} was written by a newer pilvi.", "Upgrade pilvi to open it.")
    if fresh:
        sync_folder(path.parent)


def begin_patiently(connection: apsw.Connection) -> None:
    """BEGIN IMMEDIATE, waiting for a stranger. Blocks; raises apsw.BusyError in the end."""
    connection.set_busy_timeout(BUSY_MS)
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.set_busy_timeout(0)


def spare_pages(connection: apsw.Connection) -> int:
    """Free pages that the file could do without; 0 for files that are older than their giving back."""
    if connection.pragma("auto_vacuum") != _INCREMENTAL:
        return 0
    free, pages = connection.pragma("freelist_count"), connection.pragma("page_count")
    assert isinstance(free, int), free
    assert isinstance(pages, int), pages
    return max(0, free - max(_KEPT_PAGES, (pages - free) // 8))


def shrink(connection: apsw.Connection) -> None:
    """Give back one step of the spare pages. The file is smaller after the next checkpoint that copies all."""
    pages = min(SHRINK_PAGES, spare_pages(connection))
    if pages:
        connection.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()


def leaves_doubt(error: Exception) -> bool:
    """Whether, after this error, memory and disk may disagree: anything but lack of room or of a lock."""
    return not isinstance(
        error, apsw.FullError | apsw.BusyError | apsw.NoMemError | apsw.LockedError
    )


def close_writer(connection: apsw.Connection, *, in_doubt: bool) -> None:
    if in_doubt:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()


def size(path: Path) -> int:
    return path.stat().st_size


def log_size(path: Path) -> int:
    """Bytes of the WAL, 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
