"""DynamoDB: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, ResourceOf, Service, everything, the_request
from pilvi.services.dynamodb import access
from pilvi.services.dynamodb.health import CONTENT_TYPES
from pilvi.services.dynamodb.partiql import access as partiql
from pilvi.services.dynamodb.policies.access import on_table
from pilvi.services.dynamodb.policies.replicas import global_table, of_regions, of_replicas
from pilvi.services.dynamodb.tables import table_arn


def _table(call: Call, req: Mapping[str, Any]) -> str:
    return table_arn(call.scope, str(req.get("TableName", "*")))


def _table_or_index(call: Call, req: Mapping[str, Any]) -> str:
    arn = _table(call, req)
    index = req.get("IndexName")
    return arn if index is None else f"{arn}/index/{index}"


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("ResourceArn", "*"))


def _imported(call: Call, req: Mapping[str, Any]) -> str:
    given = req.get("TableCreationParameters")
    return _table(call, cast("dict[str, Any]", given) if isinstance(given, dict) else {})


def _exported(call: Call, req: Mapping[str, Any]) -> str:
    return table_arn(call.scope, str(req.get("TableArn", "*")))


def _transfer(member: str) -> ResourceOf:
    """The import or export that a member names by its ARN."""
    return lambda call, req: str(req.get(member, "*"))


def _nothing_itself(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    """A batch or a transaction as such acts on nothing; its members do."""
    return ()


def _batch_read(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    for name, part in _by_table(req):
        if isinstance(part, dict):
            read = cast("dict[str, Any]", part)
            told = {**_above(req), **read, "Items": list(_objects(read.get("Keys")))}
            yield Permission("dynamodb:BatchGetItem", (table_arn(call.scope, name),), told=told)


def _batch_written(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    for name, part in _by_table(req):
        items: list[Mapping[str, Any]] = []
        for member in _objects(part):
            for request in _objects([member.get("PutRequest"), member.get("DeleteRequest")]):
                items += _objects([request.get("Item"), request.get("Key")])
        told = {**_above(req), "Items": items}
        yield Permission("dynamodb:BatchWriteItem", (table_arn(call.scope, name),), told=told)


def _by_table(req: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    given = req.get("RequestItems")
    if isinstance(given, dict):
        for name, part in cast("dict[object, object]", given).items():
            yield str(name), part


def _above(req: Mapping[str, Any]) -> dict[str, Any]:
    """What a batch or a transaction asks for all of its members."""
    name = "ReturnConsumedCapacity"
    return {name: req[name]} if name in req else {}


_MEMBER_ACTIONS = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


def _each_member(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A transaction needs permission for each of its members, as if they were requests of their own."""
    context = {"dynamodb:enclosingoperation": (call.operation,)}
    for member in _objects(req.get("TransactItems")):
        for kind, action in _MEMBER_ACTIONS.items():
            for request in _objects([member.get(kind)]):
                told = {**_above(req), **request}
                yield Permission(action, (_table(call, request),), context, told)


def _objects(given: Any) -> Iterator[Mapping[str, Any]]:
    """Those elements of a list that are objects; the validation behind this step refuses all others."""
    for one in cast("list[object]", given) if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)


_TAGS = tags.listed("Tags")


def _furnishing(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A table that is made with tags needs the permission to tag, too; one with a policy that to put it."""
    if "ResourcePolicy" in req:
        yield Permission("dynamodb:PutResourcePolicy", (_table(call, req),))
    if req.get("Tags"):
        context = tags.of_request(_TAGS(req))
        yield Permission("dynamodb:TagResource", (_table(call, req),), context)


def _backup(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("BackupArn", "*"))


def _backup_and_target(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    return _backup(call, req), _target_table(call, req)


def _source_table(call: Call, req: Mapping[str, Any]) -> str:
    return table_arn(call.scope, str(req.get("SourceTableArn", req.get("SourceTableName", "*"))))


def _target_table(call: Call, req: Mapping[str, Any]) -> str:
    return table_arn(call.scope, str(req.get("TargetTableName", "*")))


_FILLING = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")


def _filling_target(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Who restores must be allowed to read and write the table that is made: all of its items and attributes."""
    told = {"Items": [{"*": {"S": "*"}}]}  # who may write only certain ones may not do this
    for name in _FILLING:
        yield Permission(f"dynamodb:{name}", (_target_table(call, req),), told=told)


dynamodb = Service(
    "dynamodb",
    acts={
        "CreateTable": Acts(_table, tags=_TAGS, also=_furnishing),
        "DescribeTable": Acts(_table),
        "ListTables": Acts(everything),
        "UpdateTable": Acts(_table, also=of_replicas),
        "DeleteTable": Acts(_table),
        "DescribeTimeToLive": Acts(_table),
        "UpdateTimeToLive": Acts(_table),
        "DescribeContinuousBackups": Acts(_table),
        "UpdateContinuousBackups": Acts(_table),
        "CreateBackup": Acts(_table),
        "DescribeBackup": Acts(_backup),
        "ListBackups": Acts(everything),
        "DeleteBackup": Acts(_backup),
        "RestoreTableFromBackup": Acts(_backup_and_target, also=_filling_target),
        "RestoreTableToPointInTime": Acts(_source_table, also=_filling_target),
        "TagResource": Acts(_tagged, tags=_TAGS),
        "UntagResource": Acts(_tagged, tags=tags.named("TagKeys")),
        "ListTagsOfResource": Acts(_tagged),
        "EnableKinesisStreamingDestination": Acts(_table),
        "DisableKinesisStreamingDestination": Acts(_table),
        "DescribeKinesisStreamingDestination": Acts(_table),
        "UpdateKinesisStreamingDestination": Acts(_table),
        "UpdateContributorInsights": Acts(_table_or_index),
        "DescribeContributorInsights": Acts(_table_or_index),
        "ListContributorInsights": Acts(everything),
        "DescribeTableReplicaAutoScaling": Acts(_table),
        "UpdateTableReplicaAutoScaling": Acts(_table),
        "CreateGlobalTable": Acts(of_regions("ReplicationGroup")),
        "DescribeGlobalTable": Acts(global_table),
        "ListGlobalTables": Acts(everything),
        "UpdateGlobalTable": Acts(of_regions("ReplicaUpdates")),
        "DescribeGlobalTableSettings": Acts(global_table),
        "UpdateGlobalTableSettings": Acts(of_regions("ReplicaSettingsUpdate")),
        "PutResourcePolicy": Acts(_tagged),
        "GetResourcePolicy": Acts(_tagged),
        "DeleteResourcePolicy": Acts(_tagged),
        "DescribeLimits": Acts(everything),
        "DescribeEndpoints": Acts(everything),
        "ImportTable": Acts(_imported),
        "DescribeImport": Acts(_transfer("ImportArn")),
        "ListImports": Acts(everything),
        "ExportTableToPointInTime": Acts(_exported),
        "DescribeExport": Acts(_transfer("ExportArn")),
        "ListExports": Acts(everything),
        "PutItem": Acts(_table, told=the_request),
        "GetItem": Acts(_table, told=the_request),
        "UpdateItem": Acts(_table, told=the_request),
        "DeleteItem": Acts(_table, told=the_request),
        "Query": Acts(_table_or_index, told=the_request),
        "Scan": Acts(_table_or_index, told=the_request),
        "BatchGetItem": Acts(_nothing_itself, also=_batch_read),
        "BatchWriteItem": Acts(_nothing_itself, also=_batch_written),
        "TransactGetItems": Acts(_nothing_itself, also=_each_member),
        "TransactWriteItems": Acts(_nothing_itself, also=_each_member),
        "ExecuteStatement": Acts(_nothing_itself, also=partiql.of_statement),
        "BatchExecuteStatement": Acts(_nothing_itself, also=partiql.of_batch),
        "ExecuteTransaction": Acts(_nothing_itself, also=partiql.of_transaction),
    },
    content_types=CONTENT_TYPES,
    gzip=True,
    condition_keys=frozenset({"dynamodb:enclosingoperation"}),
    accepted={
        "UpdateContributorInsights": {
            "ContributorInsightsAction": "It is kept and told; nobody counts contributors.",
            "ContributorInsightsMode": "It is kept and told; nobody counts contributors.",
        }
    },
    tells=access.tells,
    on_resource=on_table,
    opaque=frozenset(
        (
            "AttributeValue",
            "AttributeMap",
            "ExpressionAttributeValueMap",
            "ItemList",
            "Key",
            "PutItemInputAttributeMap",
        )
    ),
    body_bytes_max=16 * 1024 * 1024 + 512 * 1024,
)
