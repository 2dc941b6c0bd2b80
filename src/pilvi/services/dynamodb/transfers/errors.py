"""Errors of imports and exports."""

from __future__ import annotations

from pilvi.base.errors import AwsError


class ImportConflictException(AwsError):
    code = "ImportConflictException"
    message = (
        "There was a conflict when importing from the specified S3 source: the client token was used"
        " with other parameters."
    )


class ImportNotFoundException(AwsError):
    code = "ImportNotFoundException"
    message = "Import not found: {arn}"


class ExportConflictException(AwsError):
    code = "ExportConflictException"
    message = (
        "There was a conflict when writing to the specified S3 bucket: the client token was used with"
        " other parameters."
    )


class ExportNotFoundException(AwsError):
    code = "ExportNotFoundException"
    message = "Export not found: {arn}"


class InvalidExportTimeException(AwsError):
    code = "InvalidExportTimeException"
    message = "The specified {what} is outside of the point in time recovery window."


class Failed(Exception):
    """Why a transfer ends: `code` and `reason` are told as FailureCode and FailureMessage."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")
