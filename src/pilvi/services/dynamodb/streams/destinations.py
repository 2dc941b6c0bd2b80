"""Kinesis streaming destinations: kept as they are asked for, though there is no Kinesis that records could flow to.

So every destination is described as one that could not be enabled, with the reason.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, get_named_table
from pilvi.services.dynamodb.wire import (
    DescribeKinesisStreamingDestinationInput,
    DescribeKinesisStreamingDestinationOutput,
    KinesisDataStreamDestination,
    KinesisStreamingDestinationInput,
    KinesisStreamingDestinationOutput,
    UpdateKinesisStreamingDestinationInput,
    UpdateKinesisStreamingDestinationOutput,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

_MOST = 10
"""Destinations of a table, with those disabled."""
_WHY = "There is no Kinesis here: the setting is stored, and no records are delivered."


class Destination(msgspec.Struct, frozen=True):
    arn: str
    status: Literal["ENABLE_FAILED", "DISABLED"]
    precision: str | None = None


destinations = Collection("dynamodb.destination", Destination, key=lambda one: (one.arn,))
"""Home: the table's."""


@dynamodb.write("EnableKinesisStreamingDestination")
def enable_kinesis_streaming_destination(
    call: Call, tx: Transaction, req: KinesisStreamingDestinationInput
) -> KinesisStreamingDestinationOutput:
    """Store a destination. No records flow to it: it is described as ENABLE_FAILED.

    Raises: ResourceNotFoundException, LimitExceededException, ValidationException.
    AWS: EnableKinesisStreamingDestination.
    """
    table = get_named_table(tx, call.scope, req["TableName"])
    arn = req["StreamArn"]
    if not arn.startswith(f"arn:{call.scope.partition}:kinesis:"):
        raise invalid(f"Invalid StreamArn: {arn}")
    precision = req.get("EnableKinesisStreamingConfiguration", {}).get(
        "ApproximateCreationDateTimePrecision"
    )
    home = table.record.home
    known = destinations.find(tx, home, arn)
    if known is None and destinations.count(tx, home, limit=_MOST) >= _MOST:
        raise errors.LimitExceededException(
            detail=f"A table has at most {_MOST} Kinesis streaming destinations"
        )
    destinations.put(tx, home, Destination(arn, "ENABLE_FAILED", precision))
    return {
        "TableName": table.name,
        "StreamArn": arn,
        "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": (
            {} if precision is None else {"ApproximateCreationDateTimePrecision": precision}
        ),
    }


@dynamodb.write("DisableKinesisStreamingDestination")
def disable_kinesis_streaming_destination(
    call: Call, tx: Transaction, req: KinesisStreamingDestinationInput
) -> KinesisStreamingDestinationOutput:
    """Raises: ResourceNotFoundException, ValidationException. AWS: DisableKinesisStreamingDestination."""
    table = get_named_table(tx, call.scope, req["TableName"])
    known = _get(tx, table, req["StreamArn"], "disable")
    destinations.put(tx, table.record.home, msgspec.structs.replace(known, status="DISABLED"))
    return {"TableName": table.name, "StreamArn": known.arn, "DestinationStatus": "DISABLING"}


@dynamodb.write("UpdateKinesisStreamingDestination")
def update_kinesis_streaming_destination(
    call: Call, tx: Transaction, req: UpdateKinesisStreamingDestinationInput
) -> UpdateKinesisStreamingDestinationOutput:
    """Change the precision of the times in a destination's records, which is stored.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: UpdateKinesisStreamingDestination.
    """
    precision = req.get("UpdateKinesisStreamingConfiguration", {}).get(
        "ApproximateCreationDateTimePrecision"
    )
    if precision is None:
        raise invalid(
            "Streaming destination cannot be updated with given parameters: "
            "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
        )
    table = get_named_table(tx, call.scope, req["TableName"])
    known = _get(tx, table, req["StreamArn"], "enable")
    if known.precision == precision:
        raise invalid(
            f"Invalid Request: Precision is already set to the desired value of {precision} for "
            f"tableId: {table.record.id}, kdsArn: {known.arn}"
        )
    destinations.put(tx, table.record.home, msgspec.structs.replace(known, precision=precision))
    return {
        "TableName": table.name,
        "StreamArn": known.arn,
        "DestinationStatus": "UPDATING",
        "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": precision},
    }


@dynamodb.read("DescribeKinesisStreamingDestination")
def describe_kinesis_streaming_destination(
    call: Call, at: Snapshot, req: DescribeKinesisStreamingDestinationInput
) -> DescribeKinesisStreamingDestinationOutput:
    """Raises: ResourceNotFoundException. AWS: DescribeKinesisStreamingDestination."""
    table = get_named_table(at, call.scope, req["TableName"])
    return {
        "TableName": table.name,
        "KinesisDataStreamDestinations": [
            _described(one) for one in destinations.scan(at, table.record.home)
        ],
    }


def _described(destination: Destination) -> KinesisDataStreamDestination:
    result: KinesisDataStreamDestination = {
        "StreamArn": destination.arn,
        "DestinationStatus": destination.status,
        "DestinationStatusDescription": _WHY,
    }
    if destination.precision is not None:
        result["ApproximateCreationDateTimePrecision"] = destination.precision
    return result


def _get(at: Snapshot, table: Table, arn: str, what: str) -> Destination:
    """Raises: ValidationException for one that is not there, or is disabled."""
    known = destinations.find(at, table.record.home, arn)
    if known is None or known.status == "DISABLED":
        raise invalid(
            f"Table is not in a valid state to {what} Kinesis Streaming Destination: No streaming "
            f"destination with streamArn: {arn} found for table with tableName: {table.name}"
        )
    return known
