"""Answers what the rest of the cloud asks of queues: see `contracts.queues`."""

from __future__ import annotations

from pilvi.contracts.delivery import Source
from pilvi.contracts.queues import QueueNotSendable
from pilvi.kit.cloud import Cloud
from pilvi.services.sqs import access, names, records
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.storage.rows import NEVER, Counters, keys_of
from pilvi.services.sqs.waiting import wait_for_stir
from pilvi.store.api import Snapshot
from pilvi.store.keys import after

_ABSENT = (True, NEVER)


class SqsQueues:
    """See `contracts.queues.Queues`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def has_messages(self, queue_arn: str) -> bool:
        name = names.parse_arn(queue_arn)
        if name is None:
            return False

        def look(at: Snapshot) -> bool:
            return records.find_queue(at, name) is not None and self._look(at, name)[0]

        return await self._cloud.store.read(look)

    async def wait_for_messages(self, queue_arn: str) -> None:
        name = names.parse_arn(queue_arn)
        if name is None:
            return
        store, clock = self._cloud.store, self._cloud.clock

        def look(at: Snapshot) -> tuple[bool, int]:
            return _ABSENT if records.find_queue(at, name) is None else self._look(at, name)

        while True:
            ready, due_ms = await store.read(look)
            if ready:
                return
            if due_ms == NEVER:
                await store.wait(name.topic)
                continue
            seen, delay_s = (ready, due_ms), clock.real_delay_s(due_ms)
            await wait_for_stir(store, name.topic, delay_s, lambda at, seen=seen: look(at) == seen)

    async def check_sendable(self, queue_arn: str, *, source: Source) -> None:
        name = names.parse_arn(queue_arn)
        if name is None or not await self._exists(name):
            raise QueueNotSendable(f"there is no queue {queue_arn}", absent=True)
        if not await access.lets_in(self._cloud, name, source):
            raise QueueNotSendable(
                f"the policy of {queue_arn} does not permit {source.service} for {source.arn}"
            )
        if name.is_fifo:
            raise QueueNotSendable(f"{queue_arn} is a FIFO queue", fifo=True)

    async def _exists(self, name: QueueName) -> bool:
        return await self._cloud.store.read(lambda at: records.find_queue(at, name) is not None)

    def _look(self, at: Snapshot, name: QueueName) -> tuple[bool, int]:
        """Whether something can be received, and when the next message is visible by itself."""
        keys = keys_of(name)
        counters = Counters(at.get(keys.c))
        if counters.next_due_ms <= self._cloud.clock.now_ms():
            return True, counters.next_due_ms
        rows = (keys.r, keys.h)
        ready = counters.ready and any(
            next(at.scan(prefix, after(prefix), limit=1), None) is not None for prefix in rows
        )
        return bool(ready), counters.next_due_ms
