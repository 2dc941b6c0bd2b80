"""What is busy is counted over processes, and what a killed process held is free again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pilvi.compute.slots import Slots

HOLDS = (
    "import sys, time; from pathlib import Path; from pilvi.compute.slots import Slots;"
    "slots = Slots(Path(sys.argv[1])); [slots.take('f', 9) for _ in range(2)];"
    "print('held', flush=True); time.sleep(60)"
)


def test_no_more_than_there_may_be(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots")
    assert [slots.take("f", 2) for _ in range(3)] == [True, True, False]
    assert slots.take("g", 1)
    slots.give("f")
    assert slots.take("f", 2)
    slots.give("nothing of this name")
    for _ in range(9):
        slots.give("f")
    assert [slots.take("f", 2) for _ in range(3)] == [True, True, False]
    slots.close()


def test_other_processes_count_as_long_as_they_live(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "slots")], stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    assert [slots.take("f", 3) for _ in range(2)] == [True, False]
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert [slots.take("f", 3) for _ in range(3)] == [True, True, False]
    slots.close()


def test_where_there_is_no_room_nothing_is_counted(tmp_path: Path) -> None:
    """Thousands of names at once: none of them is refused for want of a row."""
    slots = Slots(tmp_path / "slots")
    assert all(slots.take(str(number), 1) for number in range(5000))
    for number in range(5000):
        slots.give(str(number))
    assert slots.take("again", 1)
    assert not slots.take("again", 1)
    slots.close()
