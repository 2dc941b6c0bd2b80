"""Which processes that leased jobs are still alive.

Two ways to know, and neither looks at the cloud's clock, which may be frozen or moved:
- A file that the process holds locked for as long as it lives. The kernel lets go of the lock with the
  process, so a killed one is known at once, by whoever shares the run directory.
- Where that file is not to be had: the beat in its record. Whoever sees it stand still for LEASE_S of his own
  monotonic time takes the owner for dead. This needs nothing but the store, and costs a write every BEAT_S
  while jobs run, and none otherwise.

A living owner taken for dead (a process that was stopped for long) loses its leases, not its consistency: see
the invariants of `runner.py`.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from pilvi.dispatch.records import Owner

BEAT_S = 2.0
LEASE_S = 10.0
LOCKED_LEASE_S = 60.0
"""With its file still locked: a process that hangs, or a child of the dead one that inherited the lock."""
_LOCK_TRIES = 50
_LOCK_PAUSE_S = 0.01

# An owner without leases does not beat either. To take it for dead only deletes its record, which comes
# back with its next lease.


class Liveness:
    """What one process says of itself, and has seen of the others."""

    def __init__(self, owner: str, run_dir: Path | None) -> None:
        self.owner = owner
        self._run_dir = run_dir
        self._held: int | None = None
        self._seen: dict[str, tuple[int, float]] = {}

    def hold(self) -> None:
        """Lock our own file. Raises: OSError when the run directory cannot be written."""
        if self._run_dir is None:
            return
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._held = os.open(self._path(self.owner), os.O_RDWR | os.O_CREAT, 0o600)
        for turn in range(_LOCK_TRIES, -1, -1):
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if not turn:
                    raise
            time.sleep(_LOCK_PAUSE_S)  # another process looks whether somebody holds it

    @property
    def file(self) -> int | None:
        """The descriptor of our own file, once it is held."""
        return self._held

    @property
    def shares(self) -> bool:
        """Whether others see at once when this process dies."""
        return self._run_dir is not None

    def others(self) -> dict[str, bytes]:
        """What the other living processes that share the run directory say of themselves: see `presence.py`."""
        if self._run_dir is None:
            return {}
        found: dict[str, bytes] = {}
        for path in self._run_dir.glob("dispatch-*.lock"):
            owner = path.name.removeprefix("dispatch-").removesuffix(".lock")
            if owner != self.owner and self._locked(owner):
                with suppress(FileNotFoundError):
                    found[owner] = path.read_bytes()
        return found

    def let_go(self) -> None:
        if self._held is not None:
            self._path(self.owner).unlink(missing_ok=True)
            os.close(self._held)
            self._held = None

    def find_dead(self, others: list[Owner], now_s: float) -> list[Owner]:
        """Who of the others is dead. To be asked again and again: standing still shows only over time.

        `now_s`: this process's monotonic time.
        """
        gone: list[Owner] = []
        seen: dict[str, tuple[int, float]] = {}
        for other in others:
            if other.id == self.owner:
                continue
            locked = self._locked(other.id)
            if locked is False:
                gone.append(other)
                continue
            beat, since_s = self._seen.get(other.id, (other.beat, now_s))
            if beat != other.beat:
                beat, since_s = other.beat, now_s
            seen[other.id] = (beat, since_s)
            if now_s - since_s >= (LOCKED_LEASE_S if locked else LEASE_S):
                gone.append(other)
        self._seen = seen
        return gone

    def forget(self, owner: str) -> None:
        """Clean up after an owner whose leases have been released."""
        self._seen.pop(owner, None)
        if self._locked(owner) is False:
            self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        assert self._run_dir is not None
        return self._run_dir / f"dispatch-{owner}.lock"

    def _locked(self, owner: str) -> bool | None:
        """Whether somebody holds its file; None when it is not here."""
        if self._run_dir is None:
            return None
        try:
            descriptor = os.open(self._path(owner), os.O_RDWR)
        except FileNotFoundError:
            return None  # of another machine, or cleaned up just now: its beat will tell
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False
