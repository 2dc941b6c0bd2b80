"""What DynamoDB says otherwise than other services when a request breaks its model.

It is asked only when something is wrong. Enumerations are told in an order of their own; of what is wrong, a table's
name is told alone; some operations speak of sizes in other words than the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

ENUMERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "ComparisonOperator": (
        *("IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT", "NOT_NULL", "NE", "LE"),
        *("BEGINS_WITH", "GE", "CONTAINS"),
    ),
    "ConditionalOperator": ("OR", "AND"),
    "ProjectionType": ("ALL", "INCLUDE", "KEYS_ONLY"),
    "ReturnValue": ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"),
    "ScalarAttributeType": ("B", "N", "S"),
    "Select": ("SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
}
"""By the name of the shape."""

_TABLES: Final = frozenset({"CreateTable", "UpdateTable", "DeleteTable", "DescribeTable"})
_BATCHES: Final = frozenset({"BatchGetItem", "BatchWriteItem"})
_KEYS: Final = re.compile(r"Value '.*' at 'requestItems\.(.*)\.member\.keys' (.*)", re.DOTALL)


def report(operation: str, params: Mapping[str, Any], found: list[str]) -> str:
    """The whole text. `found`: what is wrong, each as all services say it."""
    name = params.get("TableName")
    if operation in _TABLES and name is None:
        return "The parameter 'TableName' is required but was not present in the request"
    if operation in _BATCHES and params.get("RequestItems") == {}:
        return f"The requestItems parameter is required for {operation}"
    told = "null" if name is None else f"'{name}'"
    about_name = [one for one in found if one.startswith(f"Value {told} at 'tableName' ")]
    if about_name:
        found = about_name[:1]
    elif operation == "UpdateItem":
        found = found[:1]
    found = [_worded(operation, params, one) for one in found]
    plural = "s" if len(found) > 1 else ""
    return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"


def _worded(operation: str, params: Mapping[str, Any], one: str) -> str:
    if operation == "Query":
        limit = f"Value '{params.get('Limit')}' at 'limit' "
        return f"Value at 'Limit' {one[len(limit) :]}" if one.startswith(limit) else one
    if operation == "BatchGetItem":
        keys = _KEYS.fullmatch(one)
        return one if keys is None else f"Value at 'RequestItems.{keys[1]}.member.Keys' {keys[2]}"
    return one
