"""Errors of CloudWatch Logs, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"
    message = "The specified {what} does not exist."


class ResourceAlreadyExistsException(AwsError):
    code = "ResourceAlreadyExistsException"
    message = "The specified {what} already exists"


class InvalidParameterException(AwsError):
    code = "InvalidParameterException"
    message = "{detail}"
