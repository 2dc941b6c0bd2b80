"""What time does in DynamoDB: indexes fill, expired items go, deleted tables and old history are cleared away.

Each job does a bounded step in the transaction that completes it, and plans the next one there. Steps
may be run again from the start without harm: entries are computed from the items as they are.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.cloud import Cloud
from pilvi.services.dynamodb import limits, records
from pilvi.services.dynamodb.backfills import (
    TIME_TO_LIVE,
    Backfill,
    Erasure,
    Removal,
    backfill_job,
    plan_erasure,
    plan_removal,
)
from pilvi.services.dynamodb.changelog import DAY_MS
from pilvi.services.dynamodb.history.keeping import (
    TrimWork,
    find_recovery,
    kept_since,
    plan_trim,
)
from pilvi.services.dynamodb.history.reading import days_of
from pilvi.services.dynamodb.index_changes import allocating
from pilvi.services.dynamodb.indexes import Index
from pilvi.services.dynamodb.maintaining import entry_of, expiry_s, put_expiry
from pilvi.services.dynamodb.replicas.changing import expires_here
from pilvi.services.dynamodb.rules import pruned_types
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import (
    Table,
    find_table,
    item_of,
)
from pilvi.services.dynamodb.writes import (
    Write,
    perform,
)
from pilvi.store.api import Transaction
from pilvi.store.keys import after, pack, unpack


@dynamodb.job("backfill")
async def backfill(cloud: Cloud, job: Job) -> Commit:
    """Fill a new index, or the order of expiries, from the items that were there before."""
    plan = msgspec.msgpack.decode(job.payload, type=Backfill)

    def step(tx: Transaction) -> None:
        table = find_table(tx, Scope(plan.account, plan.region), plan.table)
        if table is None or table.record.id != plan.table_id:
            return
        index = table.indexes.get(plan.index)
        if index is None and (plan.index != TIME_TO_LIVE or table.time_to_live is None):
            return
        if index is not None and plan.number not in (0, index.record.number):
            return
        if index is not None and allocating(index.record):
            _replace_index(tx, table, index.record.number, backfilling=True)
            tx.at(cloud.clock.now_ms(), backfill_job(table.record, plan))
            return
        start = table.items if plan.position is None else after(plan.position)
        found = list(tx.scan(start, after(table.items), limit=limits.STEP_ITEMS))
        for key, stored in found:
            if index is None:
                _fill_expiry(tx, table, key, stored)
            else:
                _fill_entry(tx, table, index, key, stored)
        if len(found) == limits.STEP_ITEMS:
            later = msgspec.structs.replace(plan, position=found[-1][0])
            tx.at(cloud.clock.now_ms(), backfill_job(table.record, later))
        elif index is not None:
            _replace_index(tx, table, index.record.number, status="ACTIVE", backfilling=False)

    return step


def _fill_entry(tx: Transaction, table: Table, index: Index, key: bytes, stored: bytes) -> None:
    item = item_of(stored)
    entry = index.entry_key(item, table.tail_of(key))
    if entry is not None:
        tx.put(entry, stored if index.projected is None else entry_of(index, item))


def _fill_expiry(tx: Transaction, table: Table, key: bytes, stored: bytes) -> None:
    assert table.time_to_live is not None
    seconds = expiry_s(item_of(stored), table.time_to_live)
    if seconds is not None:
        put_expiry(tx, table, seconds, key)


def _replace_index(tx: Transaction, table: Table, number: int, **members: object) -> None:
    record = table.record
    indexes = tuple(
        msgspec.structs.replace(index, **members) if index.number == number else index
        for index in record.indexes
    )
    home = records.scope_home(record.scope)
    records.tables.put(tx, home, msgspec.structs.replace(record, indexes=indexes))


@dynamodb.job("remove-index")
async def remove_index(cloud: Cloud, job: Job) -> Commit:
    """Remove the entries of an index that nothing is written to any more, then the index itself."""
    plan = msgspec.msgpack.decode(job.payload, type=Removal)

    def step(tx: Transaction) -> None:
        table = find_table(tx, Scope(plan.account, plan.region), plan.table)
        if table is None or table.record.id != plan.table_id:
            return
        record = table.record
        left = tuple(index for index in record.indexes if index.number != plan.number)
        gone = [index for index in record.indexes if index.number == plan.number]
        if not gone:
            return
        home = table.home_of(gone[0])
        found = [key for key, _ in tx.scan(home, after(home), limit=limits.STEP_ITEMS)]
        if found:
            tx.delete_range(home, found[-1] + b"\x00")
        if len(found) == limits.STEP_ITEMS:
            plan_removal(tx, record, plan.number, cloud.clock.now_ms())
            return
        record = pruned_types(msgspec.structs.replace(record, indexes=left))
        records.tables.put(tx, records.scope_home(record.scope), record)

    return step


@dynamodb.job("erase")
async def erase(cloud: Cloud, job: Job) -> Commit:
    """Remove a span of keys, a step at a time."""
    erasure = msgspec.msgpack.decode(job.payload, type=Erasure)

    def step(tx: Transaction) -> None:
        found = [key for key, _ in tx.scan(erasure.start, erasure.end, limit=limits.STEP_ITEMS)]
        if not found:
            return
        behind = found[-1] + b"\x00"
        tx.delete_range(erasure.start, behind)
        if len(found) == limits.STEP_ITEMS:
            later = msgspec.structs.replace(erasure, start=behind)
            tx.at(
                cloud.clock.now_ms(),
                msgspec.structs.replace(job, id="", payload=msgspec.msgpack.encode(later)),
            )

    return step


@dynamodb.job("expire")
async def expire(cloud: Cloud, job: Job) -> Commit:
    """Delete the items of one table that have expired by now.

    Items whose expiry is more than five years ago stay, as on AWS.
    """
    name, _, table_id = job.payload.decode().partition("/")

    def step(tx: Transaction) -> None:
        table = find_table(tx, Scope(job.account, job.region), name)
        if table is None or table.record.id != table_id or table.time_to_live is None:
            return
        if table.replicated and not expires_here(tx, table):
            return
        now_ms = cloud.clock.now_ms()
        now_s = now_ms // 1000
        planned = table.planned_expiries
        tx.delete_range(planned, after(planned + pack((now_s,))))
        oldest = table.expiries + pack((max(now_s - limits.TIME_TO_LIVE_AGE_MAX_S, 0),))
        latest = after(table.expiries + pack((now_s,)))
        found = [key for key, _ in islice(tx.scan(oldest, latest), limits.STEP_ITEMS)]
        for entry in found:
            item_key = unpack(entry)[-1]
            assert isinstance(item_key, bytes), entry
            perform(tx, Write("Delete", table, item_key, None, {}, {}, by_service=True), now_ms)
        if len(found) == limits.STEP_ITEMS:
            tx.at(now_ms, msgspec.structs.replace(job, id=""))

    return step


@dynamodb.job("trim-history")
async def trim_history(cloud: Cloud, job: Job) -> Commit:
    """Remove the days of a table's history that are behind the recovery period and all holds, in steps."""
    work = msgspec.msgpack.decode(job.payload, type=TrimWork)

    def step(tx: Transaction) -> None:
        table = find_table(tx, Scope(work.account, work.region), work.table)
        if table is None or table.record.id != work.table_id or table.log is None:
            return
        now_ms = cloud.clock.now_ms()
        first_kept = kept_since(tx, table.record, now_ms) // DAY_MS
        for day in days_of(tx, table.log, 0):
            if day < first_kept:
                plan_erasure(tx, table.record, table.log.day(day), now_ms)
        recovery = find_recovery(tx, table.record)
        if recovery is not None and (work.day + 1 + recovery.period_days) * DAY_MS > now_ms:
            plan_trim(tx, table.record, work.day)  # the period was made longer

    return step
