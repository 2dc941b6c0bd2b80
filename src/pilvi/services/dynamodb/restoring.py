"""Making tables of what was: items are written a bounded step at a time into a table that is CREATING until then."""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb import records as tables
from pilvi.services.dynamodb.backups import records
from pilvi.services.dynamodb.backups.records import RestoreRecord
from pilvi.services.dynamodb.history.keeping import release
from pilvi.services.dynamodb.history.reading import Page, page_as_of
from pilvi.services.dynamodb.records import scope_home
from pilvi.services.dynamodb.tables import find_table, item_of, size_of
from pilvi.services.dynamodb.writes import Write, Written, apply
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import after


class RestoreWork(msgspec.Struct, frozen=True):
    account: str
    region: str
    target_id: str


def restore_job(restore: RestoreRecord) -> Job:
    source = restore.source
    work = RestoreWork(source.account, source.region, restore.target_id)
    return Job(
        kind="dynamodb.restore",
        payload=msgspec.msgpack.encode(work),
        account=source.account,
        region=source.region,
    )


def go_on(tx: Transaction, restore: RestoreRecord, items: int, bytes_max: int, now_ms: int) -> None:
    """Write the next page into the table; with the last one it is ACTIVE."""
    scope = restore.source.scope
    target = find_table(tx, scope, restore.target)
    assert target is not None, f"{restore.target} was deleted while it was restored"
    assert target.record.id == restore.target_id, f"{restore.target} is another table"
    page = _page(tx, restore, items, bytes_max)
    for place, stored in page.items:
        item = item_of(stored)
        write = Write("Put", target, target.items + place, None, {}, item, size_of(stored))
        apply(tx, write, Written(None, stored, None, item), now_ms)
    if page.next is not None:
        later = msgspec.structs.replace(restore, behind=page.next)
        records.restores.put(tx, scope_home(scope), later)
        tx.at(now_ms, restore_job(later))
        return
    done = msgspec.structs.replace(target.record, status="ACTIVE")
    tables.tables.put(tx, scope_home(scope), done)
    records.restores.delete(tx, scope_home(scope), restore.target_id)
    release(tx, restore.source, restore.reader, now_ms)


def _page(at: Snapshot, restore: RestoreRecord, items: int, bytes_max: int) -> Page:
    backup = restore.backup
    if backup is None or backup.kind == "SYSTEM":
        return page_as_of(
            at,
            restore.source,
            restore.instant,
            start_after=restore.behind,
            limit=items,
            bytes_max=bytes_max,
        )
    home = backup.items_home
    found: list[tuple[bytes, bytes]] = []
    size = 0
    start = home if restore.behind is None else after(home + restore.behind)
    for key, stored in at.scan(start, after(home), limit=items + 1):
        if len(found) == items or size >= bytes_max:
            return Page(found, found[-1][0])
        found.append((key[len(home) :], stored))
        size += len(stored)
    return Page(found, None)
