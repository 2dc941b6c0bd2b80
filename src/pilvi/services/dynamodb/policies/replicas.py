"""What requests about global tables act on: tables of other regions, too.

AWS: DynamoDB Developer Guide, "DynamoDB global tables security", "Using IAM with global tables".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.services.dynamodb.tables import table_arn

_OF_A_NEW_REPLICA = (
    "dynamodb:CreateTableReplica",
    "dynamodb:Scan",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "dynamodb:PutItem",
    "dynamodb:GetItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
)
_ACTIONS = {
    "Create": _OF_A_NEW_REPLICA,
    "Update": ("dynamodb:UpdateTable",),
    "Delete": ("dynamodb:DeleteTableReplica",),
}
Named = Callable[[Call, Mapping[str, Any]], Sequence[str]]


def of_replicas(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """What UpdateTable does with replicas needs permission in their regions."""
    own = table_arn(call.scope, str(req.get("TableName", "*")))
    _, _, name = own.partition(":table/")
    for update in _objects(req.get("ReplicaUpdates")):
        for kind, actions in _ACTIONS.items():
            for asked in _objects([update.get(kind)]):
                arn = _arn(call, str(asked.get("RegionName", "")), f"table/{name or '*'}")
                for action in actions:
                    yield Permission(action, (arn,), told=asked)


def global_table(call: Call, req: Mapping[str, Any]) -> str:
    return _arn(call, "", f"global-table/{req.get('GlobalTableName', '*')}")


def of_regions(member: str) -> Named:
    """A global table of version 2017.11.29, and its tables in this region and those that the member names."""

    def named(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
        regions = {call.scope.region: True}
        for one in _objects(req.get(member)):
            for told in _objects([one, one.get("Create"), one.get("Delete")]):
                if "RegionName" in told:
                    regions[str(told["RegionName"])] = True
        table = f"table/{req.get('GlobalTableName', '*')}"
        return (global_table(call, req), *(_arn(call, region, table) for region in regions))

    return named


def _arn(call: Call, region: str, resource: str) -> str:
    scope = call.scope
    return f"arn:{scope.partition}:dynamodb:{region}:{scope.account}:{resource}"


def _objects(given: Any) -> Iterator[Mapping[str, Any]]:
    """Those elements of a list that are objects; the validation behind this step refuses all others."""
    for one in cast("list[object]", given) if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)
