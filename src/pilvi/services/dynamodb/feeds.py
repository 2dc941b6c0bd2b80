"""The stream of a compiled table, ready to be written: see `streams.writing`."""

from __future__ import annotations

import uuid

from pilvi.services.dynamodb import keys
from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.keys import Key


class Feed:
    """`view` and `lanes`: the stream's; `home`: where its records lie."""

    __slots__ = ("home", "label", "lanes", "new", "old", "topic")

    def __init__(self, table: TableRecord) -> None:
        stream = table.stream
        assert stream is not None, table.name
        self.home = home_of(table.account, table.region, stream.id)
        self.label = stream.label
        self.lanes = stream.lanes
        self.old = stream.view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
        self.new = stream.view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
        self.topic = topic_of(stream.id)

    def lane_of(self, bucket: int) -> int:
        """Lanes have equal parts of the buckets, as AWS's partitions have of the hash keys."""
        return bucket * self.lanes // keys.BUCKETS


def home_of(account: str, region: str, stream_id: str) -> Key:
    """Below it lies all that belongs to a stream: not the table's, which may be gone before."""
    return (account, region, "dynamodbstreams", uuid.UUID(stream_id).bytes)


def topic_of(stream_id: str) -> str:
    """What `Store.wait` is told of when the stream gets records, or shards."""
    return f"dynamodbstreams.{stream_id}"
