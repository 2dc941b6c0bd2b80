"""Reading items by their keys: what GetItem, BatchGetItem and TransactGetItems have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pilvi.services.dynamodb.expressions.programs import placeholders_of
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.tables import fragment_of, item_of
from pilvi.services.dynamodb.values import Item


def projection_of(req: Mapping[str, Any]) -> Project | None:
    """The ProjectionExpression of a request without other expressions. Raises: ValidationException."""
    text, names = req.get("ProjectionExpression"), req.get("ExpressionAttributeNames")
    if text is None and names is None:
        return None
    placeholders = placeholders_of(req, names, None, ("ProjectionExpression",))
    program = placeholders.projection(text or "")
    placeholders.refuse_unused()
    return program.run


def shown(stored: bytes, project: Project | None) -> orjson.Fragment | Item:
    """An item for an answer: as it is stored, or the part that was asked for."""
    return fragment_of(stored) if project is None else project(item_of(stored))
