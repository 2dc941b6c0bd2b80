"""Attributes of queues: what may be set, and how each is told.

AWS: CreateQueue, SetQueueAttributes, GetQueueAttributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec
import orjson
from msgspec.structs import replace

from pilvi.languages.policy import RESOURCE, PolicyError, parse
from pilvi.services.sqs import errors, limits, names
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import policies

FIFO_ONLY = ("DeduplicationScope", "FifoThroughputLimit")
_ONE_ENCRYPTION = (
    "You can use one type of server-side encryption (SSE) at one time."
    " You can either enable KMS SSE or SQS SSE."
)


class Number(NamedTuple):
    field: str
    low: int
    high: int


_NUMBERS = {
    "DelaySeconds": Number("delay_s", 0, limits.DELAY_S_MAX),
    "KmsDataKeyReusePeriodSeconds": Number("key_reuse_s", 60, 86_400),
    "MaximumMessageSize": Number("size_bytes_max", 1024, limits.MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": Number("retention_s", 60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": Number("wait_s", 0, limits.WAIT_S_MAX),
    "VisibilityTimeout": Number("visibility_s", 0, limits.VISIBILITY_S_MAX),
}
_CHOICES = {
    "DeduplicationScope": ("deduplication_scope", ("messageGroup", "queue")),
    "FifoThroughputLimit": ("throughput_limit", ("perQueue", "perMessageGroupId")),
}


def _number(name: str, text: str) -> dict[str, Any]:
    field, low, high = _NUMBERS[name]
    if not text and name == "KmsDataKeyReusePeriodSeconds":
        return {field: 300}
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not low <= int(text) <= high:
        raise errors.InvalidAttributeValue(name=name)
    return {field: int(text)}


def _choice(name: str, text: str) -> dict[str, Any]:
    field, values = _CHOICES[name]
    if text not in values:
        raise errors.InvalidAttributeValue(name=name)
    return {field: text}


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise errors.InvalidAttributeValue(name=name)
    return text.lower() == "true"


def _policy(name: str, text: str) -> dict[str, Any]:
    if text:
        try:
            parse(text, RESOURCE)
        except PolicyError:
            raise errors.InvalidAttributeValue(name=name) from None
        policies.check_quotas(text)
    return {"policy": text}


_PARSE: dict[str, Callable[[str, str], dict[str, Any]]] = {
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_CHOICES, _choice),
    "ContentBasedDeduplication": lambda name, text: {"content_deduplication": _flag(name, text)},
    "KmsMasterKeyId": lambda name, text: {"key": text},
    "Policy": _policy,
    "RedriveAllowPolicy": lambda name, text: _redrive_allow(text),
    "RedrivePolicy": lambda name, text: _redrive(text),
    "SqsManagedSseEnabled": lambda name, text: {"own_encryption": _flag(name, text)},
}


def is_fifo(attributes: Mapping[str, str]) -> bool:
    """Of what CreateQueue is given. Raises: InvalidAttributeName, InvalidAttributeValue."""
    if "FifoQueue" not in attributes:
        return False
    if not _flag("FifoQueue", attributes["FifoQueue"]):
        raise errors.UnknownAttribute(name="FifoQueue")
    return True


def applied(queue: Queue, attributes: Mapping[str, str]) -> Queue:
    """The queue with these attributes; whether a dead-letter queue exists, the caller looks.

    Raises: InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue.
    """
    changes: dict[str, Any] = {}
    for name, text in attributes.items():
        if name == "FifoQueue":
            _check_kind(queue, text)
            continue
        parse_value = _PARSE.get(name)
        if parse_value is None:
            raise errors.UnknownAttribute(name=name)
        if not queue.fifo:
            if name == "ContentBasedDeduplication":
                raise errors.UnknownAttribute(name=name)
            if name in FIFO_ONLY:
                raise errors.InvalidAttributeName(
                    detail=f"You can specify the {name} only when FifoQueue is set to true."
                )
        changes |= parse_value(name, text)
    _choose_encryption(changes)
    queue = replace(queue, **changes)
    if queue.throughput_limit == "perMessageGroupId" and queue.deduplication_scope == "queue":
        reason = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
        raise errors.BadAttributeValue(name="FifoThroughputLimit", reason=reason)
    return queue


def _check_kind(queue: Queue, text: str) -> None:
    if not queue.fifo:
        raise errors.UnknownAttribute(name="FifoQueue")
    if not _flag("FifoQueue", text):
        raise errors.BadAttributeValue(
            name="FifoQueue", reason="Modifying queue type is not supported."
        )


def _choose_encryption(changes: dict[str, Any]) -> None:
    if changes.get("key"):
        if changes.get("own_encryption"):
            raise errors.InvalidAttributeName(detail=_ONE_ENCRYPTION)
        changes["own_encryption"] = False
    elif changes.get("own_encryption"):
        changes["key"] = ""


# --- dead letters


def _redrive(text: str) -> dict[str, Any]:
    if not text:
        return {"redrive": "", "dead_letters": "", "receives_max": 0}

    def bad(reason: str) -> errors.BadValue:
        return errors.BadValue(value=text, name="RedrivePolicy", reason=reason)

    try:
        stated = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise bad("Redrive policy is not a valid JSON map.") from None
    if not isinstance(stated, dict):
        raise bad("Redrive policy is not a valid JSON map.")
    policy = cast("dict[str, Any]", stated)
    if not policy:
        return {"redrive": "", "dead_letters": "", "receives_max": 0}
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise bad(f"Redrive policy does not contain mandatory attribute: {name}.")
    for name in policy:
        if name not in ("deadLetterTargetArn", "maxReceiveCount"):
            raise bad(f"Unknown attribute in redrive policy: {name}.")
    arn, count = policy["deadLetterTargetArn"], str(policy["maxReceiveCount"])
    if not isinstance(arn, str) or names.parse_arn(arn) is None:
        raise bad("Invalid value for deadLetterTargetArn.")
    if not (count.isascii() and count.isdecimal()) or not 1 <= int(count[:9]) <= 1000:
        raise bad(
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both"
            " inclusive."
        )
    normal = {"deadLetterTargetArn": arn, "maxReceiveCount": int(count)}
    return {
        "redrive": orjson.dumps(normal).decode(),
        "dead_letters": arn,
        "receives_max": int(count),
    }


def check_dead_letters(source: Queue, target: Queue | None, stated: str) -> None:
    """Whether a queue may send what it cannot get rid of to that one. `stated`: the policy as it was asked for.

    Raises: InvalidParameterValue.
    """

    def bad(reason: str) -> errors.BadValue:
        return errors.BadValue(value=stated, name="RedrivePolicy", reason=reason)

    said = names.parse_arn(source.dead_letters)
    assert said is not None, source.dead_letters
    if said.scope.account != source.account:
        raise bad("Dead-letter target owner should be same as the source.")
    if said.scope.region != source.region:
        raise bad("Dead-letter target must be in the same region as the source.")
    if target is None:
        raise bad("Dead letter target does not exist.")
    if target.fifo != source.fifo:
        raise bad("Dead-letter queue must be same type of queue as the source.")
    if not allows_redrive(target, source.arn):
        raise bad("Dead-letter target does not allow this queue as a source.")


class _Allow(msgspec.Struct, forbid_unknown_fields=True):
    redrivePermission: str  # as AWS spells it
    sourceQueueArns: list[str] | None = None


def _redrive_allow(text: str) -> dict[str, Any]:
    if not text:
        return {"redrive_allow": ""}

    def bad(reason: str) -> errors.BadValue:
        return errors.BadValue(value=text, name="RedriveAllowPolicy", reason=reason)

    try:
        stated = msgspec.json.decode(text, type=_Allow)
    except msgspec.DecodeError as wrong:
        raise bad(f"Amazon SQS can't create the redrive allow policy: {wrong}.") from None
    sources = stated.sourceQueueArns
    if stated.redrivePermission not in ("allowAll", "denyAll", "byQueue"):
        raise bad(
            "Amazon SQS can't create the redrive allow policy. Supported values of"
            " redrivePermission are allowAll, denyAll and byQueue."
        )
    if stated.redrivePermission == "byQueue":
        if not sources or len(sources) > 10:
            raise bad(
                "Amazon SQS can't create the redrive allow policy. The sourceQueueArns parameter"
                " must have from 1 to 10 ARNs when redrivePermission is byQueue."
            )
        if any(names.parse_arn(one) is None for one in sources):
            raise bad("Amazon SQS can't create the redrive allow policy. Invalid sourceQueueArns.")
    elif sources is not None:
        raise bad(
            "Amazon SQS can't create the redrive allow policy. The sourceQueueArns parameter is"
            " allowed only when redrivePermission is byQueue."
        )
    normal = {"redrivePermission": stated.redrivePermission}
    if sources is not None:
        return {"redrive_allow": orjson.dumps({**normal, "sourceQueueArns": sources}).decode()}
    return {"redrive_allow": orjson.dumps(normal).decode()}


def allows_redrive(queue: Queue, source_arn: str) -> bool:
    if not queue.redrive_allow:
        return True
    stated = msgspec.json.decode(queue.redrive_allow, type=_Allow)
    if stated.redrivePermission == "byQueue":
        return source_arn in (stated.sourceQueueArns or ())
    return stated.redrivePermission == "allowAll"


# --- what is told


def told(queue: Queue) -> dict[str, str]:
    """All but the counts."""
    shown = {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
        "VisibilityTimeout": str(queue.visibility_s),
        "MaximumMessageSize": str(queue.size_bytes_max),
        "MessageRetentionPeriod": str(queue.retention_s),
        "DelaySeconds": str(queue.delay_s),
        "ReceiveMessageWaitTimeSeconds": str(queue.wait_s),
        "SqsManagedSseEnabled": str(queue.own_encryption).lower(),
    }
    if queue.fifo:
        shown |= {
            "FifoQueue": "true",
            "ContentBasedDeduplication": str(queue.content_deduplication).lower(),
            "DeduplicationScope": queue.deduplication_scope,
            "FifoThroughputLimit": queue.throughput_limit,
        }
    if queue.key:
        shown["KmsMasterKeyId"] = queue.key
        shown["KmsDataKeyReusePeriodSeconds"] = str(queue.key_reuse_s)
    optional = {
        "Policy": queue.policy,
        "RedrivePolicy": queue.redrive,
        "RedriveAllowPolicy": queue.redrive_allow,
    }
    return {**shown, **{name: text for name, text in optional.items() if text}}


def different(queue: Queue, attributes: Mapping[str, str]) -> str | None:
    """The first attribute in which an existing queue is not as asked. Raises: as `applied`."""
    if not attributes:
        return None
    asked, there = told(applied(queue, attributes)), told(queue)
    for name in attributes:
        if asked.get(name, "") != there.get(name, ""):
            return name
    return None
