"""Environments made beforehand: kept ready for one key each, never reaped for being idle, made again when they end.

Not for: who is to have how many of them (whoever asks), nor those that are made because somebody waits (`pool.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pilvi.compute.api import Backend, Environment, EnvironmentSpec, InvalidEntrypoint

STARTS_MAX = 8
"""At once: whoever waits for an environment of their own is not to wait for these."""
INIT_FAILED = "FUNCTION_ERROR_INIT_FAILURE"
NO_ROOM = "INSUFFICIENT_CAPACITY"


class Wanted(NamedTuple):
    """`most` environments of one key. `spec` gives that of the next one."""

    key: str
    most: int
    spec: Callable[[], Awaitable[EnvironmentSpec]]


class Held(NamedTuple):
    """How many there are, and why there are no more."""

    held: int
    failure: str | None


class Provided:
    def __init__(
        self,
        backend: Backend,
        end: Callable[[Environment, str], None],
        *,
        has_room: Callable[[], bool],
    ) -> None:
        """`end`: ends an environment in the background. `has_room`: whether this process may have one more."""
        self._backend = backend
        self._end = end
        self._has_room = has_room
        self._wanted: dict[str, dict[str, int]] = {}
        """By who wants them, by key."""
        self._ready: dict[str, list[Environment]] = {}
        self._lent: set[Environment] = set()
        self._living: Counter[str] = Counter()
        """By key: ready ones, those lent out, and those being made."""
        self._starts = asyncio.Semaphore(STARTS_MAX)
        self.on_loss: Callable[[], None] = lambda: None
        """Told when one has ended that is still wanted."""

    @property
    def count(self) -> int:
        return self._living.total()

    def take(self, key: str) -> Environment | None:
        """One for an invocation; `give_back` it."""
        ready = self._ready.get(key)
        while ready:
            environment = ready.pop()
            if environment.alive:
                self._lent.add(environment)
                return environment
            self._drop(environment, "it had ended")
        return None

    def give_back(self, environment: Environment) -> bool:
        """Whether it was one of these."""
        if environment not in self._lent:
            return False
        self._lent.discard(environment)
        key = environment.spec.key
        if not environment.alive or self._living[key] > self._promised(key):
            self._drop(environment, "it is of no more use")
        elif environment.rests:
            self._ready.setdefault(key, []).insert(0, environment)
        else:
            self._ready.setdefault(key, []).append(environment)
        return True

    async def provide(self, owner: str, wanted: list[Wanted]) -> Held:
        """Make it so that `owner` has these, and no others that they wanted before.

        Returns when all are initialised, or the first of them is not. Raises: as `Backend.start` and `Wanted.spec`.
        """
        if wanted:
            self._wanted[owner] = {one.key: one.most for one in wanted}
        else:
            self._wanted.pop(owner, None)
        for key, ready in list(self._ready.items()):
            dead = [environment for environment in ready if not environment.alive]
            for environment in dead:
                ready.remove(environment)
                self._drop(environment, "it had ended")
            while ready and self._living[key] > self._promised(key):
                self._drop(ready.pop(), "it is not wanted any more")
        count, failure = 0, None
        for one in wanted:
            lacking = max(self._promised(one.key) - self._living[one.key], 0)
            made = await asyncio.gather(*(self._make(one) for _ in range(lacking)))
            failure = failure or next((why for why in made if why is not None), None)
            others = self._promised(one.key) - one.most
            count += max(min(self._living[one.key] - others, one.most), 0)
        return Held(count, failure)

    def end_all(self, reason: str, key: str | None = None) -> None:
        """All that are not lent out, or those of one key."""
        for found, ready in list(self._ready.items()):
            while ready and key in (None, found):
                self._drop(ready.pop(), reason)

    async def _make(self, wanted: Wanted) -> str | None:
        """Why it could not be made; None: it is ready."""
        if not self._has_room():
            return NO_ROOM
        key = wanted.key
        self._living[key] += 1
        environment: Environment | None = None
        try:
            async with self._starts:
                environment = await self._backend.start(await wanted.spec())
                initialised = await environment.initialised()
        except InvalidEntrypoint:
            self._living[key] -= 1
            return INIT_FAILED
        except BaseException:
            self._living[key] -= 1
            if environment is not None:
                self._end(environment, "it was not waited for")
            raise
        if not initialised:
            self._living[key] -= 1
            self._end(environment, "its initialisation failed")
            return INIT_FAILED
        self._ready.setdefault(key, []).append(environment)
        return None

    def _promised(self, key: str) -> int:
        return sum(wanted.get(key, 0) for wanted in self._wanted.values())

    def _drop(self, environment: Environment, reason: str) -> None:
        key = environment.spec.key
        self._living[key] -= 1
        if not self._living[key]:
            del self._living[key]
            self._ready.pop(key, None)
        self._end(environment, reason)
        if self._promised(key) > self._living[key]:
            self.on_loss()
