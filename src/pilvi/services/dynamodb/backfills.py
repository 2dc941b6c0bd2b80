"""What is planned when tables change: filling new indexes, removing what no longer belongs to anything."""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.api import Transaction
from pilvi.store.keys import after

TIME_TO_LIVE = ""
"""In the place of an index's name: the order of expiries."""


class Backfill(msgspec.Struct, frozen=True):
    """Fill `index` of a table, from the item behind `position` on. `number`: the index's, 0 for any."""

    account: str
    region: str
    table: str
    table_id: str
    index: str
    position: bytes | None = None
    number: int = 0


class Removal(msgspec.Struct, frozen=True):
    """Remove an index that is DELETING: its entries first, then the index."""

    account: str
    region: str
    table: str
    table_id: str
    number: int


class Erasure(msgspec.Struct, frozen=True):
    """Remove all keys from `start` to `end`."""

    start: bytes
    end: bytes


def backfill_job(table: TableRecord, backfill: Backfill) -> Job:
    return Job(
        kind="dynamodb.backfill",
        payload=msgspec.msgpack.encode(backfill),
        account=table.account,
        region=table.region,
    )


def plan_backfill(tx: Transaction, table: TableRecord, index: str, now_ms: int) -> None:
    """`index`: or TIME_TO_LIVE."""
    number = next((one.number for one in table.indexes if one.name == index), 0)
    backfill = Backfill(table.account, table.region, table.name, table.id, index, number=number)
    tx.at(now_ms, backfill_job(table, backfill))


def plan_removal(tx: Transaction, table: TableRecord, number: int, now_ms: int) -> None:
    """`number`: of an index of the table that is DELETING."""
    removal = Removal(table.account, table.region, table.name, table.id, number)
    tx.at(
        now_ms,
        Job(
            kind="dynamodb.remove-index",
            payload=msgspec.msgpack.encode(removal),
            account=table.account,
            region=table.region,
        ),
    )


def plan_erasure(tx: Transaction, table: TableRecord, home: bytes, now_ms: int) -> None:
    """Remove all that lies below `home`, in steps."""
    tx.at(
        now_ms,
        Job(
            kind="dynamodb.erase",
            payload=msgspec.msgpack.encode(Erasure(home, after(home))),
            account=table.account,
            region=table.region,
        ),
    )


def expiry_job(table: TableRecord) -> Job:
    """Delete what has expired by now."""
    return Job(
        kind="dynamodb.expire",
        payload=table.name.encode() + b"/" + table.id.encode(),
        account=table.account,
        region=table.region,
    )
