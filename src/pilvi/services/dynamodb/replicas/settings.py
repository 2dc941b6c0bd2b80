"""What is set for one replica holds for all: capacity mode, throughput, indexes, table class, time to live.

Deletion protection, tags, policies, contributor insights and backups are each replica's own. A replica's own read
capacity and table class hold until another value is set in any region.
AWS: DynamoDB Developer Guide, "Global tables core concepts", "Settings synchronization".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.services.dynamodb import records as table_records
from pilvi.services.dynamodb.backfills import (
    TIME_TO_LIVE,
    plan_backfill,
    plan_erasure,
    plan_removal,
)
from pilvi.services.dynamodb.errors import invalid_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput, Units
from pilvi.services.dynamodb.replicas import errors, records
from pilvi.services.dynamodb.replicas.noting import scope_of
from pilvi.services.dynamodb.replicas.records import GlobalTable
from pilvi.services.dynamodb.tables import Table, find_table
from pilvi.store.api import Transaction

_ALIKE = (
    "billing_mode",
    "on_demand_since_ms",
    "on_demand_at_ms",
    "indexes_made",
    "table_class",
    "class_changed_at_ms",
    "warm",
)
"""Members of a table's record that are alike in all regions once one of them is changed."""


def check_change(tx: Transaction, table: TableRecord, req: Mapping[str, Any]) -> None:
    """Raises: ValidationException for a stream to be switched off; ResourceInUseException while a replica comes,
    changes or goes."""
    group = records.find_group(tx, table)
    if group is None:
        return
    if req.get("StreamSpecification", {}).get("StreamEnabled") is False:
        raise invalid_values("Disabling Stream is not allowed for a Global Table replica.")
    if group.busy:
        raise errors.ChangeUnderWay()


def synchronise(tx: Transaction, old: TableRecord, new: TableRecord, now_ms: int) -> None:
    """Bring what UpdateTable changed of one replica to the others."""
    group = records.find_group(tx, new)
    if group is None:
        return
    for table in _others(tx, group, new):
        changed = _alike(table.record, old, new)
        if changed == table.record:
            continue
        table_records.tables.put(tx, table_records.scope_home(changed.scope), changed)
        known = {index.number: index.status for index in table.record.indexes}
        for index in changed.indexes:
            if index.number not in known:
                plan_backfill(tx, changed, index.name, now_ms)
            elif index.status == "DELETING" != known[index.number]:
                plan_removal(tx, changed, index.number, now_ms)


def _others(tx: Transaction, group: GlobalTable, table: TableRecord) -> list[Table]:
    found: list[Table] = []
    for member in group.others(table.region):
        other = find_table(tx, scope_of(group, member.region), group.name)
        assert other is not None, (group.name, member.region)
        found.append(other)
    return found


def _alike(replica: TableRecord, old: TableRecord, new: TableRecord) -> TableRecord:
    changes: dict[str, Any] = {
        name: getattr(new, name) for name in _ALIKE if getattr(new, name) != getattr(old, name)
    }
    before = {index.number: index for index in old.indexes}
    own = {index.number: index for index in replica.indexes}
    after = {index.number: index for index in new.indexes}
    indexes = [
        _alike_index(index, before.get(index.number), after.get(index.number))
        for index in replica.indexes
    ]
    indexes += [index for number, index in after.items() if number not in own]
    return msgspec.structs.replace(
        replica,
        types={**replica.types, **new.types},
        throughput=_alike_throughput(replica.throughput, old.throughput, new.throughput),
        maxima=_alike_maxima(replica.maxima, old.maxima, new.maxima),
        indexes=tuple(indexes),
        **changes,
    )


def _alike_index(
    own: IndexRecord, before: IndexRecord | None, after: IndexRecord | None
) -> IndexRecord:
    """An index that goes is removed by each region's own job, sooner here or there."""
    if before is None or after is None:
        return own
    going = after.status == "DELETING" != before.status
    return msgspec.structs.replace(
        own,
        status="DELETING" if going else own.status,
        throughput=_alike_throughput(own.throughput, before.throughput, after.throughput),
        maxima=_alike_maxima(own.maxima, before.maxima, after.maxima),
        warm=own.warm if before.warm == after.warm else after.warm,
    )


def _alike_maxima(own: Units | None, old: Units | None, new: Units | None) -> Units | None:
    if old == new:
        return own
    none = Units(0, 0)
    old, new, own = old or none, new or none, own or none
    found = Units(
        new.read if new.read != old.read else own.read,
        new.write if new.write != old.write else own.write,
    )
    return None if found == none else found


def _alike_throughput(own: Throughput, old: Throughput, new: Throughput) -> Throughput:
    """What was changed is changed here, too; so an own read capacity holds until then."""
    if old == new:
        return own
    reads = new.read_units if new.read_units != old.read_units else own.read_units
    writes = new.write_units if new.write_units != old.write_units else own.write_units
    return msgspec.structs.replace(new, read_units=reads, write_units=writes)


def synchronise_time_to_live(tx: Transaction, table: TableRecord, now_ms: int) -> None:
    """`table`: as UpdateTimeToLive left it."""
    group = records.find_group(tx, table)
    if group is None:
        return
    for other in _others(tx, group, table):
        changed = msgspec.structs.replace(
            other.record,
            time_to_live=table.time_to_live,
            time_to_live_number=other.record.time_to_live_number + (table.time_to_live is not None),
        )
        table_records.tables.put(tx, table_records.scope_home(changed.scope), changed)
        if table.time_to_live is not None:
            plan_backfill(tx, changed, TIME_TO_LIVE, now_ms)
        else:
            for home in (other.expiries, other.planned_expiries):
                plan_erasure(tx, changed, home, now_ms)
