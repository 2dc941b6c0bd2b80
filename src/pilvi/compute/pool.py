"""Execution environments of this process: warm ones waiting, busy ones counted, idle ones ended.

Bounds: environments in all, those of a function by its reserved concurrency, how long one may idle and live.
Times are the machine's, for they are about this process's memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable

from pilvi.compute.api import Backend, Environment, EnvironmentSpec
from pilvi.compute.provided import Provided
from pilvi.compute.slots import Slots

log = logging.getLogger("pilvi.compute")

ENVIRONMENTS_MAX = 256
IDLE_S_MAX = 300.0
LIFE_S_MAX = 43_200.0
"""However often it is used, an environment is made anew twice a day, before its files may be swept away."""
REAP_EVERY_S = 30.0
_ANY = 1 << 30
_RETIRED_MAX = 10_000


class Throttled(Exception):
    """No environment may be had now; `reason` is the word that AWS has for it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Pool:
    def __init__(
        self,
        backend: Backend,
        on_end: Callable[[Environment], Awaitable[None]],
        *,
        environments_max: int = ENVIRONMENTS_MAX,
        idle_s_max: float = IDLE_S_MAX,
        life_s_max: float = LIFE_S_MAX,
        reap_every_s: float = REAP_EVERY_S,
        slots: Slots | None = None,
        account_max: int = 1000,
        may_grow: Callable[[str], bool] | None = None,
    ) -> None:
        """`on_end`: called with each environment once it has ended (its last log lines).

        `slots`: counts what is busy in the other processes too, where there are others; `account_max`: so much may be
        in one account and region, beside what functions have reserved. `may_grow`: asked, with the function's ARN,
        before one more environment is made for an invocation.
        """
        self._may_grow = may_grow
        self._slots = slots
        self._account_max = account_max
        self._counted: dict[Environment, tuple[str, ...]] = {}
        """What is counted in the slots for one that is busy."""
        self._backend = backend
        self._on_end = on_end
        self._environments_max = environments_max
        self._idle_s_max = idle_s_max
        self._life_s_max = life_s_max
        self._reap_every_s = reap_every_s
        self._loop = asyncio.get_running_loop()
        self._idle: OrderedDict[Environment, float] = OrderedDict()
        """When each was put back; the longest idle first."""
        self._born: dict[Environment, float] = {}
        self._warm: dict[str, list[Environment]] = {}
        """The idle ones by key; the one used last at the end, so that what is too much grows old. Those that have to
        begin again come first, and are taken last."""
        self._busy: Counter[str] = Counter()
        """By function ARN."""
        self._busy_in_all = 0
        self._departures: dict[str, asyncio.Event] = {}
        """What those wait for who were refused, by function ARN."""
        self.provided = Provided(backend, self._end, has_room=self._has_room)
        self._retired: OrderedDict[str, None] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(
        self,
        key: str,
        function_arn: str,
        make_spec: Callable[[], Awaitable[EnvironmentSpec]],
        *,
        reserved: int | None,
    ) -> Environment:
        """An environment of this key for one invocation: a warm one, or a new one made from `make_spec`.

        `reserved`: how many of the function may be busy, beside those made beforehand.
        Raises: Throttled; what `Backend.start` and `make_spec` raise.
        """
        if self.provided.count:
            environment = self.provided.take(key)
            if environment is not None:
                return environment
        if reserved is not None and self._busy[function_arn] >= reserved:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if self._busy_in_all + self.provided.count >= self._environments_max or self._closed:
            raise Throttled("ConcurrentInvocationLimitExceeded")
        counted = () if self._slots is None else self._count_in(self._slots, function_arn, reserved)
        self._busy[function_arn] += 1
        self._busy_in_all += 1
        try:
            environment = await self._obtain(key, function_arn, make_spec)
        except BaseException:
            self._leave(function_arn)
            self._count_out(counted)
            raise
        if counted:
            self._counted[environment] = counted
        return environment

    async def _obtain(
        self,
        key: str,
        function_arn: str,
        make_spec: Callable[[], Awaitable[EnvironmentSpec]],
    ) -> Environment:
        """A warm one, or a new one."""
        warm = self._warm.get(key)
        while warm:
            environment = warm.pop()
            if not warm:
                del self._warm[key]
            del self._idle[environment]
            if environment.alive:
                return environment
            self._end(environment, "it had ended")
        if self._may_grow is not None and not self._may_grow(function_arn):
            raise Throttled("ConcurrentInvocationLimitExceeded")
        if self._count() > self._environments_max and self._idle:
            self._drop(next(iter(self._idle)), "room was needed")
        environment = await self._backend.start(await make_spec())
        self._born[environment] = self._loop.time()
        return environment

    def release(self, environment: Environment) -> None:
        """The invocation is over; whoever acquired it does not touch the environment any more."""
        if self.provided.count and self.provided.give_back(environment):
            return
        self._leave(environment.spec.function_arn)
        if self._slots is not None:
            self._count_out(self._counted.pop(environment, ()))
        key = environment.spec.key
        old = self._loop.time() - self._born[environment] > self._life_s_max
        if old or not environment.alive or key in self._retired or self._closed:
            self._end(environment, "it is of no more use")
            return
        warm = self._warm.setdefault(key, [])
        if environment.rests:
            warm.insert(0, environment)
        else:
            warm.append(environment)
        self._idle[environment] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._reap_every_s, self._reap)

    async def prepare(self, runtime: str, *, exact: bool, memory_mb: int, tmp_mb: int) -> None:
        """See `Backend.prepare`."""
        await self._backend.prepare(runtime, exact=exact, memory_mb=memory_mb, tmp_mb=tmp_mb)

    async def prepare_snapshot(self, spec: EnvironmentSpec) -> None:
        """See `Backend.prepare_snapshot`."""
        await self._backend.prepare_snapshot(spec)

    async def await_departure(self, function_arn: str, patience_s: float) -> bool:
        """Wait for an invocation of the function to end in this process, for whoever was just refused.

        Gives whether one has: at once False where none runs.
        """
        if not self._busy[function_arn]:
            return False
        departure = self._departures.setdefault(function_arn, asyncio.Event())
        try:
            async with asyncio.timeout(patience_s):
                await departure.wait()
        except TimeoutError:
            return False
        return True

    def retire(self, key: str) -> None:
        """What the environments of this key were made from has changed: they take no more invocations."""
        self._retired[key] = None
        if len(self._retired) > _RETIRED_MAX:
            self._retired.popitem(last=False)
        for environment in list(self._warm.get(key, ())):
            self._drop(environment, "its function has changed")
        self.provided.end_all("its function has changed", key)

    async def end_idle(self) -> None:
        """End all that is not busy, and wait for it."""
        for environment in list(self._idle):
            self._drop(environment, "all were ended")
        self.provided.end_all("all were ended")
        await asyncio.gather(*self._ending)

    async def close(self) -> None:
        """End all; an invocation under way is cut off with its environment."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self.end_idle()
        await self._backend.close()
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    def _count_in(self, slots: Slots, function_arn: str, reserved: int | None) -> tuple[str, ...]:
        """Raises: Throttled."""
        if reserved is not None:
            if not slots.take(function_arn, reserved):
                raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            return (function_arn,)
        account = function_arn.partition(":function:")[0]
        if not slots.take(account, self._account_max):
            raise Throttled("ConcurrentInvocationLimitExceeded")
        # What has nothing reserved is counted all the same: it may be given something while this one runs.
        slots.take(function_arn, _ANY)
        return (account, function_arn)

    def _count_out(self, counted: tuple[str, ...]) -> None:
        if self._slots is not None:
            for what in counted:
                self._slots.give(what)

    def _count(self) -> int:
        return self._busy_in_all + len(self._idle) + self.provided.count

    def _has_room(self) -> bool:
        if self._count() >= self._environments_max and self._idle:
            self._drop(next(iter(self._idle)), "room was needed")
        return self._count() < self._environments_max and not self._closed

    def _leave(self, function_arn: str) -> None:
        if self._departures and (departure := self._departures.pop(function_arn, None)):
            departure.set()
        self._busy_in_all -= 1
        self._busy[function_arn] -= 1
        if not self._busy[function_arn]:
            del self._busy[function_arn]

    def _reap(self) -> None:
        self._timer = None
        oldest_s = self._loop.time() - self._idle_s_max
        for environment, since_s in list(self._idle.items()):
            if since_s > oldest_s and environment.alive:
                break
            self._drop(environment, "it was idle")
        if self._idle:
            self._timer = self._loop.call_later(self._reap_every_s, self._reap)

    def _drop(self, environment: Environment, reason: str) -> None:
        del self._idle[environment]
        key = environment.spec.key
        warm = self._warm[key]
        warm.remove(environment)
        if not warm:
            del self._warm[key]
        self._end(environment, reason)

    def _end(self, environment: Environment, reason: str) -> None:
        self._born.pop(environment, None)
        task = asyncio.create_task(self._kill(environment, reason))
        self._ending.add(task)
        task.add_done_callback(self._ended)

    async def _kill(self, environment: Environment, reason: str) -> None:
        await environment.kill(reason)
        await self._on_end(environment)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.error("an environment did not end well", exc_info=problem)
