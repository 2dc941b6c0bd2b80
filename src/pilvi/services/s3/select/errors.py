"""Errors of SelectObjectContent beside those of the language. Texts as AWS words them.

AWS: S3 API Reference, "List of SELECT Object Content Error Codes".
"""

from __future__ import annotations

from pilvi.services.s3.errors import S3Error


class SelectRefused(S3Error):
    """What the language or the object's content has wrong, by its code; there are as many as AWS has."""

    message = "{text}"

    def __init__(self, code: str, text: str) -> None:
        self.code = code  # pyright: ignore[reportAttributeAccessIssue] one class for all of them
        super().__init__(text=text)


class Busy(S3Error):
    code = "Busy"
    message = "The service is unavailable. Please retry."
    status = 503


class InternalError(S3Error):
    code = "InternalError"
    message = "Encountered an internal error."
    status = 500


class UnauthorizedAccess(S3Error):
    code = "UnauthorizedAccess"
    message = "You are not authorized to perform this operation"
    status = 401


class EmptyRequestBody(S3Error):
    code = "EmptyRequestBody"
    message = "Request body cannot be empty."


class MissingRequiredParameter(S3Error):
    code = "MissingRequiredParameter"
    message = "{parameter} is required. Please check the service documentation and try again."


class InvalidRequestParameter(S3Error):
    code = "InvalidRequestParameter"
    message = (
        "The value of a parameter in {parameter} element is invalid. Check the service API documentation and try"
        " again."
    )


class InvalidExpressionType(S3Error):
    code = "InvalidExpressionType"
    message = "The ExpressionType is invalid. Only SQL expressions are supported."


class ExpressionTooLong(S3Error):
    code = "ExpressionTooLong"
    message = (
        "The SQL expression is too long: The maximum byte-length for the SQL expression is 256 KB."
    )


class InvalidDataSource(S3Error):
    code = "InvalidDataSource"
    message = "Invalid data source type. Only CSV, JSON, and Parquet are supported."


class InvalidFileHeaderInfo(S3Error):
    code = "InvalidFileHeaderInfo"
    message = "The FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported."


class InvalidJsonType(S3Error):
    code = "InvalidJsonType"
    message = "The JsonType is invalid. Only DOCUMENT and LINES are supported."


class InvalidQuoteFields(S3Error):
    code = "InvalidQuoteFields"
    message = "The QuoteFields is invalid. Only ALWAYS and ASNEEDED are supported."


class InvalidCompressionFormat(S3Error):
    code = "InvalidCompressionFormat"
    message = (
        "The file is not in a supported compression format. Only GZIP and BZIP2 are supported."
    )


class ObjectSerializationConflict(S3Error):
    code = "ObjectSerializationConflict"
    message = "{parameter} specifies more than one format. Only one is allowed in a request."


class InvalidScanRange(S3Error):
    code = "InvalidScanRange"
    message = "The provided scan range is not valid."


class UnsupportedScanRangeInput(S3Error):
    code = "UnsupportedScanRangeInput"
    message = "Scan range queries are not supported on this type of object."


class UnsupportedRangeHeader(S3Error):
    code = "UnsupportedRangeHeader"
    message = "Range header is not supported for this operation."


class UnsupportedStorageClass(S3Error):
    code = "UnsupportedStorageClass"
    message = (
        "Encountered an unsupported storage class. Only STANDARD, STANDARD_IA, and ONEZONE_IA storage classes are"
        " supported."
    )
