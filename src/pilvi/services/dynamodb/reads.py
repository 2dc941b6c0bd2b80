"""Reading items by their keys: what GetItem, BatchGetItem and TransactGetItems have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pilvi.services.dynamodb.expressions.legacy import attributes_to_get, refuse_mixing
from pilvi.services.dynamodb.expressions.programs import Program, placeholders_of
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.tables import fragment_of, item_of
from pilvi.services.dynamodb.values import Item

_PROJECTION = ("ProjectionExpression",)


def projection_of(req: Mapping[str, Any]) -> Program[Project] | None:
    """The ProjectionExpression of a request without other expressions, or its AttributesToGet.

    Raises: ValidationException.
    """
    refuse_mixing(req, ("AttributesToGet",), _PROJECTION)
    text, names = req.get("ProjectionExpression"), req.get("ExpressionAttributeNames")
    if text is None and names is None:
        listed = req.get("AttributesToGet")
        return None if listed is None else attributes_to_get(listed)
    placeholders = placeholders_of(req, names, None, _PROJECTION)
    program = placeholders.projection(text or "")
    placeholders.refuse_unused()
    return program


def shown(stored: bytes, projection: Program[Project] | None) -> orjson.Fragment | Item:
    """An item for an answer: as it is stored, or the part that was asked for."""
    return fragment_of(stored) if projection is None else projection.run(item_of(stored))
