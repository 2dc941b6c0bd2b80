"""CloudWatch Logs: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service
from pilvi.services.logs import access
from pilvi.services.logs.questions import settle


def _named(call: Call, req: Mapping[str, Any]) -> str:
    """The ARN of the group alone."""
    named = str(req.get("logGroupName") or req.get("logGroupIdentifier") or "*")
    if named.startswith("arn:"):
        return named.removesuffix(":*")
    return call.arn("logs", f"log-group:{named}")


def _group(call: Call, req: Mapping[str, Any]) -> str:
    """What is asked of a group is asked of its streams, none of which is named."""
    return f"{_named(call, req)}:log-stream:"


def _stream(call: Call, req: Mapping[str, Any]) -> str:
    return f"{_named(call, req)}:log-stream:{req.get('logStreamName', '*')}"


def _groups(call: Call, req: Mapping[str, Any]) -> str:
    """All of an account, whatever prefix is asked for."""
    return call.arn("logs", "log-group::log-stream:")


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("resourceArn", "*")).removesuffix(":*")


_TAGS = tags.mapped("tags")


def _tagging(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A group that is made with tags needs the permission to tag, too."""
    if req.get("tags"):
        yield Permission("logs:TagResource", (_named(call, req),), tags.of_request(_TAGS(req)))


logs = Service(
    "logs",
    acts={
        "CreateLogGroup": Acts(_group, tags=_TAGS, also=_tagging),
        "DeleteLogGroup": Acts(_group),
        "DescribeLogGroups": Acts(_groups),
        "CreateLogStream": Acts(_stream),
        "DeleteLogStream": Acts(_stream),
        "DescribeLogStreams": Acts(_group),
        "PutLogEvents": Acts(_stream),
        "GetLogEvents": Acts(_stream),
        "FilterLogEvents": Acts(_group),
        "PutRetentionPolicy": Acts(_group),
        "DeleteRetentionPolicy": Acts(_group),
        "TagResource": Acts(_tagged, tags=_TAGS),
        "UntagResource": Acts(_tagged, tags=tags.named("tagKeys")),
        "ListTagsForResource": Acts(_tagged),
        "TagLogGroup": Acts(_group, tags=_TAGS),
        "UntagLogGroup": Acts(_group, tags=tags.named("tags")),
        "ListTagsLogGroup": Acts(_group),
    },
    tells=access.tells,
    settle=settle,
    accepted={
        "PutLogEvents": {
            "sequenceToken": "AWS ignores it since 2023: writes to a stream need no token",
        },
        "FilterLogEvents": {
            "interleaved": "AWS ignores it since 2019: results are always interleaved",
        },
    },
)
