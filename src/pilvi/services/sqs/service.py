"""SQS: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.sqs import access, limits, names


def _queue(call: Call, req: Mapping[str, Any]) -> str:
    """The queue that the URL names; whoever names none is told so by the handler."""
    found = names.find_queue_asked(call, req)
    return call.arn("sqs", "*") if found is None else found.arn


def _named(call: Call, req: Mapping[str, Any]) -> str:
    name = str(req.get("QueueName") or "*")
    owner = req.get("QueueOwnerAWSAccountId")
    if owner:
        return names.QueueName(call.scope._replace(account=str(owner)), name).arn
    return call.arn("sqs", name)


def _source(call: Call, req: Mapping[str, Any]) -> str:
    found = names.parse_arn(str(req.get("SourceArn") or ""))
    return call.arn("sqs", "*") if found is None else found.arn


def _of_task(call: Call, req: Mapping[str, Any]) -> str:
    from pilvi.services.sqs.rules import tasks

    source = tasks.source_of(str(req.get("TaskHandle") or ""))
    found = names.parse_arn(source or "")
    return call.arn("sqs", "*") if found is None else found.arn


_TAGS = tags.mapped("tags")
_TAGGED = tags.mapped("Tags")


def _tagging(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A queue that is made with tags needs the permission to tag, too."""
    if req.get("tags"):
        yield Permission("sqs:TagQueue", (_named(call, req),), tags.of_request(_TAGS(req)))


def _moving(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """AWS: SQS Developer Guide, "Configuring queue permissions for dead-letter queue redrive"."""
    source = (_source(call, req),)
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield Permission(f"sqs:{action}", source)
    destination = names.parse_arn(str(req.get("DestinationArn") or ""))
    if destination is not None:
        yield Permission("sqs:SendMessage", (destination.arn,))


sqs = Service(
    "sqs",
    acts={
        "AddPermission": Acts(_queue),
        "CancelMessageMoveTask": Acts(_of_task),
        "ChangeMessageVisibility": Acts(_queue),
        "ChangeMessageVisibilityBatch": Acts(_queue, action="sqs:ChangeMessageVisibility"),
        "CreateQueue": Acts(_named, tags=_TAGS, also=_tagging),
        "DeleteMessage": Acts(_queue),
        "DeleteMessageBatch": Acts(_queue, action="sqs:DeleteMessage"),
        "DeleteQueue": Acts(_queue),
        "GetQueueAttributes": Acts(_queue),
        "GetQueueUrl": Acts(_named),
        "ListDeadLetterSourceQueues": Acts(_queue),
        "ListMessageMoveTasks": Acts(_source),
        "ListQueues": Acts(everything),
        "ListQueueTags": Acts(_queue),
        "PurgeQueue": Acts(_queue),
        "ReceiveMessage": Acts(_queue),
        "RemovePermission": Acts(_queue),
        "SendMessage": Acts(_queue),
        "SendMessageBatch": Acts(_queue, action="sqs:SendMessage"),
        "SetQueueAttributes": Acts(_queue),
        "StartMessageMoveTask": Acts(_source, also=_moving),
        "TagQueue": Acts(_queue, tags=_TAGGED),
        "UntagQueue": Acts(_queue, tags=tags.named("TagKeys")),
    },
    anonymous=True,
    on_resource=access.on_queue,
    tells=access.TAGS,
    body_bytes_max=limits.BODY_BYTES_MAX,
    validated=False,
)
"""`validated`: the handlers do it, for SQS says what is wrong in its own words."""
