"""Policies of tables and streams: what may be put, which revision it has, and whom it lets in, over the wire.

AWS: DynamoDB Developer Guide, "Using resource-based policies for DynamoDB".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from persons import Make, Person, Statement, allow, deny, refusal

from .support import key, make_simple_table, make_table

DENIED = "AccessDeniedException"
GONE = "PolicyNotFoundException"
NOT_FOUND = "Resource-based policy not found for the provided ResourceArn: "


@pytest.fixture
def ddb(client: Make) -> Any:
    return client("dynamodb")


@pytest.fixture
def foreign(account: str) -> str:
    return f"9{account[1:]}"


def policy(*statements: Statement, whom: object = "*") -> str:
    meant = [{"Principal": whom, **one} for one in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": meant}, indent=2)


def arn_of(ddb: Any, name: str = "simple") -> str:
    return ddb.describe_table(TableName=name)["Table"]["TableArn"]


def test_revisions(ddb: Any) -> None:
    """The same policy keeps its revision, later ones are larger, and one may say which one must be there."""
    make_simple_table(ddb)
    arn = arn_of(ddb)
    reads, writes = policy(allow("dynamodb:GetItem")), policy(allow("dynamodb:PutItem"))
    assert refusal(ddb.get_resource_policy, ResourceArn=arn) == (GONE, NOT_FOUND + arn)
    assert ddb.delete_resource_policy(ResourceArn=arn).get("RevisionId") is None
    code, message = refusal(
        ddb.put_resource_policy, ResourceArn=arn, Policy=reads, ExpectedRevisionId="17"
    )
    assert code == GONE
    assert "but table simple has no associated policy" in message
    first = ddb.put_resource_policy(ResourceArn=arn, Policy=reads, ExpectedRevisionId="NO_POLICY")
    again = ddb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(json.loads(reads)))
    assert again["RevisionId"] == first["RevisionId"]
    assert refusal(
        ddb.put_resource_policy, ResourceArn=arn, Policy=writes, ExpectedRevisionId="NO_POLICY"
    ) == (
        GONE,
        f"{NOT_FOUND}Requested policy update expecting none to be present for table simple, but a policy "
        f"exists with revision id {first['RevisionId']}.",
    )
    second = ddb.put_resource_policy(
        ResourceArn=arn, Policy=writes, ExpectedRevisionId=first["RevisionId"]
    )
    assert second["RevisionId"] > first["RevisionId"]
    assert refusal(
        ddb.delete_resource_policy, ResourceArn=arn, ExpectedRevisionId=first["RevisionId"]
    ) == (
        GONE,
        f"{NOT_FOUND}Requested update for policy with revision id {first['RevisionId']}, but the policy "
        f"associated to target table simple has revision id {second['RevisionId']}.",
    )
    told = ddb.get_resource_policy(ResourceArn=arn)
    assert json.loads(told["Policy"]) == json.loads(writes)
    assert " " not in told["Policy"]
    gone = ddb.delete_resource_policy(ResourceArn=arn)
    assert gone["RevisionId"] == second["RevisionId"] == told["RevisionId"]
    assert refusal(ddb.get_resource_policy, ResourceArn=arn)[0] == GONE


INVALID = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", "Invalid policy document: This policy contains invalid Json"),
        ("", "Invalid policy document: This policy contains invalid Json"),
        (policy(), "Invalid policy document: Could not parse the policy: Statement is empty!"),
        (
            policy(allow("dynamodb:GetItem")) + " " * 20480,
            "Maximum policy size of 20480 bytes exceeded",
        ),
        (
            policy(allow(["dynamodb:GetRecords", "dynamodb:DescribeStream"])),
            "Invalid policy document: The following action names are invalid: "
            '"dynamodb:GetRecords", "dynamodb:DescribeStream"',
        ),
        (
            policy(allow("s3:GetObject")),
            'Invalid policy document: The following action names are invalid: "s3:GetObject"',
        ),
        (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
            '"Action":"dynamodb:GetItem"}]}',
            "Invalid policy document: Missing required field Resource",
        ),
    ],
)
def test_what_is_no_policy(ddb: Any, text: str, message: str) -> None:
    make_simple_table(ddb)
    arn = arn_of(ddb)
    wrong = refusal(ddb.put_resource_policy, ResourceArn=arn, Policy=text)
    assert wrong == ("ValidationException", INVALID + message)
    assert refusal(ddb.get_resource_policy, ResourceArn=arn)[0] == GONE


def test_what_has_no_policy(ddb: Any, foreign: str, account: str) -> None:
    make_simple_table(ddb)
    arn = arn_of(ddb)
    for wrong, message in (
        ("simple", f"{INVALID}ARNs must start with 'arn:': simple"),
        (
            f"{arn}/backup/1",
            f"{INVALID}Provided Arn is not a DynamoDB resource arn: {arn}/backup/1",
        ),
        (
            f"{arn}/index/i",
            f"{INVALID}Invalid resource arn provided, only table or stream is accepted. "
            f"Provided resource arn: {arn}/index/i",
        ),
        (f"{arn}x", "Requested resource not found: Table: simplex not found"),
        (
            f"{arn}/stream/2000",
            "Requested resource not found: Stream: 2000 not found for Table: simple",
        ),
    ):
        assert refusal(ddb.get_resource_policy, ResourceArn=wrong)[1] == message
    there = arn.replace(account, foreign)
    assert refusal(ddb.get_resource_policy, ResourceArn=there)[0] == DENIED


def test_it_allows_and_denies_within_the_account(client: Make, account: str, ddb: Any) -> None:
    """Either side may allow, either may deny; and the root of the account keeps a way out."""
    make_simple_table(ddb)
    arn, ann, bob = arn_of(ddb), Person(client, account), Person(client, account, "bob")
    mine = {"TableName": "simple", "Key": {"pk": {"S": "a"}}}
    assert refusal(ann.client("dynamodb").get_item, **mine)[0] == DENIED
    text = policy(allow("dynamodb:GetItem", arn), whom={"AWS": ann.arn})
    ddb.put_resource_policy(ResourceArn=arn, Policy=text)
    assert "Item" not in ann.client("dynamodb").get_item(**mine)
    batch = {"RequestItems": {"simple": {"Keys": [mine["Key"]]}}}
    assert refusal(ann.client("dynamodb").batch_get_item, **batch)[0] == DENIED
    assert refusal(bob.client("dynamodb").get_item, **mine)[0] == DENIED

    bob.may(allow("dynamodb:*"))
    ddb.put_resource_policy(ResourceArn=arn, Policy=policy(deny("dynamodb:*Item")))
    code, message = refusal(bob.client("dynamodb").get_item, **mine)
    assert (code, "explicit deny in a resource-based policy" in message) == (DENIED, True)
    assert refusal(ddb.get_item, **mine)[0] == DENIED, "the root, too"

    locked = policy(deny(["dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"]))
    refused = refusal(ddb.put_resource_policy, ResourceArn=arn, Policy=locked)
    assert refused == (
        DENIED,
        "The new resource policy will not allow you to update the resource policy in the future.",
    )
    narrow = policy(
        deny("dynamodb:Put*", Condition={"ArnLike": {"aws:PrincipalArn": bob.arn}}),
    )
    assert refusal(bob.client("dynamodb").put_resource_policy, ResourceArn=arn, Policy=narrow) == (
        refused
    )
    ddb.put_resource_policy(ResourceArn=arn, Policy=locked, ConfirmRemoveSelfResourceAccess=True)
    assert refusal(ddb.put_resource_policy, ResourceArn=arn, Policy=text)[0] == DENIED
    assert refusal(bob.client("dynamodb").delete_resource_policy, ResourceArn=arn)[0] == DENIED
    ddb.delete_resource_policy(ResourceArn=arn)
    assert "Item" not in bob.client("dynamodb").get_item(**mine)


def test_names_mean_those_who_had_them(client: Make, account: str, ddb: Any) -> None:
    """A later user of the same name is not let in, and a later table of the same name lets nobody in."""
    make_simple_table(ddb)
    arn, ann = arn_of(ddb), Person(client, account)
    text = policy(allow("dynamodb:GetItem"), whom={"AWS": ann.arn})
    ddb.put_resource_policy(ResourceArn=arn, Policy=text)
    mine = {"TableName": "simple", "Key": {"pk": {"S": "a"}}}
    ann.client("dynamodb").get_item(**mine)
    iam = client("iam")
    iam.delete_access_key(UserName="ann", AccessKeyId=ann.keys["aws_access_key_id"])
    iam.delete_user(UserName="ann")
    later = Person(client, account).client("dynamodb")
    assert refusal(later.get_item, **mine)[0] == DENIED
    ddb.put_resource_policy(ResourceArn=arn, Policy=text)
    later.get_item(**mine)
    ddb.delete_table(TableName="simple")
    assert refusal(ddb.get_resource_policy, ResourceArn=arn)[0] == "ResourceNotFoundException"
    make_simple_table(ddb)
    assert refusal(ddb.get_resource_policy, ResourceArn=arn)[0] == GONE
    assert refusal(later.get_item, **mine)[0] == DENIED


def test_other_accounts(client: Make, account: str, foreign: str, ddb: Any) -> None:
    """By its ARN a table is used from another account, when both accounts allow it; and never told of otherwise."""
    make_table(ddb)
    arn = arn_of(ddb, "things")
    there = Person(lambda service, **more: client(service, **{"account": foreign, **more}), foreign)
    root, ann = client("dynamodb", account=foreign), there.client("dynamodb")
    there.may(allow("dynamodb:*"))
    absent = refusal(ann.get_item, TableName=f"{arn}x", Key=key("a", 1))
    closed = refusal(ann.get_item, TableName=arn, Key=key("a", 1))
    assert closed[0] == absent[0] == DENIED
    assert closed[1].replace(arn, "") == absent[1].replace(f"{arn}x", "")

    whom = {"AWS": f"arn:aws:iam::{foreign}:root"}
    opened = [arn, f"{arn}/index/*"]
    ddb.put_resource_policy(ResourceArn=arn, Policy=policy(allow("dynamodb:*", opened), whom=whom))
    ann.put_item(TableName=arn, Item={**key("a", 1), "n": {"N": "1"}})
    root.update_item(
        TableName=arn,
        Key=key("a", 1),
        UpdateExpression="SET n = n + :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert ddb.get_item(TableName="things", Key=key("a", 1))["Item"]["n"] == {"N": "2"}
    assert ann.scan(TableName=arn)["Count"] == 1
    assert ann.batch_get_item(RequestItems={arn: {"Keys": [key("a", 1)]}})["Responses"][arn]
    put = {"Put": {"TableName": arn, "Item": key("b", 1)}}
    ann.transact_write_items(TransactItems=[put])
    assert ann.describe_table(TableName=arn)["Table"]["TableArn"] == arn
    ann.update_table(TableName=arn, DeletionProtectionEnabled=True)
    assert ddb.describe_table(TableName="things")["Table"]["DeletionProtectionEnabled"]
    assert root.list_tables()["TableNames"] == [], "nothing came to lie in the other account"

    code, message = refusal(
        ann.update_time_to_live,
        TableName=arn,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "t"},
    )
    assert (code, "match the resource owner" in message) == ("ValidationException", True)
    assert refusal(ann.get_resource_policy, ResourceArn=arn) == (code, message)
    make_simple_table(root, "things")
    assert refusal(ann.get_item, TableName="things", Key=key("a", 1))[0] == "ValidationException"

    there.may(allow("dynamodb:Query"))
    assert refusal(ann.get_item, TableName=arn, Key=key("a", 1))[0] == DENIED
    there.may(allow("dynamodb:*"))
    ddb.delete_resource_policy(ResourceArn=arn)
    assert refusal(ann.get_item, TableName=arn, Key=key("a", 1))[0] == DENIED
    assert refusal(root.get_item, TableName=arn, Key=key("a", 1))[0] == DENIED


def test_policies_of_streams(client: Make, account: str, foreign: str, ddb: Any) -> None:
    """A stream has a policy of its own, and that of its table says nothing about it."""
    make_table(ddb, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    arn = arn_of(ddb, "things")
    stream = ddb.describe_table(TableName="things")["Table"]["LatestStreamArn"]
    whom = {"AWS": f"arn:aws:iam::{foreign}:root"}
    reader = client("dynamodbstreams", account=foreign)
    everything = policy(allow("dynamodb:*"), whom=whom)
    ddb.put_resource_policy(ResourceArn=arn, Policy=everything)
    assert refusal(reader.describe_stream, StreamArn=stream)[0] == DENIED
    told = refusal(
        ddb.put_resource_policy, ResourceArn=stream, Policy=policy(allow("dynamodb:GetItem"))
    )
    assert 'action names are invalid: "dynamodb:GetItem"' in told[1]
    told = refusal(
        ddb.put_resource_policy, ResourceArn=stream, Policy=policy(allow("dynamodb:*", arn))
    )
    assert told[1].startswith(f'{INVALID}Invalid policy document: The relative-id "table/things"')
    ddb.put_resource_policy(ResourceArn=stream, Policy=everything)
    ddb.put_item(TableName="things", Item=key("a", 1))
    shard = reader.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = reader.get_shard_iterator(
        StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    reader.get_records(ShardIterator=iterator)
    ddb.delete_resource_policy(ResourceArn=stream)
    assert refusal(reader.get_records, ShardIterator=iterator)[0] == DENIED


def test_tables_made_with_a_policy(client: Make, account: str, ddb: Any) -> None:
    """It is there from the beginning; putting it needs its own permission, and a wrong one makes no table."""
    ann = Person(client, account)
    ann.may(allow("dynamodb:CreateTable"))
    text = policy(allow("dynamodb:GetItem"), whom={"AWS": ann.arn})
    with pytest.raises(Exception, match="dynamodb:PutResourcePolicy"):
        make_table(ann.client("dynamodb"), ResourcePolicy=text)
    with pytest.raises(Exception, match="invalid Json"):
        make_table(ddb, ResourcePolicy="{")
    assert ddb.list_tables()["TableNames"] == []
    make_table(ddb, ResourcePolicy=text)
    ann.client("dynamodb").get_item(TableName="things", Key=key("a", 1))
    stored = ddb.get_resource_policy(ResourceArn=arn_of(ddb, "things"))["Policy"]
    assert json.loads(stored) == json.loads(text)
