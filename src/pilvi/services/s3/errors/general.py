"""Errors of requests in general."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pilvi.base.errors import AwsError


class S3Error(AwsError):
    """An error that is built from its code, status and text alone, with members for the rest."""

    def __init__(self, members: dict[str, Any] | None = None, **fields: object) -> None:
        super().__init__(members=members, headers=None, **fields)


class AccessDenied(S3Error):
    code = "AccessDenied"
    message = "{reason}"
    status = 403

    def __init__(self, reason: str = "Access Denied") -> None:
        super().__init__(reason=reason)


class InternalError(AwsError):
    """What a rotten body is answered with, too."""

    code = "InternalError"
    message = "We encountered an internal error. Please try again."
    status = 500


class MethodNotAllowed(S3Error):
    code = "MethodNotAllowed"
    message = "The specified method is not allowed against this resource."
    status = 405


class InvalidArgument(S3Error):
    code = "InvalidArgument"
    message = "{detail}"

    def __init__(self, detail: str, name: str, value: str | None = None) -> None:
        members = {"ArgumentName": name}
        if value is not None:
            members["ArgumentValue"] = value
        super().__init__(members, detail=detail)


class InvalidDestinations(S3Error):
    """What a bucket's notifications cannot reach: each with what is wrong with it."""

    code = "InvalidArgument"
    message = "Unable to validate the following destination configurations"

    def __init__(self, refused: Sequence[tuple[str, str]]) -> None:
        members: dict[str, str] = {}
        for number, (destination, why) in enumerate(refused, 1):
            members[f"ArgumentName{number}"] = destination
            members[f"ArgumentValue{number}"] = why
        super().__init__(members)


class InvalidRequest(S3Error):
    code = "InvalidRequest"
    message = "{detail}"


class MalformedXML(S3Error):
    code = "MalformedXML"
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
