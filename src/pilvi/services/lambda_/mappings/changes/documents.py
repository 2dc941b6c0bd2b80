"""What functions and destinations are told of a stream's records: events, windows, notices of what was given up. Pure.

AWS: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", sections "Example event", "Tumbling windows" and
"Retain discarded records"; recorded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson

from pilvi.services.lambda_.mappings.changes.records import Window


class Change(NamedTuple):
    """One record of the stream. `document`: as it stands in an event."""

    sequence: str
    number: int
    at_ms: int
    document: bytes


def change_of(record: Mapping[str, Any], stream_arn: str) -> Change:
    """`record`: as GetRecords gives it."""
    body = cast("dict[str, Any]", record["dynamodb"])
    at_ms = cast("int", body["ApproximateCreationDateTime"])
    event = {**record, "dynamodb": {**body, "ApproximateCreationDateTime": at_ms // 1000}}
    identity = event.pop("userIdentity", None)
    if identity is not None:
        event["userIdentity"] = {
            "principalId": identity["PrincipalId"],
            "type": identity["Type"],
        }
    event["eventSourceARN"] = stream_arn
    sequence = cast("str", body["SequenceNumber"])
    return Change(sequence, int(sequence), at_ms, orjson.dumps(event))


def event_of(changes: Sequence[Change]) -> bytes:
    return b'{"Records":[' + b",".join(change.document for change in changes) + b"]}"


def window_event_of(
    changes: Sequence[Change],
    window: Window,
    *,
    length_s: int,
    shard_id: str,
    stream_arn: str,
    final: bool,
) -> bytes:
    about = {
        "window": {
            "start": _second(window.start_ms),
            "end": _second(window.start_ms + length_s * 1000),
        },
        "state": orjson.Fragment(window.state),
        "shardId": shard_id,
        "eventSourceARN": stream_arn,
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": final and window.full,
    }
    return event_of(changes)[:-1] + b"," + orjson.dumps(about)[1:]


class Ran(NamedTuple):
    """What the last invocation came to. `error`: "Unhandled", or None where the function answered."""

    version: str
    error: str | None


def notice_of(
    changes: Sequence[Change],
    *,
    condition: str,
    attempts: int,
    ran: Ran | None,
    request_id: str,
    function_arn: str,
    shard_id: str,
    stream_arn: str,
    now_ms: int,
    payload: bytes | None,
) -> bytes:
    """What a destination is told of records that were given up. `payload`: the event, for buckets only."""
    first, last = changes[0], changes[-1]
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": max(attempts, 1),
        }
    }
    if ran is not None:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": ran.version,
            "functionError": ran.error,
        }
    document["version"] = "1.0"
    document["timestamp"] = _second(now_ms)[:-1] + f".{now_ms % 1000:03d}Z"
    document["DDBStreamBatchInfo"] = {
        "shardId": shard_id,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": _second(first.at_ms),
        "approximateArrivalOfLastRecord": _second(last.at_ms),
        "batchSize": len(changes),
        "streamArn": stream_arn,
    }
    if payload is not None:
        document["payload"] = orjson.Fragment(payload)
    return orjson.dumps(document)


def _second(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_ms // 1000))
