"""What the dispatcher stores: jobs, who leases them, and those that failed for good.

A job is in exactly one index: `due` while it waits, while somebody runs it `leased`, or `residing` when it is a
resident.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilvi.base.arn import Arn
from pilvi.contracts.delivery import Delivery
from pilvi.contracts.jobs import Job
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

HOME: Key = ("dispatch",)
DELIVER = "dispatch.deliver"
TRIM = "dispatch.trim"

RESIDENT = "~"
"""What the lanes of residents begin with."""

JOBS = "jobs"
"""The topic that wakes runners."""


class JobRecord(msgspec.Struct, frozen=True):
    """`lane`: the queue it waits in. `lease`: the token of whoever runs it, None while it waits.

    `takeovers`: how many owners died while they ran it.
    """

    job: Job
    lane: str
    due_ms: int
    owner: str | None = None
    lease: str | None = None
    takeovers: int = 0


class Owner(msgspec.Struct, frozen=True):
    """A process that leases jobs. `beat` grows for as long as it lives and runs any."""

    id: str
    beat: int


class DeadJob(msgspec.Struct, frozen=True):
    """A job that failed for good, and why."""

    at_ms: int
    job: Job
    reason: str


jobs = Collection(
    "dispatch.jobs",
    JobRecord,
    key=lambda record: (record.job.id,),
    indexes={
        "due": lambda record: (record.lane, record.due_ms) if record.lease is None else None,
        "leased": lambda record: (
            None if record.lease is None or record.job.resident else (record.owner,)
        ),
        "residing": lambda record: (
            (record.owner,) if record.lease is not None and record.job.resident else None
        ),
    },
)
owners = Collection("dispatch.owners", Owner, key=lambda owner: (owner.id,))
dead = Collection("dispatch.dead", DeadJob, key=lambda record: (record.at_ms, record.job.id))


def lane_of(job: Job) -> str:
    """A queue of its own for each kind, or lane of it, and for each service that is delivered to, so that the
    slow hold up no others."""
    if job.resident:
        return RESIDENT + job.kind
    if job.kind != DELIVER:
        return f"{job.kind}/{job.lane}" if job.lane else job.kind
    arn = msgspec.msgpack.decode(job.payload, type=Delivery).arn
    try:
        return f"{DELIVER}.{Arn.parse(arn).service}"
    except ValueError:
        return f"{DELIVER}.-"


def group_of(job: Job) -> str:
    """Which residents are spread over the processes in themselves."""
    return f"{job.kind}/{job.lane}" if job.lane else job.kind


def kind_of(lane: str) -> str:
    """What the limits of a lane are known by."""
    return lane.partition("/")[0]


def about(job: Job) -> tuple[str, str]:
    """Whose job it is and what it is about, for people: a delivery is its sender's, and about its target."""
    if job.kind != DELIVER:
        return job.kind.partition(".")[0], job.kind
    delivery = msgspec.msgpack.decode(job.payload, type=Delivery)
    return delivery.source.service.partition(".")[0], f"delivery to {delivery.arn}"


def heads(at: Snapshot) -> Iterator[JobRecord]:
    """The first waiting job of every lane: one seek each, however many jobs wait."""
    last: Key | None = None
    while True:
        head = next(jobs.scan_index(at, HOME, "due", limit=1, after_entry=last), None)
        if head is None:
            return
        yield head
        last = (head.lane,)
