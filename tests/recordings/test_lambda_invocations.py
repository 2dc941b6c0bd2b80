"""Functions that run, as AWS answered when it was recorded: each scenario that was rebuilt, label by label."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recordings.lambda_ import concurrency, invocations, runtimes, urls
from recordings.lambda_.invoking import INVOCATIONS, Invoking, as_then, placeholders
from recordings.lambda_.not_invoked import NOT_REBUILT
from recordings.s3.story import differences

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads,
        (Path(__file__).parent / "lambda_" / "invoked.jsonl").read_text().splitlines(),
    )
}
TOLD_IN = (concurrency, invocations, runtimes, urls)

DIFFERS: dict[str, dict[str, str]] = {
    "TestLambdaBehavior::test_runtime_introspection_x86": {
        "invoke_runtime_x86_introspection": (
            "users have no names in a sandbox, and what the host owns is nobody's there"
        )
    },
    "TestLambdaBehavior::test_runtime_ulimits": {
        "invoke_runtime_ulimits": "AWS allows cores of 10 GiB; here one could go to the host"
    },
    "TestLambdaErrors::test_lambda_runtime_error": {
        "invocation_error": "lines of Python's own files, which are of another 3.13"
    },
}
"""What is otherwise here, and why."""


@pytest.mark.parametrize("name", sorted(INVOCATIONS))
def test_it_is_as_it_was_recorded(
    client: Callable[..., Any], account: str, clock: Any, name: str
) -> None:
    if "node" in name and shutil.which("node") is None:
        pytest.skip("there is no Node.js on this host")
    recorded = placeholders(RECORDED[name])
    story = Invoking(client, account, name, recorded, clock)
    INVOCATIONS[name](story)
    otherwise = DIFFERS.get(name, {})
    answers = json.loads(json.dumps(recorded).replace("111111111111", account))
    kept = {label: told for label, told in answers.items() if label not in otherwise}
    said = {label: as_then(kept.get(label), told) for label, told in story.said.items()}
    found = differences(kept, said)
    assert found == [], "\n".join(found)


# What is written down as different must not be a slip of the pen.
def test_what_differs_is_recorded() -> None:
    assert len(TOLD_IN) == 4
    assert RECORDED.keys() == INVOCATIONS.keys()
    assert not RECORDED.keys() & NOT_REBUILT.keys()
    for name, labels in DIFFERS.items():
        assert labels.keys() <= RECORDED[name].keys(), name
