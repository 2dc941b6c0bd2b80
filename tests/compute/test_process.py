"""The backend without isolation: the same functions, the same ends, and what it still promises."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute.support import EVALUATE, HOST_ROOT, Evaluator, Room, text_of, wait_until, write_files


@pytest.fixture(scope="module")
def open_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("open"), backend="process")
    yield made
    made.close()
    assert os.listdir(made.place / "run") == [], "nothing is left"


@pytest.fixture
def room(open_room: Room) -> Iterator[Room]:
    yield open_room
    open_room.end_functions()


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_it_says_in_the_log_what_it_is(room: Room) -> None:
    outcome = room.start(EVALUATE).invoke({"code": "print('hello')"})
    lines = [text for _, text in outcome.log_lines]
    assert lines[1].startswith("pilvi: this function runs WITHOUT isolation")
    assert "hello\n" in lines
    assert "not limited" in room.functions[0].environment.stats().limits[0]


def test_a_function_finds_its_places(room: Room, tmp_path: Path) -> None:
    write_files(tmp_path, {"python/layered.py": "NAME = 'layer'"})
    given = {"NAME": "value", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    function = room.start(EVALUATE, layer_dirs=(tmp_path,), environment=given)
    code = """
import boto3, layered, tempfile
answer = [layered.NAME, os.environ['NAME'], os.getcwd(), os.environ['LAMBDA_TASK_ROOT'], tempfile.gettempdir(),
    boto3.client('sqs').meta.endpoint_url, 'VIRTUAL_ENV' in os.environ, sys.argv[1:]]
"""
    name, value, cwd, task, temporary, url, leaked, arguments = Evaluator(function)(code)
    assert (name, value, leaked, arguments) == ("layer", "value", False, ["app.handler"])
    assert cwd == task == str(function.environment.spec.code_dir)
    assert Path(temporary).is_relative_to(room.place)
    host, _, port = url.removeprefix("http://").partition(":")
    assert (host, port.isdigit()) == ("localhost", True)
    ping = """
host, port = event['address']
with socket.create_connection((host, port)) as asked:
    asked.sendall(b'ping\\n')
    answer = asked.makefile().readline()
"""
    assert Evaluator(function)(ping, address=[host, int(port)]) == "pong\n"
    function.kill()
    assert not Path(temporary).exists()


ENDS = {
    "sys.exit(3)": "Runtime exited with error: exit status 3",
    "os.kill(os.getpid(), signal.SIGSEGV)": "Runtime exited with error: signal: segmentation fault",
    "kept = [b'x' * (1 << 20) for _ in range(300) if not time.sleep(0.002)]": (
        "Runtime exited with error: signal: killed"
    ),
    "while True: pass": "Task timed out after 0.50 seconds",
}


@pytest.mark.parametrize("code", ENDS)
def test_ends(room: Room, code: str) -> None:
    function = room.start(EVALUATE)
    process = Evaluator(function)("answer = os.getpid()")
    outcome = function.invoke({"code": code}, timeout_s=0.5 if "while" in code else 20)
    assert json.loads(outcome.payload)["errorMessage"].endswith(f"Error: {ENDS[code]}")
    assert gone(process)


def test_failures_of_the_function_itself(room: Room) -> None:
    assert b"ImportModuleError" in room.start("import missing").invoke().payload
    outcome = room.start("def handler(event, context):\n    raise KeyError('no')\n").invoke()
    assert json.loads(outcome.payload)["errorType"] == "KeyError"


DAEMON = """
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, str(os.getpid()).encode())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    os._exit(0)
answer = [os.getpid(), int(os.read(reader, 20))]
"""


def test_daemons_end_with_their_environment(room: Room) -> None:
    function = room.start(EVALUATE)
    processes = Evaluator(function)(DAEMON)
    assert not any(map(gone, processes))
    function.kill()
    assert all(map(gone, processes))


def test_frozen_and_thawed(room: Room) -> None:
    function = room.start(EVALUATE)
    process = Evaluator(function)("answer = os.getpid()")

    def state() -> str:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]

    function.environment.freeze()
    wait_until(lambda: state() == "T", "it is not stopped")
    assert Evaluator(function)("answer = os.getpid()") == process
    function.environment.freeze()
    function.kill()
    assert gone(process)


@pytest.mark.skipif(not HOST_ROOT, reason="only root can become another user")
def test_the_runtime_api_answers_no_other_user(room: Room) -> None:
    address = Evaluator(room.start(EVALUATE))("answer = os.environ['AWS_LAMBDA_RUNTIME_API']")
    program = f"""
import http.client
connection = http.client.HTTPConnection("{address}", timeout=10)
try:
    connection.request("GET", "/2018-06-01/runtime/nothing")
    print(connection.getresponse().status)
except ConnectionError:
    print("refused")
"""

    async def ask(user: int) -> bytes:
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/python3", "-I", "-c", program, stdout=subprocess.PIPE, user=user, cwd="/"
        )
        return (await process.communicate())[0]

    assert room.run(ask(0)) == b"404\n"
    assert room.run(ask(65534)) == b"refused\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js on this host")
def test_node(room: Room) -> None:
    source = "console.log('begun'); export const handler = async (event) => [event, process.cwd()]"
    function = room.start(runtime="nodejs20.x", files={"app.mjs": source})
    outcome = function.invoke(1)
    assert json.loads(outcome.payload) == [1, str(function.environment.spec.code_dir)]
    assert "\tINFO\tbegun\n" in text_of(outcome)


def test_a_runtime_of_ones_own(room: Room) -> None:
    bootstrap = f"""#!{sys.executable}
import http.client, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", "/2018-06-01/runtime/invocation/next")
    event = connection.getresponse()
    body = event.read()
    name = event.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", f"/2018-06-01/runtime/invocation/{{name}}/response", body[::-1])
    connection.getresponse().read()
"""
    function = room.start(runtime="provided.al2023", files={"bootstrap": bootstrap})
    assert [function(12), function(34)] == [21, 43]


def test_directories_of_a_killed_server_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    stale = tmp_path / "run" / f"process-{ended.pid}-1f" / "1" / "tmp"
    stale.mkdir(parents=True)
    room = Room(tmp_path, backend="process")
    try:
        assert not stale.exists()
    finally:
        room.close()
