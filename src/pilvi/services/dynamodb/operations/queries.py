"""Query and Scan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.expressions.conditions import Test
from pilvi.services.dynamodb.expressions.programs import Placeholders, Program, placeholders_of
from pilvi.services.dynamodb.expressions.projections import Project
from pilvi.services.dynamodb.queries import (
    Page,
    Reading,
    Source,
    continue_behind,
    query_span,
    read_page,
    segment_span,
    start_key,
)
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import get_table
from pilvi.services.dynamodb.wire import QueryInput, QueryOutput, ScanInput, ScanOutput
from pilvi.store.api import Snapshot

_SCAN_EXPRESSIONS = ("FilterExpression", "ProjectionExpression")
_QUERY_EXPRESSIONS = (*_SCAN_EXPRESSIONS, "KeyConditionExpression")


@dynamodb.read("Query")
def query(call: Call, at: Snapshot, req: QueryInput) -> QueryOutput:
    """Read the items of one partition key, in the order of the range key, a page at a time.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: Query; Developer Guide, "Querying tables in DynamoDB".
    """
    for member in ("KeyConditions", "QueryFilter"):
        if member in req:
            raise NotBuilt(what=f"the legacy member {member} of dynamodb.Query")
    if "KeyConditionExpression" not in req:
        raise invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request."
        )
    placeholders = _placeholders(req, _QUERY_EXPRESSIONS)
    keep = _filter(req, placeholders)
    project = _projection(req, placeholders)
    conditions = placeholders.key_condition(req["KeyConditionExpression"])
    placeholders.refuse_unused()
    source = _source(call, at, req)
    start, end = query_span(source, conditions.run, placeholders.values)
    if keep is not None:
        for attribute in (source.hash, source.range):
            if attribute is not None and attribute.name in keep.attributes:
                raise invalid(
                    "Filter Expression can only contain non-primary key attributes: "
                    f"Primary key attribute: {attribute.name}"
                )
    reading = Reading(source, start, end, reverse=not req.get("ScanIndexForward", True))
    _decide(req, reading, keep, project, placeholders)
    if "ExclusiveStartKey" in req:
        continue_behind(
            reading,
            start_key(source, req["ExclusiveStartKey"]),
            outside="The provided starting key is outside query boundaries based on provided conditions",
        )
    return _answer(req, reading, read_page(at, reading))


@dynamodb.read("Scan")
def scan(call: Call, at: Snapshot, req: ScanInput) -> ScanOutput:
    """Read all items, or those of one segment, a page at a time, in an order without meaning.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: Scan; Developer Guide, "Scanning tables in DynamoDB".
    """
    if "ScanFilter" in req:
        raise NotBuilt(what="the legacy member ScanFilter of dynamodb.Scan")
    segment, total = _segment(req)
    placeholders = _placeholders(req, _SCAN_EXPRESSIONS)
    keep = _filter(req, placeholders)
    project = _projection(req, placeholders)
    placeholders.refuse_unused()
    source = _source(call, at, req)
    reading = Reading(source, *segment_span(source, segment, total))
    _decide(req, reading, keep, project, placeholders)
    if "ExclusiveStartKey" in req:
        continue_behind(
            reading,
            start_key(source, req["ExclusiveStartKey"]),
            outside="The provided starting key is invalid"
            if total == 1
            else "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
            "ExclusiveStartKey with correct Segment. TotalSegments: "
            f"{total} Segment: {segment}",
        )
    return _answer(req, reading, read_page(at, reading))


def _segment(req: Mapping[str, Any]) -> tuple[int, int]:
    segment, total = req.get("Segment"), req.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    if segment is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when "
            "TotalSegments is present"
        )
    if total is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total


def _placeholders(req: Mapping[str, Any], expressions: tuple[str, ...]) -> Placeholders:
    return placeholders_of(
        req,
        req.get("ExpressionAttributeNames"),
        req.get("ExpressionAttributeValues"),
        expressions,
    )


def _filter(req: Mapping[str, Any], placeholders: Placeholders) -> Program[Test] | None:
    text = req.get("FilterExpression")
    return None if text is None else placeholders.condition(text, "FilterExpression")


def _projection(req: Mapping[str, Any], placeholders: Placeholders) -> Program[Project] | None:
    text = req.get("ProjectionExpression")
    return None if text is None else placeholders.projection(text)


def _source(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Source:
    table = get_table(at, call.scope, req["TableName"])
    name = req.get("IndexName")
    if name is None:
        return Source(table, None)
    index = table.get_index(name)
    if not index.record.local and req.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return Source(table, index)


def _decide(
    req: Mapping[str, Any],
    reading: Reading,
    keep: Program[Test] | None,
    project: Program[Project] | None,
    placeholders: Placeholders,
) -> None:
    """What is read beyond the keys, and what of it is answered. Raises: ValidationException."""
    index = reading.source.index
    select = req.get("Select")
    if select is None:
        if project is not None:
            select = "SPECIFIC_ATTRIBUTES"
        else:
            select = "ALL_ATTRIBUTES" if index is None else "ALL_PROJECTED_ATTRIBUTES"
    if project is not None and select != "SPECIFIC_ATTRIBUTES":
        raise invalid(f"Cannot specify the ProjectionExpression when choosing to get {select}")
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
    reading.values = placeholders.values
    if keep is not None:
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
