"""Writes of a replica: stamped, and noted for the other regions, in the transaction of the write."""

from __future__ import annotations

import zlib

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.replicas import limits, records
from pilvi.services.dynamodb.replicas.records import Change, GlobalTable, Log, Member
from pilvi.services.dynamodb.tables import Table
from pilvi.store.api import Transaction
from pilvi.store.keys import pack

_STAMP_BYTES = 8
_STAMPS_PER_MS = 256
"""Stamps grow with the clock, and where it stands or goes back they grow all the same."""


class Lane(msgspec.Struct, frozen=True):
    """From a replica to the region `target`."""

    scope: Scope
    group: str
    table: str
    region: str
    target: str


class Tombstones(msgspec.Struct, frozen=True):
    """Those of a replica that were made in one hour."""

    scope: Scope
    group: str
    region: str
    hour: int


def note(
    tx: Transaction,
    table: Table,
    key: bytes,
    old: bytes | None,
    new: bytes | None,
    stamp: int | None,
    now_ms: int,
) -> None:
    """Note that the item at `key` of a replica, which was `old`, became `new`; nothing where there was and is none.

    `stamp`: of a write that came from another region.
    """
    if old is None and new is None:
        return
    record = table.record
    group = records.find_group(tx, record)
    assert group is not None, record.arn
    item = key[table.item_key_at :]
    if stamp is None:
        stamp = _next_stamp(tx, group, item, now_ms)
        _wait_for_others(tx, group, record, Change(0, item, stamp, now_ms, new), now_ms)
    put_stamp(tx, group, record.region, item, stamp, now_ms, deleted=new is None)


def put_stamp(
    tx: Transaction,
    group: GlobalTable,
    region: str,
    item: bytes,
    stamp: int,
    now_ms: int,
    *,
    deleted: bool,
) -> None:
    if stamp:
        tx.put(records.stamps_home(group, region) + item, stamp.to_bytes(_STAMP_BYTES))
    if deleted:
        _bury(tx, group, region, item, now_ms)


def _next_stamp(tx: Transaction, group: GlobalTable, item: bytes, now_ms: int) -> int:
    """Greater than any that a replica has of the item: whoever writes last in truth has the greatest."""
    known = (records.stamp_of(tx, group, one.region, item) for one in group.members)
    return max(now_ms * _STAMPS_PER_MS, max(known) + 1)


def made_before(stamp: int, at_ms: int) -> bool:
    return stamp < at_ms * _STAMPS_PER_MS


def _wait_for_others(
    tx: Transaction, group: GlobalTable, table: TableRecord, change: Change, now_ms: int
) -> None:
    member = group.find(table.region)
    assert member is not None, table.arn
    home = group.home_of(member)
    log = get_log(tx, group, member)
    records.changes.put(tx, home, msgspec.structs.replace(change, number=log.next))
    for target in log.cursors:
        if target not in log.running:
            plan_lane(tx, group, table.region, target, now_ms)
    grown = msgspec.structs.replace(log, next=log.next + 1, running=tuple(log.cursors))
    records.logs.put(tx, home, grown)


def get_log(tx: Transaction, group: GlobalTable, member: Member) -> Log:
    log = records.logs.find(tx, group.home_of(member))
    assert log is not None, f"the replica of {group.name} in {member.region} has no log"
    return log


def plan_lane(tx: Transaction, group: GlobalTable, region: str, target: str, now_ms: int) -> None:
    """Each replica has one job for each other region at most, so that its writes arrive in order."""
    lane = Lane(scope_of(group, region), group.id, group.name, region, target)
    number = zlib.crc32(group.id.encode()) % limits.LANES_PER_REGION
    job = Job(
        kind="dynamodb.replicate",
        payload=msgspec.msgpack.encode(lane),
        account=group.account,
        region=target,
        lane=f"{target}-{number}",
    )
    tx.at(now_ms, job)


def scope_of(group: GlobalTable, region: str) -> Scope:
    return Scope(group.account, region, group.partition)


# --- tombstones


def tombstones_home(group: GlobalTable, region: str, hour: int) -> bytes:
    member = group.find(region)
    assert member is not None, (group.name, region)
    return pack((*group.home_of(member), "d", hour))


def _bury(tx: Transaction, group: GlobalTable, region: str, item: bytes, now_ms: int) -> None:
    hour = now_ms // limits.TOMBSTONES_TOGETHER_MS
    tx.put(tombstones_home(group, region, hour) + item, b"")
    member = group.find(region)
    assert member is not None, (group.name, region)
    planned = pack((*group.home_of(member), "D", hour))
    if tx.get(planned) is None:
        tx.put(planned, b"")
        plan_forgetting(tx, Tombstones(scope_of(group, region), group.id, region, hour), now_ms)


def plan_forgetting(tx: Transaction, tombstones: Tombstones, now_ms: int) -> None:
    """A day after the hour's end, but never at once."""
    end_ms = (tombstones.hour + 1) * limits.TOMBSTONES_TOGETHER_MS + limits.TOMBSTONE_MS
    job = Job(
        kind="dynamodb.forget_deleted",
        payload=msgspec.msgpack.encode(tombstones),
        account=tombstones.scope.account,
        region=tombstones.region,
    )
    tx.at(max(end_ms, now_ms + 1), job)
