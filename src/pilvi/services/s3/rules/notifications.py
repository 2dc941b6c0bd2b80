"""Notifications: what may be configured, which event goes where, and the record that tells it.

AWS: S3 User Guide, "Event message structure", "Configuring event notifications using object key name
filtering".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote_plus

from pilvi.base.arn import Arn
from pilvi.base.errors import NotBuilt
from pilvi.protocol.rest import host_id
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.buckets import Bucket, Notification
from pilvi.services.s3.rules import names
from pilvi.services.s3.wire import (
    LambdaFunctionConfiguration,
    NotificationConfiguration,
    NotificationConfigurationFilter,
    QueueConfiguration,
)

TOLD = frozenset(
    {
        "s3:ObjectCreated:*",
        "s3:ObjectCreated:Put",
        "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "s3:ObjectTagging:*",
        "s3:ObjectTagging:Put",
        "s3:ObjectTagging:Delete",
        "s3:Replication:*",
        "s3:Replication:OperationFailedReplication",
        "s3:Replication:OperationMissedThreshold",
        "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:ObjectRestore:*",
        "s3:ObjectRestore:Post",
        "s3:ObjectRestore:Completed",
        "s3:ObjectRestore:Delete",
        "s3:LifecycleTransition",
        "s3:LifecycleExpiration:*",
        "s3:LifecycleExpiration:Delete",
        "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectAcl:Put",
        "s3:ObjectRetention:Put",
    }
)
_NEVER = frozenset(
    {
        "s3:ReducedRedundancyLostObject",
        "s3:IntelligentTiering",
        "s3:ObjectAnnotation:*",
        "s3:ObjectAnnotation:Put",
        "s3:ObjectAnnotation:Delete",
    }
)
"""These may be asked for and never happen: no class is kept less safely, no object moves to an archive by itself, and
annotations are refused."""
_VERSIONS = {
    "ObjectTagging": "2.3",
    "ObjectAcl": "2.3",
    "ObjectRetention": "2.3",
    "Replication": "2.2",
    "LifecycleExpiration": "2.3",
    "LifecycleTransition": "2.3",
    "ObjectRestore:Delete": "2.3",
}
"""Of messages, where that is not 2.1."""
_UNORDERED = ("ObjectTagging:", "ObjectAcl:", "ObjectRetention:")
"""Recorded: of these AWS tells no sequencer. They change what stands beside an object, not the object."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Of destinations. `argument`: as AWS calls it in errors; `absent`: what it says of one that is not there."""

    member: str
    target: str
    argument: str
    service: str
    absent: str
    what: str


_KINDS_UNBUILT = (
    _Kind(
        *("TopicConfigurations", "TopicArn", "Topic", "sns"),
        "The destination topic does not exist",
        "S3 notifications to SNS topics",
    ),
)
"""There is no such service here, and so no such destination."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a key. `etag` and `size` are None when the object is gone."""

    name: str
    """Without its prefix: "ObjectCreated:Put"."""
    key: str
    at_ms: int
    etag: str | None = None
    size: int | None = None
    version_id: str = ""
    """Null versions are not told."""
    more: Mapping[str, Any] | None = None
    """What the record tells besides: `glacierEventData`, `lifecycleEventData`."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who did it (`AWS:` and an id, or the name of a service), and in which request."""

    principal_id: str
    client_host: str
    request_id: str


def absent_destinations(
    configuration: NotificationConfiguration, make_id: Callable[[], str]
) -> list[tuple[str, str]]:
    """Topics, none of which exists: each with what AWS says of it.

    Raises: InvalidArgument, MalformedXML as for functions; NotBuilt (EventBridge).
    """
    found: list[tuple[str, str]] = []
    for kind in _KINDS_UNBUILT:
        asked: Sequence[Mapping[str, Any]] = configuration.get(kind.member) or ()
        for one in asked:
            _notification(one, kind.target, kind.argument, kind.service, make_id)
            found.append((one[kind.target], kind.absent))
    if configuration.get("EventBridgeConfiguration") is not None:
        raise NotBuilt(what="S3 notifications to EventBridge")
    return found


def refuse_unbuilt(configuration: NotificationConfiguration) -> None:
    """What AWS keeps unseen could never be delivered here. Raises: NotBuilt."""
    for kind in _KINDS_UNBUILT:
        if configuration.get(kind.member):
            raise NotBuilt(what=kind.what)


def notifications_of(
    configuration: NotificationConfiguration, make_id: Callable[[], str]
) -> tuple[Notification, ...]:
    """Those to functions and to queues. `make_id`: makes an id for a configuration that brings none.

    Raises: InvalidArgument, MalformedXML.
    """
    given: Sequence[LambdaFunctionConfiguration] = (
        configuration.get("LambdaFunctionConfigurations") or ()
    )
    queues: Sequence[QueueConfiguration] = configuration.get("QueueConfigurations") or ()
    if len(given) + len(queues) > limits.NOTIFICATIONS_MAX:
        raise errors.InvalidArgument(
            f"The number of notification configurations exceeds {limits.NOTIFICATIONS_MAX}",
            "NotificationConfiguration",
        )
    found = [
        _notification(one, "LambdaFunctionArn", "CloudFunction", "lambda", make_id) for one in given
    ]
    found += [_notification(one, "QueueArn", "Queue", "sqs", make_id) for one in queues]
    if len({one.id for one in found}) != len(found):
        raise errors.InvalidArgument(
            "Same ID used for multiple configurations. IDs must be unique", "Id"
        )
    check_apart([one for one in found if not is_to_queue(one)])
    return tuple(found)


def check_apart(given: Sequence[Notification]) -> None:
    """No event may be told twice. Of queues it is looked at once they are known to be there.

    Raises: InvalidArgument.
    """
    for index, one in enumerate(given):
        for other in given[:index]:
            _check_apart(one, other)


def _notification(
    given: Mapping[str, Any],
    member: str,
    argument: str,
    service: str,
    make_id: Callable[[], str],
) -> Notification:
    target: str = given[member]
    wanted: Sequence[str] = given["Events"]
    if not wanted:
        raise errors.MalformedXML()
    _check_target(target, argument, service)
    for event in wanted:
        if event not in TOLD and event not in _NEVER:
            raise errors.InvalidArgument(
                "A specified event is not supported for notifications.", "Event", event
            )
    rules = _filter_rules(given.get("Filter"))
    by_name = {name.lower(): value for name, value in rules}
    return Notification(
        id=given.get("Id") or make_id(),
        target=target,
        events=tuple(wanted),
        prefix=by_name.get("prefix", ""),
        suffix=by_name.get("suffix", ""),
        rules=rules,
    )


def _check_target(target: str, argument: str, service: str) -> None:
    try:
        arn = Arn.parse(target)
    except ValueError:
        arn = None
    if arn is None or arn.service != service or not arn.resource.startswith(_RESOURCES[service]):
        raise errors.InvalidArgument("The ARN could not be parsed", argument, target)


_RESOURCES = {"lambda": "function:", "sqs": "", "sns": ""}


def _filter_rules(given: NotificationConfigurationFilter | None) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    rules: list[tuple[str, str]] = []
    for rule in (given.get("Key") or {}).get("FilterRules") or ():
        name, value = rule.get("Name"), rule.get("Value")
        if name is None or value is None:
            raise errors.MalformedXML()
        if name.lower() not in ("prefix", "suffix"):
            raise errors.InvalidArgument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", name
            )
        if any(name.lower() == other.lower() for other, _ in rules):
            raise errors.InvalidArgument(
                f"Cannot specify more than one {name.lower()} rule in a filter.", "FilterRule.Name"
            )
        if len(value) > limits.KEY_BYTES_MAX:
            raise errors.InvalidArgument(
                f"Size of filter rule value cannot exceed {limits.KEY_BYTES_MAX} bytes in UTF-8",
                "FilterRule.Value",
                value,
            )
        rules.append((name, value))
    return tuple(rules)


def _check_apart(one: Notification, other: Notification) -> None:
    """AWS delivers an event at most once: two configurations must not both want it."""
    shared = any(_covers(a, b) or _covers(b, a) for a in one.events for b in other.events)
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    if shared and prefixes and suffixes:
        raise errors.InvalidArgument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the"
            " prefixes are overlapping for the same event type.",
            "Filter",
        )


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))


def is_to_queue(notification: Notification) -> bool:
    return ":sqs:" in notification.target


def described(notifications: Iterable[Notification]) -> NotificationConfiguration:
    """As GetBucketNotificationConfiguration tells them."""
    functions: list[LambdaFunctionConfiguration] = []
    queues: list[QueueConfiguration] = []
    for one in notifications:
        if is_to_queue(one):
            queues.append(cast("QueueConfiguration", {"QueueArn": one.target, **_described(one)}))
        else:
            functions.append(
                cast(
                    "LambdaFunctionConfiguration",
                    {"LambdaFunctionArn": one.target, **_described(one)},
                )
            )
    told: NotificationConfiguration = {}
    if functions:
        told["LambdaFunctionConfigurations"] = functions
    if queues:
        told["QueueConfigurations"] = queues
    return told


def _described(notification: Notification) -> dict[str, Any]:
    members: dict[str, Any] = {"Id": notification.id, "Events": list(notification.events)}
    if notification.rules:
        members["Filter"] = {
            "Key": {
                "FilterRules": [
                    {"Name": name.capitalize(), "Value": value}
                    for name, value in notification.rules
                ]
            }
        }
    return members


def wants(notification: Notification, event: Event) -> bool:
    return any(_covers(pattern, f"s3:{event.name}") for pattern in notification.events)


def passes(notification: Notification, event: Event) -> bool:
    """Whether the key passes the filter."""
    return event.key.startswith(notification.prefix) and event.key.endswith(notification.suffix)


def _version(name: str) -> str:
    return _VERSIONS.get(name) or _VERSIONS.get(name.partition(":")[0], "2.1")


def record(
    bucket: Bucket,
    notification: Notification,
    event: Event,
    circumstances: Circumstances,
    sequence: int,
) -> bytes:
    """The message: a JSON document with one record."""
    told: dict[str, Any] = {"key": quote_plus(event.key, safe="/*")}
    if event.size is not None:
        told["size"] = event.size
    if event.etag is not None:
        told["eTag"] = event.etag
    if event.version_id:
        told["versionId"] = event.version_id
    if not event.name.startswith(_UNORDERED):
        told["sequencer"] = f"{sequence:018X}"
    at = datetime.fromtimestamp(event.at_ms / 1000, tz=UTC)
    body = {
        "eventVersion": _version(event.name),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": event.name,
        "userIdentity": {"principalId": circumstances.principal_id},
        "requestParameters": {"sourceIPAddress": circumstances.client_host},
        "responseElements": {
            "x-amz-request-id": circumstances.request_id,
            "x-amz-id-2": host_id(circumstances.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": notification.id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": names.canonical_id(bucket.account)},
                "arn": bucket.arn,
            },
            "object": told,
        },
        **(event.more or {}),
    }
    return json.dumps({"Records": [body]}, separators=(",", ":")).encode()


def trial(bucket: Bucket, at_ms: int, request_id: str) -> bytes:
    """What a queue is told when it is first to be told of a bucket's events."""
    at = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    told = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "Bucket": bucket.name,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }
    return json.dumps(told, separators=(",", ":")).encode()
