"""Waiting for something to happen to a queue, or to the clock, and missing nothing in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pilvi.store.api import Snapshot, Store

_CLOCK = "clock"
"""The topic that is woken when the clock was moved."""


async def wait_for_stir(
    store: Store, topic: str, delay_s: float | None, unchanged: Callable[[Snapshot], bool]
) -> None:
    """Until a queue's topic or the clock is woken, or the time is up; at once if the look no longer holds."""
    waits = [asyncio.ensure_future(store.wait(one, delay_s)) for one in (topic, _CLOCK)]
    try:
        await asyncio.sleep(0)  # both wait from now on, so what happens after the look wakes them
        if await store.read(unchanged):
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
