"""Lambda's control plane as AWS answered when it was recorded: each scenario that was rebuilt, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recordings.lambda_ import functions, mappings, names, policies, settings, versions
from recordings.lambda_.not_rebuilt import NOT_REBUILT
from recordings.lambda_.story import SCENARIOS, Story
from recordings.s3.story import differences

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads,
        (Path(__file__).parent / "lambda_" / "answers.jsonl").read_text().splitlines(),
    )
}
TOLD_IN = (functions, mappings, names, policies, settings, versions)

OF_NAMES = "TestLambdaFunction::test_function_name_and_qualifier_validation"

_AT_ONCE = "nobody waited for the end of the update; here it has ended when it is answered"
_MODEL = "the pattern is that of the model of then; ours is the model's of today"
_RUNTIMES = "AWS lists runtimes of its own day, and some that never were; ours are the model's"
_NETWORK = "there is no EC2 here that could know whether it exists"
_OLD = "recorded before AWS told RuntimeVersionConfig, SnapStart and LoggingConfig"

DIFFERS: dict[str, dict[str, str]] = {
    "TestLambdaFunction::test_lambda_code_location_zipfile": {
        "get-function-response-updated": _AT_ONCE
    },
    "TestLambdaFunction::test_lambda_code_location_s3": {"get-function-response-updated": _AT_ONCE},
    "TestLambdaVersions::test_publish_with_update": {
        "get_function_version_result": _AT_ONCE,
        "get_function_latest_result": _AT_ONCE,
    },
    "TestLambdaVersions::test_publish_with_wrong_revisionid": {
        "create_response": _OLD,
        "get_fn_response": _OLD,
        "publish_result": _OLD,
    },
    "TestLambdaReservedConcurrency::test_function_concurrency_exceptions": {
        "put_function_concurrency_with_function_name_doesnotexist_and_invalid_concurrency": (
            "AWS looks for the function before it looks at the number"
        )
    },
    "TestLambdaUrl::test_url_config_exceptions": {
        "delete_function_url_config_qualifier_alias_doesnotmatch_arn": (
            "AWS answered with an internal error"
        )
    },
    "TestLambdaFunction::test_invalid_vpc_config_subnet": {
        "create-response-non-existent-subnet-id": _NETWORK
    },
    "TestLambdaFunction::test_invalid_vpc_config_security_group": {
        "create-response-non-existent-security-group": _NETWORK
    },
    "TestLambdaFunction::test_function_arns": {
        "function_arn_other_account_exc": "AWS gives no reason; ours says what is missing"
    },
    "TestLambdaFunction::test_create_lambda_exceptions": {
        "empty_architectures": "refused by the recorder's client, which did not ask"
    },
    "TestLambdaLayer::test_layer_function_exceptions": {
        "add_layer_arn_without_version_exc": _MODEL
    },
    "TestLambdaLayer::test_layer_exceptions": {
        "get_layer_version_by_arn_exc_invalidarn": _MODEL,
        "list_layers_exc_compatibleruntime_invalid": _RUNTIMES,
        "publish_layer_version_exc_invalid_runtime_arch": _RUNTIMES,
        "publish_layer_version_exc_partially_invalid_values": _RUNTIMES,
    },
    "TestLambdaTag::test_tag_exceptions[capacity_provider]": {
        "aliased_arn_exception": _MODEL,
        "invalid_arn_exception": _MODEL,
    },
    "TestLambdaTag::test_tag_exceptions[event_source_mapping]": {
        "aliased_arn_exception": _MODEL,
        "invalid_arn_exception": _MODEL,
    },
    "TestLambdaTag::test_tag_exceptions[lambda_function]": {"invalid_arn_exception": _MODEL},
    "TestLambdaTags::test_tag_exceptions": {"tag_lambda_invalidarn": _MODEL},
}
"""What is otherwise here, and why."""


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_it_is_as_it_was_recorded(client: Callable[..., Any], account: str, name: str) -> None:
    recorded = RECORDED[name]
    story = Story(client, account, name, recorded)
    SCENARIOS[name](story)
    otherwise = DIFFERS.get(name, {})
    answers = json.loads(json.dumps(recorded).replace("111111111111", account))
    kept = {label: told for label, told in answers.items() if label not in otherwise}
    found = differences(kept, story.said)
    assert found == [], "\n".join(found)


def test_names_are_refused_as_was_recorded(client: Callable[..., Any], account: str) -> None:
    recorded = {name: told for name, told in RECORDED.items() if name.startswith(OF_NAMES)}
    found = names.differences(client("lambda", parameter_validation=False), account, recorded)
    assert found == []


# What is written down as different must not have become equal unnoticed, nor be a slip of the pen.
def test_what_differs_is_recorded() -> None:
    for name, labels in DIFFERS.items():
        assert labels.keys() <= RECORDED[name].keys(), name
    assert len(TOLD_IN) == 6
    of_names = {name for name in RECORDED if name.startswith(OF_NAMES)}
    assert RECORDED.keys() - of_names == SCENARIOS.keys()
    assert not RECORDED.keys() & NOT_REBUILT.keys()
