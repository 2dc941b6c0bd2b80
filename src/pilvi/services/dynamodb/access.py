"""What a request tells policies of the items and attributes that it is about, when one of them asks.

The names of a table's key attributes are in the store, and expressions must be read, so nothing of this is done for
a request that no such policy applies to. What the handler would refuse (an expression that is none) is refused here.
AWS: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pilvi.base.arn import Arn
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.expressions.programs import Placeholders
from pilvi.services.dynamodb.partiql.access import STATED, Stated
from pilvi.services.dynamodb.policies.access import side_of
from pilvi.services.dynamodb.tables import Table, find_table
from pilvi.services.dynamodb.values import Item, Value, measure
from pilvi.store.api import Snapshot

Request = Mapping[str, Any]

_GIVEN = {
    "dynamodb:returnvalues": "ReturnValues",
    "dynamodb:returnconsumedcapacity": "ReturnConsumedCapacity",
}
_READS = frozenset({"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"})
_CONDITIONS = ("ConditionExpression", "FilterExpression")
_BY_ATTRIBUTE = ("Expected", "AttributeUpdates", "QueryFilter", "ScanFilter", "KeyConditions")
"""Legacy members: maps from attributes to what is to be true, or to become, of them."""


async def _tell(call: Call, asked: Permission, resource: str) -> Mapping[str, tuple[str, ...]]:
    """Whom nobody lets in from another account is told nothing that is stored, so that a policy of their own cannot
    find it out."""
    side = await side_of(call, resource)
    if side.account not in ("", call.principal.account) and not side.policies:
        return {}
    return await call.view(lambda at: _told(at, asked, resource))


tells = Tells(
    frozenset(
        {
            *_GIVEN,
            *("aws:resourcetag/*", "dynamodb:attributes", "dynamodb:leadingkeys"),
            *("dynamodb:fulltablescan", "dynamodb:select"),
        }
    ),
    _tell,
)


def _told(at: Snapshot, asked: Permission, resource: str) -> dict[str, tuple[str, ...]]:
    """Raises: ValidationException."""
    table, index = _found(at, resource)
    told: dict[str, tuple[str, ...]] = {}
    if table is not None:
        found = records.tags.scan(at, table.record.home)
        told.update(tags.of_resource({tag.key: tag.value for tag in found}))
    if not isinstance(asked.told, Mapping):
        return told
    request = cast("Request", asked.told)
    stated = request.get(STATED)
    if isinstance(stated, Stated):
        return told | stated.told(table, index)
    told.update(_of_request(asked.action, request, index))
    placeholders = Placeholders(
        request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    )
    told["dynamodb:attributes"] = tuple(sorted(_attributes(request, placeholders)))
    key_name = None
    if table is not None and index is None:
        key_name = table.hash.name
    elif table is not None and index in table.indexes:
        key_name = table.indexes[index].hash.name
    leading = _leading(request, placeholders, key_name)
    told["dynamodb:leadingkeys"] = tuple(dict.fromkeys(map(_text, leading)))
    return told


def _found(at: Snapshot, resource: str) -> tuple[Table | None, str | None]:
    """The table of an ARN, and the name of the index, when the ARN is one's."""
    try:
        arn = Arn.parse(resource)
    except ValueError:
        return None, None
    kind, _, rest = arn.resource.partition("/")
    name, _, below = rest.partition("/")
    if kind != "table" or not name:
        return None, None
    return find_table(at, arn.scope, name), below.removeprefix("index/") or None


def _of_request(action: str, request: Request, index: str | None) -> dict[str, tuple[str, ...]]:
    told = {key: (str(request[name]),) for key, name in _GIVEN.items() if name in request}
    if action in _READS:
        select = request.get("Select")
        if select is None and ("ProjectionExpression" in request or "AttributesToGet" in request):
            select = "SPECIFIC_ATTRIBUTES"
        elif select is None:
            select = "ALL_ATTRIBUTES" if index is None else "ALL_PROJECTED_ATTRIBUTES"
        told["dynamodb:select"] = (str(select),)
    return told


def _attributes(request: Request, placeholders: Placeholders) -> Iterator[str]:
    """The top-level attributes that the request names, be it to read, to write or to compare them."""
    for item in _items(request):
        yield from item
    text = request.get("ProjectionExpression")
    if isinstance(text, str):
        yield from placeholders.projection(text).attributes
    text = request.get("UpdateExpression")
    if isinstance(text, str):
        yield from placeholders.update(text).attributes
    text = request.get("KeyConditionExpression")
    if isinstance(text, str):
        yield from placeholders.key_condition(text).attributes
    for member in _CONDITIONS:
        text = request.get(member)
        if isinstance(text, str):
            yield from placeholders.condition(text, member).attributes
    for member in _BY_ATTRIBUTE:
        yield from _object(request.get(member))
    for name in _list(request.get("AttributesToGet")):
        yield str(name)


def _leading(
    request: Request, placeholders: Placeholders, key_name: str | None
) -> Iterator[object]:
    """Values of the partition key. Where its name is unknown, because the table or the index is not there, every value
    counts: if it comes into being in this very moment, nobody has gained anything."""
    for item in _items(request):
        for name, value in item.items():
            if key_name is None or name == key_name:
                yield value
    text = request.get("KeyConditionExpression")
    if isinstance(text, str):
        for condition in placeholders.key_condition(text).run:
            if key_name is None or condition.attribute == key_name:
                yield from (placeholders.values[name] for name in condition.values)
    for name, condition in _object(request.get("KeyConditions")).items():
        if key_name is None or name == key_name:
            yield from _list(_object(condition).get("AttributeValueList"))


def _items(request: Request) -> Iterator[Item]:
    """Whole items and keys: `Items` are those of a part of a batch."""
    for given in (request.get("Key"), request.get("Item"), *request.get("Items", ())):
        if isinstance(given, dict):
            yield cast("Item", given)


def _object(given: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}


def _list(given: object) -> list[object]:
    return cast("list[object]", given) if isinstance(given, list) else []


def _text(value: object) -> str:
    """In the one form that a value has: 1.0 is 1. Raises: ValidationException."""
    measure(cast("Value", value))
    ((_, inner),) = cast("Value", value).items()
    return str(inner)
