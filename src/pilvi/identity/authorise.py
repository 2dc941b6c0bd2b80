"""The question every request asks before its handler runs: may this principal do this to that?

For now every authenticated principal may do everything within its account's reach, and nobody else may do
anything unless the resource says so. Policies (identity, resource, session, boundary) are not evaluated yet;
when they are, it happens behind this one function, and no caller changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pilvi.base.errors import AwsError
from pilvi.identity.principal import Principal


class AccessDenied(AwsError):
    """S3 and the query protocol's word; services with another word raise their own from `may`."""

    code = "AccessDenied"
    message = "Access Denied"
    status = 403


def may(
    principal: Principal,
    action: str,
    resources: Sequence[str],
    *,
    allow_anonymous: Callable[[str, Sequence[str]], bool] | None = None,
    anonymous_allowed: bool = False,
) -> bool:
    """Whether `principal` may perform `action` ("s3:GetObject") on all of `resources` (ARNs).

    `allow_anonymous(action, resources)`: asked for requests without credentials; the caller answers from the
    resource's own policy. `anonymous_allowed`: the caller decides that later itself.
    """
    if principal.authenticated or anonymous_allowed:
        return True
    return allow_anonymous is not None and allow_anonymous(action, resources)


def authorise(
    principal: Principal,
    action: str,
    resources: Sequence[str],
    *,
    allow_anonymous: Callable[[str, Sequence[str]], bool] | None = None,
    anonymous_allowed: bool = False,
) -> None:
    """As `may`. Raises: AccessDenied."""
    if not may(
        principal,
        action,
        resources,
        allow_anonymous=allow_anonymous,
        anonymous_allowed=anonymous_allowed,
    ):
        raise AccessDenied()
