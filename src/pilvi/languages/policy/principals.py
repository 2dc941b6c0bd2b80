"""Principals: who asks, and how far a resource's policy vouches for them.

AWS: IAM User Guide, "AWS JSON policy elements: Principal", "AWS JSON policy elements: NotPrincipal", and "Policy
evaluation logic", the table of resource-based policies and implicit denies in other policy types.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, IntEnum

import msgspec

from pilvi.languages.policy.grammar import Principals


class Kind(Enum):
    ROOT = "the root user of an account"
    USER = "a user of IAM, with keys of their own or a session of GetSessionToken"
    ROLE_SESSION = "a role that somebody assumed"
    FEDERATED_USER = "a session of GetFederationToken"
    WEB_IDENTITY = "somebody whom an identity provider vouches for, not yet in a role"
    SERVICE = "a service of the cloud, on its own behalf"
    ANONYMOUS = "nobody in particular"


# An enumeration's member costs more to look up than a statement to rule out.
_ROOT, _USER = Kind.ROOT, Kind.USER
_SERVICE, _WEB_IDENTITY, _ANONYMOUS = Kind.SERVICE, Kind.WEB_IDENTITY, Kind.ANONYMOUS


class Principal(msgspec.Struct, frozen=True):
    """Who asks.

    `arn`: what AWS names in messages; of a session, the session's. `entity_arn`: the role that was assumed (with its
    path), or the user who federated. `unique_id`: AIDA..., or AROA... without the session's name.
    `canonical_id`: the account's, in S3's manner. `services`: a service's names, "lambda.amazonaws.com".
    `provider`: the identity provider behind WEB_IDENTITY, or behind a role session that came from one.
    """

    kind: Kind
    account: str = ""
    arn: str = ""
    entity_arn: str = ""
    unique_id: str = ""
    canonical_id: str = ""
    services: tuple[str, ...] = ()
    provider: str = ""

    @property
    def has_account(self) -> bool:
        """Whether an account's policies speak for the one who asks."""
        kind = self.kind
        return kind is not _SERVICE and kind is not _WEB_IDENTITY and kind is not _ANONYMOUS

    @property
    def service_linked(self) -> bool:
        """In a role that belongs to a service: no organisation's policy limits it."""
        return ":role/aws-service-role/" in self.entity_arn


ANONYMOUS = Principal(_ANONYMOUS)


class Grant(IntEnum):
    """How an Allow of a resource's policy reaches the one who asks."""

    NONE = 0
    DELEGATED = 1
    """To the account: its own policies must allow it as well."""
    ENTITY = 2
    """To the role or user behind the session: a boundary and session policies still limit it."""
    DIRECT = 3
    """To exactly this principal, or to everyone: nothing but an explicit deny takes it away."""


_NONE, _DELEGATED, _ENTITY, _DIRECT = Grant

GrantTest = Callable[[Principal], Grant]

_ROOT_ARN = re.compile(r"arn:[^:]*:iam::([0-9]{12}):root")


def grant_test(principals: Principals | None, *, allows: bool) -> GrantTest | None:
    """None: the statement is about whoever its policy is attached to.

    NotPrincipal fails closed, where AWS leaves it to each service how exactly a principal must be listed. A Deny
    spares only those who are listed with everything they are part of: the account, the role, the session. An Allow
    passes over everybody of whom any part is listed.
    """
    if principals is None:
        return None
    named = _Named(principals)
    if not principals.negated:
        return named.grant
    return named.grant_but if allows else named.deny_but


class _Named:
    def __init__(self, principals: Principals) -> None:
        by_kind: dict[str, set[str]] = {}
        for kind, one in principals.named:
            by_kind.setdefault(kind, set()).add(one)
        aws = by_kind.get("AWS", set())
        self.everyone = "*" in aws
        self.accounts = frozenset(
            {one for one in aws if len(one) == 12 and one.isdigit()}
            | {found[1] for one in aws if (found := _ROOT_ARN.fullmatch(one))}
        )
        self.names = frozenset(aws)
        """ARNs and unique ids."""
        self.services = frozenset(by_kind.get("Service", ()))
        self.providers = frozenset(by_kind.get("Federated", ()))
        self.canonical_ids = frozenset(by_kind.get("CanonicalUser", ()))

    def grant(self, principal: Principal) -> Grant:
        if self.everyone:
            return _DIRECT
        if not principal.has_account:
            return _DIRECT if self._lists_outsider(principal) else _NONE
        if self._lists_itself(principal):
            return _DIRECT
        if self._lists_entity(principal):
            return _ENTITY
        if self._lists_account(principal):
            return _DELEGATED
        return _NONE

    def deny_but(self, principal: Principal) -> Grant:
        return _NONE if self.everyone or all(self._chain(principal)) else _DIRECT

    def grant_but(self, principal: Principal) -> Grant:
        return _NONE if self.everyone or any(self._chain(principal)) else _DIRECT

    def _chain(self, principal: Principal) -> tuple[bool, ...]:
        """Of each thing that the principal is part of, whether it is listed. Nobody in particular is part of none,
        and is listed nowhere."""
        if not principal.has_account:
            return (self._lists_outsider(principal),)
        account = self._lists_account(principal)
        itself = self._lists_itself(principal)
        if principal.kind in (_ROOT, _USER):
            return (account, itself)
        return (account, self._lists_entity(principal), itself)

    def _lists_outsider(self, principal: Principal) -> bool:
        if principal.kind is _SERVICE:
            return "*" in self.services or not self.services.isdisjoint(principal.services)
        if principal.kind is _WEB_IDENTITY:
            return "*" in self.providers or principal.provider in self.providers
        return False

    def _lists_itself(self, principal: Principal) -> bool:
        if principal.kind is _ROOT:
            return self._lists_account(principal)
        if principal.arn in self.names:
            return True
        return principal.kind is _USER and principal.unique_id in self.names

    def _lists_entity(self, principal: Principal) -> bool:
        return (
            principal.entity_arn in self.names
            or principal.unique_id in self.names
            or (principal.provider != "" and principal.provider in self.providers)
        )

    def _lists_account(self, principal: Principal) -> bool:
        return (
            principal.account in self.accounts
            or principal.canonical_id in self.canonical_ids
            or (principal.canonical_id != "" and "*" in self.canonical_ids)
        )
