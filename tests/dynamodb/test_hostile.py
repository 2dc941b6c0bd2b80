"""Requests that are made to hurt: they get AWS's error, change nothing, and the server goes on answering.

Bounds are on what is done, not on time: on what is said, and on what is kept in memory of it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.expressions import legacy, programs
from pilvi.services.dynamodb.expressions.programs import Placeholders
from servers import Server

from .support import make_simple_table, refusal


@pytest.fixture
def ddb(client: Any) -> Any:
    return client("dynamodb")


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "leaf"}
    for _ in range(levels):
        value = {"M": {"n": value}}
    return value


BEYOND = "Attempting to store a number with magnitude {} than supported range"
TOO_GREAT = "Number overflow. " + BEYOND.format("larger")
PK = {"pk": {"S": "a"}}
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"S": "x" * 409_600}, "Item size has exceeded the maximum allowed size"),
        ({"L": [{"N": "9" * 38}] * 21_000}, "Item size has exceeded the maximum allowed size"),
        (nested(32), TOO_DEEP),
        (nested(60), TOO_DEEP),
        ({"N": "NaN"}, "The parameter cannot be converted to a numeric value: NaN"),
        ({"N": "Infinity"}, "The parameter cannot be converted to a numeric value: Infinity"),
        (
            {"N": "1e999999999999"},
            TOO_GREAT,
        ),
        ({"N": "1E126"}, TOO_GREAT),
        ({"N": "-1e" + "9" * 100}, TOO_GREAT),
        ({"N": "1e+000000000000000000000126"}, TOO_GREAT),
        ({"NS": ["1E-" + "9" * 100]}, "Number underflow. " + BEYOND.format("smaller")),
        (
            {"N": "1E-131"},
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        ({"NS": ["1", "1.0", "1e0"]}, "Input collection contains duplicates"),
        (
            {"SS": ["a", "a"]},
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes",
        ),
    ],
)
def test_values(ddb: Any, value: Any, message: str) -> None:
    table = make_simple_table(ddb)
    item = {**PK, "x": value}
    assert refusal(ddb.put_item, TableName=table, Item=item) == ("ValidationException", message)
    batch = {table: [{"PutRequest": {"Item": item}}]}
    assert refusal(ddb.batch_write_item, RequestItems=batch) == ("ValidationException", message)
    members = [{"Put": {"TableName": table, "Item": item}}]
    assert refusal(ddb.transact_write_items, TransactItems=members)[0] == "ValidationException"
    assert ddb.scan(TableName=table)["Count"] == 0


def test_an_expression_of_a_megabyte(ddb: Any) -> None:
    """It is not even read."""
    table = make_simple_table(ddb)
    text = "a = :v" + " OR a = :v" * 100_000
    request = {
        "TableName": table,
        "FilterExpression": text,
        "ExpressionAttributeValues": {":v": {"S": "x"}},
    }
    assert refusal(ddb.scan, **request) == (
        "ValidationException",
        "Invalid FilterExpression: Expression size has exceeded the maximum allowed size; "
        f"expression size: {len(text)}",
    )


def test_a_hundred_thousand_placeholders(ddb: Any) -> None:
    table = make_simple_table(ddb)
    names = {f"#n{number}": "x" for number in range(100_000)}
    request = {
        "TableName": table,
        "ProjectionExpression": "#n1",
        "ExpressionAttributeNames": names,
    }
    code, message = refusal(ddb.scan, **request)
    assert code == "ValidationException"
    assert message.startswith("Value provided in ExpressionAttributeNames unused in expressions")
    large = {"#n": "x" * (2 * 1024 * 1024)}
    request = {
        "TableName": table,
        "ProjectionExpression": "#n",
        "ExpressionAttributeNames": large,
    }
    assert refusal(ddb.scan, **request)[0] == "ValidationException"


# What is compiled of a request with very many names is not kept: else a few thousand of them would fill the memory.
def test_programs_of_many_placeholders_are_not_kept() -> None:
    names = {f"#n{number}": "x" for number in range(limits.PLACEHOLDERS_CACHED + 1)}
    before = programs.projection_program.cache_info().currsize
    Placeholders(names, None).projection("#n1")
    assert programs.projection_program.cache_info().currsize == before
    given = {
        f"a{number}": {"ComparisonOperator": "NULL"}
        for number in range(limits.LEGACY_CONDITIONS_CACHED + 1)
    }
    before = legacy._compiled.cache_info().currsize  # pyright: ignore[reportPrivateUsage]
    program, _ = legacy.filtered({"ScanFilter": given}, "ScanFilter")
    assert program is not None
    assert program.run({}, {})
    assert legacy._compiled.cache_info().currsize == before  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("key", ["#" + "n" * 255, "#", "n", "#a-b"])
def test_placeholders_that_are_none(key: str) -> None:
    with pytest.raises(AwsError) as refused:
        Placeholders({key: "a"}, None)
    assert refused.value.text.startswith("ExpressionAttributeNames contains invalid key: ")


def test_very_many_legacy_conditions(ddb: Any) -> None:
    table = make_simple_table(ddb)
    ddb.put_item(TableName=table, Item=PK)
    given = {f"a{number}": {"ComparisonOperator": "NULL"} for number in range(20_000)}
    assert ddb.scan(TableName=table, ScanFilter=given)["Count"] == 1
    updates = {f"a{number}": {"Action": "DELETE"} for number in range(5_000)}
    ddb.update_item(TableName=table, Key=PK, AttributeUpdates=updates)


# A refusal shows so much of a value and no more, however large it was.
def test_what_is_said_is_short(ddb: Any) -> None:
    item = {**PK, "l": {"L": [{"S": "x" * 100}] * 2_000}}
    writes = [{"PutRequest": {"Item": item}}] * 26
    code, message = refusal(ddb.batch_write_item, RequestItems={"none": writes})
    assert code == "ValidationException"
    assert len(message) < 20_000


# Nor of what is listed in it, which may be many things and not one.
@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("put_item", {"Item": {**PK, "s": {"SS": ["x" * 100] * 3_000}}}),
        (
            "scan",
            {
                "FilterExpression": "a = :v0",
                "ExpressionAttributeValues": {f":v{n}": {"S": "x"} for n in range(5_000)},
            },
        ),
    ],
)
def test_what_is_listed_is_short(ddb: Any, operation: str, more: Any) -> None:
    table = make_simple_table(ddb)
    code, message = refusal(getattr(ddb, operation), TableName=table, **more)
    assert code == "ValidationException"
    assert len(message) < 20_000
    assert ddb.scan(TableName=table)["Count"] == 0


# A table takes fifty tags, also from the beginning; how many more there are makes no difference to what it costs.
def test_very_many_tags(ddb: Any) -> None:
    table = make_simple_table(ddb)
    arn = ddb.describe_table(TableName=table)["Table"]["TableArn"]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(5_000)]
    expected = (
        "ValidationException",
        "Number of Tags exceed the current limit for the provided ResourceArn",
    )
    assert refusal(ddb.tag_resource, ResourceArn=arn, Tags=many) == expected
    assert refusal(make_simple_table, client=ddb, name="other", Tags=many[:51]) == expected
    assert ddb.list_tables()["TableNames"] == [table]
    ddb.tag_resource(ResourceArn=arn, Tags=many[:50])
    assert refusal(ddb.tag_resource, ResourceArn=arn, Tags=many[50:51]) == expected
    assert len(ddb.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 50


# An item grows by updates, too.
@pytest.mark.parametrize(
    ("change", "value", "message"),
    [
        ("SET m.n.n.n = :v", nested(29), TOO_DEEP),
        ("SET l = list_append(l, l), k = l", None, "Item size to update has exceeded"),
        ("SET n = n + :v", {"N": "0.1"}, "Attempting to store more than 38 significant digits"),
        ("ADD s :v", {"SS": ["y" * 270_000]}, "Item size to update has exceeded"),
        ("SET l[99999999999] = :v", {"S": "x"}, "Invalid UpdateExpression: List index is not"),
        (f"SET l[{'9' * 4000}] = :v", {"S": "x"}, "Invalid UpdateExpression: List index is not"),
    ],
)
def test_what_updates_make(ddb: Any, change: str, value: Any, message: str) -> None:
    table = make_simple_table(ddb)
    item = {
        **PK,
        "m": nested(30),
        "l": {"L": [{"S": "x" * 1_000}] * 140},
        "n": {"N": "9" * 38},
        "s": {"SS": ["x"]},
    }
    ddb.put_item(TableName=table, Item=item)
    request: dict[str, Any] = {"TableName": table, "Key": PK, "UpdateExpression": change}
    if value is not None:
        request["ExpressionAttributeValues"] = {":v": value}
    code, told = refusal(ddb.update_item, **request)
    assert (code, told[: len(message)]) == ("ValidationException", message)
    assert ddb.scan(TableName=table)["Items"] == [item]


# Expressions that are a tower of brackets, and statements with numbers that are none.
@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_000 + "a = :v" + ")" * 2_000,
        "NOT " * 1_000 + "a = :v",
        " OR ".join(["a = :v"] * 400),
        f"a IN ({','.join([':v'] * 101)})",
        "a" + ".a" * 2_000 + " = :v",
    ],
    ids=["brackets", "not", "or", "in", "path"],
)
def test_towers(ddb: Any, text: str) -> None:
    table = make_simple_table(ddb)
    values = {":v": {"S": "x"}}
    request = {"FilterExpression": text, "ExpressionAttributeValues": values}
    assert refusal(ddb.scan, TableName=table, **request)[0] == "ValidationException"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM simple WHERE " + "(" * 3_900 + "pk = 'a'" + ")" * 3_900,
        "SELECT * FROM simple WHERE " + "NOT " * 2_000 + "pk = 'a'",
        "INSERT INTO simple VALUE {'pk': 'a', 'x': " + "[" * 3_900 + "]" * 3_900 + "}",
        "INSERT INTO simple VALUE {'pk': 'a', 'x': " + "9" * 5_000 + "}",
        "INSERT INTO simple VALUE {'pk': 'a', 'x': 1e" + "9" * 5_000 + "}",
        f"SELECT a[{'9' * 5_000}] FROM simple",
        f"UPDATE simple SET a[{'9' * 5_000}] = 1 WHERE pk = 'a'",
        "UPDATE simple SET a = " + "+".join(["1"] * 3_000) + " WHERE pk = 'a'",
        "SELECT * FROM simple WHERE pk = '" + "x" * 1_000_000 + "'",
    ],
    ids=lambda text: text[:40] + text[-20:],
)
def test_statements(ddb: Any, statement: str) -> None:
    table = make_simple_table(ddb)
    assert refusal(ddb.execute_statement, Statement=statement)[0] == "ValidationException"
    assert ddb.scan(TableName=table)["Count"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"TableName": "simple", "Item": {"pk": {"S": "a"', "SerializationException"),
        (b'{"TableName": "simple", "Item": {"pk": {"B": "*"}}}', "SerializationException"),
        (b'{"TableName": "simple", "Item": {"pk": {"N": NaN}}}', "SerializationException"),
        (b'{"TableName": "simple", "Item": {"pk": {"S": 1}}}', "SerializationException"),
        (b'{"TableName": "simple", "Item": [["pk"]]}', "SerializationException"),
        (
            b'{"TableName": "simple", "Item": {"pk": ' + b'{"M": {"n": ' * 5_000,
            "SerializationException",
        ),
    ],
)
def test_bodies(server: Server, account: str, ddb: Any, body: bytes, code: str) -> None:
    table = make_simple_table(ddb)
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "Content-Type": "application/x-amz-json-1.0",
    }
    signed = AWSRequest("POST", server.url + "/", headers, body)
    SigV4Auth(Credentials(account, "secret"), "dynamodb", "us-east-1").add_auth(signed)
    request = Request(signed.url, data=body, headers=dict(signed.headers.items()))
    with pytest.raises(HTTPError) as refused:
        urlopen(request)
    told = json.loads(refused.value.read())
    assert told["__type"].rpartition("#")[2] == code, told
    assert refused.value.code == 400
    assert ddb.scan(TableName=table)["Count"] == 0
