"""Runtimes that were started before anybody needed them: the same function in the same sandbox, only sooner."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute.support import Room, processes_in, text_of, wait_until, write_files
from pilvi.compute import parked
from pilvi.compute.namespaces import NamespacesBackend

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="there is no Node.js on this host"
)

SOURCE = """
import fs from "node:fs";
import { createRequire } from "node:module";
console.log("begins");
const attempt = (what) => { try { return what(); } catch (error) { return error.code; } };
export const handler = async (event, context) => {
  if (event === "spin") for (;;) {}
  if (event === "layer") return createRequire("/var/task/")("brought");
  return {
    variables: Object.keys(process.env).sort(), own: process.env.OWN, trace: process.env._X_AMZN_TRACE_ID,
    arguments: process.argv.length, directory: process.cwd(), files: fs.readdirSync("."),
    name: context.functionName, left: context.getRemainingTimeInMillis() > 1000,
    input: fs.readFileSync(0).length,
    walls: [
      attempt(() => fs.readdirSync("/.host")), attempt(() => fs.writeFileSync("/var/task/x", "")),
      attempt(() => fs.writeFileSync("/tmp/x", "y")),
      fs.readFileSync("/proc/self/status", "utf8").match(/(CapEff|CapBnd|NoNewPrivs|Seccomp):\\s*\\w+/g),
      attempt(() => fs.readdirSync("/proc/1/fd")),
      attempt(() => fs.readFileSync("/proc/sys/user/max_user_namespaces", "utf8")),
    ],
    namespace: fs.readlinkSync("/proc/self/ns/pid"),
  };
};
"""


@pytest.fixture(scope="module")
def parking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("parking"), park=True)
    yield made
    made.close()


@pytest.fixture
def start(parking: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(parked, "REFILL_AFTER_S", {})
    monkeypatch.setattr(parked, "REFILL_AFTER_S_MOST", 0.0)

    def started(**members: Any) -> Any:
        return parking.start(files={"app.mjs": SOURCE}, runtime="nodejs20.x", **members)

    yield started
    parking.end_functions()


def ready(room: Room) -> int:
    backend = room.backend
    assert isinstance(backend, NamespacesBackend)
    return backend.parked


def wait_for(room: Room, count: int) -> None:
    def are_there() -> bool:
        room.run(asyncio.sleep(0.01))
        return ready(room) >= count

    wait_until(are_there, f"there are never {count} parked")


@needs_node
def test_it_is_as_if_it_had_just_been_started(parking: Room, start: Any, tmp_path: Path) -> None:
    """Its variables, files, walls and log are those of a function that was started for itself."""
    tmp_path.chmod(0o755)
    write_files(tmp_path, {"nodejs/node_modules/brought/index.js": "module.exports = 'brought'"})
    members: dict[str, Any] = {"layer_dirs": (tmp_path,), "environment": {"OWN": "mine"}}
    plain = start(**members)
    expected = plain()
    wait_for(parking, 1)
    function = start(**members)
    assert ready(parking) == 0, "it was taken"
    outcome = function.invoke()
    told = json.loads(outcome.payload)
    assert processes_in(told.pop("namespace"))
    assert processes_in(expected.pop("namespace"))
    assert told.pop("name") == function.environment.spec.function_name
    assert expected.pop("name") == plain.environment.spec.function_name
    assert told == expected
    assert told["walls"][0] in ("EACCES", []), "there is nothing of the host"
    assert "begins\n" in text_of(outcome)
    assert function("layer") == "brought"
    assert outcome.init_ms is not None


@needs_node
def test_it_ends_as_others_do(parking: Room, start: Any) -> None:
    """In its time, and with all of its processes."""
    start()()
    wait_for(parking, 1)
    function = start()
    before = function()
    outcome = function.invoke("spin", timeout_s=0.1)
    assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"
    assert len(processes_in(before["namespace"])) == 1, "more than its first process outlives it"
    assert function("again") == before


@needs_node
def test_it_is_frozen_as_others_are(parking: Room, start: Any) -> None:
    start()()
    wait_for(parking, 1)
    function = start()
    function()
    function.environment.freeze()
    assert function.environment.stats().frozen
    assert function()["directory"] == "/var/task"


@needs_node
def test_what_must_be_known_at_the_start_is_not_parked(parking: Room, start: Any) -> None:
    start()()
    wait_for(parking, 1)
    function = start(environment={"NODE_OPTIONS": "--no-warnings"})
    assert "NODE_OPTIONS" in function()["variables"]
    assert ready(parking) > 0


@needs_node
def test_few_are_parked(parking: Room, start: Any) -> None:
    """One for each size that was used, and the oldest goes."""
    for memory_mb in range(200, 200 + parked.PARKED_MAX + 2):
        start(memory_mb=memory_mb)
    most = 0
    for _ in range(60):
        parking.run(asyncio.sleep(0.01))
        most = max(most, ready(parking))
    assert 0 < most <= parked.PARKED_MAX


PYTHON = """
import os, sys, boto3
print("begins")
def handler(event, context):
    import glob
    return {
        "variables": sorted(os.environ), "own": os.environ["OWN"], "directory": os.getcwd(), "path": sys.path[:3],
        "files": sorted(os.listdir(".")), "descriptors": sorted(os.listdir("/proc/self/fd")), "input": sys.stdin.read(),
        "arguments": sys.argv, "user": os.getuid(), "log": os.path.exists("/.host"),
    }
"""


def _end_all_others(room: Room, *, memory_mb: int) -> None:
    backend = room.backend
    assert isinstance(backend, NamespacesBackend)
    assert backend._parked is not None
    for key in [key for key in backend._parked._blanks if key.memory_mb != memory_mb]:
        for blank in backend._parked._blanks.pop(key, ()):  # the room has run meanwhile
            room.run(parked._end(blank))


def test_python_is_parked_too(parking: Room, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has neither more nor fewer variables and descriptors than one that was started for itself."""
    members: dict[str, Any] = {"environment": {"OWN": "mine"}, "memory_mb": 256}
    expected = parking.start(PYTHON, **members)()
    _end_all_others(parking, memory_mb=256)
    wait_for(parking, parked.WANTED["python"])
    monkeypatch.setattr(parked, "REFILL_AFTER_S", {"python": 60.0})
    before = ready(parking)
    function = parking.start(PYTHON, **members)
    assert ready(parking) == before - 1, "it was taken"
    outcome = function.invoke()
    assert json.loads(outcome.payload) == expected
    assert "begins\n" in text_of(outcome)
    failing = "def handler(e, c): return missing"
    wait_for(parking, 1)
    outcome = parking.start(failing, **members).invoke()
    assert json.loads(outcome.payload)["errorType"] == "NameError"


def test_what_a_first_invocation_needs_is_ready_before_it(tmp_path: Path) -> None:
    room = Room(tmp_path, park=True)
    try:
        room.run(room.backend.prepare("python3.11", exact=False, memory_mb=128, tmp_mb=16))
        wait_for(room, 1)
        function = room.start("def handler(event, context): return 1", memory_mb=128)
        assert ready(room) == 0, "it was taken"
        assert function() == 1
    finally:
        room.close()
