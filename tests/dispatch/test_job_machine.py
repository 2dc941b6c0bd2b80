"""Jobs against a small model: planning, failing, replacing, cancelling, moving the clock, stopping, crashing.

What is promised: every job's effect happens once and no earlier than it is due, unless it was cancelled or
buried, however often the process was stopped or killed in between.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudlet import EXACT, Cloudlet, count, crash
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pilvi.contracts.jobs import Job
from pilvi.dispatch.records import HOME, jobs
from pilvi.store.keys import span


@dataclass
class Planned:
    """The model of a job: when it is due, how often it will still fail, which attempt comes next."""

    name: bytes
    due_ms: int
    fails: int
    attempt: int = 1


class Jobs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.home = tempfile.TemporaryDirectory()
        self.model: dict[str, Planned] = {}
        self.effects: Counter[bytes] = Counter()
        self.buried: Counter[bytes] = Counter()
        self.fails: dict[bytes, int] = {}
        self.hold: asyncio.Event | None = None
        self.held = 0
        self.written = 0

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 10))

    @initialize()
    def begin(self) -> None:
        self.c = Cloudlet()
        self.c.serve("a.x", self.handle)
        self.c.dispatcher = self.c.another(run_dir=Path(self.home.name))
        self.do(self.c.dispatcher.start())

    async def handle(self, job: Job) -> Any:
        if self.hold is not None:
            self.held += 1
            await self.hold.wait()
        if self.fails[job.payload] > 0:
            self.fails[job.payload] -= 1
            raise RuntimeError("as planned")
        return lambda tx: count(tx, job.payload)

    @rule(
        slot=st.sampled_from(["", "t1", "t2"]), in_ms=st.integers(0, 3000), fails=st.integers(0, 5)
    )
    def plan(self, slot: str, in_ms: int, fails: int) -> None:
        self.settle()
        self.written += 1
        name = b"%d" % self.written
        self.fails[name] = fails
        due_ms = self.c.clock.now_ms() + in_ms
        self.model[slot or name.decode()] = Planned(name, due_ms, fails)
        self.do(self.c.plan(Job("a.x", name, id=slot), due_ms))

    @rule(slot=st.sampled_from(["t1", "t2"]))
    def cancel(self, slot: str) -> None:
        self.settle()
        was = self.do(self.c.store.write(lambda tx: self.c.dispatcher.cancel(tx, slot)))
        assert was == (self.model.pop(slot, None) is not None)

    @rule(by_ms=st.integers(1, 4000))
    def advance(self, by_ms: int) -> None:
        self.settle()
        self.c.advance(by_ms)

    @rule()
    def settle(self) -> None:
        self.do(self.c.dispatcher.idle())
        now_ms = self.c.clock.now_ms()
        for key, job in list(self.model.items()):
            while job.due_ms <= now_ms:
                if job.fails == 0:
                    self.effects[job.name] += 1
                    del self.model[key]
                    break
                job.fails -= 1
                if job.attempt == EXACT.attempts_max:
                    self.buried[job.name] += 1
                    del self.model[key]
                    break
                delay_s = min(EXACT.first_delay_s * 2 ** (job.attempt - 1), EXACT.delay_s_max)
                job.due_ms = now_ms + int(delay_s * 1000)
                job.attempt += 1

    @rule()
    def restart(self) -> None:
        self.settle()
        self.do(self.c.dispatcher.stop(0.01))
        self.begin_again()

    @rule()
    def crash_while_running(self) -> None:
        """Let what is due begin, and kill it in the middle."""
        self.settle()
        self.hold, self.held = asyncio.Event(), 0
        due = sum(job.due_ms <= self.c.clock.now_ms() + 500 for job in self.model.values())
        self.c.advance(500)

        async def begun() -> None:
            while self.held < min(due, 16):
                await asyncio.sleep(0)

        self.do(begun())
        self.do(crash(self.c.dispatcher))
        self.hold = None
        self.begin_again()

    def begin_again(self) -> None:
        self.c.dispatcher = self.c.another(run_dir=Path(self.home.name))
        self.do(self.c.dispatcher.start())

    @invariant()
    def every_job_waits_or_is_leased(self) -> None:
        if not hasattr(self, "c"):
            return

        def entries(at: Any) -> tuple[set[bytes], set[bytes]]:
            start, end = span((*HOME, jobs.name, "i"))
            there = {key for key, _ in at.scan(start, end)}
            wanted: set[bytes] = set()
            for record in jobs.scan(at, HOME):
                keys = jobs.index_keys(HOME, record)
                assert len(keys) == 1
                wanted |= keys
            return there, wanted

        there, wanted = self.do(self.c.store.read(entries))
        assert there == wanted

    def teardown(self) -> None:
        if hasattr(self, "c"):
            self.settle()
            for number in range(1, self.written + 1):
                name = b"%d" % number
                assert self.do(self.c.effects(name)) == self.effects[name], name
            graves = self.do(self.c.store.read(self.c.dispatcher.list_dead))
            assert Counter(grave.job.payload for grave in graves) == self.buried
            statistics = self.do(self.c.dispatcher.statistics())
            trim = 1 if graves else 0
            assert statistics.pending == len(self.model) + trim
            self.do(self.c.dispatcher.stop(0.01))
        self.loop.close()
        self.home.cleanup()


Jobs.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJobs = Jobs.TestCase
