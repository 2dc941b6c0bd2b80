"""INSERT, UPDATE and DELETE of PartiQL, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from .support import make_simple_table, refusal

ITEM = {"pk": {"S": "a"}, "n": {"N": "5"}, "l": {"L": [{"S": "x"}, {"S": "y"}, {"S": "z"}]}}
FAILED = ("ConditionalCheckFailedException", "The conditional request failed")


class Statements:
    """A table, and the statements that are run on it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.table = make_simple_table(client)
        client.put_item(TableName=self.table, Item=ITEM)

    def run(self, statement: str, *parameters: Any, **more: Any) -> list[Any]:
        if parameters:
            more["Parameters"] = list(parameters)
        return self.client.execute_statement(Statement=statement, **more)["Items"]

    def refused(self, statement: str, **more: Any) -> tuple[str, str]:
        return refusal(self.client.execute_statement, Statement=statement, **more)

    def item(self, pk: str = "a") -> Any:
        return self.client.get_item(TableName=self.table, Key={"pk": {"S": pk}}).get("Item")


@pytest.fixture
def t(client: Any) -> Statements:
    return Statements(client("dynamodb"))


def test_an_insert_takes_every_kind_of_value(t: Statements) -> None:
    inserted = t.run(
        "INSERT INTO simple VALUE {'pk': 'it''s', 's': <<'b', 'a'>>, 'n': <<2, 1.0>>, 'no': null, "
        "'yes': true, 'l': [1, -2.50, {'m': ?}], 'e': 1e3}",
        {"B": b"\x00"},
    )
    assert inserted == []
    item = t.item("it's")
    assert sorted(item["s"]["SS"]) == ["a", "b"]
    assert item == {
        "pk": {"S": "it's"},
        "s": item["s"],
        "n": {"NS": ["1", "2"]},
        "no": {"NULL": True},
        "yes": {"BOOL": True},
        "l": {"L": [{"N": "1"}, {"N": "-2.5"}, {"M": {"m": {"B": b"\x00"}}}]},
        "e": {"N": "1000"},
    }


def test_an_insert_replaces_nothing(t: Statements) -> None:
    assert t.refused("INSERT INTO simple VALUE {'pk': 'a'}") == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )
    assert t.item() == ITEM


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ("SET n = n + 1", {"n": {"N": "6"}}),
        ("SET n=n-1", {"n": {"N": "4"}}),
        ("SET l = list_append(l, ['w'])", {"l": {"L": [*ITEM["l"]["L"], {"S": "w"}]}}),
        ("SET l[0] = 'new'", {"l": {"L": [{"S": "new"}, *ITEM["l"]["L"][1:]]}}),
        ("SET m = {'k': 1} SET o = n", {"m": {"M": {"k": {"N": "1"}}}, "o": {"N": "5"}}),
        ("SET s = set_add(s, <<'a'>>)", {"s": {"SS": ["a"]}}),
        ("REMOVE l[1] SET n = 0", {"l": {"L": [{"S": "x"}, {"S": "z"}]}, "n": {"N": "0"}}),
    ],
)
def test_what_an_update_changes(t: Statements, settings: str, changed: Any) -> None:
    assert t.run(f"UPDATE simple {settings} WHERE pk = 'a' AND n = 5") == []
    assert t.item() == ITEM | changed


def test_sets_grow_and_shrink(t: Statements) -> None:
    t.run("UPDATE simple SET s = <<'a', 'b'>> WHERE pk = 'a'")
    t.run("UPDATE simple SET s = set_delete(s, <<'a', 'c'>>) WHERE pk = 'a'")
    assert t.item()["s"] == {"SS": ["b"]}


def test_an_update_needs_its_item_and_its_condition(t: Statements) -> None:
    assert t.refused("UPDATE simple SET n = 1 WHERE pk = 'nobody'") == FAILED
    assert t.item("nobody") is None
    statement = "UPDATE simple SET n = 1 WHERE pk = 'a' AND n = 6"
    assert t.refused(statement) == FAILED
    assert t.item() == ITEM
    with pytest.raises(t.client.exceptions.ConditionalCheckFailedException) as failed:
        t.run(statement, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert failed.value.response["Item"] == ITEM


@pytest.mark.parametrize(
    ("rest", "shown"),
    [
        ("SET n = 6 WHERE pk = 'a' RETURNING ALL OLD *", [ITEM]),
        ("SET n = 6 WHERE pk = 'a' RETURNING ALL NEW *", [ITEM | {"n": {"N": "6"}}]),
        ("SET n = 6 WHERE pk = 'a' RETURNING MODIFIED OLD *", [{"n": {"N": "5"}}]),
        ("SET n = 6 WHERE pk = 'a' RETURNING MODIFIED NEW *", [{"n": {"N": "6"}}]),
        ("REMOVE n WHERE pk = 'a' RETURNING MODIFIED NEW *", []),
        ("SET o = 1 WHERE pk = 'a' RETURNING MODIFIED OLD *", []),
        (
            "SET l[2] = 'Z', l[0] = 'X' WHERE pk = 'a' RETURNING MODIFIED NEW *",
            [{"l": {"L": [{"S": "X"}, {"S": "Z"}]}}],
        ),
        ("SET l[9] = 'w' WHERE pk = 'a' RETURNING MODIFIED NEW *", []),
    ],
)
def test_what_an_update_returns(t: Statements, rest: str, shown: Any) -> None:
    assert t.run(f"UPDATE simple {rest}") == shown


def test_a_delete_of_nothing_is_well(t: Statements) -> None:
    assert t.run("DELETE FROM simple WHERE pk = 'nobody' AND n = 1 RETURNING ALL OLD *") == []
    assert t.refused("DELETE FROM simple WHERE pk = 'a' AND NOT n = 5") == FAILED
    assert t.run("DELETE FROM simple WHERE pk = 'a' AND n = 5 RETURNING ALL OLD *") == [ITEM]
    assert t.item() is None


def test_from_may_come_first(t: Statements) -> None:
    t.run("FROM simple WHERE pk = ? SET n = ?", {"S": "a"}, {"N": "9"})
    assert t.item()["n"] == {"N": "9"}


NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"
SET_ADD = "The {} argument to SET_ADD must "


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM simple WHERE n = 5", NO_KEY),
        ("DELETE FROM simple", NO_KEY),
        ("UPDATE simple SET n = 1 WHERE pk = 'a' OR pk = 'b'", NO_KEY),
        ("FROM simple SET n = 1", NO_KEY),
        (
            "DELETE FROM simple WHERE pk = 1",
            "Key attribute's data type should match its data type in table's schema: Key pk",
        ),
        (
            "UPDATE simple SET pk = 'b' WHERE pk = 'a'",
            "One or more parameter values were invalid: Cannot update attribute pk. This attribute is "
            "part of the key",
        ),
        (
            "UPDATE simple SET nothing[0] = 'x' WHERE pk = 'a'",
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "UPDATE simple SET t = set_add(s, <<'x'>>) WHERE pk = 'a'",
            "The first argument to SET_ADD must equal the assignment value at 1:23:7",
        ),
        (
            "UPDATE simple SET s = set_add(s, 'x') WHERE pk = 'a'",
            "The second argument to SET_ADD must be a value with type SET at 1:31:1",
        ),
        (
            "UPDATE simple SET s = set_add(s) WHERE pk = 'a'",
            "SET_ADD must have exactly two arguments at 1:23:7",
        ),
        (
            "UPDATE simple SET s = set_add(s, <<'x', 'x'>>) WHERE pk = 'a'",
            "One or more parameter values were invalid: Input collection [x, x] contains duplicates.",
        ),
        (
            "UPDATE simple SET n = set_add(n, <<'x'>>) WHERE pk = 'a'",
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "INSERT INTO simple VALUE {'n': 1}",
            "Key attribute should be present in the item: Key pk",
        ),
        (
            "INSERT INTO simple VALUE {'pk': 'b', 'l': [1, 1e126]}",
            "Number overflow. Attempting to store a number with magnitude larger than supported range "
            "under root.l[1]",
        ),
        (
            "EXISTS(SELECT * FROM simple WHERE pk = 'a' AND n = 1)",
            "EXISTS can only be used in ExecuteTransaction write requests.",
        ),
    ],
)
def test_what_is_refused_changes_nothing(t: Statements, statement: str, message: str) -> None:
    assert t.refused(statement) == ("ValidationException", message)
    assert t.item() == ITEM


def test_capacity_is_counted(t: Statements) -> None:
    answer = t.client.execute_statement(
        Statement="UPDATE simple SET n = 1 WHERE pk = 'a'", ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"] == {"TableName": "simple", "CapacityUnits": 1.0}
