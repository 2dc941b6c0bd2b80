"""`contracts.advice.Advice`: decisions, observations and policies, told to the person who runs the cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from pilvi.base.arn import GLOBAL_REGION, Arn, Scope
from pilvi.contracts.credentials import Credentials
from pilvi.contracts.observations import (
    ALLOWED,
    DENIED,
    LET_PASS,
    UNASKED,
    Observations,
    Refusal,
    Remedy,
)
from pilvi.identity.permissions import PermissionsOf
from pilvi.identity.principal import holder_of
from pilvi.kit.cloud import Cloud
from pilvi.kit.recent import Decided
from pilvi.languages.policy import Kind, literal, told_origin, told_statement
from pilvi.languages.policy import Principal as PolicyPrincipal
from pilvi.services.iam import errors, generation, records, rules
from pilvi.services.iam.observed import records as observed
from pilvi.services.iam.observed.memory import FLUSH_S
from pilvi.services.iam.observed.records import Observed, Seen
from pilvi.services.iam.records import Role, User
from pilvi.store.api import Snapshot

ROWS_MAX = 10_000
"""Of a report."""
_WORKERS_GRACE_S = 0.5


class IamAdvice:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def _settle(self) -> None:
        """Until what was noted so far is in the store; of other workers, until they had the time to bring it."""
        await self._cloud.ask(Observations).flush()
        if self._cloud.settings.workers > 1:
            await asyncio.sleep(FLUSH_S + _WORKERS_GRACE_S)

    async def explain(self, request_id: str) -> list[dict[str, Any]]:
        recent = self._cloud.recent.of(request_id)
        if not recent:
            await self._settle()
        else:
            await self._cloud.ask(Observations).flush()
        refusals = await self._cloud.store.read(lambda at: observed.refusals_of(at, request_id))
        iam = self._cloud.settings.iam
        allowed = [
            _permission(one, iam) for one in recent if one.decision is None or one.decision.allowed
        ]
        return allowed + [_refusal(one) for one in refusals]

    async def report(self) -> list[dict[str, Any]]:
        await self._settle()
        rows = await self._cloud.store.read(_would_be_denied)
        rows.sort(key=lambda row: -row["count"])
        return rows[:ROWS_MAX]

    async def generate(
        self, account: str, kind: str, name: str, *, since_ms: int, wildcards: bool
    ) -> dict[str, Any]:
        await self._settle()

        arn, every = await self._cloud.store.read(lambda at: _doings(at, account, kind, name))
        account = Arn.parse(arn).account
        found = [one for one in every if one.last_ms >= since_ms]
        used = [one for one in found if one.outcome in (ALLOWED, LET_PASS)]
        principal_kind = Kind.USER if kind == "user" else Kind.ROLE_SESSION
        principal = PolicyPrincipal(principal_kind, account, arn, arn)
        made = generation.generate(used, principal, wildcards=wildcards)
        return {
            "arn": arn,
            "policies": made.documents,
            "sizes": [generation.size_of(one) for one in made.documents],
            "observed": {"calls": sum(one.count for one in used), "kinds": len(used)},
            "verified": {"allowed": made.trial.allowed, "refused": made.trial.refused},
            "failed": made.trial.failed,
            "widened": _told(one for one in used if one.pattern),
            "left_out": {
                "denied": _told(one for one in found if one.outcome == DENIED),
                "needs_no_permission": _told(one for one in found if one.outcome == UNASKED),
            },
        }

    async def whois(self, access_key_id: str) -> dict[str, Any]:
        settings = self._cloud.settings
        told: dict[str, Any] = {
            "issued": False,
            "auth": settings.auth,
            "iam": settings.iam,
            "policies": [],
            "boundary": None,
        }
        credential = await self._cloud.ask(Credentials).find_credential(access_key_id)
        if credential is None:
            return told
        principal = holder_of(credential)
        told |= {
            "issued": True,
            "arn": principal.arn,
            "account": principal.account,
            "root": principal.is_root,
            "role_exists": not principal.made_up,
            "active": credential.active,
            "expires_at_ms": credential.expires_at_ms,
        }
        if not principal.is_root and not principal.made_up:
            permissions = await self._cloud.ask(PermissionsOf).permissions_of(principal)
            told["policies"] = [told_origin(one.origin) for one in permissions.identity]
            told["session_policies"] = [told_origin(one.origin) for one in permissions.session]
            if permissions.boundary is not None:
                told["boundary"] = told_origin(permissions.boundary.origin)
        return told


# --- decisions


def _permission(one: Decided, iam: str) -> dict[str, Any]:
    principal = one.principal
    if one.decision is not None:
        reasons = [f"allowed by {told_statement(each)}" for each in one.decision.statements]
        reasons = reasons or ["no policy is needed for it"]
    elif iam == "off":
        reasons = ["policies are not asked (--iam off)"]
    elif principal.made_up:
        reasons = ["the role does not exist, and acts as root of its account (open mode)"]
    elif principal.is_root:
        reasons = ["the root user of an account needs no policy in it"]
    else:
        reasons = ["it needs no permission"]
    return {
        "outcome": ALLOWED,
        "who": principal.arn,
        "action": one.action,
        "resource": one.resource,
        "lines": [f"{principal.arn} may {one.action} on {one.resource}", *reasons],
        "remedies": [],
    }


def _refusal(one: Refusal) -> dict[str, Any]:
    return {
        "outcome": one.outcome,
        "who": one.asker.arn,
        "action": one.action,
        "resource": one.resource,
        "at_ms": one.at_ms,
        "lines": list(one.lines),
        "remedies": [msgspec.to_builtins(each) for each in one.remedies],
    }


# --- observations


def _would_be_denied(at: Snapshot) -> list[dict[str, Any]]:
    """One row for each principal, action and resource."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for seen in observed.all_seen(at):
        for one in observed.observed_of(at, seen.asker.account, seen.asker.id):
            if one.outcome == LET_PASS:
                key = (seen.asker.id, one.action, one.resource)
                row = rows.setdefault(key, _row(seen, one))
                row["count"] += one.count
                row["first_ms"] = min(row["first_ms"], one.first_ms)
                row["last_ms"] = max(row["last_ms"], one.last_ms)
    return list(rows.values())


def _row(seen: Seen, one: Observed) -> dict[str, Any]:
    return {
        "who": seen.asker.arn,
        "action": one.action,
        "resource": one.resource,
        "count": 0,
        "first_ms": one.first_ms,
        "last_ms": one.last_ms,
        "remedies": [msgspec.to_builtins(_of_all(each, one)) for each in one.remedies],
    }


def _of_all(remedy: Remedy, one: Observed) -> Remedy:
    """Of a pattern: the remedy that was told of its last member, for all of them."""
    statement = remedy.statement
    if statement is None or not one.pattern or "Resource" not in statement:
        return remedy
    return Remedy(remedy.where, {**statement, "Resource": f"{literal(one.resource[:-1])}*"})


def _told(some: Iterator[Observed]) -> list[str]:
    return sorted({f"{one.action} on {one.resource}" for one in some})


def _doings(at: Snapshot, account: str, kind: str, name: str) -> tuple[str, list[Observed]]:
    """The ARN of a user or role, by its name or whole ARN, and what it did; of a role also while it did not exist, and
    acted as root in the open mode. Raises: NoSuchEntity."""
    scope = Scope(account, GLOBAL_REGION)
    if name.startswith("arn:"):
        rules.check_arn(name)
        account = Arn.parse(name).account
        scope = Scope(account, GLOBAL_REGION)
    entity: User | Role | None
    if kind == "user":
        entity = records.USERS.find(at, records.home_of(scope), name.rpartition("/")[2].lower())
    else:
        entity = records.find_role(at, scope, name.rpartition("/")[2])
    arn = name if name.startswith("arn:") else str(Arn("iam", "", account, f"{kind}/{name}"))
    found: list[Observed] = []
    if entity is not None:
        real = records.arn_of(scope, kind, entity)
        arn = real if not name.startswith("arn:") else arn
        if arn == real:
            found += observed.observed_of(at, scope.account, entity.id)
        else:
            entity = None
    found += observed.observed_of(at, scope.account, arn)
    if entity is None and not found:
        raise errors.NoSuchEntity(detail=f"The {kind} {name} cannot be found.")
    return arn, found
