"""Whom a request means that names no user: the caller."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors


def user_name_of(call: Call, given: str | None) -> str:
    """The user a request names, else the calling user.

    Raises: ValidationError when the caller is no user.
    """
    if given is not None:
        return given
    principal = call.principal
    if principal.is_root or principal.is_session:
        raise errors.ValidationError(
            detail="Must specify userName when calling with non-User credentials"
        )
    return principal.arn.rpartition("/")[2]
