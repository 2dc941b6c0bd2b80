"""Leases in the store: what is due, giving a job up, putting back what a dead or stopping owner held.

Pure of time and processes; the invariants it keeps are listed in `runner.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.dispatch.records import HOME, JOBS, RESIDENT, JobRecord, heads, jobs, owners
from pilvi.dispatch.room import Room
from pilvi.dispatch.spreading import Spreading
from pilvi.store.api import Snapshot, Transaction


class LeaseLost(Exception):
    """The job was taken over, replaced or cancelled: nothing of this run may be applied (invariant 2)."""


def look(at: Snapshot, now_ms: int, room: Room, spreading: Spreading) -> tuple[int | None, bool]:
    """When the next job becomes due, and whether one is due now that there is room for."""
    later: int | None = None
    ready = False
    for head in heads(at):
        if head.due_ms > now_ms:
            later = head.due_ms if later is None else min(later, head.due_ms)
        elif (most := room.of(head.lane)) > 0 and not ready:
            residents = head.lane.startswith(RESIDENT)
            ready = not residents or bool(spreading.choose(at, head.lane, now_ms, most))
    return later, ready


def choose(at: Snapshot, now_ms: int, room: Room, spreading: Spreading) -> list[JobRecord]:
    """Due jobs for which there is room, in the order in which they became due.

    Where there is not room for all, lanes in which fewer run come first. `room` is used up.
    """
    lanes = [head.lane for head in heads(at) if head.due_ms <= now_ms and room.of(head.lane) > 0]
    share = room.left // max(1, len(lanes)) or 1
    waiting: list[tuple[int, int, str, JobRecord]] = []
    for lane in lanes:
        found: Iterable[JobRecord]
        if lane.startswith(RESIDENT):
            found = spreading.choose(at, lane, now_ms, room.of(lane))
        else:
            found = jobs.scan_index(at, HOME, "due", (lane,), limit=min(share, room.of(lane)))
        for turn, record in enumerate(found, start=room.running(lane)):
            if record.due_ms > now_ms:
                break
            waiting.append((turn, record.due_ms, record.job.id, record))
    chosen: list[JobRecord] = []
    for *_, record in sorted(waiting, key=itemgetter(0, 1, 2)):
        if room.of(record.lane) > 0:
            room.take(record.lane)
            chosen.append(record)
    return sorted(chosen, key=lambda record: (record.due_ms, record.job.id))


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


TAKEOVERS_FREE = 2
"""Deaths that a job may be near to without being suspected of them."""
PAUSE_MS_FIRST = 1000
PAUSE_MS_MAX = 60_000


def release(
    tx: Transaction, owner: str, now_ms: int, *, died: bool, beat: int | None = None
) -> int:
    """Put back everything that an owner leases, and forget the owner. Gives how many jobs.

    `beat`: what it was taken for dead on; if it has beaten since, nothing is done. A job that many owners
    died with waits longer each time, so that it cannot kill one process after another (invariant 6).
    """
    current = owners.find(tx, HOME, owner)
    if beat is not None and current is not None and current.beat != beat:
        return 0
    held = [
        record
        for index in ("leased", "residing")
        for record in jobs.scan_index(tx, HOME, index, (owner,))
    ]
    for record in held:
        suspected = died and not record.job.resident  # invariant 9
        takeovers = record.takeovers + suspected
        due_ms = record.due_ms
        if suspected:
            due_ms = max(due_ms, now_ms + pause_after_ms(takeovers))
        waiting = msgspec.structs.replace(
            record, owner=None, lease=None, takeovers=takeovers, due_ms=due_ms
        )
        jobs.put(tx, HOME, waiting)
    owners.delete(tx, HOME, owner)
    if held:
        tx.wake(JOBS)
    return len(held)


def pause_after_ms(takeovers: int) -> int:
    """How long a job waits that so many owners died with, in ms."""
    beyond = takeovers - TAKEOVERS_FREE
    if beyond <= 0:
        return 0
    return min(PAUSE_MS_FIRST * 2 ** min(beyond - 1, 16), PAUSE_MS_MAX)


def holds(at: Snapshot, owner: str) -> bool:
    """Whether an owner leases anything."""
    return any(
        next(jobs.scan_index(at, HOME, index, (owner,), limit=1), None) is not None
        for index in ("leased", "residing")
    )


def residing(at: Snapshot) -> list[Job]:
    """The residents that run, in whichever process."""
    return [record.job for record in jobs.scan_index(at, HOME, "residing")]
