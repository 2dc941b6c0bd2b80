"""A resident's hold on its job: the answer to `contracts.jobs.Stay`.

A resident is a job that runs for as long as something exists, in one process at a time. Its lease is like every other
(`runner.py`): taken over when its process dies, given back when that stops. What makes it different is listed there,
as invariants 9 and 10.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Any, Self

from pilvi.dispatch.leases import LeaseLost
from pilvi.dispatch.presence import Presence
from pilvi.dispatch.records import HOME, JobRecord, group_of, jobs


class Staying:
    def __init__(self, record: JobRecord, presence: Presence) -> None:
        self._record = record
        self._presence = presence
        self._leaving = asyncio.Event()
        self._engaged = 0
        self.group = group_of(record.job)
        presence.came(self.group)

    @property
    def leaving(self) -> bool:
        return self._leaving.is_set()

    async def until_leaving(self) -> None:
        await self._leaving.wait()

    def engaged(self) -> AbstractContextManager[object]:
        return self

    def __enter__(self) -> Self:
        self._engaged += 1
        self._presence.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._engaged -= 1
        self._presence.__exit__()

    def rest_until(self, due_ms: int | None) -> None:
        self._presence.rest_until(self, due_ms)

    def check(self, tx: Any) -> None:
        """Raises: LeaseLost."""
        current = jobs.find(tx, HOME, self._record.job.id)
        if current is None or current.lease != self._record.lease:
            raise LeaseLost

    # --- for the runner

    @property
    def is_engaged(self) -> bool:
        return self._engaged > 0

    def leave(self) -> None:
        """It counts no more among those that are here, though it may be for a while."""
        if not self.leaving:
            self._leaving.set()
            self._presence.went(self.group)

    def gone(self) -> None:
        """It runs no more."""
        self.leave()
        self._presence.rest_until(self, None)
