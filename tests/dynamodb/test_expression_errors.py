"""Expressions that AWS refuses, in its words. Each line is a message that people search for."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.expressions.programs import Placeholders

VALUES: dict[str, Any] = {
    ":n": {"N": "1"},
    ":two": {"N": "2"},
    ":s": {"S": "x"},
    ":l": {"L": []},
    ":t": {"BOOL": True},
}


def refusal(kind: str, text: str) -> str:
    placeholders = Placeholders({"#a": "a", "#b": "b"}, dict(VALUES))
    with pytest.raises(AwsError) as refused:
        getattr(placeholders, kind)(text)
    assert refused.value.code == "ValidationException"
    return refused.value.text


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "The expression can not be empty;"),
        ("a", 'Syntax error; token: "<EOF>", near: "a"'),
        ("a = ", 'Syntax error; token: "<EOF>", near: "="'),
        ("a = :n AND", 'Syntax error; token: "<EOF>", near: "AND"'),
        ("a b = :n", 'Syntax error; token: "b", near: "a b ="'),
        ("a = : n", 'Syntax error; token: ":", near: "= : n"'),
        ("a == :n", 'Syntax error; token: "=", near: "== :n"'),
        ("a[b] = :n", 'Syntax error; token: "b", near: "[b]"'),
        ("a = :n)", 'Syntax error; token: ")", near: ":n)"'),
        ("a BETWEEN :n OR :two", 'Syntax error; token: "OR", near: ":n OR :two"'),
        ("((a = :n))", "The expression has redundant parentheses;"),
        (
            "size = :n",
            "Attribute name is a reserved keyword; reserved keyword: size",
        ),
        (
            "#c = :n",
            "An expression attribute name used in the document path is not defined; attribute name: #c",
        ),
        (
            "a = :x",
            "An expression attribute value used in expression is not defined; attribute value: :x",
        ),
        ("foo(a)", "Invalid function name; function: foo"),
        ("Attribute_Exists(a)", "Invalid function name; function: Attribute_Exists"),
        (
            "if_not_exists(a, :n) = :n",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
        (
            "size(a)",
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "attribute_exists(a) = :t",
            "The function is not allowed to be used this way in an expression; "
            "function: attribute_exists",
        ),
        (
            "attribute_exists(a, b)",
            "Incorrect number of operands for operator or function; "
            "operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "attribute_exists(:n)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "a = #a",
            "The first operand must be distinct from the remaining operands for this operator or "
            "function; operator: =, first operand: [a]",
        ),
        (
            "begins_with(a, :n)",
            "Incorrect operand type for operator or function; "
            "operator or function: begins_with, operand type: N",
        ),
        (
            "a < :t",
            "Incorrect operand type for operator or function; operator or function: <, "
            "operand type: BOOL",
        ),
        (
            "size(:n) = :n",
            "Incorrect operand type for operator or function; operator or function: size, "
            "operand type: N",
        ),
        (
            "attribute_type(a, :s)",
            "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "a BETWEEN :two AND :n",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a BETWEEN :n AND :s",
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}",
        ),
        (
            "a = :n" + " " * 5000,
            "Expression size has exceeded the maximum allowed size; expression size: 5006",
        ),
        ("(" * 80 + "a = :n" + ")" * 80, "The expression is nested too deeply;"),
    ],
)
def test_conditions(text: str, detail: str) -> None:
    assert refusal("condition", text) == f"Invalid ConditionExpression: {detail}"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("INVALID SYNTAX HERE", 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        ("ADD hits : incr", 'Syntax error; token: ":", near: "hits : incr"'),
        ("SET", 'Syntax error; token: "<EOF>", near: "SET"'),
        ("SET a = :n, SET b = :n", 'Syntax error; token: "SET", near: ", SET b"'),
        ("SET a = :n / :n", 'Syntax error; token: "/", near: ":n / :n"'),
        (
            "SET a = :n SET b = :n",
            'The "SET" section can only be used once in an update expression;',
        ),
        (
            "SET status = :n",
            "Attribute name is a reserved keyword; reserved keyword: status",
        ),
        (
            "SET a = :n, #a = :s",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a], path two: [a]",
        ),
        (
            "SET a.b = :n REMOVE a",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a, b], path two: [a]",
        ),
        (
            "SET a[0] = :n, a.b = :s",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; "
            "path one: [a, [0]], path two: [a, b]",
        ),
        (
            "ADD a :s",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "
            "typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE a :n",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, "
            "typeSet: ALLOWED_FOR_DELETE_OPERAND",
        ),
        (
            "SET a = b + :s",
            "Incorrect operand type for operator or function; operator or function: +, "
            "operand type: S",
        ),
        (
            "SET a = list_append(a, :s)",
            "Incorrect operand type for operator or function; operator or function: list_append, "
            "operand type: S",
        ),
        (
            "SET a = if_not_exists(:n, :s)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
        (
            "SET a = size(b)",
            "The function is not allowed in an update expression; function: size",
        ),
        ("SET a = foo(b)", "Invalid function name; function: foo"),
    ],
)
def test_updates(text: str, detail: str) -> None:
    assert refusal("update", text) == f"Invalid UpdateExpression: {detail}"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("a,", 'Syntax error; token: "<EOF>", near: ","'),
        ("a b", 'Syntax error; token: "b", near: "a b"'),
        (
            "a, a[0]",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a], path two: [a, [0]]",
        ),
    ],
)
def test_projections(text: str, detail: str) -> None:
    assert refusal("projection", text) == f"Invalid ProjectionExpression: {detail}"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("a = :n OR b = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT a = :n", "Invalid operator used in KeyConditionExpression: NOT"),
        ("a <> :n", "Invalid operator used in KeyConditionExpression: <>"),
        ("a IN (:n)", "Invalid operator used in KeyConditionExpression: IN"),
        (
            "attribute_exists(a)",
            "Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
        ("a.b = :n", "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("a = :n AND a < :two", "KeyConditionExpressions must only contain one condition per key"),
        ("size(a) = :n", "KeyConditionExpressions cannot contain nested operations"),
        (
            "a = b",
            "Invalid condition in KeyConditionExpression: "
            "Multiple attribute names used in one condition",
        ),
        (
            ":n BETWEEN a AND :two",
            "Invalid condition in KeyConditionExpression: "
            "BETWEEN operator must have the key attribute as its first operand",
        ),
        ("a = :n AND", 'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "AND"'),
    ],
)
def test_key_conditions(text: str, detail: str) -> None:
    assert refusal("key_condition", text) == detail


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        ({}, None, "ExpressionAttributeNames must not be empty"),
        (None, {}, "ExpressionAttributeValues must not be empty"),
        (
            {"a": "b"},
            None,
            'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
        ),
        (
            None,
            {"a": {"S": "x"}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"',
        ),
        (
            None,
            {":a": {"N": "b"}},
            "ExpressionAttributeValues contains invalid value: "
            "The parameter cannot be converted to a numeric value: b for key :a",
        ),
    ],
)
def test_placeholders(names: Any, values: Any, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        Placeholders(names, values)
    assert refused.value.text == message


def test_values_that_are_no_map() -> None:
    """The protocol passes them on undecoded, so they are checked here."""
    with pytest.raises(AwsError) as refused:
        Placeholders(None, [])  # pyright: ignore[reportArgumentType]
    assert refused.value.code == "SerializationException"


def test_unused_placeholders() -> None:
    placeholders = Placeholders({"#a": "a", "#b": "b"}, {":n": {"N": "1"}, ":m": {"N": "1"}})
    placeholders.condition("#a = :n")
    with pytest.raises(AwsError) as refused:
        placeholders.refuse_unused()
    assert refused.value.text == (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}"
    )
    placeholders.projection("#b")
    with pytest.raises(AwsError) as refused:
        placeholders.refuse_unused()
    assert refused.value.text == (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:m}"
    )


def test_the_same_text_under_other_names_is_another_expression() -> None:
    """Programs are cached: a name must not leak from one request into the next."""
    item = {"a": {"N": "1"}, "b": {"N": "2"}}
    for name, expected in (("a", True), ("b", False)):
        placeholders = Placeholders({"#x": name}, {":n": {"N": "1"}})
        assert placeholders.condition("#x = :n").run(item, placeholders.values) is expected
