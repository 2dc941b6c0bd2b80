"""Noting what is to be replicated, in the transaction of the write that is. Only for buckets with `replicates`.

Here versions become PENDING; what comes of that is the worker's to say.
AWS: S3 User Guide, "What does Amazon S3 replicate?".
"""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3.records import versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.replication import FAILED, PENDING, Replication
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.replication import records, rules
from pilvi.services.s3.replication.records import (
    CONTENT,
    MARKER,
    METADATA,
    Configuration,
    Rule,
    Task,
)
from pilvi.store.api import Transaction


class NotEligible(Exception):
    """`reason`: as AWS calls it in reports and events."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def note(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> Object:
    """A new version, before it is put: gives it with what is now known of it. Archived ones go nowhere."""
    configuration = records.find_configuration(tx, bucket)
    if configuration is None or rules.is_archived(stored, call.now_ms):
        return stored
    found = rules.chosen(configuration, stored)
    return _noted(call, tx, bucket, stored, found, CONTENT) if found else stored


def note_change(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> Object:
    """Tags, list, retention or hold of a version changed: gives it as it is to be put.

    It goes where the version went, or goes still. Those of replicas go where a rule says so.
    """
    configuration = records.find_configuration(tx, bucket)
    state = stored.replication
    if configuration is None or state is None:
        return stored
    found = _of_change(configuration, stored, state)
    return _noted(call, tx, bucket, stored, found, METADATA) if found else stored


def _of_change(configuration: Configuration, stored: Object, state: Replication) -> list[Rule]:
    """Tags that a version has lost, or got, do not change where it goes: AWS looks when it is written."""
    found: dict[str, Rule] = {}
    for rule in configuration.rules:
        if not rule.enabled or not stored.key.startswith(rule.prefix):
            continue
        if (
            rule.modifications
            if state.replica
            else state.to.get(rule.destination, FAILED) != FAILED
        ):
            other = found.get(rule.destination)
            if other is None or other.priority < rule.priority:
                found[rule.destination] = rule
    return list(found.values())


def note_marker(call: Call, tx: Transaction, bucket: Bucket, marker: Version) -> None:
    """A delete marker that somebody made. (Those of lifecycle rules are not replicated.)"""
    configuration = records.find_configuration(tx, bucket)
    if configuration is None:
        return
    for rule in rules.chosen_for_marker(configuration, marker.key):
        _add(call, tx, bucket, marker.key, marker.id, rule, MARKER)


def enqueue(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> tuple[str, ...]:
    """Replicate a version that is there already, because somebody asks: for batch jobs' S3ReplicateObject.

    `stored`: the version as `versions.find` gives it in this transaction; of whatever status, replicas too. It becomes
    PENDING and is replicated soon, by the bucket's configuration and role, as if it had been written now; later
    `stored.replication.told` is COMPLETED (REPLICA of a replica) or FAILED, with `.reason`, and `.to` tells it for each
    bucket. Gives the names of these buckets. The caller has asked for s3:InitiateReplication.

    Differs: a replica that was deleted for good comes back; AWS refuses that (DstObjectHardDeleted).
    Raises: NotEligible (SrcBucketReplicationConfigMissing; SrcObjectNotEligible: archived, or no rule fits it).
    """
    configuration = records.find_configuration(tx, bucket)
    if configuration is None:
        raise NotEligible("SrcBucketReplicationConfigMissing")
    found = rules.chosen(configuration, stored)
    if not found or rules.is_archived(stored, call.now_ms):
        raise NotEligible("SrcObjectNotEligible")
    noted = _noted(call, tx, bucket, stored, found, CONTENT, asked=True)
    versions.put_row(tx, bucket, noted)
    return tuple(rule.destination for rule in found)


def _noted(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    stored: Object,
    found: list[Rule],
    what: str,
    *,
    asked: bool = False,
) -> Object:
    state = stored.replication or Replication()
    if what == CONTENT:
        state = Replication(state.replica)  # buckets that it does not go to any more have no say
    for rule in found:
        _add(call, tx, bucket, stored.key, stored.version_id, rule, what, asked=asked)
        state = state.at(rule.destination, PENDING)
    return msgspec.structs.replace(stored, replication=state)


def _add(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str,
    rule: Rule,
    what: str,
    *,
    asked: bool = False,
) -> None:
    task = Task(
        destination=rule.destination,
        key=key,
        version_id=version_id,
        what=what,
        rule=rule.id,
        noted_at_ms=call.now_ms,
        due_ms=call.now_ms,
        timed=rule.timed and not asked,
        asked=asked,
        cause=call.cause,
    )
    records.add(tx, bucket, task)
