"""Streams switched on and off: by CreateTable, UpdateTable and DeleteTable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from pilvi.base.entropy import Entropy
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import LiveStream, TableRecord
from pilvi.services.dynamodb.streams import limits, records
from pilvi.services.dynamodb.streams.records import Head, StreamRecord, View
from pilvi.services.dynamodb.streams.shards import ShardWork, close_shard, open_shard
from pilvi.store.api import Transaction


def switch(
    tx: Transaction, table: TableRecord, req: Mapping[str, Any], entropy: Entropy, now_ms: int
) -> TableRecord:
    """The table as the request's StreamSpecification wants it, for CreateTable and UpdateTable.

    A stream that is switched on is always a new one: another one of the table can be read on for a day.
    Raises: ValidationException.
    AWS: Developer Guide, "Enabling a stream".
    """
    specification = req.get("StreamSpecification")
    if specification is None:
        return table
    enabled, view = specification["StreamEnabled"], specification.get("StreamViewType")
    created = "KeySchema" in req
    if created and enabled and view is None:
        raise invalid_values(
            "Table is being created with a stream enabled, UpdateViewType is required"
        )
    if created and not enabled and view is not None:
        raise invalid_values(
            "Table is being created with a stream disabled, UpdateViewType should not be specified"
        )
    if enabled and view is None:
        raise invalid_values("If stream is being enabled then UpdateViewType is required")
    if not enabled and view is not None:
        raise invalid_values(
            "If stream is being disabled, then UpdateViewType must not be specified"
        )
    if enabled:
        if table.stream is not None:
            raise invalid(f"Table already has an enabled stream: TableName: {table.name}")
        return switch_on(tx, table, cast("View", view), entropy.uuid(), now_ms)
    if table.stream is None:
        if created:
            return table
        raise invalid(f"Table has no stream to disable: TableName: {table.name}")
    return switch_off(tx, table, now_ms)


def switch_on(
    tx: Transaction, table: TableRecord, view: View, stream_id: str, now_ms: int
) -> TableRecord:
    """Give a table without a stream a new one; the caller stores the table."""
    assert table.stream is None, table.arn
    home = (table.account, table.region)
    at_ms = now_ms
    while records.streams.find(tx, home, table.name, label_of(at_ms)) is not None:
        at_ms += 1
    stream = StreamRecord(
        table=table.name,
        label=label_of(at_ms),
        id=stream_id,
        account=table.account,
        region=table.region,
        partition=table.partition,
        view=view,
        hash_key=table.hash_key,
        range_key=table.range_key,
        lanes=lanes_of(table),
        created_at_ms=now_ms,
    )
    records.streams.put(tx, home, stream)
    for lane in range(stream.lanes):
        open_shard(tx, stream.home, Head(lane, lane, 1), None, now_ms)
    live = LiveStream(stream.label, stream.id, stream.view, stream.lanes)
    return msgspec.structs.replace(table, stream=live, latest_stream=stream.label)


def switch_off(tx: Transaction, table: TableRecord, now_ms: int) -> TableRecord:
    """Close the stream of a table, where it has one. For a day it can be read; then the last shard's job removes it."""
    if table.stream is None:
        return table
    home = (table.account, table.region)
    stream = records.streams.find(tx, home, table.name, table.stream.label)
    assert stream is not None, f"the stream {table.stream.label} of {table.arn} is not there"
    records.streams.put(tx, home, msgspec.structs.replace(stream, disabled_at_ms=now_ms))
    work = ShardWork(table.account, table.region, table.name, stream.label, 0)
    for head in list(records.heads.scan(tx, stream.home)):
        close_shard(tx, stream.home, head, work, now_ms)
    records.heads.delete_all(tx, stream.home)
    tx.wake(stream.topic)
    return msgspec.structs.replace(table, stream=None)


def lanes_of(table: TableRecord) -> int:
    """As many as AWS would have partitions for the table's throughput when the stream is switched on."""
    if table.billing_mode == "PAY_PER_REQUEST":
        return limits.ON_DEMAND_LANES
    wanted = -(-table.throughput.write_units // limits.LANE_WRITE_UNITS)
    return min(max(wanted, 1), limits.LANES_MAX)


def label_of(at_ms: int) -> str:
    """A stream's label: an instant in ISO 8601, to the millisecond."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}"
