"""A data directory: where one cloud keeps everything, and who may use it.

    format      version of this layout        pilvi.db    all state (and pilvi.db-wal, -shm)
    lock        held by the server            blobs/      large bodies
    workers     held by each of its workers   run/        sockets of the processes
    clock       the clock's hands             logs/       the server's own log
    generation  of what processes keep in memory (kept.py)

Both locks are `flock`s: they vanish with their processes, `kill -9` included. A worker first takes its
share of `workers` and then looks whether `lock` is held in the name of its own server; a new server takes
`lock` and then looks whether a worker is left. So neither misses the other.
"""

from __future__ import annotations

import os
from pathlib import Path

from pilvi.base.entropy import Entropy
from pilvi.base.errors import PilviError
from pilvi.store.locks import lock, open_lock, try_lock, unlock
from pilvi.store.sqlite import Durability, SqliteStore
from pilvi.store.sqlite_file import sync_folder

FORMAT = 1
_FOLDERS = ("blobs", "run", "logs")


class DataDir:
    """Paths of one data directory. `open` and `join` lock it; `look` only reads its layout."""

    def __init__(self, path: Path, descriptors: tuple[int, ...] = (), token: str = "") -> None:
        self.path = path
        self.token = token
        """Names the server; it hands this to its workers."""
        self._descriptors = descriptors

    @property
    def database(self) -> Path:
        return self.path / "pilvi.db"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def clock(self) -> Path:
        return self.path / "clock"

    @classmethod
    def open(cls, path: Path, entropy: Entropy | None = None) -> DataDir:
        """As the server: make what is missing, and keep every other server out.

        Raises: PilviError (in use, newer, not a data directory, not writable).
        """
        path = path.absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_format(path)
            descriptor = open_lock(path / "lock")
            if not try_lock(descriptor):
                holder = _read_holder(descriptor)[0]
                os.close(descriptor)
                raise PilviError(
                    f"{path} is in use by pid {holder}.",
                    "Stop that server, or choose another directory with --data.",
                )
            workers = open_lock(path / "workers")
            free = try_lock(workers)
            os.close(workers)
            if not free:
                holder = _read_holder(descriptor)[0]
                os.close(descriptor)
                raise PilviError(
                    f"{path} is in use by workers of the server with pid {holder}, which has ended.",
                    "Wait for them to end, or end them.",
                )
            (path / "generation").unlink(missing_ok=True)
            token = (entropy or Entropy()).hex(32)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {token}\n".encode(), 0)
            for name in _FOLDERS:
                (path / name).mkdir(mode=0o700, exist_ok=True)
            sync_folder(path)
        except OSError as error:
            raise PilviError(f"Cannot use {path} as data directory: {error}.") from error
        return cls(path, (descriptor,), token)

    @classmethod
    def join(cls, path: Path, token: str) -> DataDir:
        """As a worker of the server that gave this token. Raises: PilviError when it is not serving."""
        path = path.absolute()
        _check_format(path)
        workers = open_lock(path / "workers")
        lock(workers, shared=True)
        server = open_lock(path / "lock")
        try:
            serving = not try_lock(server, shared=True) and _read_holder(server)[1] == token
        finally:
            os.close(server)
        if not serving:
            unlock(workers)
            os.close(workers)
            raise PilviError(f"The server of {path} has ended.", "Start it again.")
        return cls(path, (workers,), token)

    @classmethod
    def look(cls, path: Path) -> DataDir:
        """Without any lock: for check and backup. Raises: PilviError when it is not a data directory."""
        path = path.absolute()
        _check_format(path)
        return cls(path)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = ()


def open_store(
    datadir: DataDir, durability: Durability = "full", entropy: Entropy | None = None
) -> SqliteStore:
    """Raises: PilviError."""
    return SqliteStore(datadir.database, durability=durability, entropy=entropy, run=datadir.run)


def _make_format(path: Path) -> None:
    if (path / "format").exists():
        _check_format(path)
        return
    strangers = sorted(set(os.listdir(path)) - {"lock", "workers", "format.new"})
    if strangers:
        raise PilviError(
            f"{path} is not a data directory of pilvi: it holds {strangers[0]}.",
            "Choose an empty directory with --data.",
        )
    write_format(path)


def write_format(path: Path) -> None:
    """Mark a folder as a data directory of this format, durably but for the folder itself."""
    descriptor = os.open(path / "format.new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"%d\n" % FORMAT)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(path / "format.new", path / "format")


def _check_format(path: Path) -> None:
    try:
        text = (path / "format").read_text().strip()
    except FileNotFoundError as error:
        raise PilviError(f"{path} is not a data directory of pilvi.") from error
    if not text.isdigit():
        raise PilviError(f"{path / 'format'} is damaged.", f"It should say {FORMAT}.")
    if int(text) > FORMAT:
        raise PilviError(
            f"{path} has format {text}; this pilvi knows formats up to {FORMAT}.",
            "Upgrade pilvi to use it.",
        )


def _read_holder(descriptor: int) -> tuple[str, str]:
    """(pid, token) of the server that wrote the lock file last."""
    words = os.pread(descriptor, 200, 0).decode("ascii", "replace").split()
    return (words[0], words[1]) if len(words) == 2 else ("unknown", "")
