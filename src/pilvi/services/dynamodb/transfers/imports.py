"""Importing a table from S3: ask for it, and be told of it.

AWS: DynamoDB Developer Guide, "DynamoDB data import from Amazon S3: how it works".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.kit.call import Call
from pilvi.services.dynamodb import records, rules
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.operations.tables import refuse_one_more
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import table_name
from pilvi.services.dynamodb.transfers import asking, limits, naming
from pilvi.services.dynamodb.transfers.asking import digest_of, plain, read_all, token_of
from pilvi.services.dynamodb.transfers.errors import (
    ImportConflictException,
    ImportNotFoundException,
)
from pilvi.services.dynamodb.transfers.filling import LOG_GROUP, plan
from pilvi.services.dynamodb.transfers.records import Import, imports
from pilvi.services.dynamodb.wire import (
    DescribeImportInput,
    DescribeImportOutput,
    ImportSummary,
    ImportTableDescription,
    ImportTableInput,
    ImportTableOutput,
    ListImportsInput,
    ListImportsOutput,
)
from pilvi.store.api import Snapshot, Transaction


@dynamodb.write("ImportTable")
def import_table(call: Call, tx: Transaction, req: ImportTableInput) -> ImportTableOutput:
    """Make a table, and have a job fill it from the objects of a bucket. It is CREATING until that is done.

    S3 and CloudWatch Logs are asked in the caller's name. The same request with the same token is answered with the
    same import, for eight hours after its end.

    Raises: ResourceInUseException (the table exists), ImportConflictException, LimitExceededException,
        ValidationException.
    AWS: ImportTable.
    """
    token, digest = token_of(call, req), digest_of(req)
    found = asking.known(call, tx, imports, token)
    if found is not None:
        if found.digest != digest:
            raise ImportConflictException()
        read_all(req)
        return {"ImportTableDescription": _describe(found, counts=False)}
    source, options = _source(call, req), _options(req)
    parameters = req["TableCreationParameters"]
    name = table_name(call.scope, parameters["TableName"])
    table = rules.draft_table(
        parameters, scope=call.scope, name=name, table_id=call.entropy.uuid(), now_ms=call.now_ms
    )
    refuse_one_more(tx, table)
    home = records.scope_home(call.scope)
    asking.refuse_one_more(call, tx, imports, limits.IMPORTS_AT_ONCE, "imports")
    table = msgspec.structs.replace(table, status="CREATING")
    records.tables.put(tx, home, table)
    record = Import(
        id=naming.new_id(call),
        account=call.account,
        region=call.region,
        partition=call.scope.partition,
        table_name=name,
        table_id=table.id,
        principal=call.principal,
        request_id=call.request_id,
        token=token,
        digest=digest,
        format=req["InputFormat"],
        compression=req.get("InputCompressionType", "NONE"),
        source=source,
        options=options,
        table=plain(parameters),
        started_at_ms=call.now_ms,
    )
    imports.put(tx, home, record)
    plan(tx, record, call.now_ms)
    return {"ImportTableDescription": _describe(record, counts=False)}


def _source(call: Call, req: Mapping[str, Any]) -> dict[str, Any]:
    given = req["S3BucketSource"]
    source: dict[str, Any] = {
        "S3BucketOwner": given.get("S3BucketOwner", call.account),
        "S3Bucket": given["S3Bucket"],
    }
    if "S3KeyPrefix" in given:
        source["S3KeyPrefix"] = given["S3KeyPrefix"]
    return source


def _options(req: Mapping[str, Any]) -> dict[str, Any] | None:
    """Raises: ValidationException."""
    given = req.get("InputFormatOptions")
    if given is None:
        return None
    csv = given.get("Csv")
    if csv is None:
        return {}
    if req["InputFormat"] != "CSV":
        raise invalid("InputFormatOptions can only be specified for the CSV input format")
    options: dict[str, Any] = {}
    if "Delimiter" in csv:
        options["Delimiter"] = csv["Delimiter"]
    if "HeaderList" in csv:
        names = list(csv["HeaderList"])
        if len(set(names)) < len(names):
            raise invalid("HeaderList must not name an attribute more than once")
        options["HeaderList"] = names
    return {"Csv": options}


@dynamodb.read("DescribeImport")
def describe_import(call: Call, at: Snapshot, req: DescribeImportInput) -> DescribeImportOutput:
    """Tell how far an import has come. Raises: ImportNotFoundException. AWS: DescribeImport."""
    arn = req["ImportArn"]
    id = naming.id_in(call, arn, "import")
    found = None if id is None else imports.find(at, records.scope_home(call.scope), id)
    if found is None or found.arn != arn:
        raise ImportNotFoundException(arn=arn)
    return {"ImportTableDescription": _describe(found, counts=True)}


@dynamodb.read("ListImports")
def list_imports(call: Call, at: Snapshot, req: ListImportsInput) -> ListImportsOutput:
    """Imports of the last 90 days, the latest first. Raises: ValidationException. AWS: ListImports."""
    page, token = asking.page_of(call, at, imports, req, req.get("PageSize", limits.PAGE_MAX))
    result: ListImportsOutput = {"ImportSummaryList": [_summary(one) for one in page]}
    if token is not None:
        result["NextToken"] = token
    return result


def _group_arn(record: Import) -> str:
    scope = record.scope
    return f"arn:{scope.partition}:logs:{scope.region}:{scope.account}:log-group:{LOG_GROUP}:*"


def _summary(record: Import) -> ImportSummary:
    result: ImportSummary = {
        "ImportArn": record.arn,
        "ImportStatus": record.status,
        "TableArn": record.table_arn,
        "S3BucketSource": cast("Any", record.source),
        "CloudWatchLogGroupArn": _group_arn(record),
        "InputFormat": record.format,
        "StartTime": record.started_at_ms,
    }
    if record.ended_at_ms is not None:
        result["EndTime"] = record.ended_at_ms
    return result


def _describe(record: Import, *, counts: bool) -> ImportTableDescription:
    """`counts`: whether what was done is told; the first answer does not, as on AWS."""
    result: ImportTableDescription = {
        "ImportArn": record.arn,
        "ImportStatus": record.status,
        "TableArn": record.table_arn,
        "TableId": record.table_id,
        "ClientToken": record.token,
        "S3BucketSource": cast("Any", record.source),
        "ErrorCount": record.errors,
        "CloudWatchLogGroupArn": _group_arn(record),
        "InputFormat": record.format,
        "InputCompressionType": record.compression,
        "TableCreationParameters": cast("Any", record.table),
        "StartTime": record.started_at_ms,
    }
    if record.options is not None:
        result["InputFormatOptions"] = cast("Any", record.options)
    if record.ended_at_ms is not None:
        result["EndTime"] = record.ended_at_ms
    if counts:
        result["ProcessedSizeBytes"] = record.size
        result["ProcessedItemCount"] = record.processed
        result["ImportedItemCount"] = record.imported
    if record.failure_code:
        result["FailureCode"] = record.failure_code
        result["FailureMessage"] = record.failure_message
    return result
