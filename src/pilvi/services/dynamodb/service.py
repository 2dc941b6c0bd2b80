"""DynamoDB: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.dynamodb.tables import table_arn


def _table(call: Call, req: Mapping[str, Any]) -> str:
    return table_arn(call.scope, str(req.get("TableName", "*")))


def _table_or_index(call: Call, req: Mapping[str, Any]) -> str:
    arn = _table(call, req)
    index = req.get("IndexName")
    return arn if index is None else f"{arn}/index/{index}"


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("ResourceArn", "*"))


def _batch(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    items = req.get("RequestItems")
    if not isinstance(items, dict):
        return ()
    return [table_arn(call.scope, str(name)) for name in items]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _nothing_itself(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    """A transaction as such acts on nothing; its members do."""
    return ()


_MEMBER_ACTIONS = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


def _each_member(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A transaction needs permission for each of its members, as if they were requests of their own."""
    for member in _objects(req.get("TransactItems")):
        for kind, action in _MEMBER_ACTIONS.items():
            for request in _objects([member.get(kind)]):
                yield Permission(action, (_table(call, request),))


def _objects(given: Any) -> Iterator[Mapping[str, Any]]:
    """Those elements of a list that are objects; the validation behind this step refuses all others."""
    for one in cast("list[object]", given) if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)


dynamodb = Service(
    "dynamodb",
    acts={
        "CreateTable": Acts(_table),
        "DescribeTable": Acts(_table),
        "ListTables": Acts(everything),
        "UpdateTable": Acts(_table),
        "DeleteTable": Acts(_table),
        "DescribeTimeToLive": Acts(_table),
        "UpdateTimeToLive": Acts(_table),
        "DescribeContinuousBackups": Acts(_table),
        "TagResource": Acts(_tagged),
        "UntagResource": Acts(_tagged),
        "ListTagsOfResource": Acts(_tagged),
        "DescribeLimits": Acts(everything),
        "DescribeEndpoints": Acts(everything),
        "PutItem": Acts(_table),
        "GetItem": Acts(_table),
        "UpdateItem": Acts(_table),
        "DeleteItem": Acts(_table),
        "Query": Acts(_table_or_index),
        "Scan": Acts(_table_or_index),
        "BatchGetItem": Acts(_batch),
        "BatchWriteItem": Acts(_batch),
        "TransactGetItems": Acts(_nothing_itself, also=_each_member),
        "TransactWriteItems": Acts(_nothing_itself, also=_each_member),
    },
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
