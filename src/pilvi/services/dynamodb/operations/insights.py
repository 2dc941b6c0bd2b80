"""Settings of contributor insights.

They are kept as they are asked for and told so; nobody counts contributors, so there are no rules.
AWS: DynamoDB Developer Guide, "Analyzing data access using CloudWatch contributor insights for DynamoDB".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile, islice

import msgspec

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors, records
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table, get_named_table
from pilvi.services.dynamodb.wire import (
    ContributorInsightsSummary,
    DescribeContributorInsightsInput,
    DescribeContributorInsightsOutput,
    ListContributorInsightsInput,
    ListContributorInsightsOutput,
    UpdateContributorInsightsInput,
    UpdateContributorInsightsOutput,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

_PAGE_MAX = 100
_OF_TABLE = 0
_DEFAULT_MODE = "ACCESSED_AND_THROTTLED_KEYS"


class Insights(msgspec.Struct, frozen=True):
    """`index`: the number of an index; 0 for the table itself."""

    index: int
    enabled: bool
    mode: str
    at_ms: int


insights = Collection("dynamodb.insights", Insights, key=lambda one: (one.index,))
"""Home: the table's."""


@dynamodb.write("UpdateContributorInsights")
def update_contributor_insights(
    call: Call, tx: Transaction, req: UpdateContributorInsightsInput
) -> UpdateContributorInsightsOutput:
    """Store whether a table or a global index has them. The answer says that it begins; it is done at once.

    Raises: ResourceNotFoundException, ValidationException. AWS: UpdateContributorInsights.
    """
    table = get_named_table(tx, call.scope, req["TableName"])
    number = _number(table, req.get("IndexName"))
    enabled = req["ContributorInsightsAction"] == "ENABLE"
    mode = req.get("ContributorInsightsMode", _DEFAULT_MODE)
    numbers = {_OF_TABLE, *(index.number for index in table.record.indexes)}
    for old in list(insights.scan(tx, table.record.home)):
        if old.index not in numbers:
            insights.delete(tx, table.record.home, old.index)
    insights.put(tx, table.record.home, Insights(number, enabled, mode, call.now_ms))
    result: UpdateContributorInsightsOutput = {
        "TableName": table.name,
        "ContributorInsightsStatus": "ENABLING" if enabled else "DISABLING",
        "ContributorInsightsMode": mode,
    }
    if "IndexName" in req:
        result["IndexName"] = req["IndexName"]
    return result


@dynamodb.read("DescribeContributorInsights")
def describe_contributor_insights(
    call: Call, at: Snapshot, req: DescribeContributorInsightsInput
) -> DescribeContributorInsightsOutput:
    """Raises: ResourceNotFoundException, ValidationException. AWS: DescribeContributorInsights."""
    table = get_named_table(at, call.scope, req["TableName"])
    found = insights.find(at, table.record.home, _number(table, req.get("IndexName")))
    result: DescribeContributorInsightsOutput = {
        "TableName": table.name,
        "ContributorInsightsStatus": _status(found),
    }
    if "IndexName" in req:
        result["IndexName"] = req["IndexName"]
    if found is not None:
        result["LastUpdateDateTime"] = found.at_ms
        if found.enabled:
            result["ContributorInsightsRuleList"] = []
            result["ContributorInsightsMode"] = found.mode
    return result


@dynamodb.read("ListContributorInsights")
def list_contributor_insights(
    call: Call, at: Snapshot, req: ListContributorInsightsInput
) -> ListContributorInsightsOutput:
    """Tell the state of a table and its global indexes, or of all tables of the region, a page at a time.

    Raises: ResourceNotFoundException, ValidationException. AWS: ListContributorInsights.
    """
    limit = req.get("MaxResults", _PAGE_MAX)
    if not 1 <= limit <= _PAGE_MAX:
        raise invalid(f"MaxResults must be between 1 and {_PAGE_MAX}")
    start, _, after = req.get("NextToken", "").partition("/")
    if "TableName" in req:
        named = iter((get_named_table(at, call.scope, req["TableName"]),))
    else:
        named = _tables(call, at, start)
    summaries = (one for table in named for one in _summaries(at, table))
    if start:
        begin = (start, after)
        summaries = dropwhile(lambda one: _place(one) <= begin, summaries)
    found = list(islice(summaries, limit + 1))
    result: ListContributorInsightsOutput = {"ContributorInsightsSummaries": found[:limit]}
    if len(found) > limit:
        result["NextToken"] = "/".join(_place(found[limit - 1]))
    return result


def _place(one: ContributorInsightsSummary) -> tuple[str, str]:
    return one.get("TableName", ""), one.get("IndexName", "")


def _tables(call: Call, at: Snapshot, start: str) -> Iterator[Table]:
    """From the table of this name on."""
    first = find_table(at, call.scope, start) if start else None
    if first is not None:
        yield first
    home = records.scope_home(call.scope)
    for record in records.tables.scan(at, home, after_key=(start,) if start else None):
        yield Table(record)


def _summaries(at: Snapshot, table: Table) -> Iterator[ContributorInsightsSummary]:
    names = sorted(index.name for index in table.record.indexes if not index.local)
    for name in (None, *names):
        found = insights.find(at, table.record.home, _number(table, name))
        summary: ContributorInsightsSummary = {
            "TableName": table.name,
            "ContributorInsightsStatus": _status(found),
        }
        if name is not None:
            summary["IndexName"] = name
        if found is not None and found.enabled:
            summary["ContributorInsightsMode"] = found.mode
        yield summary


def _status(found: Insights | None) -> str:
    return "ENABLED" if found is not None and found.enabled else "DISABLED"


def _number(table: Table, name: str | None) -> int:
    """Raises: ResourceNotFoundException."""
    if name is None:
        return _OF_TABLE
    index = table.indexes.get(name)
    if index is None or index.record.local:
        raise errors.IndexOfTableNotFound(index=name, table=table.name)
    return index.record.number
