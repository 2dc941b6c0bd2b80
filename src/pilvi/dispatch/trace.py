"""The story of a request: what it caused, what was tried, what was delivered, what was not and why.

Entries are written in the transactions that they tell of, so a story is never ahead of the truth nor behind.
They are found by the id of the request at the story's root; `job` and `parent` link what caused what.

Bounds: entries of one story, stories in all, and their age (`trim`, a job of its own).

AWS has no such page; `pilvi trace ID` prints it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.contracts.jobs import Job
from pilvi.dispatch.records import HOME, TRIM, dead, jobs
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

STORY_ENTRIES_MAX = 500
STORIES_MAX = 20_000
DEAD_MAX = 10_000
AGE_MS_MAX = 7 * 24 * 3600 * 1000
DETAIL_LENGTH_MAX = 2000
TRIM_EVERY_MS = 600_000
TRIM_BATCH = 1000


class Undelivered(StrEnum):
    """Why something was decided not to be delivered."""

    FILTER = "filter"
    PERMISSION = "permission"
    DISABLED = "disabled"
    THROTTLED = "throttled"
    NO_SUCH_TARGET = "no such target"


class Entry(msgspec.Struct, frozen=True):
    """`what`: planned, done, failed, postponed, delivered, undelivered, buried, or a service's own word.

    `job`: the job that this is about; `parent`: the job that caused it, None for the request itself.
    """

    request_id: str
    seq: int
    at_ms: int
    service: str
    what: str
    detail: str
    outcome: str = ""
    job: str | None = None
    parent: str | None = None


class _Story(msgspec.Struct, frozen=True):
    first_at_ms: int
    request_id: str


entries = Collection("dispatch.trace", Entry, key=lambda entry: (entry.request_id, entry.seq))
stories = Collection(
    "dispatch.stories", _Story, key=lambda story: (story.first_at_ms, story.request_id)
)


def note(
    tx: Transaction,
    cause: Cause,
    service: str,
    what: str,
    detail: str,
    *,
    at_ms: int,
    outcome: str = "",
    job: str | None = None,
) -> None:
    """Add an entry to the story of `cause`; nothing for causes without a request.

    A story that is full says so in its last entry and takes no more.
    """
    if cause.request_id == NO_CAUSE.request_id:
        return
    last = next(entries.scan(tx, HOME, (cause.request_id,), limit=1, reverse=True), None)
    seq = 0 if last is None else last.seq + 1
    if seq >= STORY_ENTRIES_MAX:
        return
    if seq == STORY_ENTRIES_MAX - 1:
        what, detail, outcome = "full", "what happened further is not told", ""
    entry = Entry(
        request_id=cause.request_id,
        seq=seq,
        at_ms=at_ms,
        service=service,
        what=what,
        detail=detail[:DETAIL_LENGTH_MAX],
        outcome=outcome,
        job=job,
        parent=cause.parent,
    )
    entries.put(tx, HOME, entry)
    if seq == 0:
        stories.put(tx, HOME, _Story(at_ms, cause.request_id))
        plan_trim(tx, at_ms + TRIM_EVERY_MS)


def undelivered(
    tx: Transaction,
    cause: Cause,
    service: str,
    arn: str,
    reason: Undelivered,
    detail: str = "",
    *,
    at_ms: int,
) -> None:
    """State that `service` decided not to deliver to `arn`: `detail` names the field, filter or statement."""
    text = f"{arn}: {detail}" if detail else arn
    note(tx, cause, service, "undelivered", text, at_ms=at_ms, outcome=reason)


def story(at: Snapshot, request_id: str) -> list[Entry]:
    """All of a story, in order. At most STORY_ENTRIES_MAX entries."""
    return list(entries.scan(at, HOME, (request_id,)))


def plan_trim(tx: Transaction, due_ms: int) -> None:
    """See to it that `trim` runs once more, unless it is planned already."""
    if jobs.find(tx, HOME, TRIM) is None:
        tx.at(due_ms, Job(TRIM, b"", id=TRIM))


def trim(tx: Transaction, now_ms: int) -> None:
    """Forget what is too old or too much, a batch at a time; plans itself for as long as anything is kept."""
    kept = list(stories.scan(tx, HOME, limit=STORIES_MAX + TRIM_BATCH))
    graves = list(dead.scan(tx, HOME, limit=DEAD_MAX + TRIM_BATCH))
    oldest_ms = now_ms - AGE_MS_MAX
    for index, old in enumerate(kept[:TRIM_BATCH]):
        if index >= len(kept) - STORIES_MAX and old.first_at_ms >= oldest_ms:
            break
        for entry in story(tx, old.request_id):
            entries.delete(tx, HOME, entry.request_id, entry.seq)
        stories.delete(tx, HOME, old.first_at_ms, old.request_id)
    for index, grave in enumerate(graves[:TRIM_BATCH]):
        if index >= len(graves) - DEAD_MAX and grave.at_ms >= oldest_ms:
            break
        dead.delete(tx, HOME, grave.at_ms, grave.job.id)
    full = len(kept) >= STORIES_MAX + TRIM_BATCH or len(graves) >= DEAD_MAX + TRIM_BATCH
    if full:
        plan_trim(tx, now_ms)
    elif kept or graves:
        plan_trim(tx, now_ms + TRIM_EVERY_MS)
