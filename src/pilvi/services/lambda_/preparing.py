"""What the first invocation of a function would wait for is begun when the function is made or changed.

Everything here is done in the background, and done again by the invocation if it could not be done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pilvi.base.errors import AwsError
from pilvi.compute.api import EnvironmentFailed, InvalidEntrypoint
from pilvi.compute.pool import Pool
from pilvi.services.lambda_.laid_out import LaidOut
from pilvi.services.lambda_.records import Configuration
from pilvi.store.blob_rows import BlobGone

log = logging.getLogger("pilvi.lambda")

_PREPARING_MAX = 32
"""Functions that are prepared at a time; others are when they are first invoked."""


class Preparing:
    def __init__(
        self, laid_out: LaidOut, open_pool: Callable[[], Awaitable[Pool]], *, exact: bool
    ) -> None:
        """`open_pool`: raises AwsError. `exact`: see `EnvironmentSpec.exact_runtime`."""
        self._exact = exact
        self._laid_out = laid_out
        self._open_pool = open_pool
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, configuration: Configuration) -> None:
        if len(self._tasks) >= _PREPARING_MAX:
            return
        task = asyncio.create_task(self._prepare(configuration))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare(self, configuration: Configuration) -> None:
        try:
            if len(configuration.layers) > 1:  # a single one was unpacked when it was published
                await self._laid_out.layers(configuration)
            pool = await self._open_pool()
            await pool.prepare(
                configuration.runtime,
                exact=self._exact,
                memory_mb=configuration.memory_mb,
                tmp_mb=configuration.tmp_mb,
            )
        except BlobGone:
            return  # the function was changed meanwhile
        except (AwsError, EnvironmentFailed, InvalidEntrypoint, OSError) as problem:
            log.info("a function could not be prepared for its first invocation: %s", problem)
