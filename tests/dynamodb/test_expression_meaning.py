"""What expressions mean: conditions against an evaluator that is written another way, updates by table."""

from __future__ import annotations

import copy
from base64 import b64decode
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.expressions.programs import Placeholders
from pilvi.services.dynamodb.values import measure_item

# --- conditions: random trees over few names and few values, so that equal things meet

NAMES = ("a", "b", "c")
LEAVES: list[dict[str, Any]] = [
    {"S": ""},
    {"S": "x"},
    {"S": "xy"},
    {"N": "1"},
    {"N": "2"},
    {"N": "10"},
    {"B": "eA=="},
    {"B": "eHk="},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["x", "xy"]},
    {"NS": ["1", "2"]},
    {"L": [{"S": "x"}, {"N": "2"}]},
    {"M": {"b": {"N": "1"}, "a": {"S": "xy"}}},
]
leaves = st.sampled_from(LEAVES)
ORDERED = [leaf for leaf in LEAVES if next(iter(leaf)) in "SNB"]
items = st.dictionaries(st.sampled_from(NAMES), leaves)
paths = st.sampled_from(["a", "b", "c", "a.b", "b.a", "c[0]", "a[1]", "a[7]"])


class Tree:
    """One condition as text, and what it should be of an item."""

    def __init__(self, text: str, holds: Any) -> None:
        self.text = text
        self.holds = holds


def value_at(item: dict[str, Any], path: str) -> dict[str, Any] | None:
    head, *below = path.replace("[", ".[").split(".")
    value = item.get(head)
    for part in below:
        if value is None:
            return None
        if part.startswith("["):
            index = int(part[1:-1])
            elements = value.get("L", [])
            value = elements[index] if index < len(elements) else None
        else:
            value = value.get("M", {}).get(part)
    return value


def plain(value: dict[str, Any] | None) -> Any:
    """A Python value whose == and < are DynamoDB's, tagged with its type."""
    if value is None:
        return None
    ((kind, inner),) = value.items()
    if kind == "N":
        inner = Decimal(inner)
    elif kind == "B":
        inner = b64decode(inner)
    elif kind == "S":
        inner = inner.encode()
    elif kind in ("SS", "NS"):
        inner = frozenset(inner)
    elif kind == "L":
        inner = tuple(plain(element) for element in inner)
    elif kind == "M":
        inner = tuple(sorted((name, plain(member)) for name, member in inner.items()))
    return (kind, inner)


def compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "=":
        return left is not None and left == right
    if operator == "<>":
        return left is None or left != right
    if left is None or right is None or left[0] != right[0] or left[0] not in "SNB":
        return False
    one, two = left[1], right[1]
    return {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two}[operator]


@st.composite
def predicates(draw: Any) -> Tree:
    path = draw(paths)
    kind = draw(st.sampled_from(["compare", "between", "in", "exists", "missing", "type", "begins",
                                 "contains", "size"]))  # fmt: skip
    if kind == "compare":
        operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
        value = draw(leaves if operator in ("=", "<>") else st.sampled_from(ORDERED))
        text = f"{path} {operator} {placeholder(value)}"
        return Tree(text, lambda item: compare(operator, plain(value_at(item, path)), plain(value)))
    if kind == "between":
        low, high = draw(st.sampled_from([(LEAVES[3], LEAVES[5]), (LEAVES[0], LEAVES[1])]))
        return Tree(
            f"{path} BETWEEN {placeholder(low)} AND {placeholder(high)}",
            lambda item: (
                compare(">=", plain(value_at(item, path)), plain(low))
                and compare("<=", plain(value_at(item, path)), plain(high))
            ),
        )
    if kind == "in":
        choices = draw(st.lists(leaves, min_size=1, max_size=3))
        listed = ", ".join(placeholder(choice) for choice in choices)
        return Tree(
            f"{path} IN ({listed})",
            lambda item: plain(value_at(item, path)) in [plain(choice) for choice in choices],
        )
    if kind == "exists":
        return Tree(f"attribute_exists({path})", lambda item: value_at(item, path) is not None)
    if kind == "missing":
        return Tree(f"attribute_not_exists({path})", lambda item: value_at(item, path) is None)
    if kind == "type":
        wanted = draw(st.sampled_from(["S", "N", "M", "L", "SS", "NULL"]))
        return Tree(
            f"attribute_type({path}, :type{wanted})",
            lambda item: next(iter(value_at(item, path) or {}), None) == wanted,
        )
    if kind == "begins":
        value = draw(st.sampled_from([leaf for leaf in ORDERED if "N" not in leaf]))

        def begins(item: dict[str, Any]) -> bool:
            found, start = plain(value_at(item, path)), plain(value)
            return (
                found is not None and found[0] == start[0] and found[1][: len(start[1])] == start[1]
            )

        return Tree(f"begins_with({path}, {placeholder(value)})", begins)
    if kind == "contains":
        value = draw(leaves)

        def contains(item: dict[str, Any]) -> bool:
            found, part = value_at(item, path), value
            if found is None:
                return False
            ((kind, inner),) = found.items()
            if kind == "L":
                return any(plain(element) == plain(part) for element in inner)
            if kind in ("SS", "NS"):
                return part.get(kind[0]) in inner
            return kind in "SB" and kind in part and plain(part)[1] in plain(found)[1]

        return Tree(f"contains({path}, {placeholder(value)})", contains)
    number = draw(st.integers(0, 3))

    def sized(item: dict[str, Any]) -> bool:
        found = plain(value_at(item, path))
        return (
            found is not None and found[0] not in ("N", "BOOL", "NULL") and len(found[1]) >= number
        )

    return Tree(f"size({path}) >= :size{number}", sized)


def placeholder(value: dict[str, Any]) -> str:
    return f":v{LEAVES.index(value)}"


VALUES = (
    {f":v{number}": leaf for number, leaf in enumerate(LEAVES)}
    | {f":type{name}": {"S": name} for name in ("S", "N", "M", "L", "SS", "NULL")}
    | {f":size{number}": {"N": str(number)} for number in range(4)}
)


def combine(children: Any) -> Any:
    def junction(operator: str, one: Tree, two: Tree) -> Tree:
        if operator == "and":
            return Tree(
                f"({one.text}) and ({two.text})", lambda item: one.holds(item) and two.holds(item)
            )
        return Tree(
            f"({one.text}) OR ({two.text})", lambda item: one.holds(item) or two.holds(item)
        )

    return st.one_of(
        st.builds(
            lambda one: Tree(f"NOT ({one.text})", lambda item: not one.holds(item)), children
        ),
        st.builds(junction, st.sampled_from(["and", "or"]), children, children),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(predicates(), combine, max_leaves=6), items)
def test_conditions_against_a_naive_evaluator(tree: Tree, item: dict[str, Any]) -> None:
    placeholders = Placeholders(None, copy.deepcopy(VALUES))
    program = placeholders.condition(tree.text)
    assert program.run(copy.deepcopy(item), placeholders.values) is bool(tree.holds(item)), (
        tree.text
    )


def test_and_binds_more_tightly_than_or_and_not_more_than_both() -> None:
    placeholders = Placeholders(None, {":n": {"N": "1"}})
    condition = placeholders.condition("NOT a = :n AND b = :n OR c = :n")
    one = {"N": "1"}
    assert condition.run({"c": one, "a": one}, placeholders.values)
    assert condition.run({"b": one}, placeholders.values)
    assert not condition.run({"a": one, "b": one}, placeholders.values)


# --- updates

BEFORE: dict[str, Any] = {
    "n": {"N": "5"},
    "s": {"S": "x"},
    "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "m": {"M": {"a": {"N": "1"}, "l": {"L": []}}},
    "ss": {"SS": ["a", "b"]},
}
UPDATE_VALUES: dict[str, Any] = {
    ":one": {"N": "1"},
    ":half": {"N": "0.5"},
    ":x": {"S": "new"},
    ":list": {"L": [{"S": "new"}]},
    ":set": {"SS": ["b", "c"]},
    ":all": {"SS": ["a", "b"]},
    ":map": {"M": {}},
}


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SET n = n + :one", {"n": {"N": "6"}}),
        ("SET n = :half - n", {"n": {"N": "-4.5"}}),
        ("SET n = (n + :one)", {"n": {"N": "6"}}),
        ("set q = if_not_exists(q, :one) + :one", {"q": {"N": "2"}}),
        ("SET q = if_not_exists(n, :one)", {"q": {"N": "5"}}),
        ("SET n = :one, q = n", {"n": {"N": "1"}, "q": {"N": "5"}}),
        ("SET m.b = :x", {"m": {"M": {"a": {"N": "1"}, "l": {"L": []}, "b": {"S": "new"}}}}),
        ("SET m.l[3] = :x", {"m": {"M": {"a": {"N": "1"}, "l": {"L": [{"S": "new"}]}}}}),
        ("SET l[1] = :x", {"l": {"L": [{"N": "0"}, {"S": "new"}, {"N": "2"}]}}),
        (
            "SET l[9] = :x, l[7] = :one",
            {"l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}, {"N": "1"}, {"S": "new"}]}},
        ),
        (
            "SET l = list_append(:list, l)",
            {"l": {"L": [{"S": "new"}, {"N": "0"}, {"N": "1"}, {"N": "2"}]}},
        ),
        ("SET q = list_append(if_not_exists(q, :list), :list)", {"q": {"L": [{"S": "new"}] * 2}}),
        ("REMOVE n, q", {"n": None}),
        ("REMOVE l[0], l[2]", {"l": {"L": [{"N": "1"}]}}),
        ("REMOVE l[0] SET l[1] = :x", {"l": {"L": [{"S": "new"}, {"N": "2"}]}}),
        ("REMOVE l[9]", {}),
        ("REMOVE m.a, m.l", {"m": {"M": {}}}),
        ("ADD n :half, q :one", {"n": {"N": "5.5"}, "q": {"N": "1"}}),
        ("ADD ss :set, t :set", {"ss": {"SS": ["a", "b", "c"]}, "t": {"SS": ["b", "c"]}}),
        ("DELETE ss :set", {"ss": {"SS": ["a"]}}),
        ("DELETE ss :all, t :set", {"ss": None}),
        (
            "SET q = m, m.a = :x",
            {
                "q": {"M": {"a": {"N": "1"}, "l": {"L": []}}},
                "m": {"M": {"a": {"S": "new"}, "l": {"L": []}}},
            },
        ),
    ],
)
def test_updates(text: str, changes: dict[str, Any]) -> None:
    item, values = copy.deepcopy(BEFORE), copy.deepcopy(UPDATE_VALUES)
    Placeholders(None, values).update(text).run.apply(item, values)
    expected = {name: value for name, value in (BEFORE | changes).items() if value is not None}
    assert item == expected
    measure_item(item)
    assert item == expected, "an update leaves canonical values behind"


NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
INVALID_PATH = "The document path provided in the update expression is invalid for update"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET q = z", NO_ATTRIBUTE),
        ("SET q = z + :one", NO_ATTRIBUTE),
        ("SET q = s + :one", WRONG_TYPE),
        ("SET q = list_append(s, :list)", WRONG_TYPE),
        ("ADD s :one", WRONG_TYPE),
        ("ADD n :set", WRONG_TYPE),
        ("DELETE n :set", WRONG_TYPE),
        ("SET z.a = :one", INVALID_PATH),
        ("SET s.a = :one", INVALID_PATH),
        ("SET m[0] = :one", INVALID_PATH),
        ("REMOVE z.a", INVALID_PATH),
    ],
)
def test_updates_that_the_item_does_not_allow(text: str, message: str) -> None:
    values = copy.deepcopy(UPDATE_VALUES)
    program = Placeholders(None, values).update(text)
    with pytest.raises(AwsError) as refused:
        program.run.apply(copy.deepcopy(BEFORE), values)
    assert refused.value.text == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n, zz", {"n": {"N": "5"}}),
        ("m.a", {"m": {"M": {"a": {"N": "1"}}}}),
        ("m.z, s", {"s": {"S": "x"}}),
        ("l[2], l[0], l[9]", {"l": {"L": [{"N": "0"}, {"N": "2"}]}}),
        ("m.a, m.l", {"m": BEFORE["m"]}),
        ("s.x, n[0]", {}),
    ],
)
def test_projections(text: str, expected: dict[str, Any]) -> None:
    program = Placeholders(None, None).projection(text)
    assert program.run(copy.deepcopy(BEFORE)) == expected
