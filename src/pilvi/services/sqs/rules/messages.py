"""What may be sent, and what of a message is told to who receives it.

AWS: SendMessage, ReceiveMessage; SQS Developer Guide, "Amazon SQS message metadata".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from pilvi.services.sqs import errors, limits
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import checksums
from pilvi.services.sqs.rules.checksums import Attributes, Value
from pilvi.services.sqs.storage.rows import Message

_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TYPES = ("String", "Number", "Binary")
_TRACE = "AWSTraceHeader"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[str, Any]]).decode


class Draft(msgspec.Struct):
    """A message that may be sent. `size_bytes`: as quotas count it."""

    body: bytes
    md5: str
    attributes: dict[str, tuple[str, Value]]
    attributes_md5: str
    trace: str
    trace_md5: str
    delay_s: int
    group: str
    deduplication: str
    size_bytes: int


def draft(queue: Queue, req: Mapping[str, Any], *, in_batch: bool = False) -> Draft:
    """What a request, or an entry of a batch, would send.

    Raises: MissingParameter, InvalidParameterValue, InvalidMessageContents.
    """
    text = req.get("MessageBody")
    if not text:
        raise errors.MissingRequiredParameterException(name="MessageBody")
    delay_s = _delay(queue, req.get("DelaySeconds"))
    group = req.get("MessageGroupId")
    if group is None and queue.fifo:
        if in_batch:
            raise NoGroup()
        raise errors.MissingRequiredParameterException(name="MessageGroupId")
    if group is not None:
        check_identifier("MessageGroupId", group)
    given = req.get("MessageAttributes")
    attributes = read_attributes(given) if given else {}
    given = req.get("MessageSystemAttributes")
    trace = _trace(given) if given else ""
    bad = _INVALID.search(text)
    if bad is not None:
        raise errors.InvalidMessageContents()
    body = text.encode()
    size_bytes = len(body) + (size_of(attributes) if attributes else 0)
    if not in_batch and size_bytes > queue.size_bytes_max:
        raise errors.InvalidParameterValueException(
            detail="One or more parameters are invalid."
            f" Reason: Message must be shorter than {queue.size_bytes_max} bytes."
        )
    return Draft(
        body=body,
        md5=checksums.of_text(body),
        attributes=attributes,
        attributes_md5=checksums.of_attributes(attributes) if attributes else "",
        trace=trace,
        trace_md5=checksums.of_attributes({_TRACE: ("String", trace)}) if trace else "",
        delay_s=delay_s,
        group=group or "",
        deduplication=_deduplication(queue, req.get("MessageDeduplicationId"), body),
        size_bytes=size_bytes,
    )


class NoGroup(errors.InvalidParameterValueException):
    """In a batch; it fails as a whole."""

    message = "The request must contain the parameter MessageGroupId."


class NoDeduplication(errors.InvalidParameterValueException):
    """In a batch, too, it fails the whole request."""

    message = (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId"
        " provided explicitly"
    )


def too_long_in_batch(queue: Queue) -> errors.InvalidParameterValueException:
    return errors.InvalidParameterValueException(
        detail="One or more parameters cannot be validated."
        f" Reason: Message must be shorter than {queue.size_bytes_max} bytes."
    )


def _delay(queue: Queue, asked: int | None) -> int:
    if asked is None:
        return queue.delay_s
    if not 0 <= asked <= limits.DELAY_S_MAX:
        raise errors.BadValue(
            value=asked, name="DelaySeconds", reason="DelaySeconds must be >= 0 and <= 900."
        )
    if queue.fifo:
        if asked:
            reason = "The request include parameter that is not valid for this queue type."
            raise errors.BadValue(value=asked, name="DelaySeconds", reason=reason)
        return queue.delay_s
    return asked


def check_identifier(name: str, value: str) -> None:
    if not _IDENTIFIER.fullmatch(value):
        reason = (
            f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
        raise errors.BadValue(value=value, name=name, reason=reason)


def _deduplication(queue: Queue, asked: str | None, body: bytes) -> str:
    """Under which a FIFO queue knows the message again; of other queues nothing."""
    if asked is not None:
        if not queue.fifo:
            reason = "The request include parameter that is not valid for this queue type."
            raise errors.BadValue(value=asked, name="MessageDeduplicationId", reason=reason)
        check_identifier("MessageDeduplicationId", asked)
        return asked
    if not queue.fifo:
        return ""
    if not queue.content_deduplication:
        raise NoDeduplication()
    import hashlib

    return hashlib.sha256(body).hexdigest()


# --- attributes


def read_attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, Value]]:
    """Raises: InvalidParameterValue."""
    if not given:
        return {}
    if len(given) > limits.ATTRIBUTES_PER_MESSAGE_MAX:
        raise errors.InvalidParameterValueException(
            detail=f"Number of message attributes [{len(given)}] exceeds the allowed maximum"
            f" [{limits.ATTRIBUTES_PER_MESSAGE_MAX}]."
        )
    return {name: _read_attribute(name, value) for name, value in given.items()}


def _read_attribute(name: str, value: Mapping[str, Any]) -> tuple[str, Value]:
    _check_attribute_name(name)
    kind = value.get("DataType")
    if not kind:
        raise errors.InvalidParameterValueException(
            detail=f"The message attribute '{name}' must contain non-empty message attribute type."
        )
    basic = kind.partition(".")[0]
    if basic not in _TYPES or len(kind) > 256:
        raise errors.InvalidParameterValueException(
            detail=f"The message attribute '{name}' has an invalid message attribute type,"
            " the set of supported type prefixes is Binary, Number, and String."
        )
    for unsupported in ("StringListValues", "BinaryListValues"):
        if value.get(unsupported):
            raise errors.UnsupportedOperation(
                detail="Message attribute list values in SendMessage operation are not supported."
            )
    member = "BinaryValue" if basic == "Binary" else "StringValue"
    found = value.get(member)
    if not found:
        raise errors.InvalidParameterValueException(
            detail=f"Message (user) attribute '{name}' must contain a non-empty value of type"
            f" '{'Binary' if basic == 'Binary' else 'String'}'."
        )
    if basic == "Number" and not _NUMBER.fullmatch(found.strip()):
        raise errors.InvalidParameterValueException(
            detail=f"Can't cast the value of message (user) attribute '{name}' to a number."
        )
    if isinstance(found, str) and _INVALID.search(found):
        raise errors.InvalidMessageContents()
    return kind, found


def _check_attribute_name(name: str) -> None:
    if not name:
        raise errors.InvalidParameterValueException(
            detail="The request must contain non-empty message (user) attribute names."
        )
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise errors.InvalidParameterValueException(
            detail="Message (user) attribute name can only include alphanumeric characters,"
            " hyphens, underscores and periods. It can be at most 256 letters long."
            if len(name) <= 256
            else f"Message (user) attribute name '{name}' is longer than 256 characters."
        )
    if name.lower().startswith(("aws.", "amazon.")):
        raise errors.InvalidParameterValueException(
            detail=f"Message (user) attribute name '{name}' is invalid: the prefixes AWS. and"
            " Amazon. are reserved."
        )
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise errors.InvalidParameterValueException(
            detail=f"Message (user) attribute name '{name}' can't start or end with a period,"
            " and can't have successive periods."
        )


def _trace(given: Mapping[str, Mapping[str, Any]]) -> str:
    for name in given:
        if name != _TRACE:
            raise errors.InvalidParameterValueException(
                detail=f"Message system attribute name '{name}' is invalid."
            )
    if _TRACE not in given:
        return ""
    kind = given[_TRACE].get("DataType")
    value = given[_TRACE].get("StringValue")
    if kind != "String" or not value:
        raise errors.InvalidParameterValueException(
            detail=f"Message system attribute '{_TRACE}' must contain a non-empty value of type"
            " 'String'."
        )
    return value


def size_of(attributes: Attributes) -> int:
    """Names, types and values count as the body does."""
    return sum(
        len(name.encode())
        + len(kind.encode())
        + len(value if isinstance(value, bytes) else value.encode())
        for name, (kind, value) in attributes.items()
    )


def pack_attributes(attributes: Attributes) -> bytes:
    return _encode(attributes) if attributes else b""


def unpack_attributes(packed: bytes) -> dict[str, tuple[str, Value]]:
    return _decode(packed) if packed else {}


# --- what is told


def wanted(attributes: Attributes, names: Iterable[str]) -> dict[str, tuple[str, Value]]:
    """Those that a receive asks for: by name, by what they begin with (`foo.*`), or all."""
    exact: set[str] = set()
    prefixes: list[str] = []
    for name in names:
        if name in ("All", ".*", "*"):
            return dict(attributes)
        if name.endswith(".*"):
            prefixes.append(name[:-2])
        else:
            exact.add(name)
    return {
        name: value
        for name, value in attributes.items()
        if name in exact or any(name.startswith(prefix) for prefix in prefixes)
    }


def shown(attributes: Attributes) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "BinaryValue" if isinstance(value, bytes) else "StringValue": value,
            "DataType": kind,
        }
        for name, (kind, value) in attributes.items()
    }


SYSTEM = (
    *("SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"),
    *("SequenceNumber", "MessageDeduplicationId", "MessageGroupId", _TRACE),
    "DeadLetterQueueSourceArn",
)
_ASKABLE = frozenset({"All", *SYSTEM})


def check_system_names(names: Iterable[str]) -> None:
    """Raises: InvalidAttributeName."""
    for name in names:
        if name not in _ASKABLE and name not in QUEUE_NAMES:
            raise errors.UnknownAttribute(name=name)


QUEUE_NAMES: Collection[str] = frozenset(
    {
        *("Policy", "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod"),
        *("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"),
        *("CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"),
        *("ApproximateNumberOfMessagesDelayed", "DelaySeconds", "ReceiveMessageWaitTimeSeconds"),
        *("RedrivePolicy", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId"),
        *("KmsDataKeyReusePeriodSeconds", "DeduplicationScope", "FifoThroughputLimit"),
        *("RedriveAllowPolicy", "SqsManagedSseEnabled"),
    }
)
"""Which a receive may name too, for the member was theirs once; they tell nothing of a message."""


def system_attributes(
    queue: Queue, message: Message, seq: int, receives: int, first_ms: int, names: Iterable[str]
) -> dict[str, str]:
    told = {
        "SenderId": message.sender,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateReceiveCount": str(receives),
        "ApproximateFirstReceiveTimestamp": str(first_ms),
    }
    if queue.fifo:
        told["SequenceNumber"] = sequence_number(seq)
        told["MessageDeduplicationId"] = message.deduplication
    if message.group:
        told["MessageGroupId"] = message.group
    if message.trace:
        told[_TRACE] = message.trace
    if message.source:
        told["DeadLetterQueueSourceArn"] = message.source
    asked = set(names)
    return told if "All" in asked else {k: v for k, v in told.items() if k in asked}


def sequence_number(seq: int) -> str:
    """Twenty digits, growing. AWS: SQS Developer Guide, "FIFO queue key terms", "Sequence number"."""
    return str(18_850_000_000_000_000_000 + 256 * seq)
