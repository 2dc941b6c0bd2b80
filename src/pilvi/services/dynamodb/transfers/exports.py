"""Exporting a table to S3: ask for it, and be told of it.

AWS: DynamoDB Developer Guide, "DynamoDB data export to Amazon S3: how it works".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.base.errors import NotBuilt
from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors as dynamodb_errors
from pilvi.services.dynamodb import records
from pilvi.services.dynamodb.backups.errors import (
    PointInTimeRecoveryUnavailableException,
    TableNotFoundException,
)
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.history import keeping
from pilvi.services.dynamodb.history.keeping import Recovery
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table, table_name
from pilvi.services.dynamodb.transfers import asking, limits, naming
from pilvi.services.dynamodb.transfers.asking import digest_of, plain, read_all, token_of
from pilvi.services.dynamodb.transfers.emptying import plan, readers_of
from pilvi.services.dynamodb.transfers.errors import (
    ExportConflictException,
    ExportNotFoundException,
    InvalidExportTimeException,
)
from pilvi.services.dynamodb.transfers.filters import Filter
from pilvi.services.dynamodb.transfers.records import Export, Span, exports
from pilvi.services.dynamodb.wire import (
    DescribeExportInput,
    DescribeExportOutput,
    ExportDescription,
    ExportSummary,
    ExportTableToPointInTimeInput,
    ExportTableToPointInTimeOutput,
    ListExportsInput,
    ListExportsOutput,
)
from pilvi.store.api import Snapshot, Transaction

_INCREMENTAL = "INCREMENTAL_EXPORT"
_BOTH_IMAGES = "NEW_AND_OLD_IMAGES"


@dynamodb.write("ExportTableToPointInTime")
def export_table_to_point_in_time(
    call: Call, tx: Transaction, req: ExportTableToPointInTimeInput
) -> ExportTableToPointInTimeOutput:
    """Have a job write what a table had at a moment, or what was changed between two, into files in a bucket.

    S3 is asked in the caller's name. The same request with the same token is answered with the same export, for eight
    hours after its end.

    Raises: TableNotFoundException, PointInTimeRecoveryUnavailableException, InvalidExportTimeException,
        ExportConflictException, LimitExceededException, ValidationException.
    AWS: ExportTableToPointInTime.
    """
    token, digest = token_of(call, req), digest_of(req)
    found = asking.known(call, tx, exports, token)
    if found is not None:
        if found.digest != digest:
            raise ExportConflictException()
        read_all(req)
        return {"ExportDescription": _describe(found)}
    _check(req)
    table = _table(call, tx, req["TableArn"])
    recovery = keeping.find_recovery(tx, table.record)
    if recovery is None:
        raise PointInTimeRecoveryUnavailableException(table=table.name)
    specification = _filter(req, table)
    home = records.scope_home(call.scope)
    asking.refuse_one_more(call, tx, exports, limits.EXPORTS_AT_ONCE, "exports")
    id = naming.new_id(call)
    reader, reader_since = readers_of(id)
    span: Span | None = None
    at_ms: int | None = None
    if req.get("ExportType") == _INCREMENTAL:
        since_ms, until_ms, view = _period(call, req, recovery)
        _, since = keeping.hold(
            tx, table.record, reader_since, call.now_ms, at_ms=since_ms - 1
        )  # what happened at that time is told
        span = Span(since_ms, until_ms, (since.at_ms, since.number), view)
        at_ms = until_ms - 1
    elif "ExportTime" in req:
        at_ms = req["ExportTime"]
        _check_within(call, recovery, at_ms, "ExportTime")
    held, instant = keeping.hold(tx, table.record, reader, call.now_ms, at_ms=at_ms)
    record = Export(
        id=id,
        table=held,
        principal=call.principal,
        request_id=call.request_id,
        token=token,
        digest=digest,
        format=req.get("ExportFormat", "DYNAMODB_JSON"),
        bucket=req["S3Bucket"],
        bucket_owner=req.get("S3BucketOwner"),
        prefix=req.get("S3Prefix"),
        encryption=req.get("S3SseAlgorithm", "AES256"),
        encryption_key=req.get("S3SseKmsKeyId"),
        instant=(instant.at_ms, instant.number),
        at_ms=call.now_ms if at_ms is None else at_ms,
        span=span,
        filter=specification,
        started_at_ms=call.now_ms,
    )
    exports.put(tx, home, record)
    plan(tx, record, call.now_ms)
    return {"ExportDescription": _describe(record)}


def _check(req: Mapping[str, Any]) -> None:
    """Raises: ValidationException."""
    incremental = req.get("ExportType") == _INCREMENTAL
    if incremental and "IncrementalExportSpecification" not in req:
        raise invalid(f"IncrementalExportSpecification must be specified for {_INCREMENTAL}")
    if not incremental and "IncrementalExportSpecification" in req:
        raise invalid(f"IncrementalExportSpecification can only be specified for {_INCREMENTAL}")
    if incremental and "ExportTime" in req:
        raise invalid(f"ExportTime cannot be specified for {_INCREMENTAL}")
    if "S3SseKmsKeyId" in req and req.get("S3SseAlgorithm") != "KMS":
        raise invalid("S3SseKmsKeyId can only be specified with the S3SseAlgorithm KMS")


def _table(call: Call, at: Snapshot, arn: str) -> Table:
    """Raises: TableNotFoundException, ValidationException."""
    if not arn.startswith("arn:"):
        raise invalid(f"Invalid table ARN: {arn}")
    try:
        name = table_name(call.scope, arn)
    except dynamodb_errors.ResourceNotFoundException:
        raise TableNotFoundException(table=arn) from None
    table = find_table(at, call.scope, name)
    if table is None or not table.ready:
        raise TableNotFoundException(table=name)
    return table


def _filter(req: Mapping[str, Any], table: Table) -> dict[str, Any] | None:
    """Raises: ValidationException; NotBuilt for changes, of which AWS does not say which image is meant."""
    given = req.get("FilterSpecification")
    if given is None:
        return None
    if req.get("ExportType") == _INCREMENTAL:
        raise NotBuilt(what="the member FilterSpecification of an incremental export")
    Filter(given, table)
    return plain(given)


def _check_within(call: Call, recovery: Recovery, at_ms: int, what: str) -> None:
    """Raises: InvalidExportTimeException."""
    earliest_ms, _ = keeping.window(recovery, call.now_ms)
    if not earliest_ms <= at_ms <= call.now_ms:
        raise InvalidExportTimeException(what=what)


def _period(call: Call, req: Mapping[str, Any], recovery: Recovery) -> tuple[int, int, str]:
    """From when, until when, and which images. Raises: ValidationException, InvalidExportTimeException."""
    given: Mapping[str, Any] = req["IncrementalExportSpecification"]
    if "ExportFromTime" not in given:
        raise invalid("ExportFromTime must be specified")
    since_ms: int = given["ExportFromTime"]
    until_ms: int = given.get("ExportToTime", call.now_ms)
    view: str = given.get("ExportViewType", _BOTH_IMAGES)
    if until_ms - since_ms < limits.PERIOD_MS_MIN:
        raise invalid("Difference between to time and from time is less than 15 minutes")
    if until_ms - since_ms > limits.PERIOD_MS_MAX:
        raise invalid("Difference between to time and from time is greater than 24 hours")
    _check_within(call, recovery, since_ms, "ExportFromTime")
    _check_within(call, recovery, until_ms, "ExportToTime")
    return since_ms, until_ms, view


@dynamodb.read("DescribeExport")
def describe_export(call: Call, at: Snapshot, req: DescribeExportInput) -> DescribeExportOutput:
    """Tell how far an export has come. Raises: ExportNotFoundException. AWS: DescribeExport."""
    arn = req["ExportArn"]
    id = naming.id_in(call, arn, "export")
    found = None if id is None else exports.find(at, records.scope_home(call.scope), id)
    if found is None or found.arn != arn:
        raise ExportNotFoundException(arn=arn)
    return {"ExportDescription": _describe(found)}


@dynamodb.read("ListExports")
def list_exports(call: Call, at: Snapshot, req: ListExportsInput) -> ListExportsOutput:
    """Exports of the last 90 days, the latest first. Raises: ValidationException. AWS: ListExports."""
    page, token = asking.page_of(call, at, exports, req, req.get("MaxResults", limits.PAGE_MAX))
    summaries: list[ExportSummary] = [
        {"ExportArn": one.arn, "ExportStatus": one.status, "ExportType": _type_of(one)}
        for one in page
    ]
    result: ListExportsOutput = {"ExportSummaries": summaries}
    if token is not None:
        result["NextToken"] = token
    return result


def _type_of(record: Export) -> str:
    return "FULL_EXPORT" if record.span is None else _INCREMENTAL


def _describe(record: Export) -> ExportDescription:
    result: ExportDescription = {
        "ExportArn": record.arn,
        "ExportStatus": record.status,
        "StartTime": record.started_at_ms,
        "TableArn": record.table.arn,
        "TableId": record.table.id,
        "ClientToken": record.token,
        "S3Bucket": record.bucket,
        "S3SseAlgorithm": record.encryption,
        "ExportFormat": record.format,
        "ExportType": _type_of(record),
    }
    if record.span is None:
        result["ExportTime"] = record.at_ms
    else:
        result["IncrementalExportSpecification"] = {
            "ExportFromTime": record.span.since_ms,
            "ExportToTime": record.span.until_ms,
            "ExportViewType": record.span.view,
        }
    if record.filter is not None:
        result["FilterSpecification"] = cast("Any", record.filter)
    if record.bucket_owner is not None:
        result["S3BucketOwner"] = record.bucket_owner
    if record.prefix is not None:
        result["S3Prefix"] = record.prefix
    if record.encryption_key is not None:
        result["S3SseKmsKeyId"] = record.encryption_key
    if record.ended_at_ms is not None:
        result["EndTime"] = record.ended_at_ms
    if record.status == "COMPLETED":
        result["ExportManifest"] = record.manifest
        result["BilledSizeBytes"] = record.size
        result["ItemCount"] = record.items
    if record.failure_code:
        result["FailureCode"] = record.failure_code
        result["FailureMessage"] = record.failure_message
    return result
