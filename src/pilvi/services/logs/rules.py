"""What CloudWatch Logs decides: names, batches and tokens. Pure functions; no store, no clock."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pilvi.base.arn import Scope
from pilvi.base.errors import ValidationException
from pilvi.kit import paging
from pilvi.services.logs import errors, limits
from pilvi.services.logs.records import LogEvent, LogGroup, size_of
from pilvi.services.logs.wire import InputLogEvent, RejectedLogEventsInfo
from pilvi.store.keys import Key

_EVENTS_TOKEN = re.compile(r"([fb])/(\d{20})(\d{36})/s")
_GROUP_ARN = re.compile(r"arn:[^:]+:logs:([^:]*):(\d*):log-group:([^:]+)(?::\*)?")


def group_arn(scope: Scope, name: str) -> str:
    """Without the `:*` that DescribeLogGroups also gives."""
    return f"arn:{scope.partition}:logs:{scope.region}:{scope.account}:log-group:{name}"


def group_of_arn(scope: Scope, arn: str) -> str:
    """Raises: InvalidParameterException, ResourceNotFoundException for another account or region."""
    match = _GROUP_ARN.fullmatch(arn)
    if match is None:
        raise errors.InvalidParameterException(detail="The provided ARN is invalid.")
    if (match[2], match[1]) != (scope.account, scope.region):
        raise errors.ResourceNotFoundException(what="log group")
    return match[3]


def group_name(scope: Scope, req: Mapping[str, Any]) -> str:
    """The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) names."""
    name, identifier = req.get("logGroupName"), req.get("logGroupIdentifier")
    if name is not None and identifier is not None:
        raise ValidationException(
            detail="LogGroup name and LogGroup ARN are mutually exclusive parameters."
        )
    if name is None and identifier is None:
        raise errors.InvalidParameterException(
            detail="Either logGroupName or logGroupIdentifier must be specified."
        )
    if identifier is not None and identifier.startswith("arn:"):
        return group_of_arn(scope, identifier)
    return str(name or identifier)


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Raises: InvalidParameterException for too many, and for keys that only AWS may give."""
    if len(tags) > limits.TAGS_MAX:
        raise errors.InvalidParameterException(
            detail=f"A resource cannot have more than {limits.TAGS_MAX} tags."
        )
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.InvalidParameterException(
            detail="Tag keys must not begin with aws:, which is reserved for the system"
        )
    return dict(tags)


def page_size(asked: int | None, most: int) -> int:
    """Raises: InvalidParameterException with AWS's text."""
    if asked is None:
        return most
    if not 1 <= asked <= most:
        bound = "greater than or equal to 1" if asked < 1 else f"less than or equal to {most}"
        raise errors.InvalidParameterException(
            detail=f"1 validation error detected: Value '{asked}' at 'limit' failed to satisfy"
            f" constraint: Member must have value {bound}"
        )
    return asked


@dataclass(frozen=True, slots=True)
class Batch:
    """The events that are taken, and what is told of the others."""

    lines: Sequence[tuple[int, str]]
    rejected: RejectedLogEventsInfo


def check_batch(group: LogGroup, sent: Sequence[InputLogEvent], now_ms: int) -> Batch:
    """Raises: InvalidParameterException for a batch out of order, too large or of too long a span."""
    size = 0
    before_ms = 0
    for event in sent:
        if event["timestamp"] < before_ms:
            raise errors.InvalidParameterException(
                detail="Log events in a single PutLogEvents request must be in chronological order."
            )
        before_ms = event["timestamp"]
        size += size_of(event["message"])
    if size > limits.BATCH_BYTES_MAX:
        raise errors.InvalidParameterException(
            detail=f"Upload too large: {size} bytes exceeds limit of {limits.BATCH_BYTES_MAX}"
        )
    if sent and sent[-1]["timestamp"] - sent[0]["timestamp"] > limits.BATCH_SPAN_MS_MAX:
        raise errors.InvalidParameterException(
            detail="The batch of log events in a single PutLogEvents request"
            " cannot span more than 24 hours."
        )
    stamps = [event["timestamp"] for event in sent]
    rejected: RejectedLogEventsInfo = {}
    too_old = sum(stamp < now_ms - limits.TOO_OLD_MS for stamp in stamps)
    expired = sum(stamp < group.visible_from_ms(now_ms) for stamp in stamps)
    fresh = sum(stamp <= now_ms + limits.TOO_NEW_MS for stamp in stamps)
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    if fresh < len(stamps):
        rejected["tooNewLogEventStartIndex"] = fresh
    taken = sent[max(too_old, expired) : fresh]
    return Batch([(event["timestamp"], event["message"]) for event in taken], rejected)


def sequence_token(next_sequence: int) -> str:
    """What PutLogEvents answers; nobody needs to send it back."""
    return f"{next_sequence:056d}"


@dataclass(frozen=True, slots=True)
class Place:
    """A place between the events of a stream: behind (forward) or in front of the event it names."""

    forward: bool
    timestamp_ms: int
    sequence: int


def events_token(place: Place) -> str:
    return f"{'f' if place.forward else 'b'}/{place.timestamp_ms:020d}{place.sequence:036d}/s"


def place_of(token: str) -> Place:
    """Raises: InvalidParameterException for a token that `events_token` did not make."""
    match = _EVENTS_TOKEN.fullmatch(token)
    if match is None or int(match[2]) >= 1 << 63 or int(match[3]) >= 1 << 63:
        raise errors.InvalidParameterException(detail="The specified nextToken is invalid.")
    return Place(match[1] == "f", int(match[2]), int(match[3]))


def event_id(stream: str, event: LogEvent) -> str:
    """56 digits, unique within the group, and greater for later events."""
    which = int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=7).digest())
    return f"{event.timestamp_ms:019d}{which % 10**17:017d}{event.sequence:020d}"


def name_of_token(token: str | None) -> str | None:
    """The name behind which a listing goes on. Raises: InvalidParameterException."""
    key = key_of_token(token)
    if key is None:
        return None
    if len(key) != 1 or not isinstance(key[0], str):
        raise errors.InvalidParameterException(detail="The specified nextToken is invalid.")
    return key[0]


def key_of_token(token: str | None) -> Key | None:
    """Raises: InvalidParameterException for a token that paging did not make."""
    if token is None:
        return None
    try:
        return paging.key_of(token)
    except (ValueError, IndexError):
        raise errors.InvalidParameterException(
            detail="The specified nextToken is invalid."
        ) from None
