"""How much there may be in a time, counted over processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pilvi.kit.buckets import Buckets

TAKES = (
    "import sys; from pathlib import Path; from pilvi.kit.buckets import Buckets;"
    "rates = Buckets(Path(sys.argv[1]));"
    "print([rates.take(5000, 'f', 3, 1000) for _ in range(2)])"
)


def test_so_many_at_once_and_so_many_again(tmp_path: Path) -> None:
    """It fills evenly, holds no more than there may be at once, and a clock that is set back takes nothing away."""
    now_ms = 5000
    rates = Buckets(tmp_path / "rates")
    assert [rates.take(now_ms, "f", 2, 10_000) for _ in range(3)] == [True, True, False]
    assert rates.take(now_ms, "g", 1, 10_000)
    now_ms += 4_999
    assert not rates.take(now_ms, "f", 2, 10_000)
    now_ms += 1
    assert [rates.take(now_ms, "f", 2, 10_000) for _ in range(2)] == [True, False]
    now_ms += 1_000_000
    assert [rates.take(now_ms, "f", 2, 10_000) for _ in range(3)] == [True, True, False]
    now_ms -= 500_000
    assert not rates.take(now_ms, "f", 2, 10_000)
    now_ms += 5_000
    assert [rates.take(now_ms, "f", 2, 10_000) for _ in range(2)] == [True, False]
    rates.close()


def test_processes_take_from_the_same(tmp_path: Path) -> None:
    """Also what a process took that has ended since: so much was used."""
    path = tmp_path / "rates"
    told = subprocess.check_output([sys.executable, "-c", TAKES, str(path)])
    assert told == b"[True, True]\n"
    rates = Buckets(path)
    assert [rates.take(5000, "f", 3, 1000) for _ in range(2)] == [True, False]
    rates.close()


def test_more_names_than_there_is_room_for(tmp_path: Path) -> None:
    """None of them is refused for that, and those that are used are kept."""
    now_ms = 5000
    rates = Buckets(tmp_path / "rates")
    for number in range(10_000):
        assert rates.take(now_ms, str(number), 1, 1000)
        now_ms += 1
        if number % 50 == 0:
            rates.take(now_ms, "kept", 1, 1_000_000_000)
    assert not rates.take(now_ms, "kept", 1, 1_000_000_000)
    rates.close()
