"""What the tests of execution environments share: one backend, and functions that are made and asked."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pilvi.base.clock import Clock
from pilvi.compute.api import Backend, Environment, EnvironmentSpec, Invocation, Outcome
from pilvi.compute.bubblewrap import BubblewrapBackend
from pilvi.compute.namespaces import NamespacesBackend
from pilvi.compute.process import ProcessBackend
from pilvi.compute.runtimes import Runtimes

ACCOUNT_ARN = "arn:aws:lambda:eu-north-1:111111111111:function"
LATE_S_MAX = 20.0
PLATFORM_PORT = 4566

HOST_ROOT = os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == [
    *("0", "0", "4294967295")
]
"""Whether this is the host's root, who can make processes of any user."""

T = TypeVar("T")


class Gate:
    """Stands for pilvi's API inside sandboxes: `ping` is answered, `wait` when the test opens the gate."""

    port = PLATFORM_PORT
    url = f"http://localhost:{PLATFORM_PORT}"

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.opened = asyncio.Event()

    async def serve(self, listener: Any) -> asyncio.AbstractServer:
        return await asyncio.start_server(self._answer, sock=listener)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readline()
        if said == b"wait\n":
            self.waiting.set()
            await self.opened.wait()
        writer.write(b"pong\n")
        await writer.drain()
        writer.close()


class Function:
    """One environment and how it is asked."""

    def __init__(self, room: Room, environment: Environment) -> None:
        self._room = room
        self.environment = environment

    def invoke(self, event: Any = None, **members: Any) -> Outcome:
        return self._room.run(self.invoking(event, **members))

    async def invoking(self, event: Any = None, **members: Any) -> Outcome:
        invocation = Invocation(
            request_id=f"00000000-0000-0000-0000-{next(self._room.count):012d}",
            payload=json.dumps(event).encode(),
            invoked_function_arn=self.environment.spec.function_arn,
            **members,
        )
        return await self.environment.invoke(invocation)

    def __call__(self, event: Any = None, **members: Any) -> Any:
        """The answer; asserts that the function did not fail."""
        outcome = self.invoke(event, **members)
        assert outcome.error is None, (outcome.payload, outcome.log_lines)
        return json.loads(outcome.payload)

    def kill(self) -> None:
        self._room.run(self.environment.kill("the test is over"))


class Room:
    """An event loop with a backend, and a place for the code of functions."""

    def __init__(self, place: Path, *, backend: str = "namespaces", **options: Any) -> None:
        self.place = place
        self.count = itertools.count(1)
        self._runner = asyncio.Runner()
        self.functions: list[Function] = []
        self.backend = self.run(self._make(backend, options))

    async def _make(self, kind: str, options: dict[str, Any]) -> Backend:
        self.gate = Gate()
        make = {
            "namespaces": NamespacesBackend,
            "bubblewrap": BubblewrapBackend,
            "process": ProcessBackend,
        }[kind]
        shared = {"run_dir": self.place / "run", "clock": Clock(), "platform": self.gate}
        return make(runtimes=await Runtimes.discover(), **shared, **options)

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(body, 60))

    def start(self, source: str | None = None, **members: Any) -> Function:
        """`source`: of app.py; `files`: others by name. Further members go to the spec."""
        name = f"f{next(self.count)}"
        code = self.place / "code" / name
        code.mkdir(parents=True)
        files: dict[str, str] = members.pop("files", {})
        write_files(code, files if source is None else {"app.py": source, **files})
        described: dict[str, Any] = {
            "key": name,
            "function_name": name,
            "function_arn": f"{ACCOUNT_ARN}:{name}",
            "version": "$LATEST",
            "runtime": "python3.11",
            "handler": "app.handler",
            "code_dir": code,
            "timeout_s": 20,
            "tmp_mb": 16,
            "log_group": f"/aws/lambda/{name}",
            "log_stream": "2026/01/01/[$LATEST]abc",
            **members,
        }
        function = Function(self, self.run(self.backend.start(EnvironmentSpec(**described))))
        self.functions.append(function)
        return function

    def end_functions(self) -> None:
        while self.functions:
            self.functions.pop().kill()

    def close(self) -> None:
        self.run(self.backend.close())
        self._runner.close()


def write_files(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)


def text_of(outcome: Outcome) -> str:
    return "".join(text for _, text in outcome.log_lines)


def processes_in(namespace: str) -> list[int]:
    """The host's processes whose pid namespace has this name, such as `pid:[4026532281]`."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == namespace:
                found.append(int(name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def stands_still(processes: list[int]) -> bool:
    """Whether these of one sandbox are stopped, or frozen by their control group."""
    states: set[str] = set()
    for process in processes:
        states.add(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0])
    if states == {"T"}:
        return True
    for line in Path(f"/proc/{processes[0]}/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            events = Path(f"{root}{path}/cgroup.events")
            if number == "0" and events.exists():
                return "frozen 1" in events.read_text()
    return False


def wait_until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + LATE_S_MAX
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


EVALUATE = """
import ctypes, errno, json, os, signal, socket, subprocess, sys, threading, time

def attempt(what, *arguments, **options):
    try:
        return ["done", str(what(*arguments, **options))]
    except OSError as error:
        return [errno.errorcode[error.errno]]

def handler(event, context):
    scope = dict(globals(), event=event, context=context)
    exec(event["code"], scope)
    return scope.get("answer")
"""
"""A function that runs what it is sent, so that one environment serves many questions."""


class Evaluator:
    def __init__(self, function: Function) -> None:
        self.function = function

    def __call__(self, code: str, **event: Any) -> Any:
        """The value of `answer` after the code."""
        return self.function({"code": code, **event})
