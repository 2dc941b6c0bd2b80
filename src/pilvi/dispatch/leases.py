"""Leases in the store: what is due, giving a job up, putting back what a dead or stopping owner held.

Pure of time and processes; the invariants it keeps are listed in `runner.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilvi.dispatch.records import HOME, JOBS, JobRecord, heads, jobs, owners
from pilvi.store.api import Snapshot, Transaction


class LeaseLost(Exception):
    """The job was taken over, replaced or cancelled: nothing of this run may be applied (invariant 2)."""


def look(at: Snapshot, now_ms: int, room: Callable[[str], int]) -> tuple[int | None, bool]:
    """When the next job becomes due, and whether one is due now that there is room for."""
    later: int | None = None
    ready = False
    for head in heads(at):
        if head.due_ms > now_ms:
            later = head.due_ms if later is None else min(later, head.due_ms)
        elif room(head.lane) > 0:
            ready = True
    return later, ready


def busy(at: Snapshot, now_ms: int) -> bool:
    if next(jobs.scan_index(at, HOME, "leased", limit=1), None) is not None:
        return True
    return any(head.due_ms <= now_ms for head in heads(at))


def give_up(tx: Transaction, record: JobRecord) -> None:
    """Delete a job that we run. Raises: LeaseLost when it is no longer ours (invariants 2 and 7)."""
    current = jobs.find(tx, HOME, record.job.id)
    if current is None or current.lease != record.lease:
        raise LeaseLost
    jobs.delete(tx, HOME, record.job.id)


def release(tx: Transaction, owner: str, *, died: bool, beat: int | None = None) -> int:
    """Put back everything that an owner leases, and forget the owner. Gives how many jobs.

    `beat`: what it was taken for dead on; if it has beaten since, nothing is done.
    """
    current = owners.find(tx, HOME, owner)
    if beat is not None and current is not None and current.beat != beat:
        return 0
    held = list(jobs.scan_index(tx, HOME, "leased", (owner,)))
    for record in held:
        jobs.put(
            tx,
            HOME,
            msgspec.structs.replace(
                record, owner=None, lease=None, takeovers=record.takeovers + died
            ),
        )
    owners.delete(tx, HOME, owner)
    if held:
        tx.wake(JOBS)
    return len(held)


def holds(at: Snapshot, owner: str) -> bool:
    """Whether an owner leases anything."""
    return next(jobs.scan_index(at, HOME, "leased", (owner,), limit=1), None) is not None
