"""What streams store. All of a stream lies under its own home, so that it outlives its table.

A stream has lanes, each for its part of the hash keys' range. A lane is a line of shards, of which the last takes
records: the child of shard n is shard n + lanes. Records of a lane are numbered through all of its shards.

1. Of each item, all records are in one lane: in the order of their numbers they are in the order of the writes.
2. The numbers in a shard are `first` to `last` without a gap (of one closed without any record, `last` is before
   `first`); trimming takes them from the front.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pilvi.services.dynamodb.feeds import home_of, topic_of
from pilvi.services.dynamodb.streams import limits
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

Event = Literal["INSERT", "MODIFY", "REMOVE"]
View = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]


class StreamRecord(msgspec.Struct, frozen=True):
    """A stream. `disabled_at_ms`: since when it takes no more records; None for the one that its table has."""

    table: str
    label: str
    id: str
    account: str
    region: str
    partition: str
    view: View
    hash_key: str
    range_key: str | None
    lanes: int
    created_at_ms: int
    disabled_at_ms: int | None = None

    @property
    def home(self) -> Key:
        return home_of(self.account, self.region, self.id)

    @property
    def topic(self) -> str:
        return topic_of(self.id)

    @property
    def arn(self) -> str:
        return (
            f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table}"
            f"/stream/{self.label}"
        )


class ShardRecord(msgspec.Struct, frozen=True):
    """A shard. `last`: the number of its last record, once it is closed. `parent`: the id of its parent, which may
    have been trimmed since."""

    number: int
    first: int
    opened_at_ms: int
    last: int | None = None
    parent: str | None = None

    @property
    def id(self) -> str:
        return f"shardId-{self.opened_at_ms:020d}-{self.number:08x}"


class Head(msgspec.Struct, frozen=True):
    """Where a lane is written: the open shard, the next number, and the bytes that the shard has already."""

    lane: int
    shard: int
    next: int
    bytes: int = 0


class ChangeRecord(msgspec.Struct, frozen=True):
    """One change of one item. `keys`, `old`, `new`: JSON, as answers have it. `size`: bytes as AWS counts them.

    `by_service`: whether time to live did it, not a user.
    """

    shard: int
    number: int
    at_ms: int
    event: Event
    keys: bytes
    size: int
    old: bytes | None = None
    new: bytes | None = None
    by_service: bool = False


streams = Collection("dynamodbstreams.stream", StreamRecord, key=lambda one: (one.table, one.label))
"""Home: the scope."""

shards = Collection("dynamodbstreams.shard", ShardRecord, key=lambda one: (one.number,))
"""Home: the stream's."""

heads = Collection("dynamodbstreams.head", Head, key=lambda one: (one.lane,))
"""Home: the stream's. None in a stream that is disabled."""

changes = Collection(
    "dynamodbstreams.record", ChangeRecord, key=lambda one: (one.shard, one.number)
)
"""Home: the stream's."""


def sequence_of(lane: int, number: int) -> str:
    """The sequence number of a record. They grow along a lane, and none is there twice in a stream."""
    return f"{lane + 1}{number:0{limits.SEQUENCE_DIGITS}d}"
