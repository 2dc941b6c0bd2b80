"""Global tables: what is refused and in which words, what is set for all regions and what for one, auto scaling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow

from .replication import (
    HOME,
    OTHER,
    THIRD,
    add_replica,
    clients,
    contents,
    make_global,
    remove_replica,
    statuses,
)
from .support import index, key, make_simple_table, make_table, refusal

BUSY = ("ResourceInUseException", "The resource which you are attempting to change is in use.")
INVALID = "One or more parameter values were invalid: "
SOURCE = (
    "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the "
    "table in the last 24 hours."
)


@pytest.fixture
def regions(client: Callable[..., Any]) -> dict[str, Any]:
    return clients(client)


def refused(ddb: Any, *updates: dict[str, Any], **more: Any) -> tuple[str, str]:
    return refusal(ddb.update_table, TableName="things", ReplicaUpdates=list(updates), **more)


def create(region: str, **more: Any) -> dict[str, Any]:
    return {"Create": {"RegionName": region, **more}}


@pytest.mark.parametrize(
    ("updates", "more", "message"),
    [
        (
            [create(OTHER)],
            {"TableClass": "STANDARD"},
            INVALID + "Replica modification must be the only operation in the request",
        ),
        (
            [create(HOME)],
            {},
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or "
            "UpdateTable as required.",
        ),
        (
            [create(OTHER), create(THIRD)],
            {},
            "Update table operation with more than one create or delete replica actions not allowed",
        ),
        (
            [create(OTHER) | {"Delete": {"RegionName": OTHER}}],
            {},
            "Update table operation with more than one type of replica actions not allowed.",
        ),
        ([{}], {}, "There are no actions specified in the Replica Update Action of the request."),
        (
            [{"Update": {"RegionName": OTHER}}],
            {},
            "There are no actions specified in the Replica Update Action of the request.",
        ),
        (
            [{"Delete": {"RegionName": OTHER}}],
            {},
            "Update global table operation failed because one or more replicas were not part of the global "
            f"table. Please retry the request without these replicas: [{OTHER}].",
        ),
        (
            [create(OTHER, KMSMasterKeyId="alias/aws/dynamodb")],
            {},
            INVALID + "KMSMasterKeyId must be specified for each replica.",
        ),
        (
            [create(OTHER)],
            {"GlobalTableWitnessUpdates": [create(THIRD)]},
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.",
        ),
    ],
)
def test_what_is_refused_of_replicas(
    regions: dict[str, Any], updates: list[Any], more: dict[str, Any], message: str
) -> None:
    make_table(regions[HOME])
    assert refused(regions[HOME], *updates, **more) == ("ValidationException", message)
    assert "Replicas" not in regions[HOME].describe_table(TableName="things")["Table"]


def test_what_is_refused_by_name(regions: dict[str, Any]) -> None:
    """Strong consistency, witnesses, and tables that would keep the data of a group they leave."""
    home = regions[HOME]
    make_table(home)
    strong = {"MultiRegionConsistency": "STRONG"}
    witness = {"GlobalTableWitnessUpdates": [create(THIRD)]}
    leaving = {"RegionName": HOME, "DisassociationMode": "WAIT_FOR_REPLICATION"}
    for updates, more in (
        ([create(OTHER)], strong),
        ([create(OTHER)], strong | witness),
        ([{"Disassociate": leaving}], {}),
    ):
        assert refused(home, *updates, **more)[0] == "NotImplemented"


def test_what_changes_nothing(regions: dict[str, Any]) -> None:
    """A mode of consistency, or a witness, without a replica."""
    home = regions[HOME]
    make_table(home)
    for more, named in (
        ({"MultiRegionConsistency": "EVENTUAL"}, ""),
        ({"GlobalTableWitnessUpdates": [create(THIRD)]}, "MultiRegionConsistency, "),
    ):
        code, message = refusal(home.update_table, TableName="things", **more)
        assert code == "ValidationException"
        assert message.startswith("At least one of ProvisionedThroughput, BillingMode,")
        assert f"ReplicaTransitRoleArn, {named}DeletionProtectionEnabled," in message


def test_a_replica_needs_permission_in_its_region(client: Callable[..., Any], account: str) -> None:
    """To be made, and to be filled; the one who may only change the table at home is refused."""
    make_table(client("dynamodb"))
    ann = Person(client, account)
    arns = {region: f"arn:aws:dynamodb:{region}:{account}:table/things" for region in (HOME, OTHER)}
    filling = ["Scan", "Query", "UpdateItem", "PutItem", "GetItem", "DeleteItem", "BatchWriteItem"]
    actions = [f"dynamodb:{action}" for action in ("CreateTableReplica", *filling)]
    ann.may(allow("dynamodb:*", arns[HOME]))
    mine = ann.client("dynamodb")
    code, message = refused(mine, create(OTHER))
    assert code == "AccessDeniedException"
    assert f"dynamodb:CreateTableReplica on resource: {arns[OTHER]}" in message
    ann.may(allow("dynamodb:*", arns[HOME]), allow(actions[:-1], arns[OTHER]))
    assert "dynamodb:BatchWriteItem" in refused(mine, create(OTHER))[1]
    ann.may(allow("dynamodb:*", arns[HOME]), allow(actions, arns[OTHER]))
    add_replica(mine, OTHER)


def test_refusals_that_depend_on_what_there_is(regions: dict[str, Any], clock: Any) -> None:
    home, other = regions[HOME], regions[OTHER]
    make_table(home)
    make_table(other)
    code, message = refused(home, create(OTHER))
    assert code == "ValidationException"
    assert message == (
        "Failed to create a the new replica of table with name: \N{LEFT SINGLE QUOTATION MARK}things"
        "\N{RIGHT SINGLE QUOTATION MARK} because one or more replicas already existed as tables."
    )
    code, message = refused(home, create("us-fake-1"))
    assert message.startswith("Region us-fake-1 is not supported. The latest version of global")
    other.delete_table(TableName="things")
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    make_table(home, "fixed", BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    assert refusal(home.update_table, TableName="fixed", ReplicaUpdates=[create(OTHER)]) == (
        "ValidationException",
        "Table write capacity should either be Pay-Per-Request or AutoScaled.",
    )
    add_replica(home, OTHER)
    clock.wait_until_idle()
    off = {"StreamEnabled": False}
    for ddb in (home, other):
        assert refusal(ddb.update_table, TableName="things", StreamSpecification=off) == (
            "ValidationException",
            INVALID + "Disabling Stream is not allowed for a Global Table replica.",
        )


def test_deleting_replicas(regions: dict[str, Any], clock: Any) -> None:
    """A source cannot go for a day; a protected replica cannot go at all; any other goes by either operation, and the
    rest remain."""
    make_global(regions, clock)
    home, other, third = regions.values()
    add_replica(other, THIRD)
    clock.wait_until_idle()
    assert list(statuses(third)) == [HOME, OTHER]
    home.put_item(TableName="things", Item=key("a", 1))
    clock.wait_until_idle()
    assert refusal(home.delete_table, TableName="things") == ("ValidationException", SOURCE)
    assert refused(home, {"Delete": {"RegionName": OTHER}}) == ("ValidationException", SOURCE)
    third.update_table(TableName="things", DeletionProtectionEnabled=True)
    assert not home.describe_table(TableName="things")["Table"]["DeletionProtectionEnabled"]
    protected = (
        f"Cannot delete table things in region {THIRD} because it has deletion protection enabled. "
        "Disable deletion protection first."
    )
    assert refused(home, {"Delete": {"RegionName": THIRD}}) == ("ValidationException", protected)
    assert refusal(third.delete_table, TableName="things") == ("ValidationException", protected)
    third.update_table(TableName="things", DeletionProtectionEnabled=False)
    answer = third.delete_table(TableName="things")["TableDescription"]
    assert answer["TableStatus"] == "DELETING"
    assert [one["RegionName"] for one in answer["Replicas"]] == [HOME, OTHER]
    clock.wait_until_idle()
    assert list(statuses(home)) == [OTHER]
    clock.freeze()
    clock.advance(seconds=24 * 3600)
    home.delete_table(TableName="things")
    clock.wait_until_idle()
    assert statuses(other) == {}
    assert list(contents(other)) == [("a", 1)]
    other.delete_table(TableName="things")
    for ddb in regions.values():
        assert ddb.list_tables()["TableNames"] == []


def test_what_was_written_to_a_replica_that_goes_is_not_lost(
    regions: dict[str, Any], clock: Any
) -> None:
    make_global(regions, clock)
    home, other = regions[HOME], regions[OTHER]
    for number in range(120):
        other.put_item(TableName="things", Item=key("late", number))
    remove_replica(home, OTHER)
    clock.wait_until_idle()
    assert len(contents(home)) == 120


def test_settings_of_all_regions(regions: dict[str, Any], clock: Any) -> None:
    """Indexes, capacity mode, throughput and table class follow from whichever region they are changed in; deletion
    protection and tags do not. A replica's own read capacity holds until another is set."""
    make_global(regions, clock)
    home, other = regions[HOME], regions[OTHER]
    home.put_item(TableName="things", Item={**key("a", 1), "g": {"S": "x"}})
    other.update_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index("by_g", "g")}],
    )
    clock.wait_until_idle()
    for ddb in (home, other):
        table = ddb.describe_table(TableName="things")["Table"]
        assert [one["IndexStatus"] for one in table["GlobalSecondaryIndexes"]] == ["ACTIVE"]
        assert table["Replicas"][0]["GlobalSecondaryIndexes"][0]["IndexName"] == "by_g"
        assert ddb.scan(TableName="things", IndexName="by_g")["Count"] == 1
    home.update_table(
        TableName="things", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_g"}}]
    )
    clock.wait_until_idle()
    for ddb in (home, other):
        assert "GlobalSecondaryIndexes" not in ddb.describe_table(TableName="things")["Table"]
    home.update_table(
        TableName="things",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    )

    def units(ddb: Any) -> tuple[int, int]:
        given = ddb.describe_table(TableName="things")["Table"]["ProvisionedThroughput"]
        return given["ReadCapacityUnits"], given["WriteCapacityUnits"]

    assert units(home) == units(other) == (5, 6)
    override = {"ProvisionedThroughputOverride": {"ReadCapacityUnits": 9}}
    update = {"Update": {"RegionName": OTHER, **override, "TableClassOverride": "STANDARD"}}
    home.update_table(TableName="things", ReplicaUpdates=[update])
    clock.wait_until_idle()
    assert (units(home), units(other)) == ((5, 6), (9, 6))
    assert (
        override.items() <= home.describe_table(TableName="things")["Table"]["Replicas"][0].items()
    )
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 8}
    home.update_table(TableName="things", ProvisionedThroughput=throughput)
    assert (units(home), units(other)) == ((5, 8), (9, 8))
    throughput = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}
    home.update_table(TableName="things", ProvisionedThroughput=throughput)
    assert units(home) == units(other) == (7, 8)
    replica = home.describe_table(TableName="things")["Table"]["Replicas"][0]
    assert "ProvisionedThroughputOverride" not in replica
    arn = home.describe_table(TableName="things")["Table"]["TableArn"]
    home.tag_resource(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    there = other.describe_table(TableName="things")["Table"]["TableArn"]
    assert other.list_tags_of_resource(ResourceArn=there)["Tags"] == []


def test_auto_scaling_is_kept_and_told(regions: dict[str, Any], clock: Any) -> None:
    """Of global tables only: writing for all regions at once, reading for each. The answer tells what was before."""
    home, other = regions[HOME], regions[OTHER]
    make_simple_table(home)
    for operation in (
        home.describe_table_replica_auto_scaling,
        home.update_table_replica_auto_scaling,
    ):
        assert refusal(operation, TableName="simple") == (
            "ResourceNotFoundException",
            "Global table with name: 'simple' does not exist.",
        )
    make_global(regions, clock)
    off = {"AutoScalingDisabled": True, "ScalingPolicies": []}
    told = other.describe_table_replica_auto_scaling(TableName="things")
    assert told["TableAutoScalingDescription"] == {
        "TableName": "things",
        "TableStatus": "ACTIVE",
        "Replicas": [
            {
                "RegionName": region,
                "GlobalSecondaryIndexes": [],
                "ReplicaProvisionedReadCapacityAutoScalingSettings": off,
                "ReplicaProvisionedWriteCapacityAutoScalingSettings": off,
                "ReplicaStatus": "ACTIVE",
            }
            for region in (OTHER, HOME)
        ],
    }
    target = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70.0}}
    wish = {"MinimumUnits": 1, "MaximumUnits": 10, "ScalingPolicyUpdate": target}
    update = home.update_table_replica_auto_scaling
    code, message = refusal(
        update, TableName="things", ProvisionedWriteCapacityAutoScalingUpdate=wish
    )
    assert code == "ValidationException"
    assert "BillingMode is PayPerRequest. You must convert table's BillingMode" in message
    home.update_table(
        TableName="things",
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    quoted = "\N{LEFT SINGLE QUOTATION MARK}things\N{RIGHT SINGLE QUOTATION MARK}"
    failed = f"Failed to update settings for global table with name: {quoted}"
    for asked, message in (
        (
            {"ProvisionedWriteCapacityAutoScalingUpdate": {}},
            f"{failed}: Parameters 'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits' are required unless "
            "auto scaling is being disabled.",
        ),
        ({}, f"{failed} because at least one update parameter must be specified."),
    ):
        assert refusal(update, TableName="things", **asked) == ("ValidationException", message)
    read = {"ReplicaProvisionedReadCapacityAutoScalingUpdate": wish}
    answer = update(
        TableName="things",
        ProvisionedWriteCapacityAutoScalingUpdate=wish,
        ReplicaUpdates=[{"RegionName": OTHER, **read}],
    )["TableAutoScalingDescription"]["Replicas"]
    assert answer == told["TableAutoScalingDescription"]["Replicas"]
    there, here = home.describe_table_replica_auto_scaling(TableName="things")[
        "TableAutoScalingDescription"
    ]["Replicas"]
    for replica in (there, here):
        given = replica["ReplicaProvisionedWriteCapacityAutoScalingSettings"]
        assert (given["MinimumUnits"], given["MaximumUnits"]) == (1, 10)
        (policy,) = given["ScalingPolicies"]
        assert policy["PolicyName"] == "DynamoDBWriteCapacityUtilization:table/things"
    assert "MinimumUnits" in there["ReplicaProvisionedReadCapacityAutoScalingSettings"]
    assert here["ReplicaProvisionedReadCapacityAutoScalingSettings"] == off
    add_replica(home, THIRD)
    clock.wait_until_idle()
    assert statuses(home) == {OTHER: "ACTIVE", THIRD: "ACTIVE"}
    update(
        TableName="things", ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True}
    )
    told = home.describe_table_replica_auto_scaling(TableName="things")
    for replica in told["TableAutoScalingDescription"]["Replicas"]:
        assert replica["ReplicaProvisionedWriteCapacityAutoScalingSettings"] == off


def test_replication_has_its_role(client: Callable[..., Any], clock: Any) -> None:
    """The service makes it with an account's first replica; a second one finds it."""
    regions, iam = clients(client), client("iam")
    for name in ("things", "others"):
        make_table(regions[HOME], name)
        add_replica(regions[HOME], OTHER, name)
        clock.wait_until_idle()
        role = iam.get_role(RoleName="AWSServiceRoleForDynamoDBReplication")["Role"]
        assert role["Path"] == "/aws-service-role/replication.dynamodb.amazonaws.com/"


def test_version_2017_is_closed(regions: dict[str, Any], clock: Any) -> None:
    """No global table of it can be made, so none is found; those of the present version are none of it."""
    home = regions[HOME]
    make_global(regions, clock)
    name = {"GlobalTableName": "things"}
    closed = (
        "ValidationException",
        INVALID
        + "DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global "
        "tables version 2019.11.21, instead of version 2017.11.29 (Legacy).",
    )
    missing = "Global table with name: 'things' does not exist."
    group = [{"RegionName": HOME}, {"RegionName": OTHER}]
    assert refusal(home.create_global_table, ReplicationGroup=group, **name) == closed
    assert refusal(home.update_global_table, ReplicaUpdates=[create(THIRD)], **name) == closed
    delete = [{"Delete": {"RegionName": OTHER}}]
    not_found = ("GlobalTableNotFoundException", missing)
    assert refusal(home.update_global_table, ReplicaUpdates=delete, **name) == not_found
    assert refusal(home.describe_global_table_settings, **name) == not_found
    billing = {"GlobalTableBillingMode": "PROVISIONED"}
    assert refusal(home.update_global_table_settings, **name, **billing) == not_found
    assert refusal(home.describe_global_table, **name) == (
        "GlobalTableNotFoundException",
        f"Global table not found: {missing}",
    )
    assert home.list_global_tables(RegionName=OTHER, Limit=1)["GlobalTables"] == []
