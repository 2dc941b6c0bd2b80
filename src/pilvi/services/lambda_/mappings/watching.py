"""Waiting for changes of mappings, by one task for many pollers: so a thousand that have nothing to do cost nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pilvi.base.arn import Scope
from pilvi.services.lambda_.mappings import records
from pilvi.services.lambda_.mappings.records import Mapping
from pilvi.store.api import Snapshot

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


class Watch:
    """Of the mappings of one topic, in one process."""

    def __init__(self, cloud: Cloud, topic: str) -> None:
        self._cloud = cloud
        self._topic = topic
        self._waiting: dict[asyncio.Future[None], tuple[Scope, Mapping]] = {}
        self._task: asyncio.Task[None] | None = None

    async def until_changed(self, scope: Scope, mapping: Mapping) -> None:
        """Until it has another version, or is gone."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (scope, mapping)
        self._begin()
        try:
            # Whoever changes it from now on wakes the task; what changed before shows here.
            if not await self._cloud.store.read(lambda at: _is_changed(at, scope, mapping)):
                await future
        finally:
            self._waiting.pop(future, None)
            if not self._waiting:
                self._end()

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._look())
            self._task.add_done_callback(self._ended)

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        store = self._cloud.store
        while True:
            for future in await store.read(self._changed):
                if not future.done():
                    future.set_result(None)
            await store.wait(self._topic)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What went wrong is told to those who wait."""
        problem = None if task.cancelled() else task.exception()
        if problem is None:
            return
        self._task = None
        for future in self._waiting:
            if not future.done():
                future.set_exception(problem)

    def _changed(self, at: Snapshot) -> list[asyncio.Future[None]]:
        found: list[asyncio.Future[None]] = []
        for future, (scope, mapping) in self._waiting.items():
            if _is_changed(at, scope, mapping):
                found.append(future)
        return found


def _is_changed(at: Snapshot, scope: Scope, mapping: Mapping) -> bool:
    current = records.find_mapping(at, scope, mapping.uuid)
    return current is None or current.version != mapping.version


_WATCHES: WeakKeyDictionary[Cloud, dict[str, Watch]] = WeakKeyDictionary()


def watch_of(cloud: Cloud, uuid: str) -> Watch:
    topic = records.topic_of(uuid)
    watches = _WATCHES.setdefault(cloud, {})
    found = watches.get(topic)
    if found is None:
        found = watches[topic] = Watch(cloud, topic)
    return found
