"""The keys of a request's context that follow from who asks.

The others belong to those who know them: the gateway (address, TLS, agent), the service (its own keys, tags of the
request and of the resource), the session (when it began, with which factors), the caller in whose name a service asks.
AWS: IAM User Guide, "AWS global condition context keys", section "Properties of the principal"; "IAM policy elements:
Variables and tags", section "Principal key values".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pilvi.languages.policy.principals import Kind, Principal

_TYPES = {
    Kind.ROOT: "Account",
    Kind.USER: "User",
    Kind.ROLE_SESSION: "AssumedRole",
    Kind.FEDERATED_USER: "FederatedUser",
    Kind.ANONYMOUS: "Anonymous",
}


_FAMILY = re.compile(r"[^:/]+:[^:/]+[:/]")


def family_of(key: str) -> str:
    """The family that a key with a name of the user's own belongs to: `aws:resourcetag/*` of `aws:resourcetag/team`,
    `kms:encryptioncontext:*` of `kms:encryptioncontext:app`; others are the key itself."""
    found = _FAMILY.match(key)
    return key if found is None else f"{found[0]}*"


def principal_keys(
    principal: Principal, tags: Mapping[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """`tags`: of the user, or of the role and its session. A new dict, to be filled further."""
    found: dict[str, tuple[str, ...]] = {}
    if principal.kind in _TYPES:
        found["aws:principaltype"] = (_TYPES[principal.kind],)
    if principal.kind is Kind.USER:
        found["aws:username"] = (_last(principal.arn),)
    user_id = _user_id(principal)
    if user_id:
        found["aws:userid"] = (user_id,)
    if principal.has_account:
        session_of_role = principal.kind is Kind.ROLE_SESSION
        found["aws:principalarn"] = (principal.entity_arn if session_of_role else principal.arn,)
        found["aws:principalaccount"] = (principal.account,)
    if principal.kind is not Kind.ANONYMOUS:
        is_service = principal.kind is Kind.SERVICE
        found["aws:principalisawsservice"] = ("true" if is_service else "false",)
    if principal.services:
        found["aws:principalservicename"] = principal.services[:1]
        found["aws:principalservicenameslist"] = principal.services
    if principal.provider:
        found["aws:federatedprovider"] = (principal.provider,)
    for name, value in (tags or {}).items():
        found[f"aws:principaltag/{name.lower()}"] = (value,)
    return found


def _user_id(principal: Principal) -> str:
    match principal.kind:
        case Kind.ROOT:
            return principal.account
        case Kind.USER:
            return principal.unique_id
        case Kind.ROLE_SESSION:
            return f"{principal.unique_id}:{_last(principal.arn)}"
        case Kind.FEDERATED_USER:
            return f"{principal.account}:{_last(principal.arn)}"
        case Kind.ANONYMOUS:
            return "anonymous"
        case _:
            return ""


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
