"""How many batches of a queue may run at once. Times are given, so nothing waits."""

from __future__ import annotations

from pilvi.services.lambda_.mappings.queues.pace import FIRST, GROWTH_S, MOST, Pace
from pilvi.services.lambda_.mappings.records import Settings


def grown(pace: Pace, from_s: float, to_s: float) -> int:
    """How many are allowed after a time in which all that may run do."""
    now_s, allowed = from_s, pace.allowed(MOST * 100, from_s)
    while now_s < to_s:
        now_s += GROWTH_S / 4
        allowed = pace.allowed(allowed, now_s)
    return allowed


def test_more_may_run_while_all_that_may_do() -> None:
    pace = Pace(Settings(batch_size=1), 0.0)
    assert pace.allowed(0, 5.0) == FIRST
    assert FIRST + 3 <= grown(pace, 5.0, 6.0) <= FIRST + 5
    assert grown(pace, 6.0, 60.0) == MOST
    limited = Pace(Settings(batch_size=1, concurrency_max=2), 0.0)
    assert grown(limited, 0.0, 60.0) == 2


def test_fewer_may_run_while_the_function_fails() -> None:
    pace = Pace(Settings(batch_size=1), 0.0)
    before = grown(pace, 0.0, 20.0)
    assert before == MOST
    for second in range(20, 30):
        for _ in range(100):
            pace.back_off(float(second))
    assert pace.allowed(before, 29.5) == before - 10
    assert grown(pace, 31.0, 35.0) > before - 10
    for second in range(100, 200):
        pace.back_off(float(second))
    assert pace.allowed(before, 199.5) == FIRST


def test_provisioned_pollers_are_there_from_the_beginning() -> None:
    pace = Pace(Settings(batch_size=1, pollers=(3, 20)), 0.0)
    assert pace.allowed(0, 0.0) == 30
    assert grown(pace, 0.0, 60.0) == 200
