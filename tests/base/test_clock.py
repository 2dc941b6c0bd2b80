"""The clock: frozen, moved, let go, and the same for every process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilvi.base.clock import Clock

HOUR_MS = 3_600_000


def test_it_shows_the_machines_time_until_it_is_moved() -> None:
    clock = Clock()
    before = clock.machine_ms()
    assert before <= clock.now_ms() <= clock.machine_ms()
    assert clock.moved_at_ms == 0
    clock.advance(HOUR_MS)
    assert before + HOUR_MS <= clock.now_ms() <= clock.machine_ms() + HOUR_MS
    assert before <= clock.moved_at_ms <= clock.machine_ms()


def test_frozen_it_stands_and_let_go_it_runs_on_from_there() -> None:
    clock = Clock()
    clock.freeze(5 * HOUR_MS)
    assert (clock.now_ms(), clock.frozen) == (5 * HOUR_MS, True)
    clock.advance(HOUR_MS)
    assert clock.now_ms() == 6 * HOUR_MS
    assert clock.real_delay_s(6 * HOUR_MS) == 0
    assert clock.real_delay_s(6 * HOUR_MS + 1) is None, "it never comes while the clock stands"
    clock.resume()
    assert not clock.frozen
    assert 6 * HOUR_MS <= clock.now_ms() < 7 * HOUR_MS
    clock.reset()
    assert clock.offset_ms == 0


def test_letting_a_running_clock_go_is_no_move() -> None:
    clock = Clock()
    clock.resume()
    assert clock.moved_at_ms == 0


def test_it_moves_forwards_only() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)
    assert clock.offset_ms == 0


def test_all_who_map_the_file_see_the_same_hands(tmp_path: Path) -> None:
    ours, theirs = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    ours.freeze(HOUR_MS)
    assert theirs.now_ms() == HOUR_MS
    theirs.advance(HOUR_MS)
    assert ours.now_ms() == 2 * HOUR_MS
    assert Clock(tmp_path / "clock").now_ms() == 2 * HOUR_MS, "and who comes later"


def test_a_shorter_file_of_an_older_version_is_taken_over(tmp_path: Path) -> None:
    ours = Clock(tmp_path / "clock")
    ours.advance(HOUR_MS)
    (tmp_path / "older").write_bytes((tmp_path / "clock").read_bytes()[:16])
    older = Clock(tmp_path / "older")
    assert (older.offset_ms, older.moved_at_ms) == (HOUR_MS, 0)


def test_what_is_dated_by_the_machine_grows_old_by_it() -> None:
    clock = Clock()
    before = clock.machine_ms() - 5
    clock.advance(HOUR_MS)
    assert clock.judging_ms(before) >= before + HOUR_MS
    since = clock.moved_at_ms + 1
    while clock.machine_ms() < since:
        pass
    assert clock.judging_ms(since) <= clock.machine_ms()
    assert (
        clock.judging_ms(clock.now_ms()) >= since + HOUR_MS - 1
    )  # dated by the moved clock itself


def test_what_is_dated_in_the_second_of_a_resume_is_dated_since() -> None:
    clock = Clock()
    clock.advance(HOUR_MS)
    clock.resume()
    this_second = clock.machine_ms() // 1000 * 1000
    assert clock.judging_ms(this_second) <= clock.machine_ms()
    assert clock.judging_ms(this_second - 2_000) >= this_second + HOUR_MS - 2_000
    assert clock.offset_ms == HOUR_MS
