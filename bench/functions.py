"""Functions: warm and cold, many at once, and how soon a message reaches one."""

from __future__ import annotations

import io
import json
import socket
import statistics
import threading
import time
import zipfile
from dataclasses import dataclass

from rich.console import Console

from bench.load import measure
from bench.requests import signed
from bench.servers import Target

OVERHEAD_MS = 0.5
WARM_RATE = 2000
COLD_PYTHON_MS = 10.0
COLD_NODE_MS = 100.0
DELIVERED_MS = 20.0
COLD_STARTS = 15
AT_ONCE = 100
MESSAGES = 60
PATIENCE_S = 60.0

PYTHON = "def handler(event, context):\n    return event\n"
SLOW = "import time\n\ndef handler(event, context):\n    time.sleep(1)\n"
NODE = "exports.handler = async (event) => event;\n"
HEARING = """
import json, time

def handler(event, context):
    now = time.time()
    for record in event["Records"]:
        print(json.dumps({"after_ms": (now - float(record["body"])) * 1000}))
"""

Verdict = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Language:
    name: str
    runtime: str
    file: str
    code: str
    bar_ms: float


LANGUAGES = (
    Language("Python", "python3.11", "app.py", PYTHON, COLD_PYTHON_MS),
    Language("Node", "nodejs20.x", "app.js", NODE, COLD_NODE_MS),
)


def make(target: Target, name: str, code: str, language: Language | None = None) -> str:
    """A function whose handler is `app.handler`; its ARN."""
    language = language or LANGUAGES[0]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(language.file, code)
    functions = target.client("lambda")
    made = functions.create_function(
        FunctionName=name,
        Runtime=language.runtime,
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/bench",
        Code={"ZipFile": package.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return made["FunctionArn"]


def invocation(target: Target, name: str) -> bytes:
    path = f"/2015-03-31/functions/{name}/invocations"
    return signed(target, "lambda", "POST", path, {}, b"{}")


def all_of(target: Target, console: Console) -> list[Verdict]:
    verdicts = warm(target, console)
    verdicts += [cold(target, language) for language in LANGUAGES]
    verdicts.append(at_once(target))
    verdicts.append(from_queue(target))
    return verdicts


def warm(target: Target, console: Console) -> list[Verdict]:
    """One connection for the time it takes, sixteen for how many a second."""
    make(target, "bench-warm", PYTHON)
    requests = [invocation(target, "bench-warm")]
    measure(target.url, requests, connections=1, seconds=0.5)
    alone = measure(target.url, requests, connections=1, seconds=3)
    measure(target.url, requests, connections=16, seconds=0.5)
    many = measure(target.url, requests, connections=16, seconds=3)
    console.print(
        f"[dim]warm Invoke: p50 {alone.p50_ms:.2f} ms, p99 {alone.p99_ms:.2f} ms at 1 connection;"
        f" p50 {many.p50_ms:.2f} ms, p99 {many.p99_ms:.2f} ms at 16[/dim]"
    )
    return [
        (
            f"warm Invoke of a function that does nothing p50 {alone.p50_ms:.2f} ms (bar {OVERHEAD_MS} ms)",
            alone.p50_ms < OVERHEAD_MS,
        ),
        (f"warm Invoke {many.rate:,.0f}/s (bar {WARM_RATE:,}/s)", many.rate >= WARM_RATE),
    ]


def cold(target: Target, language: Language) -> Verdict:
    """The first invocation of new functions, each over a connection that is there."""
    took: list[float] = []
    for number in range(COLD_STARTS):
        name = f"bench-cold-{language.name}-{number}"
        make(target, name, language.code, language)
        took.append(_ask(target, invocation(target, name)))
    p50_ms = statistics.median(took)
    text = f"cold start of a {language.name} function p50 {p50_ms:.1f} ms (bar {language.bar_ms:.0f} ms)"
    return text, p50_ms < language.bar_ms


def _ask(target: Target, request: bytes, prepared: socket.socket | None = None) -> float:
    """Milliseconds to the first byte of the answer, which must be a good one."""
    host, port = target.url.removeprefix("http://").split(":")
    with prepared or socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        began = time.perf_counter()
        connection.sendall(request)
        answer = connection.recv(65536)
        took = (time.perf_counter() - began) * 1000
    if not answer.startswith(b"HTTP/1.1 200") or b"x-amz-function-error" in answer.lower():
        raise RuntimeError(f"{target.name} answered {answer[:300]!r}")
    return took


def at_once(target: Target) -> Verdict:
    """A hundred environments of one new function, asked for in one moment: until the last has answered."""
    make(
        target,
        "bench-many",
        code="import time\n" + PYTHON.replace("return", "time.sleep(1); return"),
    )
    request = invocation(target, "bench-many")
    took: list[float] = []
    threads = [
        threading.Thread(target=lambda: took.append(_ask(target, request))) for _ in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = len(took) == AT_ONCE
    last_ms = max(took, default=0.0) - 1000
    return f"{AT_ONCE} environments at once: all have answered after {last_ms:,.0f} ms", whole


def from_queue(target: Target) -> Verdict:
    """From SendMessage's call to the function's first line, by the one clock that both read."""
    function = make(target, "bench-hears", HEARING)
    queues, functions = target.client("sqs"), target.client("lambda")
    url = queues.create_queue(QueueName="bench-hears")["QueueUrl"]
    wanted = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    source = wanted["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(
        EventSourceArn=source, FunctionName=function, BatchSize=1
    )
    while functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] != "Enabled":
        time.sleep(0.1)
    for number in range(MESSAGES + 5):
        queues.send_message(QueueUrl=url, MessageBody=repr(time.time()))
        time.sleep(0.02 + 0.001 * (number % 7))
    after_ms = sorted(_heard(target)[5:])
    p50_ms = after_ms[len(after_ms) // 2]
    text = (
        f"a message reaches its function after {p50_ms:.1f} ms at p50 (bar {DELIVERED_MS:.0f} ms)"
    )
    return text, p50_ms < DELIVERED_MS


def _heard(target: Target) -> list[float]:
    logs = target.client("logs")
    pages = logs.get_paginator("filter_log_events")
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = [
            json.loads(event["message"])["after_ms"]
            for page in pages.paginate(
                logGroupName="/aws/lambda/bench-hears", filterPattern='"after_ms"'
            )
            for event in page["events"]
        ]
        if len(found) >= MESSAGES + 5:
            return found
        time.sleep(0.2)
    raise RuntimeError(f"only {len(found)} messages have reached the function")
