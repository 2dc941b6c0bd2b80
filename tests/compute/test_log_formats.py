"""Logs in JSON, what the levels let through, what initialisations that fail leave in the log, and traces."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from compute.support import Room, text_of
from pilvi.compute.events import Trace
from pilvi.compute.levels import level_of
from pilvi.compute.tracing import trace

LOGGING = """
import json, logging

def handler(event, context):
    print("printed")
    print(json.dumps({"level": "error", "of": "one's own"}))
    logging.getLogger().setLevel("INFO") if event else None
    logging.getLogger().info("told", extra={"n": 1})
    logging.getLogger().warning("warned")
    if event == "fail":
        raise ValueError("no")
"""


def events_of(text: str) -> list[dict[str, Any]]:
    documents = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [document for document in documents if "record" in document]


def test_a_log_in_json(room: Room) -> None:
    """The platform's own lines are records, and so are those of the language's logger."""
    function = room.start(LOGGING, log_format="JSON")
    outcome = function.invoke("once")
    text = text_of(outcome)
    begin, start, report = events_of(text)
    assert [one["type"] for one in (begin, start, report)] == [
        *("platform.initStart", "platform.start", "platform.report")
    ]
    assert begin["record"]["initializationType"] == "on-demand"
    assert begin["record"]["phase"] == "init"
    assert begin["record"]["runtimeVersion"] == "python:3.11"
    assert start["record"] == {"requestId": outcome.request_id, "version": "$LATEST"}
    assert report["record"]["status"] == "success"
    assert set(report["record"]["metrics"]) == {
        *("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs")
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", report["time"])
    told = next(json.loads(line) for line in text.splitlines() if "told" in line)
    assert (told["level"], told["message"], told["n"]) == ("INFO", "told", 1)
    assert told["requestId"] == outcome.request_id
    assert "printed\n" in text
    assert "END RequestId" not in text
    failed = events_of(text_of(function.invoke("fail")))[-1]["record"]
    assert (failed["status"], failed["errorType"]) == ("error", "Unhandled")


def test_levels(room: Room) -> None:
    """Of what has no level, AWS thinks that it has INFO."""
    members = {"application_log_level": "WARN", "system_log_level": "WARN"}
    function = room.start(LOGGING, log_format="JSON", **members)
    text = text_of(function.invoke())
    assert [json.loads(line).get("message") for line in text.splitlines()] == [None, "warned"]
    assert "one's own" in text
    failing = text_of(function.invoke("fail"))
    assert [one["type"] for one in events_of(failing)] == [
        *("platform.runtimeDone", "platform.report")
    ]
    detailed = room.start(LOGGING, log_format="JSON", system_log_level="DEBUG")
    assert [one["type"] for one in events_of(text_of(detailed.invoke()))] == [
        *("platform.initStart", "platform.initRuntimeDone", "platform.initReport"),
        *("platform.start", "platform.runtimeDone", "platform.report"),
    ]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"level": "warning"}', "WARN"),
        ('{"level": "Debug"}', "DEBUG"),
        ('{"level": 3}', "INFO"),
        ('{"level": "loud"}', "INFO"),
        ('["level"]', "INFO"),
        ("{no json", "INFO"),
        ("text", "INFO"),
    ],
)
def test_the_level_of_a_line(line: str, level: str) -> None:
    assert level_of(line) == level


INITIALISATIONS = {
    "raises": ("raise ValueError('no')", "ValueError"),
    "exits": ("import os; os._exit(3)", "Runtime.ExitError"),
}


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_an_initialisation_that_fails_is_reported(room: Room, name: str) -> None:
    source, error_type = INITIALISATIONS[name]
    text = text_of(room.start(source).invoke())
    assert re.search(
        r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: error\t"
        rf"Error Type: {error_type}\n",
        text,
    )


def test_a_traced_invocation(room: Room) -> None:
    function = room.start("import os\ndef handler(e, c): return os.environ['_X_AMZN_TRACE_ID']")
    sampled = Trace("Root=1-2-3;Parent=4;Sampled=1", "1-2-3", "4", sampled=True)
    outcome = function.invoke(trace=sampled)
    assert json.loads(outcome.payload) == sampled.header
    assert text_of(outcome).endswith("\t\nXRAY TraceId: 1-2-3\tSegmentId: 4\tSampled: true\t\n")
    unsampled = Trace("Root=1-2-3;Parent=4;Sampled=0", "1-2-3", "4", sampled=False)
    assert "XRAY" not in text_of(function.invoke(trace=unsampled))


RANDOM = "a" * 24 + "b" * 16
TRACES = {
    # what comes in, whether the function is traced: what it sees
    (None, False): f"Root=1-00000001-{'a' * 24};Parent={'b' * 16};Sampled=0",
    (None, True): f"Root=1-00000001-{'a' * 24};Parent={'b' * 16};Sampled=1",
    ("Root=1-2-3", False): f"Root=1-2-3;Parent={'b' * 16};Sampled=0",
    ("Root=1-2-3;Parent=4;Sampled=1", False): "Root=1-2-3;Parent=4;Sampled=1",
    ("Root=1-2-3;Parent=4;Sampled=1", True): f"Root=1-2-3;Parent={'b' * 16};Sampled=1",
    ("Root=1-2-3;Sampled=0;Lineage=1:ab:0", True): (
        f"Root=1-2-3;Parent={'b' * 16};Sampled=0;Lineage=1:ab:0"
    ),
}


@pytest.mark.parametrize("given", TRACES)
def test_a_trace(given: tuple[str | None, bool]) -> None:
    """What others decided stays: the root, whether it is sampled, the lineage."""
    incoming, active = given
    made = trace(incoming, active=active, now_ms=1000, random=RANDOM)
    assert made.header == TRACES[given]
