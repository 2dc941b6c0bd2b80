"""Writing log lines on behalf of other services: the answer to `contracts.logs.LogSink`."""

from __future__ import annotations

from collections.abc import Sequence

from pilvi.base.arn import Scope
from pilvi.kit.cloud import Cloud
from pilvi.services.logs import records
from pilvi.services.logs.records import LogGroup, LogStream
from pilvi.store.api import Transaction


class LogsSink:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def append_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """Append (timestamp_ms, message) lines; creates the group and the stream where missing.

        Returns once the lines are durable.
        """
        now_ms = self._cloud.clock.now_ms()

        def append(tx: Transaction) -> None:
            into = records.groups.find(tx, records.groups_home(scope), group)
            if into is None:
                into = LogGroup(name=group, created_ms=now_ms)
                records.put_group(tx, scope, into)
            home = records.group_home(scope, group)
            found = records.streams.find(tx, home, stream)
            if found is None:
                found = LogStream(name=stream, created_ms=now_ms)
                records.streams.put(tx, home, found)
            records.append_events(tx, scope, into, found, lines, now_ms=now_ms)

        await self._cloud.store.write(append)
