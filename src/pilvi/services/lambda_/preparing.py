"""What the first invocation of a function would wait for is begun when the function is made or changed.

Everything here is done in the background, and done again by the invocation if it could not be done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.compute.api import EnvironmentFailed, InvalidEntrypoint
from pilvi.compute.pool import Pool
from pilvi.compute.snapshots import FAMILIES, SNAP_START
from pilvi.services.lambda_.laid_out import LaidOut
from pilvi.services.lambda_.records import Configuration, Function
from pilvi.services.lambda_.settings import PUBLISHED_VERSIONS
from pilvi.store.blob_rows import BlobGone

log = logging.getLogger("pilvi.lambda")

_TASKS_MAX = 32
"""Functions whose layers are merged or that are initialised at a time; others are when they are first invoked."""
_CALM_S = 0.1
"""Of many functions that are made in a row, only the last one has a sandbox made."""


class Preparing:
    def __init__(
        self,
        laid_out: LaidOut,
        open_pool: Callable[[], Awaitable[Pool]],
        initialise: Callable[[Scope, Function, Configuration], Awaitable[None]],
        *,
        exact: bool,
    ) -> None:
        """`open_pool`: raises AwsError. `initialise`: has a version initialised for a snapshot; raises AwsError,
        EnvironmentFailed, InvalidEntrypoint, BlobGone. `exact`: see `EnvironmentSpec.exact_runtime`.
        """
        self._initialise = initialise
        self._exact = exact
        self._laid_out = laid_out
        self._open_pool = open_pool
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: Configuration | None = None
        self._making: asyncio.Task[None] | None = None

    def begin(self, configuration: Configuration) -> None:
        # A single layer was unpacked when it was published.
        if len(configuration.layers) > 1:
            self._add(self._merge(configuration))
        self._latest = configuration
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())

    def begin_version(self, scope: Scope, function: Function, version: Configuration) -> None:
        """One that was just published: SnapStart initialises it now."""
        if initialization_of(version) == SNAP_START:
            self._add(self._snapshot(scope, function, version))

    def _add(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= _TASKS_MAX:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        tasks = [*self._tasks, *([self._making] if self._making else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _merge(self, configuration: Configuration) -> None:
        try:
            await self._laid_out.layers(configuration)
        except BlobGone:
            return  # the function was changed meanwhile
        except OSError as problem:
            log.warning("layers of a function could not be merged beforehand: %s", problem)

    async def _snapshot(self, scope: Scope, function: Function, version: Configuration) -> None:
        try:
            await self._initialise(scope, function, version)
        except BlobGone:
            return  # the version was deleted meanwhile
        except (AwsError, EnvironmentFailed, InvalidEntrypoint) as problem:
            log.info("%s could not be initialised beforehand: %s", function.name, problem)

    async def _make(self) -> None:
        while (latest := self._latest) is not None:
            await asyncio.sleep(_CALM_S)
            if latest is not self._latest:
                continue
            self._latest = None
            try:
                pool = await self._open_pool()
                await pool.prepare(
                    latest.runtime,
                    exact=self._exact,
                    memory_mb=latest.memory_mb,
                    tmp_mb=latest.tmp_mb,
                )
            except (AwsError, EnvironmentFailed, InvalidEntrypoint) as problem:
                log.info("no sandbox could be made beforehand: %s", problem)


def initialization_of(configuration: Configuration) -> Literal["on-demand", "snap-start"]:
    """Only published versions of languages that have its hooks are as SnapStart wants it."""
    wanted = configuration.settings.snap_start == PUBLISHED_VERSIONS
    if wanted and configuration.version != "$LATEST" and configuration.runtime.startswith(FAMILIES):
        return SNAP_START
    return "on-demand"
