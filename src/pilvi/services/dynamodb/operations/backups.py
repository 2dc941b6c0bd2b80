"""Backups on demand, point-in-time recovery, and the restores of both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pilvi.base.arn import Scope
from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors as table_errors
from pilvi.services.dynamodb import records as table_records
from pilvi.services.dynamodb import restoring
from pilvi.services.dynamodb.backups import copying, errors, limits, records
from pilvi.services.dynamodb.backups.descriptions import (
    continuous_backups_of,
    description_of,
    details_of,
    summary_of,
)
from pilvi.services.dynamodb.backups.records import BackupRecord, RestoreRecord
from pilvi.services.dynamodb.backups.rules import draft_restored
from pilvi.services.dynamodb.descriptions import describe
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.history.keeping import (
    find_recovery,
    hold,
    recover,
    stop_recovery,
    window,
)
from pilvi.services.dynamodb.operations.tables import refuse_one_more
from pilvi.services.dynamodb.records import Restored, TableRecord, scope_home
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table, get_named_table, table_name
from pilvi.services.dynamodb.wire import (
    CreateBackupInput,
    CreateBackupOutput,
    DeleteBackupInput,
    DeleteBackupOutput,
    DescribeBackupInput,
    DescribeBackupOutput,
    DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput,
    ListBackupsInput,
    ListBackupsOutput,
    RestoreTableFromBackupInput,
    RestoreTableFromBackupOutput,
    RestoreTableToPointInTimeInput,
    RestoreTableToPointInTimeOutput,
    UpdateContinuousBackupsInput,
    UpdateContinuousBackupsOutput,
)
from pilvi.store.api import Snapshot, Transaction

_PERIOD_DAYS = 35
_ARN = re.compile(
    r"arn:([^:]+):dynamodb:([^:]+):([0-9]{12}):table/([a-zA-Z0-9_.-]{3,255})/backup/([0-9]{14}-[0-9a-f]{8})"
).fullmatch


# --- backups on demand


@dynamodb.write("CreateBackup")
def create_backup(call: Call, tx: Transaction, req: CreateBackupInput) -> CreateBackupOutput:
    """Back up a table as it is now, all items of one instant; a large one is copied by jobs.

    Raises: TableNotFoundException, TableInUseException.
    AWS: CreateBackup; Developer Guide, "Backing up and restoring DynamoDB tables with DynamoDB: How it works".
    """
    table = _get_table(tx, call.scope, req["TableName"])
    if not table.ready:
        raise errors.TableInUseException(table=table.name)
    name = req["BackupName"]
    backup = copying.begin_backup(tx, table.record, name, call.entropy, call.now_ms)
    return {"BackupDetails": details_of(backup, status="CREATING")}


@dynamodb.read("DescribeBackup")
def describe_backup(call: Call, at: Snapshot, req: DescribeBackupInput) -> DescribeBackupOutput:
    """Raises: BackupNotFoundException. AWS: DescribeBackup."""
    return {"BackupDescription": description_of(_get_backup(at, call.scope, req["BackupArn"]))}


@dynamodb.read("ListBackups")
def list_backups(call: Call, at: Snapshot, req: ListBackupsInput) -> ListBackupsOutput:
    """Tell the backups of a table, or of all, by table and then by age, a page at a time.

    Raises: ValidationException. AWS: ListBackups.
    """
    limit = req.get("Limit", limits.LIST_MAX)
    kind = req.get("BackupType", "USER")
    since_ms = req.get("TimeRangeLowerBound")
    until_ms = req.get("TimeRangeUpperBound")
    if since_ms is not None and until_ms is not None and since_ms > until_ms:
        raise invalid("TimeRangeLowerBound must not be later than TimeRangeUpperBound")
    name = table_name(call.scope, req["TableName"]) if "TableName" in req else None
    found: list[BackupRecord] = []
    last: BackupRecord | None = None
    result: ListBackupsOutput = {"BackupSummaries": []}
    for seen, backup in enumerate(_after(at, call.scope, name, req.get("ExclusiveStartBackupArn"))):
        if last is not None and (len(found) == limit or seen == limits.LOOKED_AT_MAX):
            result["LastEvaluatedBackupArn"] = last.arn
            break
        last = backup
        if (
            kind in (backup.kind, "ALL")
            and (since_ms is None or backup.created_at_ms >= since_ms)
            and (until_ms is None or backup.created_at_ms < until_ms)
        ):
            found.append(backup)
    result["BackupSummaries"] = [summary_of(one) for one in found]
    return result


def _after(
    at: Snapshot, scope: Scope, table: str | None, start: str | None
) -> Iterator[BackupRecord]:
    """Raises: ValidationException for a start that is no backup's ARN, or another table's."""
    place = None
    if start is not None:
        try:
            place = _place(scope, start)
        except errors.BackupNotFoundException:
            raise invalid(f"Invalid ExclusiveStartBackupArn: {start}") from None
        if table not in (None, place[0]):
            raise invalid(f"ExclusiveStartBackupArn is of another table: {start}")
    named = () if table is None else (table,)
    return records.backups.scan(at, scope_home(scope), named, after_key=place)


@dynamodb.write("DeleteBackup")
def delete_backup(call: Call, tx: Transaction, req: DeleteBackupInput) -> DeleteBackupOutput:
    """Raises: BackupNotFoundException, BackupInUseException. AWS: DeleteBackup."""
    backup = _get_backup(tx, call.scope, req["BackupArn"])
    if backup.creating:
        raise errors.BackupInUseException(arn=backup.arn, what="created")
    if copying.restores_from(tx, backup):
        raise errors.BackupInUseException(arn=backup.arn, what="restored to a table")
    copying.end_backup(tx, backup, call.now_ms)
    return {"BackupDescription": description_of(backup, status="DELETED")}


@dynamodb.write("RestoreTableFromBackup")
def restore_table_from_backup(
    call: Call, tx: Transaction, req: RestoreTableFromBackupInput
) -> RestoreTableFromBackupOutput:
    """Make a new table of a backup. It is CREATING until all items are there.

    Raises: BackupNotFoundException, BackupInUseException, TableAlreadyExistsException, LimitExceededException,
        ValidationException (overrides).
    AWS: RestoreTableFromBackup; Developer Guide, "Restoring a DynamoDB table from a backup".
    """
    backup = _get_backup(tx, call.scope, req["BackupArn"])
    if backup.creating:
        raise errors.BackupInUseException(arn=backup.arn, what="created")
    target = _new_table(tx, call.scope, req["TargetTableName"])
    table = draft_restored(
        backup.table,
        req,
        name=target,
        table_id=call.entropy.uuid(),
        now_ms=call.now_ms,
        restored=Restored(backup.created_at_ms, backup.table.arn, backup.arn),
    )
    refuse_one_more(tx, table)
    restore = RestoreRecord(
        target_id=table.id,
        target=target,
        source=backup.table,
        at_ms=backup.at_ms,
        number=backup.number,
        backup=backup,
    )
    _begin(tx, table, restore, call.now_ms)
    return {
        "TableDescription": describe(table, status=table.status, index_status=table.status),
    }


# --- point-in-time recovery


@dynamodb.read("DescribeContinuousBackups")
def describe_continuous_backups(
    call: Call, at: Snapshot, req: DescribeContinuousBackupsInput
) -> DescribeContinuousBackupsOutput:
    """Every table has continuous backups; point-in-time recovery those that were given it.

    Raises: TableNotFoundException. AWS: DescribeContinuousBackups.
    """
    table = _get_table(at, call.scope, req["TableName"])
    told = continuous_backups_of(at, table.record, call.now_ms)
    return {"ContinuousBackupsDescription": told}


@dynamodb.write("UpdateContinuousBackups")
def update_continuous_backups(
    call: Call, tx: Transaction, req: UpdateContinuousBackupsInput
) -> UpdateContinuousBackupsOutput:
    """Switch point-in-time recovery on, or change how many days back it reaches; or switch it off, and forget all.

    Raises: TableNotFoundException, ContinuousBackupsUnavailableException.
    AWS: UpdateContinuousBackups; Developer Guide, "Point-in-time backups for DynamoDB".
    """
    table = _get_table(tx, call.scope, req["TableName"])
    if not table.ready:
        raise errors.ContinuousBackupsUnavailableException(table=table.name)
    specification = req["PointInTimeRecoverySpecification"]
    period_days = specification.get("RecoveryPeriodInDays", _PERIOD_DAYS)
    if specification["PointInTimeRecoveryEnabled"]:
        recover(tx, table.record, period_days, call.now_ms)
    else:
        stop_recovery(tx, table.record, call.now_ms)
    told = continuous_backups_of(tx, table.record, call.now_ms)
    return {"ContinuousBackupsDescription": told}


@dynamodb.write("RestoreTableToPointInTime")
def restore_table_to_point_in_time(
    call: Call, tx: Transaction, req: RestoreTableToPointInTimeInput
) -> RestoreTableToPointInTimeOutput:
    """Make a new table of what a table was at a time of its recovery's window; all but the items as it is now.

    It is CREATING until all items are there.
    Raises: TableNotFoundException, PointInTimeRecoveryUnavailableException, InvalidRestoreTimeException,
        TableAlreadyExistsException, LimitExceededException, ValidationException.
    AWS: RestoreTableToPointInTime; Developer Guide, "Restoring a DynamoDB table to a point in time".
    """
    source = _source(tx, call.scope, req)
    recovery = find_recovery(tx, source.record)
    if recovery is None:
        raise errors.PointInTimeRecoveryUnavailableException(table=source.name)
    earliest_ms, latest_ms = window(recovery, call.now_ms)
    at_ms = _wanted_ms(req, latest_ms)
    if not earliest_ms <= at_ms <= latest_ms:
        raise errors.InvalidRestoreTimeException()
    if any("WarmThroughput" in index for index in req.get("GlobalSecondaryIndexOverride", ())):
        raise invalid("WarmThroughput is not supported in GlobalSecondaryIndexOverride")
    target = _new_table(tx, call.scope, req["TargetTableName"])
    table = draft_restored(
        source.record,
        req,
        name=target,
        table_id=call.entropy.uuid(),
        now_ms=call.now_ms,
        restored=Restored(at_ms, source.arn),
    )
    refuse_one_more(tx, table)
    reader = f"restore/{table.id}"
    held, instant = hold(tx, source.record, reader, call.now_ms, at_ms=at_ms)
    restore = RestoreRecord(
        target_id=table.id,
        target=target,
        source=held,
        at_ms=instant.at_ms,
        number=instant.number,
    )
    _begin(tx, table, restore, call.now_ms)
    return {
        "TableDescription": describe(table, status=table.status, index_status=table.status),
    }


def _source(at: Snapshot, scope: Scope, req: RestoreTableToPointInTimeInput) -> Table:
    """Raises: TableNotFoundException, ValidationException."""
    arn, name = req.get("SourceTableArn"), req.get("SourceTableName")
    if (arn is None) == (name is None):
        raise invalid("Exactly one of SourceTableArn and SourceTableName must be specified")
    return _get_table(at, scope, arn or name or "")


def _wanted_ms(req: RestoreTableToPointInTimeInput, latest_ms: int) -> int:
    """Raises: ValidationException."""
    wanted_ms = req.get("RestoreDateTime")
    if req.get("UseLatestRestorableTime", False):
        if wanted_ms is not None:
            raise invalid(
                "Only one of UseLatestRestorableTime and RestoreDateTime can be specified"
            )
        return latest_ms
    if wanted_ms is None:
        raise invalid("One of UseLatestRestorableTime and RestoreDateTime must be specified")
    return wanted_ms


# --- what they have in common


def _get_table(at: Snapshot, scope: Scope, name: str) -> Table:
    """Raises: TableNotFoundException; ValidationException for another account's ARN."""
    try:
        return get_named_table(at, scope, name)
    except table_errors.ResourceNotFoundException:
        raise errors.TableNotFoundException(table=name.rpartition("/")[2]) from None


def _place(scope: Scope, arn: str) -> tuple[str, str]:
    """Table and id of a backup. Raises: BackupNotFoundException for an ARN that can be none of this scope's."""
    match = _ARN(arn)
    if match is None or match.group(1, 2, 3) != (scope.partition, scope.region, scope.account):
        raise errors.BackupNotFoundException(arn=arn)
    return match[4], match[5]


def _get_backup(at: Snapshot, scope: Scope, arn: str) -> BackupRecord:
    """Raises: BackupNotFoundException."""
    backup = records.backups.find(at, scope_home(scope), *_place(scope, arn))
    if backup is None:
        raise errors.BackupNotFoundException(arn=arn)
    return backup


def _new_table(at: Snapshot, scope: Scope, name: str) -> str:
    """The name of a table that can be made. Raises: TableAlreadyExistsException, LimitExceededException."""
    name = table_name(scope, name)
    if find_table(at, scope, name) is not None:
        raise errors.TableAlreadyExistsException(table=name)
    count = records.restores.count(at, scope_home(scope), limit=limits.RESTORES_MAX)
    if count >= limits.RESTORES_MAX:
        raise table_errors.LimitExceededException(
            detail="Subscriber limit exceeded: There is a limit of "
            f"{limits.RESTORES_MAX} concurrent restores per subscriber"
        )
    return name


def _begin(tx: Transaction, table: TableRecord, restore: RestoreRecord, now_ms: int) -> None:
    """A small table is there at once, the rest of a larger one comes by jobs."""
    table_records.tables.put(tx, scope_home(table.scope), table)
    restoring.go_on(tx, restore, limits.FIRST_ITEMS, limits.FIRST_BYTES, now_ms)
