"""Errors of API Gateway's two APIs, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError


class BadRequestException(AwsError):
    code = "BadRequestException"
    message = "{detail}"


class NotFoundException(AwsError):
    code = "NotFoundException"
    message = "{detail}"
    status = 404


class ConflictException(AwsError):
    code = "ConflictException"
    message = "{detail}"
    status = 409


class LimitExceededException(AwsError):
    code = "LimitExceededException"
    message = (
        "Maximum number of {what} for this API has been reached. Please contact AWS if you need"
        " additional {what}."
    )
    status = 429


class TooManyRequestsException(AwsError):
    code = "TooManyRequestsException"
    message = "Maximum number of {what} for this API has been reached."
    status = 429
