"""Environments that begin again: after an initialisation that failed or took too long, and after a crash or an overrun.

AWS: Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle", failures during the init phase,
failures during the invoke phase.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.support import EVALUATE, Evaluator, Room, processes_in, text_of
from pilvi.compute.initialisation import BEGINS_MAX

STATEFUL = """
import ctypes, os, signal, subprocess, sys, time
print("begins")
number = 0

def handler(event, context):
    global number
    if event == "prepare":
        number = 42
        with open(os.environ.get("TMPDIR", "/tmp") + "/kept", "w") as file:
            file.write(str(subprocess.Popen(["/bin/sleep", "60"], start_new_session=True).pid))
    elif event is not None:
        exec(event)
    with open(os.environ.get("TMPDIR", "/tmp") + "/kept") as file:
        sleeper = file.read()
    namespace = os.readlink("/proc/self/ns/pid")
    return [number, sleeper, os.path.exists(f"/proc/{sleeper}"), namespace, context.get_remaining_time_in_millis(),
        sorted(os.listdir("/proc/self/fd"))]
"""

ENDS = {
    "overruns its time": ("while True: pass", "Sandbox.Timedout"),
    "exits": ("sys.exit(3)", "Runtime.ExitError"),
    "crashes": ("ctypes.string_at(0)", "Runtime.ExitError"),
    "takes too much memory": ("x = bytearray(200 << 20); time.sleep(9)", "Runtime.ExitError"),
}


KINDS = ("namespaces", "parked", "bubblewrap", "process")


@pytest.fixture(scope="module")
def any_room(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    backend = "namespaces" if request.param == "parked" else request.param
    if backend == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("there is no bubblewrap here")
    options = {"park": True} if request.param == "parked" else {}
    made = Room(tmp_path_factory.mktemp(request.param), backend=backend, **options)
    yield made
    made.close()


TRIED = [
    (kind, name)
    for kind in KINDS
    for name in (ENDS if kind == "namespaces" else ("overruns its time", "exits"))
]


@pytest.mark.parametrize(("any_room", "name"), TRIED, indirect=["any_room"])
def test_what_an_environment_keeps(any_room: Room, name: str) -> None:
    """The next invocation finds /tmp as it was, in the same sandbox, and nothing else of what ran before. It waits for
    the new initialisation within its own time, and no line tells of that.
    """
    code, error_type = ENDS[name]
    function = any_room.start(STATEFUL)
    before = function("prepare")
    assert before[0::2][:2] == [42, True]
    outcome = function.invoke(code, timeout_s=0.2 if "overruns" in name else None)
    assert outcome.error_type == error_type
    assert function.environment.alive
    again = function.invoke(timeout_s=5)
    number, sleeper, sleeps, namespace, left_ms, files = json.loads(again.payload)
    assert (number, sleeper, sleeps) == (0, before[1], False)
    assert namespace == before[3]
    assert files == before[5], "it has inherited what others opened"
    assert left_ms < 5000
    assert again.init_ms is None
    text = text_of(again)
    assert text.startswith("begins\nSTART RequestId: ")
    assert "INIT" not in text
    assert "Init Duration" not in text
    assert function.invoke().duration_ms < 5000, "as before"
    any_room.end_functions()


def test_nothing_runs_in_one_that_rests(room: Room) -> None:
    """Nor is anything left of it when it is ended then."""
    function = room.start(STATEFUL)
    namespace = function("prepare")[3]
    function.invoke("os._exit(1)")
    assert len(processes_in(namespace)) == 1, "its first process is all that is there"
    function.environment.freeze()
    assert not function.environment.stats().frozen
    function.kill()
    assert processes_in(namespace) == []
    assert not function.environment.alive


def test_the_walls_are_as_they_were(tmp_path: Path) -> None:
    """Of one that waited for its function, too: its first process has other rules than its runtime."""
    room = Room(tmp_path, park=True)
    code = """
walls = [attempt(os.kill, 1, 0), attempt(open, '/var/task/x', 'w'), attempt(os.listdir, '/proc/1/fd')]
walls += [attempt(open, '/proc/sys/user/max_user_namespaces', 'w')]
walls += [line for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNew', 'Seccomp', 'Uid'))]
walls += [open('/proc/self/limits').read(), os.getpriority(os.PRIO_PROCESS, 0)]
walls += [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE)]
answer = walls
"""
    try:
        room.start(EVALUATE)({"code": ""})
        while room.run(asyncio.sleep(0.01)) or not room.backend.parked:  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            continue
        function = room.start(EVALUATE)
        before = Evaluator(function)(code)
        function.invoke({"code": "os._exit(0)"})
        assert Evaluator(function)(code) == before
    finally:
        room.end_functions()
        room.close()


def test_a_bounded_number_of_times(room: Room) -> None:
    """What processes leave in the kernel, such as queues of messages, does not pile up for ever."""
    function = room.start(STATEFUL)
    for _ in range(BEGINS_MAX):
        function.invoke("os._exit(1)")
        assert function.environment.alive
    function.invoke("os._exit(1)")
    assert not function.environment.alive


SLOW_AT_FIRST = """
import os, time
if not os.path.exists("/tmp/seen"):
    open("/tmp/seen", "w").close()
    print("slow")
    time.sleep(60)
print("fast")
def handler(event, context):
    return os.listdir("/tmp")
"""


def test_an_initialisation_that_takes_too_long(room: Room) -> None:
    """It is ended, and done once more in the time of the invocation; that one succeeds."""
    room.start(STATEFUL)(
        "prepare"
    )  # so that nothing else of this host has to be started within that time
    outcome = room.start(SLOW_AT_FIRST, init_s_max=0.5).invoke()
    assert json.loads(outcome.payload) == ["seen"]
    assert re.search(
        r"^INIT_START [^\n]*\nslow\nINIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout\n"
        r"fast\nSTART RequestId: [^\n]*\nEND RequestId: [^\n]*\nREPORT [^\n]*\n$",
        text_of(outcome),
    ), text_of(outcome)
    assert "Init Duration: " not in text_of(outcome).partition("START RequestId")[2]
    assert outcome.init_ms is None


def test_an_initialisation_that_always_takes_too_long(room: Room) -> None:
    """The invocation's own time ends the second one; that is what its caller gets."""
    function = room.start("import time\ntime.sleep(60)", init_s_max=0.1)
    outcome = function.invoke(timeout_s=0.2)
    message = f"RequestId: {outcome.request_id} Error: Task timed out after 0.20 seconds"
    assert json.loads(outcome.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": message,
    }
    assert re.search(
        r"^INIT_START [^\n]*\n"
        r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout\n"
        r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: invoke\tStatus: timeout\n"
        r"START [^\n]*\n[^\n]* Task timed out after 0.20 seconds\n\nEND [^\n]*\n"
        r"REPORT [^\n]*Duration: 200.00 ms\t[^\n]*Status: timeout\n$",
        text_of(outcome),
    ), text_of(outcome)
    assert function.environment.alive


def test_an_initialisation_that_fails(room: Room) -> None:
    """It is tried again: only then has the invocation failed. So is the next invocation's."""
    source = "import os\nopen('/tmp/n', 'a').write('x')\nprint(open('/tmp/n').read())\nraise OSError('no')"
    function = room.start(source)
    expected = (
        "INIT_REPORT Init Duration: N ms\tPhase: invoke\tStatus: error\tError Type: OSError\n"
    )
    for tries in ("x\nxx\n", "xxx\n"):
        outcome = function.invoke()
        assert json.loads(outcome.payload)["errorType"] == "OSError"
        text = re.sub(r"\d+\.\d\d ms", "N ms", text_of(outcome))
        begun = "".join(re.findall(r"^x+\n", text, re.MULTILINE))
        assert begun == tries
        assert f"{expected}START RequestId: " in text
        assert ("Phase: init\t" in text) == (tries == "x\nxx\n")


@pytest.mark.parametrize("source", ["def handler(event, context): pass", "raise OSError('no')"])
def test_one_that_was_made_beforehand_always_tells(room: Room, source: str) -> None:
    """AWS: "SnapStart and provisioned concurrency functions always emit INIT_REPORT"; nobody tries again for them."""
    function = room.start(source, initialization_type="provisioned-concurrency")
    initialised = room.run(function.environment.initialised())
    told = "".join(text for _, text in function.environment.take_lines())
    status = "success" if initialised else "error\tError Type: OSError"
    assert initialised == source.startswith("def")
    assert re.findall(r"INIT_REPORT .* ms\tPhase: init\tStatus: (.*)$", told, re.M) == [status]


def test_records_of_beginning_again(room: Room) -> None:
    """A log in JSON names the phase that it began in."""
    function = room.start(
        "import os\ndef handler(event, context): event and os._exit(1)",
        log_format="JSON",
        system_log_level="DEBUG",
    )
    function.invoke("exit")
    lines = [json.loads(text) for _, text in function.invoke().log_lines]
    assert [(one["type"], one["record"].get("phase")) for one in lines] == [
        *(("platform.initStart", "invoke"), ("platform.initRuntimeDone", "invoke")),
        *(("platform.initReport", "invoke"), ("platform.start", None)),
        *(("platform.runtimeDone", None), ("platform.report", None)),
    ]
    assert "initDurationMs" not in lines[-1]["record"]["metrics"]
