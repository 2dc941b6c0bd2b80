"""What is told of an invocation that is over: the record for a destination, the attributes of a dead letter. Pure.

AWS: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations"; recorded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec
import orjson

from pilvi.services.lambda_.records import Accepted

Condition = Literal[
    "Success",
    "RetriesExhausted",
    "EventAgeExceeded",
    "ZeroReservedConcurrency",
    "RecursiveInvocationLoop",
]
_ERROR_MESSAGE_BYTES_MAX = 1024
_THROTTLED = "429"


class Answered(msgspec.Struct, frozen=True):
    """What the last attempt came to. `error`: as in X-Amz-Function-Error."""

    payload: bytes
    version: str
    error: str | None = None


class Ending(msgspec.Struct, frozen=True):
    """`function_arn`: with the qualifier that was asked for. `count`: how often the function ran.
    `answered`: None where it never did, or the last time not at all."""

    condition: Condition
    function_arn: str
    count: int
    at_ms: int
    answered: Answered | None = None


def record(event: Accepted, ending: Ending, *, size_max: int) -> bytes:
    """The JSON document for a destination. What is too large for it loses its payloads, as on AWS."""
    document: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _instant(ending.at_ms),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": ending.function_arn,
            "condition": ending.condition,
            "approximateInvokeCount": ending.count,
        },
        "requestPayload": _json(event.payload),
    }
    answered = ending.answered
    if answered is not None:
        context = {"statusCode": 200, "executedVersion": answered.version}
        if answered.error is not None:
            context["functionError"] = answered.error
        document["responseContext"] = context
        document["responsePayload"] = _json(answered.payload)
    encoded = orjson.dumps(document)
    for member in ("responsePayload", "requestPayload"):
        if len(encoded) > size_max and member in document:
            document[member] = None
            encoded = orjson.dumps(document)
    return encoded


def dead_letter_attributes(event: Accepted, ending: Ending) -> dict[str, tuple[str, str]]:
    """The message attributes of a dead letter, each (type, value)."""
    code, message = _THROTTLED, ""
    if ending.answered is not None:
        code, message = "200", _error_message(ending.answered.payload)
    elif ending.condition == "EventAgeExceeded":
        message = "The event exceeded its maximum age."
    elif ending.condition == "RecursiveInvocationLoop":
        code, message = "400", "The function was invoked in a recursive loop."
    else:
        message = "Rate Exceeded."
    found = {"RequestID": ("String", event.request_id), "ErrorCode": ("Number", code)}
    if message:
        found["ErrorMessage"] = ("String", message)
    return found


def _error_message(payload: bytes) -> str:
    told = _json(payload)
    if isinstance(told, Mapping):
        told = cast("Mapping[str, Any]", told).get("errorMessage", payload.decode(errors="replace"))
    text = told if isinstance(told, str) else payload.decode(errors="replace")
    return text.encode()[:_ERROR_MESSAGE_BYTES_MAX].decode(errors="ignore")


def _json(payload: bytes) -> Any:
    """What a payload says; the text itself where it is no JSON."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")


def _instant(at_ms: int) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms // 1000))
    return f"{moment}.{at_ms % 1000:03d}Z"
