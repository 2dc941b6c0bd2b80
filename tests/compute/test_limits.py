"""What a function may use: time, memory, processes, /tmp; and what is told of one that wants more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.support import EVALUATE, Evaluator, Room, processes_in, text_of
from pilvi.compute import hierarchies, memory_watch

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("tmp_mb", [4, 1024], ids=["the kernel's limit", "the watch"])
def test_too_much_memory(room: Room, tmp_mb: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's limit holds memory and /tmp together; the watch is for memory alone. AWS's words for both."""
    if tmp_mb == 4:
        if hierarchies.find_hierarchy() is None:
            pytest.skip("this host gives no cgroups")
        monkeypatch.setattr(memory_watch, "WATCH_EVERY_S", 60.0)
    function = room.start(EVALUATE, memory_mb=128, tmp_mb=tmp_mb)
    namespace = Evaluator(function)("answer = os.readlink('/proc/self/ns/pid')")
    grow = "kept = []\nfor _ in range(400): kept.append(b'x' * (1 << 20)); time.sleep(0.002)"
    outcome = function.invoke({"code": grow})
    message = f"RequestId: {outcome.request_id} Error: Runtime exited with error: signal: killed"
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": message,
    }
    assert (outcome.error, outcome.max_memory_mb) == ("Unhandled", 128)
    assert f"{message}\nRuntime.ExitError\n" in text_of(outcome)
    assert "\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.ExitError\n" in text_of(
        outcome
    )
    # Its first process is left, to begin again; unless the kernel has ended the whole group.
    assert len(processes_in(namespace)) <= 1


def test_memory_used_is_measured(room: Room) -> None:
    function = room.start(EVALUATE, memory_mb=512)
    little = function.invoke({"code": "pass"}).max_memory_mb
    much = function.invoke({"code": f"kept = b'x' * {100 * MEBIBYTE}"}).max_memory_mb
    assert 0 < little < 100 <= much < 300
    assert function.invoke({"code": "pass"}).max_memory_mb == much, "the environment's peak"


def test_a_fork_bomb_is_bounded_and_ends_with_its_environment(room: Room) -> None:
    function = room.start(EVALUATE, memory_mb=3008)
    code = """
forked = 0
try:
    while True:
        if os.fork() == 0:
            while True:
                signal.pause()
        forked += 1
except OSError as error:
    answer = [forked, errno.errorcode[error.errno], os.readlink('/proc/self/ns/pid')]
"""
    forked, error, namespace = Evaluator(function)(code)
    assert error == "EAGAIN"
    assert 500 < forked < 1024
    assert len(processes_in(namespace)) > 500
    function.kill()
    assert processes_in(namespace) == []


def test_limits_are_those_recorded_on_aws(room: Room) -> None:
    code = """
import resource
names = ('NOFILE', 'NPROC', 'MEMLOCK', 'STACK', 'CPU', 'FSIZE', 'AS')
answer = {name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in names}
"""
    expected = {"NOFILE": [1024, 1024], "NPROC": [742, 742], "MEMLOCK": [65536, 65536]}
    expected |= {"STACK": [8388608, -1], "CPU": [-1, -1], "FSIZE": [-1, -1], "AS": [-1, -1]}
    assert Evaluator(room.start(EVALUATE))(code) == expected


def test_tmp_is_as_large_as_the_function_asked(room: Room) -> None:
    inside = Evaluator(room.start(EVALUATE, tmp_mb=8))
    write = "answer = attempt(lambda: open('/tmp/f', 'wb', 0).write(b'x' * event['size']))"
    assert inside(write, size=7 * MEBIBYTE) == ["done", str(7 * MEBIBYTE)]
    fill = """
def fill():
    with open('/tmp/g', 'wb', 0) as file:
        while True:
            file.write(b'x' * 65536)
answer = attempt(fill)
"""
    assert inside(fill) == ["ENOSPC"]
    assert (
        inside("os.remove('/tmp/f'); answer = os.statvfs('/tmp').f_blocks * 4096") == 8 * MEBIBYTE
    )


def test_files_in_tmp_are_counted_too(room: Room) -> None:
    """Each costs the kernel memory of its own, however empty it is."""
    inside = Evaluator(room.start(EVALUATE, tmp_mb=4))
    fill = """
made = 0
def fill():
    global made
    while made < 5000:
        os.close(os.open(f'/tmp/{made}', os.O_CREAT | os.O_WRONLY))
        made += 1
answer = [attempt(fill), made]
"""
    came_to, made = inside(fill)
    assert came_to == ["ENOSPC"]
    assert 1000 < made <= 1024


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """On a host that lets nobody make cgroups."""
    monkeypatch.setattr(hierarchies, "find_hierarchy", lambda: None)
    made = Room(tmp_path)
    yield made
    made.close()


def test_without_cgroups_memory_is_watched(bare: Room) -> None:
    inside = Evaluator(bare.start(EVALUATE, memory_mb=192, tmp_mb=256))
    limits = inside.function.environment.stats().limits
    assert limits[0] == (
        "memory: watched in /proc; processes: rlimit; processor: nice; frozen: signals"
    )
    assert inside("answer = os.nice(0)") == 10, "of ten functions of this size each gets a tenth"
    # What forked processes share counts once, and files in /tmp do not count.
    share = """
with open('/tmp/file', 'wb') as file:
    for _ in range(200):
        file.write(b'x' * (1 << 20))
kept = b'x' * (100 << 20)
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        while True:
            signal.pause()
    children.append(child)
time.sleep(0.3)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
answer = 1
"""
    assert inside(share) == 1
    assert 100 < inside.function.environment.stats().max_memory_mb < 192
    grow = "kept = []\nfor _ in range(400): kept.append(b'x' * (1 << 20)); time.sleep(0.002)"
    outcome = inside.function.invoke({"code": grow})
    assert b"Runtime exited with error: signal: killed" in outcome.payload
    assert outcome.max_memory_mb == 192


def test_a_timeout(room: Room) -> None:
    function = room.start(EVALUATE, timeout_s=10)
    namespace = Evaluator(function)("answer = os.readlink('/proc/self/ns/pid')")
    outcome = function.invoke(
        {"code": "print('begun', flush=True)\nwhile True: pass"}, timeout_s=0.25
    )
    message = "Task timed out after 0.25 seconds"
    request_id = outcome.request_id
    assert json.loads(outcome.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: {message}",
    }
    pattern = (
        rf"START RequestId: {request_id} Version: \$LATEST\nbegun\n"
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {request_id} {message}\n\n"
        rf"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: 250.00 ms\t"
        r"Billed Duration: 250 ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tStatus: timeout\n"
    )
    assert re.fullmatch(pattern, text_of(outcome)), text_of(outcome)
    assert len(processes_in(namespace)) == 1, "it ran on, or cannot begin again"


def test_the_deadline_is_told_to_the_function(room: Room) -> None:
    inside = Evaluator(room.start(EVALUATE, timeout_s=10))
    left_ms = inside("answer = context.get_remaining_time_in_millis()")
    assert 5_000 < left_ms <= 10_000
    assert inside("answer = context.memory_limit_in_mb") == "128"
