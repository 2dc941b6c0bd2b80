"""Time to live."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.backfills import TIME_TO_LIVE, plan_backfill, plan_erasure
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.replicas.settings import synchronise_time_to_live
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import get_named_table, refuse_unready
from pilvi.services.dynamodb.wire import (
    DescribeTimeToLiveInput,
    DescribeTimeToLiveOutput,
    UpdateTimeToLiveInput,
    UpdateTimeToLiveOutput,
)
from pilvi.store.api import Snapshot, Transaction


@dynamodb.read("DescribeTimeToLive")
def describe_time_to_live(
    call: Call, at: Snapshot, req: DescribeTimeToLiveInput
) -> DescribeTimeToLiveOutput:
    """Raises: ResourceNotFoundException. AWS: DescribeTimeToLive."""
    table = get_named_table(at, call.scope, req["TableName"])
    if table.time_to_live is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {
        "TimeToLiveDescription": {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": table.time_to_live,
        }
    }


@dynamodb.write("UpdateTimeToLive")
def update_time_to_live(
    call: Call, tx: Transaction, req: UpdateTimeToLiveInput
) -> UpdateTimeToLiveOutput:
    """Let items expire at the seconds since the epoch that one of their attributes tells.

    They go within a minute after; AWS promises a few days.
    Raises: ResourceNotFoundException, ResourceInUseException, ValidationException.
    AWS: UpdateTimeToLive; Developer Guide, "Using time to live (TTL) in DynamoDB".
    """
    specification = req["TimeToLiveSpecification"]
    enabled, attribute = specification["Enabled"], specification["AttributeName"]
    table = refuse_unready(get_named_table(tx, call.scope, req["TableName"]))
    if enabled and table.time_to_live is not None:
        raise invalid("TimeToLive is already enabled")
    if not enabled and table.time_to_live is None:
        raise invalid("TimeToLive is already disabled")
    if not enabled and table.time_to_live != attribute:
        raise invalid(
            "TimeToLive is active on a different AttributeName: current AttributeName is "
            f"{table.time_to_live}"
        )
    changed = msgspec.structs.replace(
        table.record,
        time_to_live=attribute if enabled else None,
        time_to_live_number=table.record.time_to_live_number + enabled,
    )
    records.tables.put(tx, records.scope_home(call.scope), changed)
    synchronise_time_to_live(tx, changed, call.now_ms)
    if enabled:
        plan_backfill(tx, changed, TIME_TO_LIVE, call.now_ms)
    else:
        for home in (table.expiries, table.planned_expiries):
            plan_erasure(tx, changed, home, call.now_ms)
    return {"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute}}
