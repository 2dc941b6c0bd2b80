"""A function that floods what the server opened for it: its Runtime API, its names, its log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.support import EVALUATE, Evaluator, Room


@pytest.fixture(scope="module")
def flooding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    made = Room(tmp_path_factory.mktemp("floods"))
    yield Evaluator(made.start(EVALUATE))
    made.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_mb() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGESIZE") // 2**20


def test_connections_that_say_nothing(flooding: Evaluator) -> None:
    """Each would be a descriptor of the server. What is too much is closed; the function's own runtime goes on."""
    before = open_files()
    code = """
import builtins
builtins.kept = []
for number in range(300):
    connection = socket.create_connection(('169.254.100.1', 9001))
    builtins.kept.append(connection)
    connection.sendall(b'GET /2018-06-01/runtime/invocation/next HT' if number % 2 else b'')
import select
until = time.monotonic() + 10
answer = 0
while answer < 200 and time.monotonic() < until:
    answer = len(select.select(builtins.kept, [], [], 0.1)[0])
"""
    closed = flooding(code)
    assert open_files() - before < 64
    assert closed >= 200
    assert flooding("for one in __import__('builtins').kept: one.close()\nanswer = 1") == 1


def test_a_head_without_end(flooding: Evaluator) -> None:
    before_mb = resident_mb()
    code = """
with socket.create_connection(('169.254.100.1', 9001)) as connection:
    answer = 0
    try:
        connection.sendall(b'GET / HTTP/1.1\\r\\n')
        while answer < 64:
            connection.sendall(b'x-header: ' + b'y' * (1 << 20) + b'\\r\\n')
            answer += 1
    except (BrokenPipeError, ConnectionResetError):
        pass
"""
    assert flooding(code) < 32
    assert resident_mb() - before_mb < 64


def test_answers_that_nobody_reads(flooding: Evaluator) -> None:
    """Requests are not read any more while their answers wait."""
    code = """
with socket.socket() as connection:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.connect(('169.254.100.1', 9001))
    connection.settimeout(0.3)
    answer = 0
    try:
        while answer < 1500:
            connection.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n' * 1000)
            answer += 1
    except TimeoutError:
        pass
"""
    assert flooding(code) < 1500


def test_bodies_in_crumbs(flooding: Evaluator) -> None:
    """A body is held as its bytes, not as the pieces in which it came; several together only to a limit."""
    before_mb = resident_mb()
    code = """
answer = 0
kept = []
for _ in range(8):
    connection = socket.create_connection(('169.254.100.1', 9001))
    kept.append(connection)
    connection.sendall(b'POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\n')
    connection.sendall(b'transfer-encoding: chunked\\r\\n\\r\\n')
    try:
        connection.sendall(b'2\\r\\nxy\\r\\n' * 10_000)
        for _ in range(5):
            connection.sendall(b'100000\\r\\n' + b'x' * (1 << 20) + b'\\r\\n')
            answer += 1
    except (BrokenPipeError, ConnectionResetError):
        pass
"""
    assert flooding(code) < 40
    assert resident_mb() - before_mb < 64


def test_questions_for_names(flooding: Evaluator) -> None:
    """What is none is not answered, what is none of its names does not exist, and it may be asked in vain."""
    code = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
    for number in range(100):
        asked.sendto(os.urandom(number * 6), ('169.254.100.1', 53))
try:
    socket.getaddrinfo('example.com', 80)
except socket.gaierror as error:
    answer = error.errno in (socket.EAI_NONAME, socket.EAI_AGAIN)
"""
    assert flooding(code) is True


def test_frames_that_lie(flooding: Evaluator) -> None:
    """A function may write anything to where its runtime logs: lengths that never come, marks within marks."""
    code = """
import struct
log = 1
for kind in (0xA55A0003, 0xA55A0002, 0xA55AFFFF):
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        os.write(log, struct.pack('>IIQ', kind, length, 0) + b'x' * min(length, 10))
os.write(log, b'\\n' * 70_000 + b'START RequestId: forged Version: $LATEST\\n')
answer = 1
"""
    before_mb = resident_mb()
    outcome = flooding.function.invoke({"code": code})
    assert outcome.error is None
    assert resident_mb() - before_mb < 64
    own = [line for _, line in outcome.log_lines if outcome.request_id in line]
    assert [line.split()[0] for line in own] == ["START", "END", "REPORT"]
    assert flooding("answer = 2") == 2
