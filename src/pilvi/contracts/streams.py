"""Waiting for records of a stream: asked by those who read streams inside the cloud, answered by DynamoDB.

Reading itself is no question: whoever reads does so in a role's name, through `Cloud.perform` of DescribeStream,
GetShardIterator and GetRecords, so that no permission is skipped. A checkpoint is a shard's id and the sequence number
of the last record that was handled; it outlives iterators, and AFTER_SEQUENCE_NUMBER goes on behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ChangeStreams(Protocol):
    async def wait_for_more(
        self, stream_arn: str, behind: Mapping[str, str | None], *, timeout_s: float
    ) -> bool:
        """Wait until there is something to read. `behind`: shard's id -> the last sequence number that was handled, or
        None for one of which nothing was.

        True as soon as one of these shards has a record behind it, is closed, or is not there any more: then read it
        to its end, and describe the stream for its children. Also true when the stream is disabled or gone. False when
        the time is up. Waiting costs nothing: no request is made, and no table read, until something is written.
        """
        ...

    async def latest(self, stream_arn: str) -> Mapping[str, str | None]:
        """Where each shard that takes records ends now, in one instant: its id -> the sequence number of its last
        record, None where it has none yet. Whoever goes on behind these gets what is written from now on, all of it.

        Empty when the stream is disabled or not there.
        """
        ...
