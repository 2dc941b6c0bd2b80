"""Answers what the rest of the cloud asks of streams: see `contracts.streams`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pilvi.base.arn import Arn
from pilvi.base.errors import AwsError
from pilvi.kit.cloud import Cloud
from pilvi.services.dynamodb.streams import records
from pilvi.services.dynamodb.streams.reading import (
    end_of,
    get_stream,
    last_of,
    number_in,
    position_behind,
)
from pilvi.services.dynamodb.streams.records import StreamRecord
from pilvi.store.api import Snapshot


class DynamoChangeStreams:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def wait_for_more(
        self, stream_arn: str, behind: Mapping[str, str | None], *, timeout_s: float
    ) -> bool:
        """See `contracts.streams.ChangeStreams`."""
        store = self._cloud.store
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s

        def look(at: Snapshot) -> StreamRecord | None:
            """The stream to wait for; None when there is no need to."""
            try:
                stream = get_stream(at, Arn.parse(stream_arn).scope, stream_arn)
            except AwsError:
                return None
            return None if _has_more(at, stream, behind) else stream

        while True:
            stream = await store.read(look)
            if stream is None:
                return True
            left_s = until - loop.time()
            if left_s <= 0:
                return False
            await store.wait(stream.topic, left_s)

    async def latest(self, stream_arn: str) -> Mapping[str, str | None]:
        """See `contracts.streams.ChangeStreams`."""

        def look(at: Snapshot) -> dict[str, str | None]:
            try:
                stream = get_stream(at, Arn.parse(stream_arn).scope, stream_arn)
            except AwsError:
                return {}
            return {
                shard.id: last_of(at, stream, shard)
                for shard in records.shards.scan(at, stream.home)
                if shard.last is None
            }

        return await self._cloud.store.read(look)


def _has_more(at: Snapshot, stream: StreamRecord, behind: Mapping[str, str | None]) -> bool:
    for shard_id, sequence in behind.items():
        number = number_in(shard_id)
        shard = None if number is None else records.shards.find(at, stream.home, number)
        if shard is None or shard.last is not None:
            return True
        following = shard.first if sequence is None else position_behind(sequence)
        if following < end_of(at, stream, shard):
            return True
    return stream.disabled_at_ms is not None
