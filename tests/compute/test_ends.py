"""How an invocation can end other than well, as AWS tells it: raised, exited, crashed, not begun, too much."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

from compute.support import EVALUATE, Evaluator, Room, text_of, wait_until
from pilvi.compute.api import EnvironmentFailed, EnvironmentGone, InvalidEntrypoint, Outcome


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_an_exception_is_answered_and_the_environment_lives(room: Room) -> None:
    function = room.start("def handler(event, context):\n    raise KeyError(event)\n")
    for name in ("first", "second"):
        outcome = function.invoke(name)
        document = json.loads(outcome.payload)
        trace = document.pop("stackTrace")
        assert document == {
            "errorMessage": f"'{name}'",
            "errorType": "KeyError",
            "requestId": outcome.request_id,
        }
        assert trace == [
            '  File "/var/task/app.py", line 2, in handler\n    raise KeyError(event)\n'
        ]
        assert outcome.error == "Unhandled"
        assert f"[ERROR] KeyError: '{name}'\nTraceback (most recent call last):\n" in text_of(
            outcome
        )
        assert "Status:" not in text_of(outcome)
    assert function.environment.alive


EXITS = {
    "sys.exit()": "Runtime exited without providing a reason",
    "sys.exit(3)": "Runtime exited with error: exit status 3",
    "os._exit(0)": "Runtime exited without providing a reason",
    "os._exit(77)": "Runtime exited with error: exit status 77",
    "ctypes.string_at(0)": "Runtime exited with error: signal: segmentation fault",
    "os.abort()": "Runtime exited with error: signal: aborted",
    "os.kill(os.getpid(), signal.SIGKILL)": "Runtime exited with error: signal: killed",
    "os.kill(os.getpid(), signal.SIGTERM)": "Runtime exited with error: signal: terminated",
}


@pytest.mark.parametrize("code", EXITS)
def test_the_runtime_ends(room: Room, code: str) -> None:
    function = room.start(EVALUATE)
    outcome = function.invoke({"code": f"print('last words', flush=True); {code}"})
    message = f"RequestId: {outcome.request_id} Error: {EXITS[code]}"
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": message,
    }
    text = text_of(outcome)
    assert (
        f"last words\n{message}\nRuntime.ExitError\nEND RequestId: {outcome.request_id}\n" in text
    )
    assert text.endswith("Status: error\tError Type: Runtime.ExitError\n")


INITIALISATIONS = {
    # name: (source, handler, type and message of the error)
    "raises": ("raise ValueError('no')", "app.handler", "ValueError", "no"),
    "imports what is missing": (
        *("import missing_module", "app.handler", "Runtime.ImportModuleError"),
        "Unable to import module 'app': No module named 'missing_module'",
    ),
    "is no Python": ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", None),
    "has no such module": (
        *("", "other.handler", "Runtime.ImportModuleError"),
        "Unable to import module 'other': No module named 'other'",
    ),
    "has no such handler": (
        *("x = 1", "app.handler", "Runtime.HandlerNotFound"),
        "Handler 'handler' missing on module 'app'",
    ),
    "has a handler without a dot": ("", "app", "Runtime.MalformedHandlerName", None),
}


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_a_function_that_cannot_begin(room: Room, name: str) -> None:
    source, handler, error_type, message = INITIALISATIONS[name]
    function = room.start(source, handler=handler)
    outcome = function.invoke()
    document = json.loads(outcome.payload)
    assert document["errorType"] == error_type
    assert document["requestId"] == ""
    if message is not None:
        assert document["errorMessage"] == message
    assert (outcome.error, outcome.init_ms) == ("Unhandled", None)


def test_a_function_that_exits_while_it_begins(room: Room) -> None:
    outcome = room.start("import sys; print('bye', flush=True); sys.exit(4)").invoke()
    assert json.loads(outcome.payload)["errorMessage"].endswith(
        "Error: Runtime exited with error: exit status 4"
    )
    assert "bye\n" in text_of(outcome)


def test_an_answer_may_be_six_megabytes_and_no_larger(room: Room) -> None:
    """The limit is 6,291,556 bytes as they are sent: with two quotation marks."""
    function = room.start("def handler(event, context):\n    return 'x' * event\n", memory_mb=512)
    assert len(function(6_291_554)) == 6_291_554
    outcome = function.invoke(6_291_555)
    assert json.loads(outcome.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_what_ends_between_two_invocations_costs_none(room: Room) -> None:
    """The runtime ends after its answer, while the next invocation is on its way: that one never began, so it is
    not reported as failed but may be given to another environment.
    """
    function = room.start(
        runtime="provided.al2023",
        files={
            "bootstrap": """#!/usr/bin/python3
import http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/invocation/next")
event = connection.getresponse()
event.read()
name = event.headers["Lambda-Runtime-Aws-Request-Id"]
connection.request("POST", f"/2018-06-01/runtime/invocation/{name}/response", b"1")
connection.getresponse().read()
"""
        },
    )

    async def body() -> Outcome:
        first = await function.invoking()
        with pytest.raises(EnvironmentGone):
            await function.invoking()
        return first

    assert room.run(body()).payload == b"1"
    assert not function.environment.alive


def test_killed_while_it_runs(room: Room) -> None:
    """The one who waits for the outcome is told; nobody waits for ever."""
    function = room.start(EVALUATE)

    async def body() -> Outcome:
        invoking = asyncio.create_task(
            function.invoking({"code": "print('begun', flush=True)\nwhile True: pass"})
        )
        while not any("begun" in text for _, text in function.environment.take_lines()):
            await asyncio.sleep(0.005)
        await asyncio.gather(
            function.environment.kill("a test"), function.environment.kill("again")
        )
        return await invoking

    outcome = room.run(body())
    assert json.loads(outcome.payload)["errorType"] == "Sandbox.Failure"
    assert not function.environment.alive


def test_a_cancelled_invocation_ends_its_environment(room: Room) -> None:
    function = room.start(EVALUATE)

    async def body() -> None:
        invoking = asyncio.create_task(function.invoking({"code": "while True: pass"}))
        await asyncio.sleep(0)
        invoking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await invoking

    room.run(body())
    assert not function.environment.alive


def test_it_dies_before_its_first_invocation(room: Room) -> None:
    function = room.start("import os\nos._exit(9)")

    async def dead() -> None:
        while function.environment.alive:
            await asyncio.sleep(0.005)

    room.run(dead())
    assert b"exit status 9" in function.invoke().payload


@pytest.mark.parametrize(
    "members", [{"runtime": "provided.al2023"}, {"runtime": "nodejs99.x", "exact_runtime": True}]
)
def test_nothing_that_could_be_started(room: Room, members: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntrypoint):
        room.start("", **members)


def test_code_that_is_not_there(room: Room) -> None:
    """The host's fault, not the function's: an error of the start, and nothing is left of the attempt."""
    before = descriptors()
    with pytest.raises(EnvironmentFailed, match="could not be made"):
        room.start("", code_dir=room.place / "missing")
    assert descriptors() == before


def test_environments_leave_nothing_open(room: Room) -> None:
    """Neither a descriptor of the server's nor a group of the kernel's."""
    room.start(EVALUATE).kill()
    before = descriptors()
    for _ in range(5):
        function = room.start(EVALUATE)
        Evaluator(function)("answer = 1")
        function.kill()
    wait_until(
        lambda: descriptors() == before or room.run(asyncio.sleep(0)), "descriptors stay open"
    )


def test_many_at_once(room: Room) -> None:
    """More starts than the launcher's socket holds at a time."""

    spec = room.start(EVALUATE).environment.spec

    async def body() -> int:
        environments = await asyncio.gather(*(room.backend.start(spec) for _ in range(60)))
        alive = sum(environment.alive for environment in environments)
        await asyncio.gather(
            *(environment.kill("the test is over") for environment in environments)
        )
        return alive

    assert room.run(body()) == 60
