"""Making backups: items are copied a bounded step at a time, all as of the instant at which they were asked for."""

from __future__ import annotations

import msgspec

from pilvi.base.entropy import Entropy
from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb.backfills import plan_erasure
from pilvi.services.dynamodb.backups import limits, records
from pilvi.services.dynamodb.backups.records import BackupRecord
from pilvi.services.dynamodb.changelog import DAY_MS
from pilvi.services.dynamodb.descriptions import count_items
from pilvi.services.dynamodb.history.keeping import find_recovery, hold, is_held, release
from pilvi.services.dynamodb.history.reading import page_as_of
from pilvi.services.dynamodb.records import TableRecord, scope_home
from pilvi.services.dynamodb.tables import Table, size_of
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import pack


class BackupWork(msgspec.Struct, frozen=True):
    """What a job does to one backup."""

    account: str
    region: str
    table: str
    id: str


def work_job(what: str, backup: BackupRecord) -> Job:
    """`what`: "back-up" goes on copying, "expire-backup" ends it."""
    table = backup.table
    work = BackupWork(table.account, table.region, table.name, backup.id)
    return Job(
        kind=f"dynamodb.{what}",
        payload=msgspec.msgpack.encode(work),
        account=table.account,
        region=table.region,
    )


def begin_backup(
    tx: Transaction, table: TableRecord, name: str, entropy: Entropy, now_ms: int
) -> BackupRecord:
    """Back up a table as of now. A small one is copied at once, the rest of a larger one by jobs."""
    id_ = _new_id(tx, table, entropy, now_ms)
    table, instant = hold(tx, table, f"backup/{id_}", now_ms)
    backup = BackupRecord(
        id=id_,
        name=name,
        kind="USER",
        table=table,
        table_name=table.name,
        created_at_ms=now_ms,
        at_ms=instant.at_ms,
        number=instant.number,
        data_id=entropy.uuid(),
        creating=True,
    )
    go_on(tx, backup, limits.FIRST_ITEMS, limits.FIRST_BYTES, now_ms)
    return backup


def _new_id(tx: Transaction, table: TableRecord, entropy: Entropy, now_ms: int) -> str:
    while True:
        id_ = f"{now_ms:014d}-{entropy.hex(8)}"
        if records.backups.find(tx, scope_home(table.scope), table.name, id_) is None:
            return id_


def go_on(tx: Transaction, backup: BackupRecord, items: int, bytes_max: int, now_ms: int) -> None:
    """Copy the next page; with the last one the backup is AVAILABLE."""
    page = page_as_of(
        tx,
        backup.table,
        backup.instant,
        start_after=backup.behind,
        limit=items,
        bytes_max=bytes_max,
    )
    home = backup.items_home
    for place, stored in page.items:
        tx.put(home + place, stored)
    backup = msgspec.structs.replace(
        backup,
        creating=page.next is not None,
        behind=page.next,
        items=backup.items + len(page.items),
        size_bytes=backup.size_bytes + sum(size_of(stored) for _, stored in page.items),
    )
    records.backups.put(tx, scope_home(backup.table.scope), backup)
    if backup.creating:
        tx.at(now_ms, work_job("back-up", backup))
    else:
        release(tx, backup.table, backup.reader, now_ms)


def back_up_deleted(tx: Transaction, table: TableRecord, now_ms: int) -> TableRecord:
    """Keep a table that is about to be deleted for 35 days, where it has point-in-time recovery.

    Gives the record to delete it by.
    """
    if find_recovery(tx, table) is None:
        return table
    id_ = f"{now_ms:014d}-{table.id[:8]}"
    table, instant = hold(tx, table, f"backup/{id_}", now_ms)
    count, size = count_items(tx, Table(table).items)
    backup = BackupRecord(
        id=id_,
        name=f"{table.name}$DeletedTableBackup",
        kind="SYSTEM",
        table=table,
        table_name=table.name,
        created_at_ms=now_ms,
        at_ms=instant.at_ms,
        number=instant.number,
        creating=False,
        items=count,
        size_bytes=size,
        expires_at_ms=now_ms + limits.SYSTEM_LIFE_DAYS * DAY_MS,
    )
    records.backups.put(tx, scope_home(table.scope), backup)
    assert backup.expires_at_ms is not None
    tx.at(backup.expires_at_ms, work_job("expire-backup", backup))
    return table


def is_being_backed_up(at: Snapshot, table: TableRecord) -> bool:
    """Whether a backup on demand of it is not done. (A deleted table's holds its table only then.)"""
    return is_held(at, table, "backup/")


def end_backup(tx: Transaction, backup: BackupRecord, now_ms: int) -> None:
    """Forget a backup; its items go by jobs."""
    records.backups.delete(tx, scope_home(backup.table.scope), backup.table_name, backup.id)
    if backup.kind == "SYSTEM":
        release(tx, backup.table, backup.reader, now_ms)
    else:
        plan_erasure(tx, backup.table, pack(backup.home), now_ms)


def restores_from(at: Snapshot, backup: BackupRecord) -> bool:
    """Whether a table is being restored from it."""
    under_way = records.restores.scan(at, scope_home(backup.table.scope), limit=limits.RESTORES_MAX)
    return any(one.backup is not None and one.backup.arn == backup.arn for one in under_way)
