"""Query and Scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pilvi.kit.call import Call
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.expressions.conditions import Test
from pilvi.services.dynamodb.expressions.legacy import (
    attributes_to_get,
    filtered,
    key_conditions,
    refuse_mixing,
)
from pilvi.services.dynamodb.expressions.programs import Placeholders, Program, placeholders_of
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.queries import (
    Page,
    Reading,
    Source,
    check_start_names,
    check_start_values,
    continue_behind,
    continue_query,
    query_span,
    read_page,
    segment_span,
    start_key,
)
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import check_name, get_table
from pilvi.services.dynamodb.values import Item
from pilvi.services.dynamodb.wire import QueryInput, QueryOutput, ScanInput, ScanOutput
from pilvi.store.api import Snapshot

_SCAN_EXPRESSIONS = ("ProjectionExpression", "FilterExpression")
_QUERY_EXPRESSIONS = (*_SCAN_EXPRESSIONS, "KeyConditionExpression")
_SCAN_LEGACY = ("AttributesToGet", "ScanFilter", "ConditionalOperator")
_QUERY_LEGACY = ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions")


@dynamodb.read("Query")
def query(call: Call, at: Snapshot, req: QueryInput) -> QueryOutput:
    """Read the items of one partition key, in the order of the range key, a page at a time.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: Query; Developer Guide, "Querying tables in DynamoDB".
    """
    check_name(call.scope, req["TableName"])
    legacy = refuse_mixing(req, _QUERY_LEGACY, _QUERY_EXPRESSIONS)
    asked = _legacy(req, "QueryFilter") if legacy else _Asked(None, None, {})
    if "ExclusiveStartKey" in req:
        check_start_values(req["ExclusiveStartKey"])
    if "KeyConditionExpression" not in req and "KeyConditions" not in req:
        raise invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request."
        )
    placeholders = _expressions(req, _QUERY_EXPRESSIONS, asked)
    most = limits.INDEX_KEY_SCHEMA_MAX if "IndexName" in req else limits.KEY_SCHEMA_MAX
    if "KeyConditionExpression" in req:
        conditions = placeholders.key_condition(req["KeyConditionExpression"], most).run
        key_values = placeholders.values
    else:
        conditions, key_values = key_conditions(req["KeyConditions"], most)
    placeholders.refuse_unused()
    source = _source(call, at, req)
    start: Item | None = req.get("ExclusiveStartKey")
    if start is not None:
        check_start_names(source, start, queried=True)
    span = query_span(source, conditions, key_values)
    reading = Reading(source, *span.keys, reverse=not req.get("ScanIndexForward", True))
    if start is not None:
        continue_query(reading, span, start)
    if asked.project is not None:
        source.table.refuse_nested(asked.project.nested)
    if asked.keep is not None:
        what = "QueryFilter" if "QueryFilter" in req else "Filter Expression"
        for attribute in source.attributes:
            if attribute.name in asked.keep.attributes:
                raise invalid(
                    f"{what} can only contain non-primary key attributes: "
                    f"Primary key attribute: {attribute.name}"
                )
    _decide(req, reading, asked)
    return _answer(req, reading, read_page(at, reading))


@dynamodb.read("Scan")
def scan(call: Call, at: Snapshot, req: ScanInput) -> ScanOutput:
    """Read all items, or those of one segment, a page at a time, in an order without meaning.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: Scan; Developer Guide, "Scanning tables in DynamoDB".
    """
    check_name(call.scope, req["TableName"])
    legacy = refuse_mixing(req, _SCAN_LEGACY, _SCAN_EXPRESSIONS)
    asked = _legacy(req, "ScanFilter") if legacy else _Asked(None, None, {})
    if "ExclusiveStartKey" in req:
        check_start_values(req["ExclusiveStartKey"])
    segment, total = _segment(req)
    _expressions(req, _SCAN_EXPRESSIONS, asked).refuse_unused()
    source = _source(call, at, req)
    reading = Reading(source, *segment_span(source, segment, total))
    start: Item | None = req.get("ExclusiveStartKey")
    if start is not None:
        check_start_names(source, start, queried=False)
    if asked.project is not None:
        source.table.refuse_nested(asked.project.nested)
    _decide(req, reading, asked)
    if start is not None:
        place = start_key(source, start)
        if not reading.start <= place < reading.end:
            raise invalid(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                "ExclusiveStartKey with correct Segment. TotalSegments: "
                f"{total} Segment: {segment}"
            )
        continue_behind(reading, place)
    return _answer(req, reading, read_page(at, reading))


@dataclass(slots=True)
class _Asked:
    """What is kept of the items that are read, and what is shown of them."""

    keep: Program[Test] | None
    project: Program[Project] | None
    values: Item


def _legacy(req: Mapping[str, Any], member: str) -> _Asked:
    """What the parameters from before expressions ask for. Raises: ValidationException."""
    keep, values = filtered(req, member)
    listed = req.get("AttributesToGet")
    return _Asked(keep, None if listed is None else attributes_to_get(listed), values)


def _expressions(
    req: Mapping[str, Any], expressions: tuple[str, ...], asked: _Asked
) -> Placeholders:
    """Add what filter and projection expressions ask for. Raises: ValidationException."""
    placeholders = placeholders_of(
        req,
        req.get("ExpressionAttributeNames"),
        req.get("ExpressionAttributeValues"),
        expressions,
    )
    text = req.get("FilterExpression")
    if text is not None:
        asked.keep = placeholders.condition(text, "FilterExpression")
        asked.values = placeholders.values
    text = req.get("ProjectionExpression")
    if text is not None:
        asked.project = placeholders.projection(text)
    return placeholders


def _segment(req: Mapping[str, Any]) -> tuple[int, int]:
    segment, total = req.get("Segment"), req.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    if total is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segment is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when "
            "parameter TotalSegments is present"
        )
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total


def _source(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Source:
    table = get_table(at, call.scope, req["TableName"])
    name = req.get("IndexName")
    if name is None:
        return Source(table, None)
    index = table.get_index(name)
    if not index.record.local and req.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return Source(table, index)


def _decide(req: Mapping[str, Any], reading: Reading, asked: _Asked) -> None:
    """What is read beyond the keys, and what of it is answered. Raises: ValidationException."""
    index = reading.source.index
    project, keep = asked.project, asked.keep
    select = req.get("Select")
    if select is None:
        if project is not None:
            select = "SPECIFIC_ATTRIBUTES"
        else:
            select = "ALL_ATTRIBUTES" if index is None else "ALL_PROJECTED_ATTRIBUTES"
    if project is not None and select != "SPECIFIC_ATTRIBUTES":
        what = "AttributesToGet" if "AttributesToGet" in req else "ProjectionExpression"
        got = "only the Count" if select == "COUNT" else select
        raise invalid(f"Cannot specify the {what} when choosing to get {got}")
    if project is None and select == "SPECIFIC_ATTRIBUTES":
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise invalid_values(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        )
    if index is not None and index.projected is not None:
        missing: list[str] = []
        if project is not None:
            missing = sorted(project.attributes - index.projected)
        if index.record.local:
            reading.fetched = bool(missing) or select == "ALL_ATTRIBUTES"
        elif missing:
            raise invalid_values(
                f"Global secondary index {index.name} does not project [{', '.join(missing)}]"
            )
        elif select == "ALL_ATTRIBUTES":
            raise invalid_values(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index "
                f"{index.name} because its projection type is not ALL"
            )
    reading.limit = req.get("Limit")
    reading.consistent = req.get("ConsistentRead", False)
    reading.counted = select == "COUNT"
    reading.values = asked.values
    if keep is not None:
        reading.source.table.refuse_nested(keep.nested)
        reading.keep = keep.run
    if project is not None:
        reading.project = project.run


def _answer(req: Mapping[str, Any], reading: Reading, page: Page) -> QueryOutput:
    """A Scan's answer has the same members."""
    result: QueryOutput = {"Count": page.count, "ScannedCount": page.scanned}
    if not reading.counted:
        result["Items"] = page.items
    if page.last_key is not None:
        result["LastEvaluatedKey"] = page.last_key
    wanted = req.get("ReturnConsumedCapacity", "NONE")
    if wanted != "NONE":
        result["ConsumedCapacity"] = page.consumption.answer(wanted)
    return result
