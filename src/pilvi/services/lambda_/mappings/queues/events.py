"""A message as a function gets it. AWS: Lambda Developer Guide, "Using Lambda with Amazon SQS", example events."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from pilvi.base.arn import Arn

ENVELOPE_BYTES = len(b'{"Records":[]}')

_SHOWN = (
    *("ApproximateReceiveCount", "AWSTraceHeader", "SentTimestamp", "SequenceNumber"),
    *("MessageGroupId", "SenderId", "MessageDeduplicationId", "ApproximateFirstReceiveTimestamp"),
    "DeadLetterQueueSourceArn",
)


def record_of(message: dict[str, Any], queue_arn: str, *, gathered: bool) -> dict[str, Any]:
    """`message`: as ReceiveMessage gives it. `gathered`: whether the mapping has a batching window: then AWS says of
    messages without attributes that the hash of these is null, else it says nothing."""
    system: dict[str, str] = message.get("Attributes") or {}
    attributes: dict[str, dict[str, Any]] = message.get("MessageAttributes") or {}
    record: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: system[name] for name in _SHOWN if name in system},
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
    }
    digest = message.get("MD5OfMessageAttributes")
    if digest is not None or gathered:
        record["md5OfMessageAttributes"] = digest
    record["md5OfBody"] = message["MD5OfBody"]
    record["eventSource"] = "aws:sqs"
    record["eventSourceARN"] = queue_arn
    record["awsRegion"] = Arn.parse(queue_arn).region
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if value.get("StringValue") is not None:
        told["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        told["binaryValue"] = base64.b64encode(bytes(value["BinaryValue"])).decode()
    return {
        **told,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def encoded(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record)


def event_of(encoded_records: list[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(encoded_records) + b"]}"
