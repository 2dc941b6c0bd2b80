"""Lambda at work as AWS answered when it was recorded: event source mappings, destinations, dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from recordings.lambda_ import changes, destinations, queues
from recordings.lambda_.not_rebuilt_at_work import NOT_REBUILT
from recordings.lambda_.working import MEMORY_MB, SCENARIOS, ZIP, Working, opened
from recordings.s3.story import differences
from servers import CloudClock, Server

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads,
        (Path(__file__).parent / "lambda_" / "at_work.jsonl").read_text().splitlines(),
    )
}
TOLD_IN = (changes, destinations, queues)
ACCOUNT = "777700000002"

_OLD = "recorded before AWS told what mappings are named, and how warm tables are"

DIFFERS: dict[str, dict[str, str]] = {
    "TestDynamoDBEventSourceMapping::test_dynamodb_report_batch_item_failures_with_on_failure"
    "_destination_config": {
        "create_event_source_mapping_response": _OLD,
        "update_table_response": _OLD,
    },
}
"""What is otherwise here, and why."""


@pytest.fixture(scope="module")
def make(server: Server) -> Callable[..., Any]:
    """Clients of one account, where a function runs already."""
    make = cache(partial(server.client, account=ACCOUNT))
    told = make("sqs").create_queue(QueueName="told_")["QueueUrl"]
    make("lambda").create_function(
        FunctionName=Working.function,
        Runtime="python3.12",
        Handler="handler.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/lambda-role",
        Code={"ZipFile": ZIP},
        Environment={"Variables": {"TOLD": told}},
        MemorySize=MEMORY_MB,
        Timeout=10,
    )
    return make


@pytest.fixture
def at_work(make: Callable[..., Any], clock: CloudClock) -> Iterator[Callable[[str], Working]]:
    clock.freeze()
    stories: list[Working] = []

    def begin(name: str) -> Working:
        stories.append(Working(make, ACCOUNT, name, RECORDED[name], clock))
        return stories[-1]

    yield begin
    for uuid in stories[0].mappings:
        make("lambda").delete_event_source_mapping(UUID=uuid)


@pytest.mark.parametrize("name", sorted(SCENARIOS), ids=lambda name: name.rpartition("::")[2])
def test_it_is_as_it_was_recorded(at_work: Callable[[str], Working], name: str) -> None:
    story = at_work(name)
    SCENARIOS[name](story)
    otherwise = DIFFERS.get(name, {})
    answers = json.loads(json.dumps(RECORDED[name]).replace("111111111111", ACCOUNT))
    kept = {label: told for label, told in answers.items() if label not in otherwise}
    found = differences(opened(kept), opened(story.said))
    assert found == [], "\n".join(found)


# What is written down as different must be recorded, and all that is recorded is either rebuilt or named.
def test_all_that_was_recorded_is_accounted_for() -> None:
    for name, labels in DIFFERS.items():
        assert labels.keys() <= RECORDED[name].keys(), name
    assert len(TOLD_IN) == 3
    assert RECORDED.keys() == SCENARIOS.keys()
    assert not RECORDED.keys() & NOT_REBUILT.keys()
