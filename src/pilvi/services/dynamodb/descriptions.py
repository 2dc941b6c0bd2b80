"""How tables and indexes are described to callers."""

from __future__ import annotations

from pilvi.services.dynamodb import keys, limits
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput
from pilvi.services.dynamodb.tables import Index, Table, size_of
from pilvi.services.dynamodb.wire import (
    GlobalSecondaryIndexDescription,
    KeySchemaElement,
    LocalSecondaryIndexDescription,
    Projection,
    ProvisionedThroughputDescription,
    TableDescription,
    TableWarmThroughputDescription,
)
from pilvi.store.api import Snapshot
from pilvi.store.keys import after

_ON_DEMAND_READS = 12_000
_ON_DEMAND_WRITES = 4_000


def describe(
    record: TableRecord,
    *,
    status: str = "ACTIVE",
    index_status: str | None = None,
    counted_at: Snapshot | None = None,
) -> TableDescription:
    """`counted_at`: where items are counted; None for a table that is new or changing, whose answer AWS
    gives without looking. `index_status`: of every global index, whatever its own.
    """
    table = Table(record)
    count, size = _counted(counted_at, table.items)
    result: TableDescription = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in record.types.items()
        ],
        "TableName": record.name,
        "KeySchema": _key_schema(record.hash_key, record.range_key),
        "TableStatus": status,
        "CreationDateTime": record.created_at_ms,
        "ProvisionedThroughput": _throughput(record.throughput),
        "TableSizeBytes": size,
        "ItemCount": count,
        "TableArn": record.arn,
        "TableId": record.id,
        "DeletionProtectionEnabled": record.deletion_protection,
    }
    if record.on_demand_since_ms is not None:
        result["BillingModeSummary"] = {"BillingMode": record.billing_mode}
        if status != "CREATING":
            since_ms = record.on_demand_since_ms
            result["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] = since_ms
    if record.table_class is not None:
        result["TableClassSummary"] = {"TableClass": record.table_class}
    if status == "ACTIVE":
        result["WarmThroughput"] = _warm(record.throughput, record.billing_mode)
    if record.stream is not None:
        result["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": record.stream.view,
        }
    if record.latest_stream is not None:
        result["LatestStreamLabel"] = record.latest_stream
        result["LatestStreamArn"] = f"{record.arn}/stream/{record.latest_stream}"
    local = [index for index in table.indexes.values() if index.record.local]
    if local:
        result["LocalSecondaryIndexes"] = [
            _describe_local(record, index, counted_at) for index in local
        ]
    everywhere = [index for index in table.indexes.values() if not index.record.local]
    if everywhere:
        result["GlobalSecondaryIndexes"] = [
            _describe_global(record, index, counted_at, index_status) for index in everywhere
        ]
    return result


def describe_deleted(record: TableRecord) -> TableDescription:
    """What DeleteTable answers: less, as on AWS."""
    return {
        "TableName": record.name,
        "TableStatus": "DELETING",
        "ProvisionedThroughput": _throughput(record.throughput),
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
        "KeySchema": _key_schema(index.record.hash_key, index.record.range_key),
        "Projection": _projection(index.record),
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }


def _describe_global(
    table: TableRecord, index: Index, counted_at: Snapshot | None, status: str | None
) -> GlobalSecondaryIndexDescription:
    record = index.record
    count, size = _counted(counted_at, index.home)
    result: GlobalSecondaryIndexDescription = {
        "IndexName": record.name,
        "KeySchema": _key_schema(record.hash_key, record.range_key),
        "Projection": _projection(record),
        "IndexStatus": status or record.status,
        "ProvisionedThroughput": _throughput(record.throughput),
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": f"{table.arn}/index/{record.name}",
    }
    if record.status == "CREATING":
        result["Backfilling"] = True
    elif status is None:
        warm = _warm(record.throughput, table.billing_mode)
        result["WarmThroughput"] = {**warm}
    return result


def _key_schema(hash_key: str, range_key: str | None) -> list[KeySchemaElement]:
    schema: list[KeySchemaElement] = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key is not None:
        schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return schema


def _projection(index: IndexRecord) -> Projection:
    if index.projection == "INCLUDE":
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.included)}
    return {"ProjectionType": index.projection}


def _throughput(throughput: Throughput) -> ProvisionedThroughputDescription:
    result: ProvisionedThroughputDescription = {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": throughput.read_units,
        "WriteCapacityUnits": throughput.write_units,
    }
    if throughput.increased_at_ms is not None:
        result["LastIncreaseDateTime"] = throughput.increased_at_ms
    if throughput.decreased_at_ms is not None:
        result["LastDecreaseDateTime"] = throughput.decreased_at_ms
    return result


def _warm(throughput: Throughput, billing_mode: str) -> TableWarmThroughputDescription:
    on_demand = billing_mode == "PAY_PER_REQUEST"
    return {
        "ReadUnitsPerSecond": _ON_DEMAND_READS if on_demand else throughput.read_units,
        "WriteUnitsPerSecond": _ON_DEMAND_WRITES if on_demand else throughput.write_units,
        "Status": "ACTIVE",
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
