"""What a Python function finds around it: variables, directories, libraries, layers; and what lives on in it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from compute.support import (
    EVALUATE,
    HOST_ROOT,
    Evaluator,
    Room,
    processes_in,
    stands_still,
    text_of,
    wait_until,
    write_files,
)
from pilvi.compute.events import Trace
from pilvi.compute.unzipping import merge

GIVEN = {
    "NAME": "value",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_ACCESS_KEY_ID": "ASIAKEY",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


def test_variables_are_those_recorded_on_aws(room: Room) -> None:
    function = room.start(EVALUATE, environment=GIVEN, memory_mb=256)
    outcome = function.invoke(
        {"code": "answer = dict(os.environ)"}, trace=Trace("Root=1-2-3", "1", "2", False)
    )
    name = function.environment.spec.function_name
    assert json.loads(outcome.payload) == {
        **GIVEN,
        "AWS_ENDPOINT_URL": "http://localhost:4566",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]abc",
        "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": (
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
        ),
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PWD": "/var/task",
        "PYTHONPATH": "/var/runtime",
        "SHLVL": "0",
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": "app.handler",
        "_X_AMZN_TRACE_ID": "Root=1-2-3",
    }


def test_its_own_variables_win_but_over_the_reserved(room: Room) -> None:
    own = {"AWS_ENDPOINT_URL": "http://elsewhere", "TZ": "Europe/Helsinki", "_HANDLER": "x.y"}
    environment = Evaluator(room.start(EVALUATE, environment=own))("answer = dict(os.environ)")
    assert (environment["AWS_ENDPOINT_URL"], environment["TZ"]) == ("http://elsewhere", own["TZ"])
    assert environment["_HANDLER"] == "app.handler"


def test_its_context(room: Room) -> None:
    function = room.start(EVALUATE)
    code = """
c = context
answer = [c.aws_request_id, c.function_name, c.invoked_function_arn, c.client_context.custom, os.getcwd(), sys.argv]
"""
    outcome = function.invoke({"code": code}, client_context='{"custom": {"k": "\u00e4"}}')
    spec = function.environment.spec
    assert json.loads(outcome.payload) == [
        *(outcome.request_id, spec.function_name, spec.function_arn, {"k": "\u00e4"}, "/var/task"),
        ["/var/runtime/bootstrap.py", "app.handler"],
    ]


@pytest.mark.parametrize(
    "payload", ["\u00e4\U0001f600", "x" * 5_000_000, {"a": [1, None, 2.5]}, 0, ""]
)
def test_events_and_answers_arrive_whole(room: Room, payload: object) -> None:
    function = room.start("def handler(event, context):\n    return event\n", memory_mb=512)
    assert function(payload) == payload


def test_the_sdk_is_there_and_may_be_replaced(room: Room) -> None:
    code = (
        "import boto3, botocore; answer = [boto3.__file__, boto3.client('sqs').meta.endpoint_url]"
    )
    given = Evaluator(room.start(EVALUATE, environment=GIVEN))
    assert given(code) == ["/var/runtime/boto3/__init__.py", "http://localhost:4566"]
    own = room.start(EVALUATE, files={"boto3.py": "NAME = 'own'", "six.py": "NAME = 'own'"})
    assert Evaluator(own)("import boto3, six; answer = [boto3.NAME, six.NAME]") == ["own", "own"]


def test_layers_lie_under_opt_and_the_last_wins(room: Room, tmp_path: Path) -> None:
    first, second, merged = (tmp_path / name for name in ("first", "second", "merged"))
    write_files(
        first,
        {"python/shared.py": "NAME = 1", "python/one.py": "", "bin/tool": "#!/bin/sh\necho 1"},
    )
    site = "python/lib/python3.11/site-packages"
    write_files(second, {"python/shared.py": "NAME = 2", f"{site}/two.py": "", "data/file": "x"})
    merge((first, second), merged)
    inside = Evaluator(room.start(EVALUATE, layer_dirs=(merged,)))
    code = """
import one, two, shared
ran = subprocess.run(['tool'], capture_output=True, text=True)
answer = [shared.NAME, two.__file__, ran.stdout, sorted(os.listdir('/opt'))]
"""
    assert inside(code) == [2, f"/opt/{site}/two.py", "1\n", ["bin", "data", "python"]]


def test_another_python_and_one_that_is_not_here(room: Room) -> None:
    """A version that the host lacks is replaced by the nearest, and the log says so."""
    outcome = room.start(EVALUATE, runtime="python3.99").invoke(
        {"code": "answer = sys.version_info[:2]"}
    )
    assert "pilvi: there is no interpreter for python3.99 on this host; python:3." in text_of(
        outcome
    )
    assert json.loads(outcome.payload)[0] == 3


def test_a_wrapper_starts_the_runtime(room: Room) -> None:
    """AWS_LAMBDA_EXEC_WRAPPER gets the command of the runtime as its arguments."""
    wrapper = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'
    function = room.start(
        EVALUATE,
        files={"wrap": wrapper, "bootstrap.py": "x = 'of the function'"},
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"},
    )
    code = "import bootstrap, boto3; answer = [os.environ['WRAPPED'], bootstrap.x, boto3.__file__]"
    assert Evaluator(function)(code) == ["yes", "of the function", "/var/runtime/boto3/__init__.py"]
    missing = room.start("", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"}).invoke()
    assert b"Runtime exited with error: exit status 127" in missing.payload


COUNT = """
import os
count = 0

def handler(event, context):
    global count
    count += 1
    open(f"/tmp/{count}", "w").close()
    return [count, len(os.listdir("/tmp")), os.readlink("/proc/self/ns/pid")]
"""


def test_globals_and_tmp_live_on(room: Room) -> None:
    function, other = room.start(COUNT), room.start(COUNT)
    assert [function()[:2] for _ in range(3)] == [[1, 1], [2, 2], [3, 3]]
    assert other()[:2] == [1, 1], "each environment has its own"
    assert function.environment.stats().invocations == 3


def test_frozen_between_invocations(room: Room) -> None:
    """Idle environments use no processor time; the next invocation finds them as they were."""
    function = room.start(COUNT)
    namespace = function()[2]

    def still() -> bool:
        return stands_still(processes_in(namespace)[1:])

    function.environment.freeze()
    wait_until(still, "it is not stopped")
    assert function.environment.stats().frozen
    assert function()[0] == 2
    assert not function.environment.stats().frozen
    assert not still()

    async def idle() -> None:
        while not function.environment.stats().frozen:
            await asyncio.sleep(0.01)

    room.run(idle())
    wait_until(still, "it is not stopped by itself")
    function.kill()
    assert processes_in(namespace) == [], "a stopped one can be killed"


def test_what_it_is_held_to_is_told(room: Room) -> None:
    limits = room.start(COUNT).environment.stats().limits
    assert len(limits) == 2
    assert "memory" in limits[0]
    assert "files: " in limits[1]


@pytest.mark.skipif(not HOST_ROOT, reason="only root makes users of the host")
def test_each_sandbox_is_a_user_of_its_own(room: Room) -> None:
    owners: set[int] = set()
    for _ in range(2):
        owners.add(os.stat(f"/proc/{processes_in(room.start(COUNT)()[2])[0]}").st_uid)
    assert len(owners) == 2
