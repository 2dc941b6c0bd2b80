"""A table goes: at once, with what is known of it by its name. Jobs remove its items, in steps."""

from __future__ import annotations

from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.backups.copying import back_up_deleted
from pilvi.services.dynamodb.history.keeping import retire
from pilvi.services.dynamodb.policies.records import Place, drop_policy
from pilvi.services.dynamodb.streams.switching import switch_off
from pilvi.services.dynamodb.tables import Table
from pilvi.store.api import Transaction


def remove_table(tx: Transaction, table: Table, now_ms: int) -> None:
    """Its stream can be read for a day. Where it has point-in-time recovery, a backup of it stays."""
    record = back_up_deleted(tx, table.record, now_ms)
    records.tables.delete(tx, records.scope_home(record.scope), record.name)
    drop_policy(tx, Place(record.scope, record.name, None))
    switch_off(tx, record, now_ms)
    retire(tx, record, now_ms)
