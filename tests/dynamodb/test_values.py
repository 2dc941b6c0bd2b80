"""Attribute values: what AWS refuses, in its words; what an item weighs; the one form that is kept."""

from __future__ import annotations

from typing import Any

import pytest

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.values import measure, measure_item

INVALID = "One or more parameter values were invalid: "


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (
            {},
            "ValidationException",
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {"X": "1"},
            "ValidationException",
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {"S": "a", "N": "1"},
            "ValidationException",
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
            "supported datatypes",
        ),
        ({"S": 1}, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        ({"N": 1}, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        ({"S": True}, "SerializationException", "TRUE_VALUE cannot be converted to String"),
        ({"BOOL": "true"}, "SerializationException", "STRING_VALUE cannot be converted to Boolean"),
        ("text", "SerializationException", "Unexpected value type in payload"),
        ({"M": []}, "SerializationException", "Unexpected value type in payload"),
        ({"L": {}}, "SerializationException", "Unexpected value type in payload"),
        ({"B": "*"}, "SerializationException", "Invalid Base64 in the value of a binary attribute"),
        (
            {"NULL": False},
            "ValidationException",
            INVALID + "Null attribute value types must have the value of true",
        ),
        ({"SS": []}, "ValidationException", INVALID + "An string set  may not be empty"),
        ({"NS": []}, "ValidationException", INVALID + "An number set  may not be empty"),
        ({"BS": []}, "ValidationException", INVALID + "Binary sets should not be empty"),
        (
            {"NS": ["1", ""]},
            "ValidationException",
            "The parameter cannot be converted to a numeric value",
        ),
        ({"M": {"": {"S": "x"}}}, "ValidationException", "Empty attribute name"),
        (
            {"M": {"n" * 65_536: {"S": "x"}}},
            "ValidationException",
            "Map keys must satisfy constraint: [Member must have length less than or equal to 65535, "
            "Member must have length greater than or equal to 0]",
        ),
        (
            {"SS": ["a", "b", "a"]},
            "ValidationException",
            INVALID + "Input collection [a, b, a] contains duplicates.",
        ),
        ({"NS": ["1", "1.0"]}, "ValidationException", "Input collection contains duplicates"),
        (
            {"BS": ["Yg==", "Yg=="]},
            "ValidationException",
            INVALID + "Input collection [Yg==, Yg==]of type BS contains duplicates.",
        ),
        (
            nested(32),
            "ValidationException",
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit",
        ),
    ],
)
def test_refused_values(value: Any, code: str, message: str) -> None:
    with pytest.raises(AwsError) as refused:
        measure_item({"a": value})
    assert (refused.value.code, refused.value.text) == (code, message)


def test_nesting_of_31_levels_is_taken() -> None:
    assert measure(nested(31)) > 0


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "häh"}, 4),
        ({"N": "0"}, 1),
        ({"N": "-0"}, 1),
        ({"N": "1"}, 2),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "9" * 38}, 20),
        ({"N": "1010"}, 3),
        ({"N": "1E125"}, 2),
        ({"N": "1E-100"}, 2),
        ({"N": "0.0000001"}, 2),
        ({"N": "1.5"}, 3),
        ({"N": "-1.5"}, 4),
        ({"N": "1.200"}, 3),
        ({"N": "3.14159"}, 5),
        ({"N": "100.5"}, 4),
        ({"N": "-42"}, 3),
        ({"SS": ["", "a"]}, 1),
        ({"BS": ["", "AA=="]}, 1),
        ({"B": "AAEC"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "100"]}, 4),
        ({"BS": ["AA==", "AAEC"]}, 4),
        ({"L": []}, 3),
        ({"L": [{"S": "a"}, {"N": "1"}]}, 8),
        ({"M": {"ab": {"S": "c"}}}, 7),
    ],
)
def test_sizes(value: dict[str, Any], size: int) -> None:
    assert measure(value) == size
    assert measure_item({"näme": value}) == 5 + size


def test_values_are_made_canonical() -> None:
    item: dict[str, Any] = {
        "n": {"N": "010.50"},
        "ns": {"NS": ["10", "9", "1.0"]},
        "ss": {"SS": ["b", "a"]},
        "bs": {"BS": ["/w==", "AA=="]},
        "l": {"L": [{"M": {"n": {"N": "1e2"}}}]},
        "b": {"B": "AB=="},
    }
    measure_item(item)
    assert item == {
        "n": {"N": "10.5"},
        "ns": {"NS": ["1", "9", "10"]},
        "ss": {"SS": ["a", "b"]},
        "bs": {"BS": ["AA==", "/w=="]},
        "l": {"L": [{"M": {"n": {"N": "100"}}}]},
        "b": {"B": "AA=="},
    }
