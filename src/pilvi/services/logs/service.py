"""CloudWatch Logs: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.kit.service import Acts, Service


def _group(call: Call, req: Mapping[str, Any]) -> str:
    named = str(req.get("logGroupName") or req.get("logGroupIdentifier") or "*")
    return (
        named if named.startswith("arn:") else call.arn("logs", f"log-group:{named}:log-stream:*")
    )


def _stream(call: Call, req: Mapping[str, Any]) -> str:
    group = _group(call, req).removesuffix(":log-stream:*").removesuffix(":*")
    return f"{group}:log-stream:{req.get('logStreamName', '*')}"


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("resourceArn", "*"))


logs = Service(
    "logs",
    acts={
        "CreateLogGroup": Acts(_group),
        "DeleteLogGroup": Acts(_group),
        "DescribeLogGroups": Acts(_group),
        "CreateLogStream": Acts(_group),
        "DeleteLogStream": Acts(_stream),
        "DescribeLogStreams": Acts(_group),
        "PutLogEvents": Acts(_stream),
        "GetLogEvents": Acts(_stream),
        "FilterLogEvents": Acts(_group),
        "PutRetentionPolicy": Acts(_group),
        "DeleteRetentionPolicy": Acts(_group),
        "TagResource": Acts(_tagged),
        "UntagResource": Acts(_tagged),
        "ListTagsForResource": Acts(_tagged),
        "TagLogGroup": Acts(_group),
        "UntagLogGroup": Acts(_group),
        "ListTagsLogGroup": Acts(_group),
    },
    accepted={
        "PutLogEvents": {
            "sequenceToken": "AWS ignores it since 2023: writes to a stream need no token",
        },
        "FilterLogEvents": {
            "interleaved": "AWS ignores it since 2019: results are always interleaved",
        },
    },
)
