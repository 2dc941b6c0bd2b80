"""Which items an export tells, and which attributes of them.

AWS: ExportTableToPointInTime, FilterSpecification: the expressions of Query and Scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.expressions.conditions import Test
from pilvi.services.dynamodb.expressions.programs import Program, placeholders_of
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.queries import Source, query_span
from pilvi.services.dynamodb.tables import Table, item_of, pack_item
from pilvi.services.dynamodb.values import Item

_EXPRESSIONS = ("FilterExpression", "ProjectionExpression", "KeyConditionExpression")


class Filter:
    """A specification, compiled for one table."""

    def __init__(self, specification: Mapping[str, Any], table: Table) -> None:
        """Raises: ValidationException."""
        placeholders = placeholders_of(
            specification,
            specification.get("ExpressionAttributeNames"),
            specification.get("ExpressionAttributeValues"),
            _EXPRESSIONS,
        )
        self._items = table.items
        self._span: tuple[bytes, bytes] | None = None
        self._keep: Program[Test] | None = None
        self._project: Program[Project] | None = None
        self._values: Item = placeholders.values
        text = specification.get("FilterExpression")
        if text is not None:
            self._keep = placeholders.condition(text, "FilterExpression")
            table.refuse_nested(self._keep.nested)
        text = specification.get("ProjectionExpression")
        if text is not None:
            self._project = placeholders.projection(text)
            table.refuse_nested(self._project.nested)
        text = specification.get("KeyConditionExpression")
        if text is not None:
            conditions = placeholders.key_condition(text, table.key_count).run
            self._span = query_span(Source(table, None), conditions, self._values).keys
            self._refuse_keys(table)
        placeholders.refuse_unused()

    def _refuse_keys(self, table: Table) -> None:
        for name in table.key_names:
            if self._keep is not None and name in self._keep.attributes:
                raise invalid(
                    "Filter Expression can only contain non-primary key attributes: "
                    f"Primary key attribute: {name}"
                )

    def apply(self, place: bytes, stored: bytes) -> bytes | None:
        """What is told of an item, in its stored form; None for nothing."""
        if self._span is not None:
            start, end = self._span
            if not start <= self._items + place < end:
                return None
        if self._keep is None and self._project is None:
            return stored
        item = item_of(stored)
        if self._keep is not None and not self._keep.run(item, self._values):
            return None
        return stored if self._project is None else pack_item(self._project.run(item), 0)
