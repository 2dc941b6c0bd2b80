"""SELECT of PartiQL: what is read, of which items, in pages."""

from __future__ import annotations

from typing import Any

import pytest

from .support import index, make_simple_table, make_table, refusal


@pytest.fixture
def ddb(client: Any) -> Any:
    made = client("dynamodb")
    make_table(
        made,
        definitions=[{"AttributeName": "kind", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[index("by-kind", "kind", "sk")],
        LocalSecondaryIndexes=[index("few", "pk", "kind", projection="KEYS_ONLY")],
    )
    for pk in "abc":
        for sk in range(4):
            made.put_item(
                TableName="things",
                Item={
                    "pk": {"S": pk},
                    "sk": {"N": str(sk)},
                    "kind": {"S": "even" if sk % 2 == 0 else "odd"},
                    "m": {"M": {"in side": {"L": [{"S": f"{pk}{sk}"}, {"N": "7"}]}}},
                    "tags": {"SS": ["x", "y"]} if sk == 3 else {"NULL": True},
                },
            )
    return made


def keys(answer: Any) -> str:
    return " ".join(item["pk"]["S"] + item["sk"]["N"] for item in answer["Items"])


ONE_ROW = "pk = 'a' AND sk = 2"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (ONE_ROW, "a2"),
        ("2 = sk AND 'a' = pk", "a2"),
        ("pk = 'a'", "a0 a1 a2 a3"),
        ("pk = 'a' AND sk > 1", "a2 a3"),
        ("pk = 'a' AND sk BETWEEN 1 AND 2", "a1 a2"),
        ("pk = 'a' AND sk > 0 AND sk < 3", "a1 a2"),
        ("pk = 'a' AND kind = 'odd'", "a1 a3"),
        ("pk = 'a' AND NOT kind = 'odd'", "a0 a2"),
        ("pk = 'a' AND kind <> 'odd'", "a0 a2"),
        ("pk = 'a' AND sk IN [0, 3]", "a0 a3"),
        ("pk = 'a' AND sk NOT IN (0, 3)", "a1 a2"),
        ("pk = 'a' AND (sk = 0 OR sk = 1)", "a0 a1"),
        ("pk IN ['a', 'b'] AND sk = 1", "a1 b1"),
        ("pk = 'b' AND sk = 1 OR pk = 'a' AND sk = 3", "b1 a3"),
        ("pk = 'a' AND nothing IS MISSING AND sk = 1", "a1"),
        ("pk = 'a' AND tags IS NOT NULL", "a3"),
        ("pk = 'a' AND contains(tags, 'x')", "a3"),
        ("pk = 'a' AND attribute_type(tags, 'SS')", "a3"),
        ("pk = 'a' AND size(tags) = 2", "a3"),
        ("pk = 'a' AND begins_with(kind, 'o')", "a1 a3"),
        ("pk = 'a' AND NOT begins_with(\"kind\", 'o')", "a0 a2"),
        ("pk = 'a' AND m.\"in side\"[0] = 'a1'", "a1"),
        ("pk = 'a' AND m['in side'][0] = 'a1'", "a1"),
        ("pk = 'nobody'", ""),
    ],
)
def test_where_says_which_items(ddb: Any, where: str, found: str) -> None:
    answer = ddb.execute_statement(Statement=f'SELECT * FROM "things" WHERE {where};')
    assert keys(answer) == found
    assert "NextToken" not in answer


def test_a_clause_without_the_partition_key_reads_everything(ddb: Any) -> None:
    answer = ddb.execute_statement(
        Statement="SELECT pk, sk FROM things WHERE sk = ? AND kind = ?",
        Parameters=[{"N": "2.0"}, {"S": "even"}],
        ReturnConsumedCapacity="TOTAL",
        ConsistentRead=True,
    )
    assert sorted(keys(answer).split()) == ["a2", "b2", "c2"]
    assert answer["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 1.0}


def test_projections_answer_under_the_last_name(ddb: Any) -> None:
    answer = ddb.execute_statement(
        Statement=f'SELECT kind, m."in side"[1], nothing FROM things WHERE {ONE_ROW}'
    )
    assert answer["Items"] == [{"kind": {"S": "even"}, "in side[1]": {"N": "7"}}]


def test_indexes(ddb: Any) -> None:
    answer = ddb.execute_statement(
        Statement='SELECT * FROM "things"."by-kind" WHERE kind = \'odd\' AND sk > 2 ORDER BY sk DESC'
    )
    assert sorted(keys(answer).split()) == ["a3", "b3", "c3"]
    answer = ddb.execute_statement(
        Statement="SELECT kind, m FROM \"things\".\"few\" WHERE pk = 'a' AND kind = 'odd'"
    )
    assert len(answer["Items"]) == 2
    assert all("m" in item for item in answer["Items"])


def test_order(ddb: Any) -> None:
    answer = ddb.execute_statement(
        Statement="SELECT * FROM things WHERE pk IN ('b', 'a') AND sk > 1 ORDER BY pk DESC, sk DESC"
    )
    assert keys(answer) == "b3 b2 a3 a2"


@pytest.mark.parametrize(
    "where", ["pk = 'a'", "pk IN ['a', 'b', 'c']", "kind = 'odd'", "pk = 'a' ORDER BY sk DESC"]
)
def test_pages_together_are_everything(ddb: Any, where: str) -> None:
    """A page ends after so many items *read*, whether or not they are shown."""
    statement = f"SELECT * FROM things WHERE {where}"
    whole = keys(ddb.execute_statement(Statement=statement)).split()
    found: list[str] = []
    more: dict[str, Any] = {}
    for _ in range(20):
        answer = ddb.execute_statement(Statement=statement, Limit=3, **more)
        assert len(answer["Items"]) <= 3
        found += keys(answer).split()
        if "NextToken" not in answer:
            break
        more = {"NextToken": answer["NextToken"]}
    assert found == whole


def test_a_token_belongs_to_its_statement(ddb: Any) -> None:
    ask = ddb.execute_statement
    token = ask(Statement="SELECT * FROM things WHERE pk = 'a'", Limit=1)["NextToken"]
    other = {"Statement": "SELECT * FROM things WHERE pk = 'b'", "NextToken": token}
    assert refusal(ask, **other)[1] == "NextToken does not match request"
    other["NextToken"] = "W10="
    assert refusal(ask, **other)[1] == "Invalid NextToken"


MALFORMED = "Statement wasn't well formed, can't be processed: "


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT * FROM things WHERE", f"{MALFORMED}Unexpected term"),
        (
            "SELECT * FROM things WHERE pk = 'a' foo",
            f"{MALFORMED}Unexpected token after expression",
        ),
        ("SLECT * FROM things", f"{MALFORMED}Expected data manipulation"),
        ("SELECT * FROM things t", "Aliasing is not supported"),
        ('SELECT * FROM things."no"', "The table does not have the specified index"),
        ('SELECT * FROM ""', "Path component cannot be an empty string"),
        (
            "SELECT pk FROM things WHERE pk = ?",
            "Number of parameters in request and statement don't match.",
        ),
        ("SELECT * FROM things WHERE EXISTS(kind)", "Unrecognized function: exists at 1:28:6"),
        (
            "SELECT * FROM things WHERE pk = 'a' AND kind < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "SELECT * FROM things WHERE pk = 'a' AND sk = 1e126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root",
        ),
        (
            "SELECT * FROM \"things\".\"few\" WHERE pk = 'a' AND tags = 'np1'",
            "One or more parameter values were invalid: Secondary index few does not project one or more "
            "filter attributes: [tags]",
        ),
        (
            "SELECT * FROM things ORDER BY pk",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM things WHERE pk = 'a' AND kind <> '1' OR pk = 'a' AND sk = 2",
            "Overlapping conditions with range keys are not supported in where clause",
        ),
    ],
)
def test_what_is_refused(ddb: Any, statement: str, message: str) -> None:
    assert refusal(ddb.execute_statement, Statement=statement) == ("ValidationException", message)


def test_a_table_that_is_not_there(ddb: Any) -> None:
    code, message = refusal(ddb.execute_statement, Statement="SELECT * FROM nowhere")
    assert (code, message) == ("ResourceNotFoundException", "Requested resource not found")


def test_missing_attributes_as_recorded(ddb: Any) -> None:
    """The one recording of a statement from AWS itself."""
    table = make_simple_table(ddb)
    ddb.put_item(TableName=table, Item={"pk": {"S": "Alice123"}, "FirstName": {"S": "Alice"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "Bob123"}})
    answer = ddb.execute_statement(
        Statement=f"SELECT * FROM {table} WHERE FirstName IS NOT MISSING"
    )
    assert answer["Items"] == [{"pk": {"S": "Alice123"}, "FirstName": {"S": "Alice"}}]
