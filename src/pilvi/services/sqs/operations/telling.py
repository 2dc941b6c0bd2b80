"""What is told of a message to who asks for some, and what he may ask to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.services.sqs import errors, limits
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import checksums, messages
from pilvi.services.sqs.storage.stock import Taken
from pilvi.services.sqs.wire import Message, ReceiveMessageRequest


class Asked(msgspec.Struct):
    most: int
    hidden_s: int | None
    wait_s: int | None
    system: list[str]
    named: list[str]
    attempt: str


def asked_by(req: ReceiveMessageRequest) -> Asked:
    """Raises: InvalidParameterValue, InvalidAttributeName."""
    most = req.get("MaxNumberOfMessages")
    if most is None:
        most = 1
    if not 1 <= most <= 10:
        reason = "Must be between 1 and 10, if provided."
        raise errors.BadValue(value=most, name="MaxNumberOfMessages", reason=reason)
    system = [*(req.get("AttributeNames") or ()), *(req.get("MessageSystemAttributeNames") or ())]
    messages.check_system_names(system)
    return Asked(
        most=most,
        hidden_s=_within(req, "VisibilityTimeout", limits.VISIBILITY_S_MAX),
        wait_s=_within(req, "WaitTimeSeconds", limits.WAIT_S_MAX),
        system=system,
        named=list(req.get("MessageAttributeNames") or ()),
        attempt=req.get("ReceiveRequestAttemptId") or "",
    )


def _within(req: Mapping[str, Any], name: str, high: int) -> int | None:
    value = req.get(name)
    if value is not None and not 0 <= value <= high:
        reason = f"Must be >= 0 and <= {high}, if provided."
        raise errors.BadValue(value=value, name=name, reason=reason)
    return value


def told_of(queue: Queue, taken: Taken, asked: Asked, handle: str = "") -> Message:
    """`handle`: "" for who does not receive it."""
    seq, message, receipt = taken
    told: Message = {"MessageId": message.id}
    if handle:
        told["ReceiptHandle"] = handle
    told["MD5OfBody"] = message.md5
    told["Body"] = message.body.decode()
    if asked.system:
        shown = messages.system_attributes(
            queue, message, seq, receipt.receives, receipt.first_ms, asked.system
        )
        if shown:
            told["Attributes"] = shown
    if asked.named and message.attributes:
        wanted = messages.wanted(messages.unpack_attributes(message.attributes), asked.named)
        if wanted:
            told["MD5OfMessageAttributes"] = checksums.of_attributes(wanted)
            told["MessageAttributes"] = messages.shown(wanted)  # pyright: ignore[reportGeneralTypeIssues]  # of either member
    return told
