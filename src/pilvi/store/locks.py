"""Locks on files, held by processes: they vanish with the process, however it ends.

`WriteLock` is a fair queue between processes. Whoever waits holds the turnstile meanwhile, so a busy
process that has just released the lock cannot take it again in front of the one that waits.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path


def open_lock(path: Path) -> int:
    """A descriptor to lock with; the file is made where it is missing and never removed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Raises: OSError when the file system cannot lock."""
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Wait for the lock: only in a thread that may block."""
    fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)


class WriteLock:
    """One writer at a time among the processes that share a data directory."""

    def __init__(self, folder: Path) -> None:
        self._turnstile = open_lock(folder / "write.turn")
        self._lock = open_lock(folder / "write.lock")

    def try_acquire(self) -> bool:
        if not try_lock(self._turnstile):
            return False
        try:
            return try_lock(self._lock)
        finally:
            unlock(self._turnstile)

    def acquire(self) -> None:
        """Queue for it; blocks the calling thread."""
        lock(self._turnstile)
        try:
            lock(self._lock)
        finally:
            unlock(self._turnstile)

    def release(self) -> None:
        unlock(self._lock)

    def close(self) -> None:
        os.close(self._turnstile)
        os.close(self._lock)
