"""SQS as AWS answered when it was recorded: each scenario that was rebuilt from its name, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recordings.s3.story import differences
from recordings.sqs.scenarios import SCENARIOS, Story
from servers import CloudClock

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads, (Path(__file__).parent / "sqs" / "answers.jsonl").read_text().splitlines()
    )
}
TIMES = frozenset(
    {
        *("CreatedTimestamp", "LastModifiedTimestamp", "SentTimestamp", "StartedTimestamp"),
        "ApproximateFirstReceiveTimestamp",
    }
)
"""Recorded as times alone."""

NOT_REBUILT = {
    "those that end in [sqs_query]": "the same in the query protocol, which tests/sqs/test_query.py tries",
    "test_aws_trace_header_propagation": "what it sent as attributes is not known",
    "test_cancel_with_invalid_source_arn_in_task_handle": "what a handle looks like is each one's own",
    "test_cancel_with_invalid_task_id_in_task_handle": "as above",
    "test_fifo_deduplication_arrives_once_after_delete": "its messages are not known",
    "test_fifo_deduplication_not_on_message_group_id": "as above",
    "test_fifo_group_visibility_extends_with_change_message_visibility[...-invisible]": (
        "which were prolonged is not known; [...-visible] is here"
    ),
    "test_list_queues_pagination": "its URLs and tokens are another system's",
    "test_move_task_cancel": "how many were moved by then is chance",
    "test_move_task_delete_destination_queue_while_running": "as above",
    "test_receive_message_attribute_names_filters": "tests/sqs/test_messages.py tries the filters",
    "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size": (
        "what was sent is not known"
    ),
    "test_sqs_permission_lifecycle": "names accounts of the recorder; tests/sqs/test_queues.py has its texts",
}
"""The others, and why."""


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_it_is_as_it_was_recorded(
    client: Callable[..., Any], account: str, clock: CloudClock, name: str
) -> None:
    clock.freeze()
    story = Story(client("sqs"), account, clock)
    SCENARIOS[name](story)
    answers = json.loads(json.dumps(RECORDED[name]).replace("111111111111", account))
    recorded = {label: told for label, told in answers.items() if not label.endswith("-query")}
    assert differences(recorded, story.said, TIMES) == []


def test_what_was_rebuilt_is_recorded() -> None:
    assert RECORDED.keys() == SCENARIOS.keys()
    assert not RECORDED.keys() & NOT_REBUILT.keys()
