"""What a function writes, and the platform's own lines around it."""

from __future__ import annotations

import asyncio
import os
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.support import EVALUATE, Room, text_of
from pilvi.base.clock import Clock
from pilvi.compute import environment
from pilvi.compute.capture import TOTAL_BYTES_MAX, Capture

LOGGING = """
import logging, os, subprocess, sys

print("while it begins")

def handler(event, context):
    print("printed")
    print("to the other", file=sys.stderr)
    logging.getLogger().warning("logged\\nin two lines")
    subprocess.run(["/bin/sh", "-c", "echo from a child"])
    sys.stdout.write("unfinished")
"""


def test_lines_in_order(room: Room) -> None:
    function = room.start(LOGGING)
    outcome = function.invoke()
    name = outcome.request_id
    begin, *lines, report = [text for _, text in outcome.log_lines]
    assert re.fullmatch(
        r"INIT_START Runtime Version: python:3\.11\tRuntime Version ARN: "
        r"arn:aws:lambda:eu-north-1::runtime:[0-9a-f]{64}\n",
        begin,
    )
    logged = lines.pop(4)
    assert re.fullmatch(rf"\[WARNING\]\t[-\dT:.]+Z\t{name}\tlogged\nin two lines\n", logged)
    assert (
        lines
        == [
            "while it begins\n",
            f"START RequestId: {name} Version: $LATEST\n",
            "printed\n",
            "to the other\n",
            "from a child\n",
            "unfinished\n",
            f"END RequestId: {name}\n",
        ]
        or lines[1:5] == []
    )
    assert re.fullmatch(
        rf"REPORT RequestId: {name}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n",
        report,
    )
    assert outcome.log_tail.decode() == "".join([*lines[1:4], logged, *lines[4:], report])
    times = [at_ms for at_ms, _ in outcome.log_lines]
    assert times == sorted(times)
    # The second time nothing begins, so nothing of a beginning is told.
    again = function.invoke()
    assert again.log_lines[0][1].startswith("START ")
    assert (again.init_ms, "Init Duration" in text_of(again)) == (None, False)


def test_the_tail_is_the_last_four_kibibytes(room: Room) -> None:
    outcome = room.start(EVALUATE).invoke({"code": "for n in range(2000): print(n)"})
    assert len(outcome.log_tail) == 4096
    assert text_of(outcome).encode().endswith(outcome.log_tail)


def test_a_flood_is_bounded_and_told(room: Room) -> None:
    """What is dropped is counted; the function neither waits nor fails, and the next invocation is logged again."""
    function = room.start(EVALUATE)
    outcome = function.invoke({"code": "for _ in range(100_000): print('x' * 99)"})
    kept = sum(len(text) for _, text in outcome.log_lines)
    assert kept < TOTAL_BYTES_MAX + 10_000
    told = re.search(r"pilvi: (\d+) bytes of log were dropped here\.\n", text_of(outcome))
    assert told is not None
    whole = text_of(outcome).count(f"{'x' * 99}\n")
    assert whole > 20_000
    assert abs(int(told[1]) - (10_000_000 - 100 * whole)) < 100, "the one that was cut"
    assert outcome.error is None
    assert "printed\n" in text_of(function.invoke({"code": "print('printed')"}))


def test_empty_lines_are_bounded_too(room: Room) -> None:
    outcome = room.start(EVALUATE).invoke({"code": "os.write(1, b'\\n' * 3_000_000)"})
    assert len(outcome.log_lines) < 200_000
    assert "bytes of log were dropped" in text_of(outcome)


def test_lines_between_invocations_are_not_lost(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "FREEZE_AFTER_S", 60.0)  # the thread comes first, however late
    code = """
def later():
    time.sleep(0.02)
    print('afterwards', flush=True)
threading.Thread(target=later).start()
"""
    function = room.start(EVALUATE)
    function.invoke({"code": code})

    async def heard() -> str:
        while True:
            text = "".join(text for _, text in function.environment.take_lines())
            if text:
                return text
            await asyncio.sleep(0.005)

    assert room.run(heard()) == "afterwards\n"


def frame(text: bytes) -> bytes:
    return struct.pack(">IIQ", 0xA55A0003, len(text), 1) + text


LINES = st.text("ab\u00e4\U0001f600 ", max_size=30).map(lambda text: text.encode())
PIECES = st.lists(
    st.one_of(
        LINES.map(lambda line: (line + b"\n", [line + b"\n"])),
        st.lists(LINES, min_size=1, max_size=3).map(
            lambda lines: (frame(b"\n".join(lines) + b"!\n"), [b"\n".join(lines) + b"!\n"])
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(pieces=PIECES, cuts=st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_lines_do_not_depend_on_how_they_arrive(
    pieces: list[tuple[bytes, list[bytes]]], cuts: list[int]
) -> None:
    """Frames of the runtime's loggers and plain lines share one pipe, and reads end anywhere within them."""
    data = b"".join(raw for raw, _ in pieces)
    expected = [line.decode() for _, lines in pieces for line in lines]

    async def body() -> list[str]:
        reader, writer = os.pipe()
        capture = Capture(reader, Clock())
        left, turn = data, 0
        while left:
            size = cuts[turn % len(cuts)]
            os.write(writer, left[:size])
            left, turn = left[size:], turn + 1
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        os.close(writer)
        lines = [text for _, text in capture.take()]
        capture.close()
        return lines

    assert asyncio.run(body()) == expected
