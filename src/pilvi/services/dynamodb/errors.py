"""Errors of DynamoDB, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError
from pilvi.base.errors import SerializationException as SerializationException
from pilvi.base.errors import ValidationException as ValidationException


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"
    message = "Requested resource not found"


class TableNotFound(ResourceNotFoundException):
    """What the operations on tables say, with the table's name."""

    message = "Requested resource not found: Table: {table} not found"


class IndexOfTableNotFound(ResourceNotFoundException):
    message = "Requested resource not found: Index: {index} not found for table: {table}"


class IndexNotFound(ResourceNotFoundException):
    """What UpdateTable says."""

    message = "Requested resource not found: Index {index} for table {table}"


class GlobalTableNotFound(ResourceNotFoundException):
    message = "Global table with name: '{table}' does not exist."


class NotTheOwner(ValidationException):
    message = (
        "This action is only supported by accounts that match the resource owner\N{RIGHT SINGLE QUOTATION MARK}s"
        " account."
    )


class ArnNotFound(ResourceNotFoundException):
    """What the operations on tags say."""

    message = "Requested resource not found: ResourcArn: {arn} not found"


class ResourceInUseException(AwsError):
    code = "ResourceInUseException"
    message = "{detail}"


class TableBeingCreated(ResourceInUseException):
    message = "Attempt to change a resource which is still in use: Table is being created: {table}"


class LimitExceededException(AwsError):
    code = "LimitExceededException"
    message = "{detail}"


class ConditionalCheckFailedException(AwsError):
    code = "ConditionalCheckFailedException"
    message = "The conditional request failed"


class DuplicateItemException(AwsError):
    code = "DuplicateItemException"
    message = "Duplicate primary key exists in table"


class TransactionCanceledException(AwsError):
    code = "TransactionCanceledException"
    message = (
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )


class ItemRefused(ValidationException):
    """A ValidationException about one item, told only once its table is known: missing or wrong keys,
    too large.

    In a transaction it is that member's reason, instead of failing the request.
    """


class KeyRefused(ItemRefused):
    """An item that lacks a key attribute, or has it of another type."""


class ItemCollectionSizeLimitExceededException(AwsError):
    code = "ItemCollectionSizeLimitExceededException"
    message = "Collection size exceeded."


class IdempotentParameterMismatchException(AwsError):
    code = "IdempotentParameterMismatchException"
    message = "The parameters of this request differ from the first one with this token."


_SAID_MAX = 16_000
"""Characters of a detail: what was sent may be a thousand times as long."""


def invalid(detail: str) -> ValidationException:
    return ValidationException(detail=detail[:_SAID_MAX])


def invalid_values(detail: str) -> ValidationException:
    return invalid(f"One or more parameter values were invalid: {detail}")


def refused(detail: str) -> ItemRefused:
    return ItemRefused(detail=detail[:_SAID_MAX])


def refused_values(detail: str) -> ItemRefused:
    return refused(f"One or more parameter values were invalid: {detail}")
