"""Extensions: programs of a layer that run beside the runtime, and those inside of it; the telemetry that they get."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from compute.support import Function, Room, text_of, write_files
from pilvi.compute.api import Outcome

EXTENSION = """#!/usr/bin/python3
# Registers, subscribes, waits for events, and prints what it hears. How it behaves is in its file `plan.json`.
import http.client, http.server, json, os, sys, threading, time

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
plan = json.load(open("/opt/plan.json"))
print("extension begins", flush=True)
if "exit_at_once" in plan:
    sys.exit(plan["exit_at_once"])

class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for one in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            with open("/tmp/telemetry", "a") as file:
                file.write(json.dumps(one) + "\\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass

def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(api)
    named = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), named)
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())

name = os.path.basename(__file__)
status, headers, told = ask("POST", "/2020-01-01/extension/register", {"events": plan["events"]}, Name=name,
                            Accept_Feature="accountId")
print("registered", status, json.dumps(told), flush=True)
me = headers["Lambda-Extension-Identifier"]
if "subscribe" in plan:
    server = http.server.HTTPServer(("0.0.0.0", 4243), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = plan.get("api", "/2022-07-01/telemetry")
    print("subscribed", ask("PUT", place, plan["subscribe"], Identifier=me)[0::2], flush=True)
if "init_error" in plan:
    ask("POST", "/2020-01-01/extension/init/error", {}, Identifier=me, Function_Error_Type=plan["init_error"])
    sys.exit(1)
while True:
    _, _, event = ask("GET", "/2020-01-01/extension/event/next", Identifier=me)
    print("heard", json.dumps(event), flush=True)
    if event["eventType"] == "SHUTDOWN":
        print("goodbye", flush=True)
        sys.exit(0)
    if "exit_later" in plan:
        os._exit(plan["exit_later"])
    with open("/tmp/extension", "a") as file:
        file.write("invoked\\n")
    time.sleep(plan.get("busy_s", 0))
"""

FUNCTION = """
import os
print("function begins")
def handler(event, context):
    print("function has", event)
    if event == "files":
        return {name: open("/tmp/" + name).read() for name in os.listdir("/tmp")}
    if event == "fail":
        raise ValueError("no")
    if event == "exit":
        os._exit(3)
"""

SUBSCRIPTION: dict[str, Any] = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function", "extension"],
    "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/in"},
}


@pytest.fixture
def start(room: Room, tmp_path: Path) -> Any:
    """A function with a layer that brings an extension which behaves as planned."""
    tmp_path.chmod(0o755)

    def started(source: str = FUNCTION, *, program: str = EXTENSION, **plan: Any) -> Function:
        files = {"extensions/watcher": program, "plan.json": json.dumps({"events": [], **plan})}
        write_files(tmp_path / "layer", files)
        members = {"timeout_s": plan.get("timeout_s", 20), **plan.get("members", {})}
        return room.start(source, layer_dirs=(tmp_path / "layer",), **members)

    return started


def heard(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in re.findall(r"^heard (.*)$", text, re.MULTILINE)]


def last_words(room: Room, function: Function) -> str:
    function.kill()
    return "".join(text for _, text in function.environment.take_lines())


def test_an_extension_from_beginning_to_end(room: Room, start: Any) -> None:
    function = start(events=["INVOKE", "SHUTDOWN"])
    outcome: Outcome = function.invoke(1)
    text, name = text_of(outcome), function.environment.spec.function_name
    told = {"functionName": name, "functionVersion": "$LATEST", "handler": "app.handler"}
    assert f"registered 200 {json.dumps({**told, 'accountId': '111111111111'})}\n" in text
    assert text.index("registered 200") < text.index("function begins"), "it comes first"
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in text
    [event] = heard(text)
    assert (event["eventType"], event["requestId"]) == ("INVOKE", outcome.request_id)
    assert event["invokedFunctionArn"] == function.environment.spec.function_arn
    assert event["deadlineMs"] > 1_600_000_000_000
    function(2)
    assert function("files")["extension"].startswith("invoked\ninvoked\n")
    assert len(heard(text_of(function.invoke(2)))) == 1
    words = last_words(room, function)
    assert heard(words)[-1]["eventType"] == "SHUTDOWN"
    assert heard(words)[-1]["shutdownReason"] == "spindown"
    assert words.endswith("goodbye\n")


def test_it_has_not_the_variables_of_the_runtime(start: Any) -> None:
    program = EXTENSION.replace('print("extension begins"', 'print("mine:", sorted(os.environ)')
    text = text_of(start(program=program).invoke())
    mine = re.search(r"mine: (.*)", text)
    assert mine is not None
    assert "AWS_LAMBDA_FUNCTION_NAME" in mine[1]
    assert "_HANDLER" not in mine[1]
    assert "AWS_EXECUTION_ENV" not in mine[1]


def test_an_invocation_ends_when_the_extension_is_done(start: Any) -> None:
    """Its time counts, and the answer is the function's."""
    outcome = start(events=["INVOKE"], busy_s=0.1).invoke()
    assert (outcome.payload, outcome.error) == (b"null", None)
    assert outcome.duration_ms >= 100


def test_an_extension_that_takes_too_long(room: Room, start: Any) -> None:
    """The function has answered, so its caller gets that; the environment is of no more use."""
    function = start(events=["INVOKE", "SHUTDOWN"], busy_s=0.6, timeout_s=0.3)
    outcome = function.invoke()
    assert (outcome.payload, outcome.error) == (b"null", None)
    assert "Task timed out after 0.30 seconds" in text_of(outcome)
    assert "Status: timeout" in text_of(outcome)
    assert heard(last_words(room, function))[-1]["shutdownReason"] == "timeout"


def test_the_runtime_ends_before_the_extensions(room: Room, start: Any) -> None:
    function = start(events=["SHUTDOWN"])
    outcome = function.invoke("exit")
    assert json.loads(outcome.payload)["errorType"] == "Runtime.ExitError"
    words = last_words(room, function)
    assert heard(words)[-1]["shutdownReason"] == "failure"
    assert words.endswith("goodbye\n")


def test_they_begin_again_with_the_environment(start: Any) -> None:
    """They are asked to end before, register anew, and a subscriber hears in which phase that was."""
    function = start(events=["INVOKE", "SHUTDOWN"], subscribe=SUBSCRIPTION)
    function.invoke("exit")
    text = text_of(function.invoke())
    assert heard(text)[0]["shutdownReason"] == "failure"
    assert [one["eventType"] for one in heard(text)] == ["SHUTDOWN", "INVOKE"]
    assert text.index("goodbye\n") < text.index("extension begins\n")
    assert "Name: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in text
    records = taken(function, lambda all: sum(one["type"] == "platform.start" for one in all) >= 2)
    phases = [one["record"]["phase"] for one in records if "phase" in one["record"]]
    assert phases == ["init"] * 3 + ["invoke"] * 3


CRASHES = {
    # name: (plan, error type, message)
    "exits while it begins": ({"exit_at_once": 3}, "Extension.Crash", "exit status 3"),
    "exits well, too early": ({"exit_at_once": 0}, "Extension.Crash", "exit code 0"),
    "exits later": ({"events": ["INVOKE"], "exit_later": 4}, "Extension.Crash", "exit status 4"),
    "reports an error": ({"init_error": "Fatal.Own"}, "Extension.InitError", "Fatal.Own"),
    "is no program": ({"program": "text"}, "Extension.LaunchError", None),
}


@pytest.mark.parametrize("name", CRASHES)
def test_an_extension_that_fails(start: Any, name: str) -> None:
    """The environment fails with it: AWS wants nobody to be unwatched who is to be watched."""
    plan, error_type, message = CRASHES[name]
    function = start(**plan)
    outcome = function.invoke()
    if error_type == "Extension.Crash" and "exit_later" in plan:
        # It may end before the function has answered, or after.
        assert f"Error Type: {error_type}" in text_of(outcome)
    else:
        document = json.loads(outcome.payload)
        assert document["errorType"] == error_type
        if message is not None:
            told = f"RequestId: {outcome.request_id} Error: {message}"
            assert document["errorMessage"] == told


def test_telemetry(start: Any) -> None:
    """All of it arrives, from the first moment on, though the subscriber came later; as records."""
    function = start(events=["INVOKE"], subscribe=SUBSCRIPTION)
    first = function.invoke(1)
    assert "subscribed (200, 'OK')" in text_of(first)
    subscribed = (
        "TELEMETRY\tName: watcher\tState: Subscribed\tTypes: [platform, function, extension]"
    )
    assert f"{subscribed}\n" in text_of(first)
    function.invoke("fail")
    records = taken(function, lambda all: sum(one["type"] == "platform.report" for one in all) >= 2)
    types = [one["type"] for one in records]
    expected = [
        *("platform.initStart", "extension", "function"),
        *("platform.extension", "platform.initRuntimeDone", "platform.initReport"),
        *("platform.start", "platform.runtimeDone", "platform.report"),
    ]
    places = [types.index(kind) for kind in expected]
    assert places == sorted(places)
    assert "platform.telemetrySubscription" in types
    by_type = {kind: [one["record"] for one in records if one["type"] == kind] for kind in types}
    assert "function begins\n" in by_type["function"]
    assert "extension begins\n" in by_type["extension"]
    done, failed = by_type["platform.runtimeDone"][:2]
    assert (done["requestId"], done["status"]) == (first.request_id, "success")
    assert done["metrics"]["producedBytes"] == 4
    assert (failed["status"], failed["errorType"]) == ("error", "Unhandled")
    report = by_type["platform.report"][0]
    assert report["metrics"]["initDurationMs"] > 0
    assert report["spans"][0]["name"] == "extensionOverhead"


def taken(function: Function, enough: Any) -> list[dict[str, Any]]:
    """What the subscriber has got, asked for until it is enough."""
    for _ in range(200):
        lines = function("files").get("telemetry", "").splitlines()
        records = [json.loads(line) for line in lines]
        if enough(records):
            return records
    raise AssertionError("telemetry did not arrive")


def test_the_old_logs_api(start: Any) -> None:
    asked = {**SUBSCRIPTION, "schemaVersion": "2020-08-15", "types": ["platform"]}
    function = start(events=["INVOKE"], subscribe=asked, api="/2020-08-15/logs")
    first = function.invoke(1)
    records = taken(function, lambda all: any(one["type"] == "platform.report" for one in all))
    start_record = next(one for one in records if one["type"] == "platform.start")
    assert start_record["record"] == {"requestId": first.request_id}
    types = {one["type"] for one in records}
    assert {"platform.end", "platform.report", "platform.logsSubscription"} <= types
    assert not types & {"platform.initStart", "platform.runtimeDone", "function"}


INTERNAL = """
import http.client, json, os, threading

def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body), named)
    answer = connection.getresponse()
    return answer.status, dict(answer.headers), json.loads(answer.read())

heard = []
status, headers, told = ask("POST", "/2020-01-01/extension/register", {"events": ["INVOKE"]}, Name="inside")
me = headers["Lambda-Extension-Identifier"]

def listen():
    while True:
        heard.append(ask("GET", "/2020-01-01/extension/event/next", Identifier=me)[2]["requestId"])

def handler(event, context):
    if not event:
        return [told, heard.count(context.aws_request_id)]
    method, path, body, headers = event
    return ask(method, path, body, **{k: me if v == "ME" else v for k, v in headers.items()})[::2]

before = [ask(*request[:3], **request[3])[::2] for request in json.loads(os.environ["BEFORE"])]
print("before", json.dumps(before))
threading.Thread(target=listen, daemon=True).start()
"""

REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"
UNKNOWN = "00000000-0000-4000-8000-000000000000"

BEFORE: list[tuple[list[Any], str, str]] = [
    # (request, error type, message)
    (["POST", REGISTER, {}, {}], "Extension.InvalidExtensionName", "Empty extension name"),
    (
        ["POST", REGISTER, {"events": ["SHUTDOWN"]}, {"Name": "b"}],
        "Extension.InvalidEventType",
        "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
    ),
    (
        ["POST", REGISTER, {"events": ["OTHER"]}, {"Name": "b"}],
        "Extension.InvalidEventType",
        "OTHER: ErrorInvalidEventType",
    ),
    (["POST", REGISTER, "{", {"Name": "b"}], "InvalidRequestFormat", ""),
    (
        ["POST", REGISTER, {"events": []}, {"Name": "inside"}],
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    ),
    (
        ["GET", NEXT, None, {}],
        "Extension.MissingExtensionIdentifier",
        "Missing Lambda-Extension-Identifier header",
    ),
    (
        ["GET", NEXT, None, {"Identifier": "me"}],
        "Extension.InvalidExtensionIdentifier",
        "Invalid Lambda-Extension-Identifier",
    ),
    (
        ["GET", NEXT, None, {"Identifier": UNKNOWN}],
        "Extension.UnknownExtensionIdentifier",
        f"Unknown extension {UNKNOWN}",
    ),
    (
        ["POST", "/2020-01-01/extension/init/error", {}, {"Identifier": UNKNOWN}],
        "Extension.MissingHeader",
        "Lambda-Extension-Function-Error-Type not found",
    ),
]

LATER: list[tuple[list[Any], str, str]] = [
    (
        ["POST", REGISTER, {"events": []}, {"Name": "late"}],
        "Extension.RegistrationClosed",
        "Extension registration closed already",
    ),
    (
        ["GET", NEXT, None, {"Identifier": "ME"}],
        "Extension.InvalidExtensionState",
        "State transition from Ready to Ready failed for extension",
    ),
    (
        ["PUT", "/2022-07-01/telemetry", SUBSCRIPTION, {"Identifier": "ME"}],
        "Telemetry.SubscriptionClosed",
        "Telemetry API subscription is closed already",
    ),
]


def test_an_internal_extension(room: Room) -> None:
    """It registers from the runtime's own process, and hears of invocations; what it does wrong is told to it."""
    variables = {"BEFORE": json.dumps([request for request, _, _ in BEFORE])}
    function = room.start(INTERNAL, environment=variables)
    outcome = function.invoke()
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n" in text_of(outcome)
    told = re.search(r"before (.*)\n", text_of(outcome))
    assert told is not None
    for (status, document), (_, error_type, message) in zip(
        json.loads(told[1]), BEFORE, strict=True
    ):
        assert (status, document["errorType"]) == (403, error_type)
        assert document["errorMessage"].startswith(message)
    described = json.loads(outcome.payload)[0]
    assert set(described) == {"functionName", "functionVersion", "handler"}
    for request, error_type, message in LATER[:1] + LATER[2:]:
        status, document = function(request)
        assert (status, document["errorType"]) == (403, error_type)
        assert document["errorMessage"] == message


INVALID = {
    "nothing": ({}, "schemaVersion must be one of 2022-07-01, 2022-12-13, 2025-01-29"),
    "no port": (
        {**SUBSCRIPTION, "types": [], "destination": {"URI": "http://sandbox.localdomain"}},
        "URI port is not provided; types should not be empty",
    ),
    "elsewhere": (
        {**SUBSCRIPTION, "destination": {"URI": "http://example.org:80"}},
        "URI host must be sandbox.localdomain",
    ),
    "too little": (
        {**SUBSCRIPTION, "buffering": {"timeoutMs": 1}},
        "timeoutMs must be between 25 and 30000",
    ),
}


def test_subscriptions_that_are_not_valid(room: Room) -> None:
    requests = [
        ["PUT", "/2022-07-01/telemetry", asked, {"Identifier": "ME"}]
        for asked, _ in INVALID.values()
    ]
    source = INTERNAL.replace(
        "**request[3])", "**{k: me if v == 'ME' else v for k, v in request[3].items()})"
    )
    function = room.start(source, environment={"BEFORE": json.dumps(requests)})
    told = re.search(r"before (.*)\n", text_of(function.invoke()))
    assert told is not None
    for (status, document), (_, message) in zip(json.loads(told[1]), INVALID.values(), strict=True):
        assert (status, document["errorType"]) == (400, "ValidationError")
        assert document["errorMessage"].startswith(message)
