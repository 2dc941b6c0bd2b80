"""Why the history of a table is kept, and for how long.

Reasons are point-in-time recovery and holds: somebody who reads the table as of an instant (a backup, a restore, an
export) holds it. While there is a reason, every change leaves an entry; when the last is gone, so are the entries.

1. What is behind the instant of a hold, or in the recovery period, is never trimmed.
2. The items of a deleted table stay until its last hold is released.
"""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.backfills import plan_erasure
from pilvi.services.dynamodb.changelog import DAY_MS, NUMBER_MAX, Instant, Log
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.tables import find_table
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import pack

LATEST_BEHIND_MS = 5 * 60 * 1000
"""So far behind the present is what a table can be restored to, as on AWS."""


class Recovery(msgspec.Struct, frozen=True):
    """Point-in-time recovery of a table that has it: since when, and for how many days."""

    since_ms: int
    since_number: int
    period_days: int

    @property
    def since(self) -> Instant:
        return Instant(self.since_ms, self.since_number)


class Hold(msgspec.Struct, frozen=True):
    """Somebody reads the table as of an instant. `reader`: his name, unique for the table."""

    reader: str
    at_ms: int
    number: int

    @property
    def instant(self) -> Instant:
        return Instant(self.at_ms, self.number)


class Retired(msgspec.Struct, frozen=True):
    """A table that was deleted while somebody held it."""

    table: TableRecord


class TrimWork(msgspec.Struct, frozen=True):
    """Look whether the entries of the days up to `day` can go."""

    account: str
    region: str
    table: str
    table_id: str
    day: int


recoveries = Collection("dynamodb.recovery", Recovery, key=lambda _: ())
"""Home: the table's. None where recovery is off."""

holds = Collection("dynamodb.hold", Hold, key=lambda hold: (hold.reader,))
"""Home: the table's."""

retired = Collection("dynamodb.retired", Retired, key=lambda _: ())
"""Home: the table's."""


# --- point-in-time recovery


def recover(tx: Transaction, table: TableRecord, period_days: int, now_ms: int) -> Recovery:
    """Switch point-in-time recovery on, or change its period."""
    old = recoveries.find(tx, table.home)
    if old is None:
        table = _logged(tx, table, now_ms)
        since = _now(tx, table, now_ms)
        recovery = Recovery(since.at_ms, since.number, period_days)
    else:
        recovery = msgspec.structs.replace(old, period_days=period_days)
    recoveries.put(tx, table.home, recovery)
    if old is None:
        plan_trim(tx, table, recovery.since.day)
    elif period_days < old.period_days:
        plan_trim(tx, table, now_ms // DAY_MS, due_ms=now_ms)
    return recovery


def stop_recovery(tx: Transaction, table: TableRecord, now_ms: int) -> None:
    recoveries.delete(tx, table.home)
    _forget(tx, table, now_ms)


def find_recovery(at: Snapshot, table: TableRecord) -> Recovery | None:
    return recoveries.find(at, table.home)


def window(recovery: Recovery, now_ms: int) -> tuple[int, int]:
    """The earliest and the latest time that a table can be restored to, as AWS tells them: the earliest in whole
    seconds; the latest five minutes ago, or when recovery was switched on."""
    earliest_ms = max(recovery.since_ms, now_ms - recovery.period_days * DAY_MS)
    latest_ms = max(recovery.since_ms, now_ms - LATEST_BEHIND_MS)
    return earliest_ms // 1000 * 1000, latest_ms


# --- holds


def hold(
    tx: Transaction, table: TableRecord, reader: str, now_ms: int, *, at_ms: int | None = None
) -> tuple[TableRecord, Instant]:
    """Keep the table as of now, or of `at_ms` in its recovery's window, until `reader` releases it.

    Gives the record to read with, and the instant. They serve until then, even when the table is deleted meanwhile.
    A second hold of the same reader replaces the first.
    """
    table = _logged(tx, table, now_ms)
    if at_ms is None:
        instant = _now(tx, table, now_ms)
    else:
        instant = instant_at(tx, table, at_ms)
        head = Log(table).head(tx)
        if instant.at_ms > head.at_ms:
            Log(table).put_head(tx, instant)
    holds.put(tx, table.home, Hold(reader, instant.at_ms, instant.number))
    return table, instant


def release(tx: Transaction, table: TableRecord, reader: str, now_ms: int) -> None:
    """`reader` needs the table no longer. Nothing happens when he has not held it."""
    if holds.delete(tx, table.home, reader) is None:
        return
    gone = retired.find(tx, table.home)
    if gone is None:
        current = find_table(tx, table.scope, table.name)
        assert current is not None, f"{table.arn} is neither there nor retired"
        _forget(tx, current.record, now_ms)
    elif next(iter(holds.scan(tx, table.home, limit=1)), None) is None:
        plan_erasure(tx, gone.table, pack(gone.table.home), now_ms)


def is_held(at: Snapshot, table: TableRecord, kind: str) -> bool:
    """Whether there is a hold of a reader whose name begins so."""
    return any(hold.reader.startswith(kind) for hold in holds.scan(at, table.home))


def retire(tx: Transaction, table: TableRecord, now_ms: int) -> None:
    """The table was deleted: remove all that lies below its home, as soon as nobody holds it."""
    if next(iter(holds.scan(tx, table.home, limit=1)), None) is None:
        plan_erasure(tx, table, pack(table.home), now_ms)
        return
    retired.put(tx, table.home, Retired(table))
    if table.history is not None:
        log = Log(table)
        head = log.head(tx)
        if all(hold.instant >= head for hold in holds.scan(tx, table.home)):
            plan_erasure(tx, table, log.entries, now_ms)
    recoveries.delete(tx, table.home)
    for index in table.indexes:
        plan_erasure(tx, table, pack((*table.home, "x", index.number)), now_ms)


def instant_at(at: Snapshot, table: TableRecord, at_ms: int) -> Instant:
    """The instant at the end of a time in the recovery's window; the window's begin for what is a little earlier."""
    recovery = recoveries.find(at, table.home)
    head = Log(table).head(at)
    if recovery is not None and at_ms < recovery.since_ms:
        return recovery.since
    if at_ms >= head.at_ms:
        return Instant(at_ms, head.number)
    return Instant(at_ms, NUMBER_MAX)


# --- the log switched on and off, and trimmed


def _now(tx: Transaction, table: TableRecord, now_ms: int) -> Instant:
    """The present instant; what is written later is behind it, whatever time its transaction began at."""
    log = Log(table)
    head = log.head(tx)
    if now_ms > head.at_ms:
        head = Instant(now_ms, head.number)
        log.put_head(tx, head)
    return head


def _logged(tx: Transaction, table: TableRecord, now_ms: int) -> TableRecord:
    """The table as it is, with its history switched on."""
    current = find_table(tx, table.scope, table.name)
    assert current is not None, f"{table.arn} is gone"
    assert current.record.id == table.id, f"{table.arn} is another"
    table = current.record
    if table.history is not None:
        return table
    number = table.histories_made + 1
    table = msgspec.structs.replace(table, history=number, histories_made=number)
    records.tables.put(tx, records.scope_home(table.scope), table)
    Log(table).put_head(tx, Instant(now_ms, 0))
    return table


def _forget(tx: Transaction, table: TableRecord, now_ms: int) -> None:
    """Switch the history off where nothing asks for it any more; else trim what nothing asks for."""
    if table.history is None:
        return
    if recoveries.find(tx, table.home) is not None:
        plan_trim(tx, table, now_ms // DAY_MS, due_ms=now_ms)
        return
    if next(iter(holds.scan(tx, table.home, limit=1)), None) is not None:
        return
    plan_erasure(tx, table, Log(table).entries, now_ms)
    plan_erasure(tx, table, pack((*table.home, "H", table.history)), now_ms)
    table = msgspec.structs.replace(table, history=None)
    records.tables.put(tx, records.scope_home(table.scope), table)


def plan_trim(tx: Transaction, table: TableRecord, day: int, *, due_ms: int | None = None) -> None:
    """Look at the entries of a day when its last one has left the recovery period, or at `due_ms`."""
    if due_ms is None:
        recovery = recoveries.find(tx, table.home)
        if recovery is None:
            return  # with the last hold all entries go
        due_ms = (day + 1 + recovery.period_days) * DAY_MS
    work = TrimWork(table.account, table.region, table.name, table.id, day)
    job = Job(
        kind="dynamodb.trim-history",
        payload=msgspec.msgpack.encode(work),
        account=table.account,
        region=table.region,
    )
    tx.at(due_ms, job)


def kept_since(at: Snapshot, table: TableRecord, now_ms: int) -> int:
    """The time from which on entries are needed, in milliseconds."""
    needed = [hold.at_ms for hold in holds.scan(at, table.home)]
    recovery = recoveries.find(at, table.home)
    if recovery is not None:
        needed.append(now_ms - recovery.period_days * DAY_MS)
    return min(needed, default=now_ms)
