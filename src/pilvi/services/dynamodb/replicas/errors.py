"""Errors of global tables, named by their AWS code. Texts as AWS's service words them."""

from __future__ import annotations

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.errors import (
    ResourceInUseException,
    ResourceNotFoundException,
    ValidationException,
)


class GlobalTableNotFoundException(AwsError):
    """What the operations of version 2017.11.29 say of every table."""

    code = "GlobalTableNotFoundException"
    message = "Global table with name: '{table}' does not exist."


class NoGlobalTable(GlobalTableNotFoundException):
    """As DescribeGlobalTable words it."""

    message = "Global table not found: Global table with name: '{table}' does not exist."


class LegacyVersion(ValidationException):
    message = (
        "One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is not supported. "
        "We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy)."
    )


class ChangeUnderWay(ResourceInUseException):
    message = "The resource which you are attempting to change is in use."


class BeingUsed(ResourceInUseException):
    message = "Attempt to change a resource which is still in use: Table: {table} is being used."


class ActedAsSource(ValidationException):
    message = (
        "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the "
        "table in the last 24 hours."
    )


class ReplicaProtected(ValidationException):
    message = (
        "Cannot delete table {table} in region {region} because it has deletion protection enabled. "
        "Disable deletion protection first."
    )


class AlreadyTables(ValidationException):
    message = (
        "Failed to create a the new replica of table with name: \N{LEFT SINGLE QUOTATION MARK}{table}"
        "\N{RIGHT SINGLE QUOTATION MARK} because one or more replicas already existed as tables."
    )


class NotReplicas(ValidationException):
    message = (
        "Update global table operation failed because one or more replicas were not part of the global table. "
        "Please retry the request without these replicas: [{region}]."
    )


class NoReplicaInRegion(ResourceNotFoundException):
    message = (
        "Replica of the global table with name: '{table}' does not exist in region: '{region}'."
    )
