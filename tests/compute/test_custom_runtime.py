"""Runtimes that functions bring themselves (`provided`), and the Runtime API as it answers to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compute.support import Room, text_of, write_files
from pilvi.compute.api import Outcome
from pilvi.compute.events import Trace

SCRIPTED = """#!/usr/bin/python3
# Asks what the event lists, in the middle of the invocation, and answers with what it was told.
import http.client, json, os, socket

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
PREFIX = "/2018-06-01/runtime/"

def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.headers), answer.read()

while True:
    _, headers, event = ask("GET", PREFIX + "invocation/next")
    name, told = headers["Lambda-Runtime-Aws-Request-Id"], []
    for method, path, *rest in json.loads(event):
        if method == "raw":
            with socket.create_connection(api.split(":")) as raw:
                raw.sendall(path.encode())
                told.append(raw.makefile("rb").readline().decode())
        elif method == "headers":
            told.append(headers)
        elif method == "large":
            told.append(ask("POST", PREFIX + path.replace("ID", name), b"x" * rest[0])[0])
        else:
            path = path.replace("ID", name) if path.startswith("/") else PREFIX + path.replace("ID", name)
            status, _, answer = ask(method, path, *rest)
            told.append([status, json.loads(answer)])
    ask("POST", PREFIX + f"invocation/{name}/response", json.dumps(told))
"""


@pytest.fixture
def ask(room: Room) -> Any:
    function = room.start(runtime="provided.al2023", files={"bootstrap": SCRIPTED})
    return lambda *requests, **members: function(requests, **members)


REFUSALS = {
    # name: (request, status, error type)
    "an answer to another invocation": (
        ["POST", "invocation/other/response", "1"],
        400,
        "InvalidRequestID",
    ),
    "an error of another invocation": (
        ["POST", "invocation/other/error", "1"],
        400,
        "InvalidRequestID",
    ),
    "the next one, too early": (["GET", "invocation/next"], 403, "InvalidStateTransition"),
    "an error of the beginning, too late": (
        ["POST", "init/error", "1"],
        403,
        "InvalidStateTransition",
    ),
    "a wrong method": (["POST", "invocation/next", ""], 405, "MethodNotAllowed"),
    "an unknown resource": (["GET", "nothing"], 404, "NotFound"),
    "another version": (["GET", "/2017-01-01/runtime/invocation/next"], 404, "NotFound"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(ask: Any, name: str) -> None:
    """What a runtime does wrong is told to it, and the invocation goes on."""
    request, status, error_type = REFUSALS[name]
    [[told, document]] = ask(request)
    assert (told, document["errorType"]) == (status, error_type)


def test_what_is_no_http(ask: Any) -> None:
    assert ask(["raw", "hello\r\n\r\n"]) == ["HTTP/1.1 400 Bad Request\r\n"]


def test_the_second_answer_is_refused(room: Room) -> None:
    bootstrap = SCRIPTED.replace(
        '    ask("POST", PREFIX + f"invocation/{name}/response", json.dumps(told))\n',
        """    answers = [ask("POST", PREFIX + f"invocation/{name}/response", json.dumps(n)) for n in (1, 2)]
    os.write(1, f"{[(status, body) for status, _, body in answers]}\\n".encode())
""",
    )
    function = room.start(runtime="provided.al2023", files={"bootstrap": bootstrap})
    assert function([]) == 1

    async def told() -> str:
        text = ""
        while "]" not in text:
            outcome = await function.invoking([])
            text += text_of(outcome)
        return text

    text = room.run(told())
    assert """(202, b'{"status":"OK"}\\n'), (403, """ in text


def test_too_large_an_answer_ends_the_invocation(room: Room) -> None:
    function = room.start(runtime="provided.al2023", files={"bootstrap": SCRIPTED})
    outcome = function.invoke([["large", "invocation/ID/response", 6_291_557]])
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_what_is_told_of_an_invocation(room: Room) -> None:
    function = room.start(runtime="provided.al2023", files={"bootstrap": SCRIPTED})

    def headers(**members: str) -> tuple[Outcome, dict[str, str]]:
        outcome = function.invoke([["headers", ""]], **members)
        return outcome, json.loads(outcome.payload)[0]

    outcome, told = headers()
    assert int(told.pop("Lambda-Runtime-Deadline-Ms")) > 1_600_000_000_000
    assert int(told.pop("Content-Length")) > 0
    assert told == {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": outcome.request_id,
        "Lambda-Runtime-Invoked-Function-Arn": function.environment.spec.function_arn,
    }
    _, told = headers(
        trace=Trace("Root=1", "1", "2", False),
        client_context='{"a":\r\n1}',
        cognito_identity="{}",
        tenant_id="t",
    )
    assert told["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert told["Lambda-Runtime-Client-Context"] == '{"a":  1}', "no header of its own begins in it"
    assert (told["Lambda-Runtime-Cognito-Identity"], told["Lambda-Runtime-Aws-Tenant-Id"]) == (
        "{}",
        "t",
    )


def test_it_reports_its_failures(room: Room) -> None:
    report = """#!/bin/bash
call() {
  exec 3<>/dev/tcp/169.254.100.1/9001
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\\r\\nConnection: close\\r\\n%sContent-Length: %s\\r\\n\\r\\n%s' \\
    "$1" "$2" "$3" "${#4}" "$4" >&3
  cat <&3
}
echo "from bash"
TYPE=$'Lambda-Runtime-Function-Error-Type: Own.Failure\\r\\n'
if [ "$_HANDLER" = init ]; then call POST init/error "$TYPE" '{"own": 1}'; exit 1; fi
ID=$(call GET invocation/next "" "" | tr -d '\\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
call POST "invocation/$ID/error" "$TYPE" '{"own": 2}'
"""
    for handler, expected in (("init", b'{"own": 1}'), ("other", b'{"own": 2}')):
        function = room.start(
            runtime="provided.al2023", files={"bootstrap": report}, handler=handler
        )
        outcome = function.invoke()
        assert (outcome.payload, outcome.error_type) == (expected, "Own.Failure")
        assert "from bash\n" in text_of(outcome)


def test_a_bootstrap_in_a_layer(room: Room, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    write_files(layer, {"bootstrap": SCRIPTED})
    tmp_path.chmod(0o755)
    function = room.start(runtime="provided.al2", files={"data": ""}, layer_dirs=(layer,))
    assert function([]) == []


def test_its_variables(room: Room) -> None:
    bootstrap = SCRIPTED.replace("json.dumps(told)", "json.dumps(dict(os.environ))")
    told = room.start(runtime="provided.al2023", files={"bootstrap": bootstrap})([])
    assert "AWS_EXECUTION_ENV" not in told
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in told
    assert told["AWS_LAMBDA_RUNTIME_API"] == "169.254.100.1:9001"
