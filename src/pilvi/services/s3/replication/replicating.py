"""The job of a bucket that replicates: a page of what waits, then its commit plans the next page.

What is refused is tried REPLICATION_TRIES_MAX times and has failed then; what merely breaks, for a day. No attempt is
ever seen in a destination but by its replica, whatever kills it. A page that breaks is tried again one task at a time,
and a task that breaks alone, too, is put behind the others.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch import trace
from pilvi.identity.principal import service_itself
from pilvi.kit.call import Call
from pilvi.services.s3 import events, limits
from pilvi.services.s3.records import buckets, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_KMS
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.replication import COMPLETED, FAILED, Replication
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.replication import permits, placing, records, rules
from pilvi.services.s3.replication.permits import Permit, Refused
from pilvi.services.s3.replication.records import (
    CONTENT,
    MARKER,
    METADATA,
    Configuration,
    Due,
    Rule,
    Task,
)
from pilvi.services.s3.rules import version_names
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

_log = logging.getLogger("pilvi.s3.replication")

_REFUSED_DELAYS_S = (5, 20, 60, 120)
_BROKEN_DELAY_S_MAX = 900
_OPERATIONS = {CONTENT: "OBJECT_PUT", METADATA: "OBJECT_PUT", MARKER: "DELETE_MARKER"}


_BROKEN_ATTEMPTS = 2
_BROKEN = Refused("InternalError", "its transaction breaks; see the log", passing=True)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A task and what there was when the job looked. `found`: None: the version is gone."""

    task: Task
    found: Object | Version | None
    destination: Bucket | None


@dataclass(frozen=True, slots=True)
class _Page:
    source: Bucket
    configuration: Configuration | None
    seen: tuple[_Seen, ...]


@s3.job("replicate", retry=Retry(attempts_max=1_000_000, delay_s_max=60.0))
async def replicate(cloud: Cloud, job: Job) -> Commit | None:
    due = msgspec.msgpack.decode(job.payload, type=Due)
    now_ms = cloud.clock.now_ms()
    size = limits.REPLICATION_PAGE if job.attempt == 1 else 1
    page = await cloud.store.read(lambda at: _look(at, due, now_ms, size))
    if page is None:
        return None  # the bucket is gone, and all that waited with it
    if job.attempt > _BROKEN_ATTEMPTS:
        outcomes = [(seen.task, _BROKEN) for seen in page.seen]
    else:
        outcomes = [(seen.task, await _prepare(cloud, page, seen)) for seen in page.seen]

    def commit(tx: Transaction) -> None:
        source = buckets.find_bucket(tx, due.bucket)
        if source is None or source.id != due.id:
            return
        for task, outcome in outcomes:
            waiting = records.find_task(tx, source, task)
            if waiting is not None:
                _Ending(cloud, tx, source, waiting, job).end(outcome)
        records.plan_next(tx, source)

    return commit


def _look(at: Snapshot, due: Due, now_ms: int, size: int) -> _Page | None:
    source = buckets.find_bucket(at, due.bucket)
    if source is None or source.id != due.id:
        return None
    seen: list[_Seen] = []
    parts = 0
    for task in records.list_due(at, source, now_ms, size):
        found = versions.find(at, source, task.key, task.version_id)
        seen.append(_Seen(task, found, buckets.find_bucket(at, task.destination)))
        parts += found.parts if isinstance(found, Object) else 0
        if parts > limits.REPLICATION_PARTS_PAGE:
            break
    return _Page(source, records.find_configuration(at, source), tuple(seen))


async def _prepare(cloud: Cloud, page: _Page, seen: _Seen) -> Permit | Refused | None:
    """All that must be asked for; None where nothing is to be done."""
    task, found, now_ms = seen.task, seen.found, cloud.clock.now_ms()
    if found is None:
        return None
    try:
        if page.configuration is None:
            raise Refused("SrcBucketReplicationConfigMissing", page.source.name, final=True)
        rule = _rule(page.configuration, task, found)
        stored = found if isinstance(found, Object) else None
        if rule is None or (stored is not None and not _is_eligible(task, stored, rule, now_ms)):
            raise Refused("SrcObjectNotEligible", task.key, final=True)
        destination = placing.check_destination(page.source, seen.destination, rule)
        role = page.configuration.role
        return await permits.permit(
            cloud, task.cause, role, page.source, task, stored, rule, destination
        )
    except Refused as refused:
        return refused
    except Exception as problem:  # noqa: BLE001 one that breaks must not stop all that wait behind it
        _log.exception("cannot replicate %s of bucket %s", task.key, page.source.name)
        return Refused("InternalError", f"{type(problem).__name__}: {problem}", passing=True)


def _rule(configuration: Configuration, task: Task, found: Object | Version | None) -> Rule | None:
    """The rule that the task was noted by, or the one that is in its place now."""
    tags = found.tags if isinstance(found, Object) else {}
    fitting = [
        rule
        for rule in configuration.rules
        if rule.enabled
        and rule.destination == task.destination
        and task.key.startswith(rule.prefix)
        and (task.what != MARKER or rule.markers)
        and (rule.id == task.rule or rule.tags.items() <= tags.items())
    ]
    return max(fitting, key=lambda rule: (rule.id == task.rule, rule.priority), default=None)


def _is_eligible(task: Task, stored: Object, rule: Rule, now_ms: int) -> bool:
    if task.what != CONTENT:
        return True
    how = stored.encryption
    if how is not None and how.kind == SSE_KMS and rule.kms_key is None:
        return False
    return not rules.is_archived(stored, now_ms)


class _Ending:
    """The end of one attempt, inside the transaction that ends the page."""

    def __init__(self, cloud: Cloud, tx: Transaction, source: Bucket, task: Task, job: Job) -> None:
        self._cloud = cloud
        self._tx = tx
        self._source = source
        self._task = task
        self._job = job
        self._now_ms = cloud.clock.now_ms()
        self._found = versions.find(tx, source, task.key, task.version_id)

    def end(self, outcome: Permit | Refused | None) -> None:
        if self._found is None:
            self._gone()
            return
        if isinstance(outcome, Permit):
            try:
                if not self._replicate(outcome):
                    return  # it changed since it was asked for: the next page asks again
            except Refused as refused:
                outcome = refused
            else:
                self._done(outcome.rule)
                return
        if outcome is not None:
            self._refused(outcome)

    def _replicate(self, permit: Permit) -> bool:
        """Whether it could be. Raises: Refused."""
        tx, source, found = self._tx, self._source, self._found
        destination = buckets.find_bucket(tx, self._task.destination)
        placing.check_destination(source, destination, permit.rule)
        assert destination is not None, "checked just before"
        stored = found if isinstance(found, Object) else None
        if permits.asked_about(stored, destination) != permit.asked_about:
            return False
        if isinstance(found, Version):
            placing.put_marker(tx, permit, found)
            return True
        if self._task.what == CONTENT and stored is not None and permit.envelope is None:
            how = stored.encryption
            if how is not None and how.kind == SSE_KMS:
                return False  # only its tags were to be replicated, when the keys were asked for
        assert stored is not None
        placing.put_object(tx, permit, source, stored, self._task.what)
        return True

    def _done(self, rule: Rule) -> None:
        self._mark(COMPLETED)
        self._note("replicated", "")
        if self._task.timed and self._is_late():
            if not self._task.missed:
                self._tell("OperationMissedThreshold", rule.id)
            self._tell("OperationReplicatedAfterThreshold", rule.id)
        records.delete_task(self._tx, self._source, self._task)

    def _gone(self) -> None:
        """The version was deleted before it was replicated: deletes are not replicated, and nothing else is left."""
        self._note("not replicated", "SrcVersionNotFound")
        if self._task.timed:
            self._tell("OperationNotTracked", self._task.rule)
        records.delete_task(self._tx, self._source, self._task)

    def _refused(self, refused: Refused) -> None:
        task = self._task
        if refused.passing:
            over = self._now_ms - task.noted_at_ms >= limits.REPLICATION_TRIED_MS
            delay_s = min(2 ** min(task.attempt, 16), _BROKEN_DELAY_S_MAX)
        else:
            over = task.attempt >= limits.REPLICATION_TRIES_MAX
            delay_s = _REFUSED_DELAYS_S[min(task.attempt, len(_REFUSED_DELAYS_S)) - 1]
        if over or refused.final:
            self._failed(refused)
            return
        self._note("replication refused", str(refused))
        due_ms = self._now_ms + 1000 * delay_s
        missed = task.missed
        if task.timed and not missed:
            if self._is_late():
                self._tell("OperationMissedThreshold", task.rule, refused.reason)
                missed = True
            else:
                due_ms = min(due_ms, task.noted_at_ms + limits.REPLICATION_THRESHOLD_MS)
        again = msgspec.structs.replace(
            task, attempt=task.attempt + 1, due_ms=due_ms, missed=missed
        )
        records.put_task(self._tx, self._source, again)

    def _failed(self, refused: Refused) -> None:
        """For good; a batch job may try again."""
        task = self._task
        _log.warning(
            "%s of bucket %s is not replicated to %s: %s",
            task.key,
            self._source.name,
            task.destination,
            refused,
        )
        self._mark(FAILED, refused.reason)
        self._note("replication failed", str(refused))
        configuration = records.find_configuration(self._tx, self._source)
        rule = None if configuration is None else _rule(configuration, task, self._found)
        if rule is not None and rule.metrics:
            self._tell("OperationFailedReplication", rule.id, refused.reason)
        elif task.timed:
            self._tell("OperationNotTracked", task.rule)
        records.delete_task(self._tx, self._source, task)

    def _mark(self, status: str, reason: str = "") -> None:
        """What the version says of itself. Delete markers say nothing."""
        found = self._found
        if isinstance(found, Object):
            state = (found.replication or Replication()).at(self._task.destination, status, reason)
            marked = msgspec.structs.replace(found, replication=state)
            versions.put_row(self._tx, self._source, marked)

    def _is_late(self) -> bool:
        return self._now_ms - self._task.noted_at_ms >= limits.REPLICATION_THRESHOLD_MS

    def _note(self, what: str, outcome: str) -> None:
        task = self._task
        version = version_names.shown(task.version_id)
        detail = f"{self._source.name}/{task.key} (version {version}) to {task.destination}"
        trace.note(
            self._tx,
            task.cause,
            "s3",
            what,
            detail,
            at_ms=self._now_ms,
            outcome=outcome,
            job=self._job.id,
        )

    def _tell(self, name: str, rule_id: str, reason: str = "") -> None:
        """An event of the source bucket, as S3 itself."""
        task, found = self._task, self._found
        requested_at = datetime.fromtimestamp(task.noted_at_ms / 1000, tz=UTC)
        data = {
            "replicationRuleId": rule_id,
            "destinationBucket": f"arn:aws:s3:::{task.destination}",
            "s3Operation": _OPERATIONS[task.what],
            "requestTime": requested_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if reason:
            data["failureReason"] = reason
        stored = found if isinstance(found, Object) else None
        event = Event(
            f"Replication:{name}",
            task.key,
            self._now_ms,
            etag=None if stored is None else stored.etag,
            size=None if stored is None else stored.size,
            version_id=task.version_id,
            more={
                "userIdentity": {"principalId": "s3.amazonaws.com"},
                "requestParameters": {"sourceIPAddress": "s3.amazonaws.com"},
                "replicationEventData": data,
            },
        )
        call = Call(
            cloud=self._cloud,
            service="s3",
            operation="ReplicateObject",
            scope=Scope(self._source.account, self._source.region),
            principal=service_itself("s3"),
            request_id=task.cause.request_id,
            now_ms=self._now_ms,
            parent=self._job.id,
        )
        events.tell(call, self._tx, self._source, event)
