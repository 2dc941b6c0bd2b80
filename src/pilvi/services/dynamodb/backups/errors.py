"""Errors of backups and restores, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError


class TableNotFoundException(AwsError):
    code = "TableNotFoundException"
    message = "Table not found: {table}"


class TableAlreadyExistsException(AwsError):
    code = "TableAlreadyExistsException"
    message = "Table already exists: {table}"


class TableInUseException(AwsError):
    code = "TableInUseException"
    message = "Table is being created: {table}"


class BackupNotFoundException(AwsError):
    code = "BackupNotFoundException"
    message = "Backup not found: {arn}"


class BackupInUseException(AwsError):
    code = "BackupInUseException"
    message = "Backup is in use: {arn}. It is being {what}"


class ContinuousBackupsUnavailableException(AwsError):
    code = "ContinuousBackupsUnavailableException"
    message = "Backups are being enabled for the table: {table}. Please retry later"


class PointInTimeRecoveryUnavailableException(AwsError):
    code = "PointInTimeRecoveryUnavailableException"
    message = "Point in time recovery is not enabled for table '{table}'"


class InvalidRestoreTimeException(AwsError):
    code = "InvalidRestoreTimeException"
    message = (
        "An invalid restore time was specified. RestoreDateTime must be between "
        "EarliestRestorableDateTime and LatestRestorableDateTime."
    )
