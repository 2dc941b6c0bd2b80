"""Errors of resource policies, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError
from pilvi.services.dynamodb.errors import ResourceNotFoundException


class PolicyNotFoundException(AwsError):
    code = "PolicyNotFoundException"
    message = "Resource-based policy not found for the provided ResourceArn: {detail}"


class AccessDeniedException(AwsError):
    code = "AccessDeniedException"
    message = (
        "The new resource policy will not allow you to update the resource policy in the future."
    )


class StreamOfTableNotFound(ResourceNotFoundException):
    message = "Requested resource not found: Stream: {label} not found for Table: {table}"
