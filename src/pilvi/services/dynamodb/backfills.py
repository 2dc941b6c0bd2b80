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
    """Fill `index` of a table, from the item behind `position` on."""

    account: str
    region: str
    table: str
    table_id: str
    index: str
    position: bytes | None = None


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
    backfill = Backfill(table.account, table.region, table.name, table.id, index)
    tx.at(now_ms, backfill_job(table, backfill))


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
