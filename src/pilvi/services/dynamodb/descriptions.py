"""How tables and indexes are described to callers."""

from __future__ import annotations

from collections.abc import Sequence

from pilvi.services.dynamodb import keys, limits
from pilvi.services.dynamodb.change import Change
from pilvi.services.dynamodb.index_changes import allocating
from pilvi.services.dynamodb.indexes import Index
from pilvi.services.dynamodb.records import (
    IndexRecord,
    Restored,
    TableRecord,
    Throughput,
    Units,
)
from pilvi.services.dynamodb.tables import (
    Table,
    size_of,
)
from pilvi.services.dynamodb.throughputs import decreases_today, initial, warm_of
from pilvi.services.dynamodb.wire import (
    GlobalSecondaryIndexDescription,
    KeySchemaElement,
    LocalSecondaryIndexDescription,
    OnDemandThroughput,
    Projection,
    ProvisionedThroughputDescription,
    RestoreSummary,
    TableDescription,
    TableWarmThroughputDescription,
)
from pilvi.store.api import Snapshot
from pilvi.store.keys import after


def describe(
    record: TableRecord,
    *,
    status: str | None = None,
    index_status: str | None = None,
    counted_at: Snapshot | None = None,
    now_ms: int | None = None,
    change: Change | None = None,
) -> TableDescription:
    """`counted_at`: where items are counted; None for a table that is new or changing, whose answer AWS
    gives without looking. `index_status`: of every global index, whatever its own. `now_ms`: tells which day it is.
    `change`: what the answer of UpdateTable tells besides.
    """
    if status is None:
        status = status_of(record)
    table = Table(record)
    count, size = _counted(counted_at, table.items)
    ranges = () if record.range_key is None else (record.range_key,)
    result: TableDescription = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in sorted(record.types.items())
        ],
        "TableName": record.name,
        "KeySchema": _key_schema((record.hash_key,), ranges),
        "TableStatus": status,
        "CreationDateTime": record.created_at_ms,
        "ProvisionedThroughput": _throughput(record.throughput, now_ms),
        "TableSizeBytes": size,
        "ItemCount": count,
        "TableArn": record.arn,
        "TableId": record.id,
        "DeletionProtectionEnabled": record.deletion_protection,
    }
    if record.on_demand_since_ms is not None:
        result["BillingModeSummary"] = {"BillingMode": record.billing_mode}
        if status != "CREATING" and not (change is not None and change.switched):
            since_ms = record.on_demand_since_ms
            result["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] = since_ms
    if record.table_class is not None:
        result["TableClassSummary"] = {"TableClass": record.table_class}
        if record.class_changed_at_ms:
            result["TableClassSummary"]["LastUpdateDateTime"] = record.class_changed_at_ms[-1]
    told = _maxima(record.maxima) if change is None or change.maxima is None else change.maxima
    if told:
        result["OnDemandThroughput"] = told
    warming = change is not None and None in change.warming
    if status != "CREATING":
        result["WarmThroughput"] = _warm(warm_of(record), updating=warming)
    elif record.warm != initial(record.billing_mode, record.throughput) and record.warm.read:
        result["WarmThroughput"] = _warm(record.warm, updating=True)
    if record.stream is not None:
        result["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": record.stream.view,
        }
    if record.latest_stream is not None:
        result["LatestStreamLabel"] = record.latest_stream
        result["LatestStreamArn"] = f"{record.arn}/stream/{record.latest_stream}"
    if record.restored is not None:
        result["RestoreSummary"] = _restore_summary(record.restored, in_progress=not table.ready)
    indexes = [Index(record, index, table.home_of(index)) for index in record.indexes]
    local = [index for index in indexes if index.record.local]
    if local:
        result["LocalSecondaryIndexes"] = [
            _describe_local(record, index, counted_at) for index in local
        ]
    everywhere = [index for index in indexes if not index.record.local]
    if everywhere:
        result["GlobalSecondaryIndexes"] = [
            _describe_global(record, index, counted_at, index_status, now_ms, change)
            for index in everywhere
        ]
    return result


def status_of(record: TableRecord) -> str:
    """A table is UPDATING while an index is being made, up to where it is filled, and while one is removed."""
    if record.status != "ACTIVE":
        return record.status
    busy = any(allocating(index) or index.status == "DELETING" for index in record.indexes)
    return "UPDATING" if busy else "ACTIVE"


def _restore_summary(restored: Restored, *, in_progress: bool) -> RestoreSummary:
    summary: RestoreSummary = {
        "SourceTableArn": restored.table_arn,
        "RestoreDateTime": restored.at_ms,
        "RestoreInProgress": in_progress,
    }
    if restored.backup_arn is not None:
        summary["SourceBackupArn"] = restored.backup_arn
    return summary


def describe_deleted(record: TableRecord) -> TableDescription:
    """What DeleteTable answers: less, as on AWS."""
    return {
        "TableName": record.name,
        "TableStatus": "DELETING",
        "ProvisionedThroughput": _throughput(record.throughput, None),
        "TableSizeBytes": 0,
        "ItemCount": 0,
        "TableArn": record.arn,
        "TableId": record.id,
        "DeletionProtectionEnabled": record.deletion_protection,
    }


def _describe_local(
    table: TableRecord, index: Index, counted_at: Snapshot | None
) -> LocalSecondaryIndexDescription:
    count, size = _counted(counted_at, index.home)
    return {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.record.hash_keys, index.record.range_keys),
        "Projection": _projection(index.record),
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }


def _describe_global(
    table: TableRecord,
    index: Index,
    counted_at: Snapshot | None,
    status: str | None,
    now_ms: int | None,
    change: Change | None,
) -> GlobalSecondaryIndexDescription:
    record = index.record
    updating = change is not None and index.name in change.updating
    count, size = _counted(counted_at, index.home)
    result: GlobalSecondaryIndexDescription = {
        "IndexName": record.name,
        "KeySchema": _key_schema(record.hash_keys, record.range_keys),
        "Projection": _projection(record),
        "IndexStatus": status or ("UPDATING" if updating else record.status),
        "ProvisionedThroughput": _throughput(record.throughput, now_ms),
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": f"{table.arn}/index/{record.name}",
    }
    if record.maxima is not None:
        result["OnDemandThroughput"] = _maxima(record.maxima)
    if status is None and record.status == "CREATING":
        result["Backfilling"] = record.backfilling
    elif status is None:
        warming = change is not None and index.name in change.warming
        result["WarmThroughput"] = {**_warm(warm_of(table, record), updating=warming)}
    return result


def _key_schema(hashes: Sequence[str], ranges: Sequence[str]) -> list[KeySchemaElement]:
    return [
        *({"AttributeName": name, "KeyType": "HASH"} for name in hashes),
        *({"AttributeName": name, "KeyType": "RANGE"} for name in ranges),
    ]


def _projection(index: IndexRecord) -> Projection:
    if index.projection == "INCLUDE":
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": sorted(index.included)}
    return {"ProjectionType": index.projection}


def _throughput(throughput: Throughput, now_ms: int | None) -> ProvisionedThroughputDescription:
    result: ProvisionedThroughputDescription = {
        "NumberOfDecreasesToday": 0 if now_ms is None else decreases_today(throughput, now_ms),
        "ReadCapacityUnits": throughput.read_units,
        "WriteCapacityUnits": throughput.write_units,
    }
    if throughput.increased_at_ms is not None:
        result["LastIncreaseDateTime"] = throughput.increased_at_ms
    if throughput.decreased_at_ms is not None:
        result["LastDecreaseDateTime"] = throughput.decreased_at_ms
    return result


def _maxima(maxima: Units | None) -> OnDemandThroughput:
    told: OnDemandThroughput = {}
    if maxima is not None and maxima.read:
        told["MaxReadRequestUnits"] = maxima.read
    if maxima is not None and maxima.write:
        told["MaxWriteRequestUnits"] = maxima.write
    return told


def _warm(units: Units, *, updating: bool) -> TableWarmThroughputDescription:
    return {
        "ReadUnitsPerSecond": units.read,
        "WriteUnitsPerSecond": units.write,
        "Status": "UPDATING" if updating else "ACTIVE",
    }


def _counted(at: Snapshot | None, home: bytes) -> tuple[int, int]:
    return (0, 0) if at is None else count_items(at, home)


def count_items(at: Snapshot, home: bytes) -> tuple[int, int]:
    """How many items lie below `home`, and their bytes.

    Exact up to COUNTED_ITEMS_MAX; beyond, estimated from how much of the hash keys' range so many items fill.
    AWS's own figures are hours old; no counter is kept here, since every write of a table would change it.
    """
    count = size = 0
    last = b""
    for key, stored in at.scan(home, after(home), limit=limits.COUNTED_ITEMS_MAX):
        last = key
        count += 1
        size += size_of(stored)
    if count == limits.COUNTED_ITEMS_MAX:
        share = (keys.bucket_of(last, len(home)) + 1) / keys.BUCKETS
        return round(count / share), round(size / share)
    return count, size
