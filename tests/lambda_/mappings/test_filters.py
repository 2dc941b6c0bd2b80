"""Filter criteria of event source mappings: which records reach the function, and which patterns are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.mappings import filters

INSERTED = {
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "dynamodb": {"NewImage": {"key": {"S": "us-1"}, "n": {"N": "101"}}},
}


def _takes(record: dict[str, Any], *patterns: Any) -> bool:
    texts = tuple(map(json.dumps, patterns))
    filters.check(texts)
    return filters.compile_filters(texts, "body" if "body" in record else None).takes(record)


# Patterns that AWS was recorded with; one that matches is enough.
@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        ([{"eventName": ["INSERT"]}], True),
        ([{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}], True),
        ([{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}], False),
        ([{"dynamodb": {"NewImage": {"key": {"S": [{"prefix": "us-1"}]}}}}], True),
        ([{"dynamodb": {"NewImage": {"key": {"S": [{"exists": True}]}}}}], True),
        ([{"dynamodb": {"NewImage": {"absent": [{"exists": False}]}}}], True),
        # A number of DynamoDB is a text in the record, so numeric conditions never hold of one.
        ([{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 100]}]}}}}], False),
        ([{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 100]}, {"anything-but": "7"}]}}}}], True),
    ],
)  # fmt: skip
def test_of_changes(patterns: list[Any], taken: bool) -> None:
    assert _takes(INSERTED, *patterns) is taken


# A message whose body is of another kind than the pattern's is left out, whatever else the pattern would say of it.
@pytest.mark.parametrize(
    ("body", "pattern", "taken"),
    [
        ('{"n": 150}', {"body": {"n": [{"numeric": [">", 100]}]}}, True),
        ('{"n": 50}', {"body": {"n": [{"numeric": [">", 100]}]}}, False),
        (' {"n": {"m": "x"}}', {"body": {"n": {"m": ["x"]}}}, True),
        ("this is a test string", {"body": {"n": [{"numeric": [">", 100]}]}}, False),
        ("this is a test string", {"body": {"n": [{"exists": False}]}}, False),
        ("this is a test string", {"body": [{"prefix": "this"}]}, True),
        ("that is a test string", {"body": [{"prefix": "this"}]}, False),
        ('{"n": 50}', {"body": [{"prefix": "{"}]}, False),
        ('{"n": 50', {"body": [{"prefix": "{"}]}, True),
        ("anything", {"eventSource": ["aws:sqs"]}, True),
    ],
)
def test_of_messages(body: str, pattern: Any, taken: bool) -> None:
    assert _takes({"body": body, "eventSource": "aws:sqs"}, pattern) is taken


@pytest.mark.parametrize(
    "text",
    [
        "null",
        '"simple string"',
        "single-string",
        '[{"eventName": ["INSERT"=123}]',
        "",
        "{}",
        '{"body": {"a": "b"}}',
        '{"body": [{"wildcard": "a*"}]}',
        '{"body": {"a": [{"anything-but": {"prefix": "a"}}]}}',
    ],
)
def test_refused_patterns(text: str) -> None:
    with pytest.raises(errors.InvalidParameterValueException) as refused:
        filters.check([text])
    assert refused.value.text == "Invalid filter pattern definition."


# Members that are called like conditions are members.
def test_members_may_be_called_wildcard() -> None:
    filters.check(['{"body": {"wildcard": ["a"], "anything-but": {"b": [1]}}}'])
