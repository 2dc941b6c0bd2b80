"""DynamoDB Streams: its operations and the stream that each of them acts on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.dynamodb.health import CONTENT_TYPES
from pilvi.services.dynamodb.streams.iterators import arn_in


def _stream(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("StreamArn", "*"))


def _stream_of_iterator(call: Call, req: Mapping[str, Any]) -> str:
    return arn_in(str(req.get("ShardIterator", "*")))


dynamodbstreams = Service(
    "dynamodbstreams",
    prefix="dynamodb",
    acts={
        "ListStreams": Acts(everything),
        "DescribeStream": Acts(_stream),
        "GetShardIterator": Acts(_stream),
        "GetRecords": Acts(_stream_of_iterator),
    },
    opaque=frozenset(("AttributeMap",)),
    content_types=CONTENT_TYPES,
    gzip=True,
)
