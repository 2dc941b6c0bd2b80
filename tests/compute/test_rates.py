"""How much there may be in a time, counted over processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pilvi.compute.rates import Rates

TAKES = (
    "import sys; from pathlib import Path; from pilvi.compute.rates import Rates;"
    "rates = Rates(Path(sys.argv[1]), lambda: 5000);"
    "print([rates.take('f', 3, 1000) for _ in range(2)])"
)


class Moment:
    ms = 5000

    def __call__(self) -> int:
        return self.ms


def test_so_many_at_once_and_so_many_again(tmp_path: Path) -> None:
    """It fills evenly, holds no more than there may be at once, and a clock that is set back takes nothing away."""
    now = Moment()
    rates = Rates(tmp_path / "rates", now)
    assert [rates.take("f", 2, 10_000) for _ in range(3)] == [True, True, False]
    assert rates.take("g", 1, 10_000)
    now.ms += 4_999
    assert not rates.take("f", 2, 10_000)
    now.ms += 1
    assert [rates.take("f", 2, 10_000) for _ in range(2)] == [True, False]
    now.ms += 1_000_000
    assert [rates.take("f", 2, 10_000) for _ in range(3)] == [True, True, False]
    now.ms -= 500_000
    assert not rates.take("f", 2, 10_000)
    now.ms += 5_000
    assert [rates.take("f", 2, 10_000) for _ in range(2)] == [True, False]
    rates.close()


def test_processes_take_from_the_same(tmp_path: Path) -> None:
    """Also what a process took that has ended since: so much was used."""
    path = tmp_path / "rates"
    told = subprocess.check_output([sys.executable, "-c", TAKES, str(path)])
    assert told == b"[True, True]\n"
    rates = Rates(path, Moment())
    assert [rates.take("f", 3, 1000) for _ in range(2)] == [True, False]
    rates.close()


def test_more_names_than_there_is_room_for(tmp_path: Path) -> None:
    """None of them is refused for that, and those that are used are kept."""
    now = Moment()
    rates = Rates(tmp_path / "rates", now)
    for number in range(10_000):
        assert rates.take(str(number), 1, 1000)
        now.ms += 1
        if number % 50 == 0:
            rates.take("kept", 1, 1_000_000_000)
    assert not rates.take("kept", 1, 1_000_000_000)
    rates.close()
