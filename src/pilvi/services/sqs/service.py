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


_TAGS = tags.mapped("tags")


def _tagging(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A queue that is made with tags needs the permission to tag, too."""
    if req.get("tags"):
        yield Permission("sqs:TagQueue", (_named(call, req),), tags.of_request(_TAGS(req)))


sqs = Service(
    "sqs",
    acts={
        "ChangeMessageVisibility": Acts(_queue),
        "CreateQueue": Acts(_named, tags=_TAGS, also=_tagging),
        "DeleteMessage": Acts(_queue),
        "DeleteQueue": Acts(_queue),
        "GetQueueAttributes": Acts(_queue),
        "GetQueueUrl": Acts(_named),
        "ListQueues": Acts(everything),
        "PurgeQueue": Acts(_queue),
        "ReceiveMessage": Acts(_queue),
        "SendMessage": Acts(_queue),
        "SetQueueAttributes": Acts(_queue),
    },
    on_resource=access.on_queue,
    tells=access.TAGS,
    body_bytes_max=limits.BODY_BYTES_MAX,
    validated=False,
)
"""`validated`: the handlers do it, for SQS says what is wrong in its own words."""
