"""The least that a principal needs: a policy written from what it was observed to do, and tried before it is told.

Pure: observations in, documents out. Every observed call is decided anew with the documents alone, and so are calls
that were not observed (another action, another resource, another value of a condition), which must be refused.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pilvi.identity.actions import find_action, find_table
from pilvi.languages.policy import (
    IDENTITY,
    Attachment,
    Origin,
    Policies,
    Principal,
    Request,
    decide,
    document,
    literal,
)
from pilvi.services.iam import limits
from pilvi.services.iam.observed.records import Observed
from pilvi.services.iam.observed.tally import WORTH

_LISTS = ("dynamodb:leadingkeys",)
"""Keys of which a request has several values; all of them have to be among those that are allowed."""
_WITHOUT_REGIONS = ("iam", "sts", "s3")
"""Services whose answers are not a region's own."""
_ELSEWHERE = "pilvi-not-observed"


class Wanted(NamedTuple):
    """One thing to allow. `resource`: as policies write it; `conditions`: (operator, key, values)."""

    action: str
    resource: str
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]


class Trial(NamedTuple):
    """`failed`: calls that were decided otherwise than they should be, in words; empty when all is well."""

    allowed: int
    refused: int
    failed: list[str]


class Generated(NamedTuple):
    documents: list[dict[str, Any]]
    trial: Trial


def generate(observed: Sequence[Observed], principal: Principal, *, wildcards: bool) -> Generated:
    """`wildcards`: whether objects of a bucket and streams of a log group are told by patterns."""
    wanted = set(_wanted(observed, wildcards=wildcards))
    documents = _split(list(_statements(wanted)))
    return Generated(documents, _try(documents, wanted, observed, principal))


# --- what to allow


def _wanted(observed: Sequence[Observed], *, wildcards: bool) -> Iterator[Wanted]:
    regions: dict[str, set[str]] = defaultdict(set)
    for one in observed:
        regions[one.action].add(one.region)
    merged: dict[tuple[str, str], dict[str, set[str] | None]] = {}
    for one in observed:
        place = (one.action, _written(one, wildcards=wildcards))
        known = merged.get(place)
        if known is None:
            merged[place] = {key: set(values) or None for key, values in one.conditions.items()}
            continue
        for key in {*known, *one.conditions}:  # held by all of them, or by none
            values = known.get(key)
            more = one.conditions.get(key)
            known[key] = values | set(more) if values and more else None
    for (action, resource), keys in merged.items():
        conditions = [
            (
                "ForAllValues:StringEquals" if key in _LISTS else "StringEquals",
                WORTH[key],
                tuple(sorted(values)),
            )
            for key, values in keys.items()
            if values
        ]
        if resource == "*" and action.partition(":")[0] not in _WITHOUT_REGIONS:
            where = tuple(sorted(regions[action]))
            conditions.append(("StringEquals", "aws:RequestedRegion", where))
        yield Wanted(action, resource, tuple(sorted(conditions)))


def _written(one: Observed, *, wildcards: bool) -> str:
    if one.pattern:
        return f"{literal(one.resource[:-1])}*"
    if wildcards:
        for shape in _WIDER:
            match = shape.match(one.resource)
            if match is not None:
                return f"{literal(match[1])}*"
    return literal(one.resource)


_WIDER = (
    re.compile(r"(arn:[^:]*:s3:::[^/]+/(?:[^/]+/)?)", re.DOTALL),
    re.compile(r"(arn:[^:]*:logs:.*:log-stream:)", re.DOTALL),
)
"""An object lies below the first folder of its bucket; a stream of logs is one of its group's."""


# --- statements: what has the same access to the same resources stands together


def _statements(wanted: Iterable[Wanted]) -> Iterator[dict[str, Any]]:
    actions: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for one in wanted:
        found = find_action(one.action)
        access = "Other" if found is None else found.access
        service = one.action.partition(":")[0]
        actions[service, access, one.conditions, one.resource].add(one.action)
    resources: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for (service, access, conditions, resource), names in actions.items():
        resources[service, access, tuple(sorted(names)), conditions].add(resource)
    sids: dict[str, int] = defaultdict(int)
    for (service, access, names, conditions), places in sorted(
        resources.items(), key=lambda item: (item[0], sorted(item[1]))
    ):
        for some in _few(sorted(places)):
            sid = re.sub("[^A-Za-z0-9]", "", f"{service.title()}{access.title()}")
            sids[sid] += 1
            statement: dict[str, Any] = {
                "Sid": sid if sids[sid] == 1 else f"{sid}{sids[sid]}",
                "Effect": "Allow",
                "Action": names[0] if len(names) == 1 else list(names),
                "Resource": some[0] if len(some) == 1 else some,
            }
            if conditions:
                statement["Condition"] = _condition(conditions)
            yield statement


def _few(resources: list[str]) -> Iterator[list[str]]:
    """So many at once that a statement fits into a policy with room for its actions."""
    some: list[str] = []
    for resource in resources:
        if some and sum(map(len, some)) + len(resource) > limits.MANAGED_POLICY_SIZE // 2:
            yield some
            some = []
        some = [*some, resource]
    yield some


def _condition(
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...],
) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {}
    for operator, key, values in conditions:
        texts = [value.replace("${", "${$}{") for value in values]
        told.setdefault(operator, {})[key] = texts[0] if len(texts) == 1 else texts
    return told


def _split(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Into as many documents as AWS's limit for managed policies makes necessary."""
    parts: list[list[dict[str, Any]]] = []
    size = 0
    for statement in statements:
        more = size_of(statement) + 1
        if not parts or size + more > limits.MANAGED_POLICY_SIZE - _FRAME:
            parts.append([])
            size = 0
        parts[-1].append(statement)
        size += more
    return [{"Version": "2012-10-17", "Statement": part} for part in parts]


_FRAME = 64
"""Characters around the statements of a document, with some to spare."""


def size_of(written: dict[str, Any]) -> int:
    """Characters as AWS counts them, without white space between them."""
    return len(json.dumps(written, separators=(",", ":"), ensure_ascii=False))


# --- trying it


def _try(
    documents: list[dict[str, Any]],
    wanted: set[Wanted],
    observed: Sequence[Observed],
    principal: Principal,
) -> Trial:
    origin = Origin(Attachment.INLINE, name="generated")
    policies = Policies(
        identity=tuple(document(json.dumps(one), IDENTITY, origin) for one in documents)
    )

    def allows(action: str, resource: str, context: dict[str, tuple[str, ...]]) -> bool:
        request = Request(principal, action, (resource,), principal.account, context)
        return decide(request, policies).allowed

    known = {one.action for one in observed}
    allowed = refused = 0
    failed: list[str] = []
    for one in observed:
        context = {key: values for key, values in one.conditions.items() if values}
        context["aws:requestedregion"] = (one.region,)
        if allows(one.action, one.resource, context):
            allowed += 1
        else:
            failed.append(f"{one.action} on {one.resource} was observed and would be refused")
        for action, resource, changed in _others(one, context, known, wanted):
            if allows(action, resource, changed):
                failed.append(f"{action} on {resource} was not observed and would be allowed")
            else:
                refused += 1
    return Trial(allowed, refused, failed)


def _others(
    one: Observed,
    context: dict[str, tuple[str, ...]],
    known: set[str],
    wanted: set[Wanted],
) -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    """Calls like this one that were not observed, and that nothing observed stands for."""
    other = _other_action(one.action, known)
    if other is not None:
        yield other, one.resource, context
    same = [item for item in wanted if item.action == one.action]
    elsewhere = _elsewhere(one)
    wide = [item.resource[:-1] for item in same if item.resource.endswith("*")]
    if elsewhere is not None and not elsewhere.startswith(tuple(wide)):
        yield one.action, elsewhere, context
    for key in context:
        name = WORTH.get(key)
        if name and all(any(told == name for _, told, _ in item.conditions) for item in same):
            yield one.action, one.resource, {**context, key: (_ELSEWHERE,)}


def _other_action(action: str, known: set[str]) -> str | None:
    """The first of the same service that was not seen."""
    table = find_table(action.partition(":")[0])
    names = (one.name for one in table.actions) if table is not None else ()
    return next((name for name in names if name not in known), None)


def _elsewhere(one: Observed) -> str | None:
    """A resource of the same kind that nothing observed can mean: of another account, or in another bucket."""
    parts = one.resource.split(":", 5)
    if len(parts) < 6:
        return None
    if parts[4]:
        parts[4] = "1" * 12 if parts[4] != "1" * 12 else "2" * 12
    else:
        head, slash, rest = parts[5].partition("/")
        if head.endswith("*"):
            return None
        parts[5] = f"{head}-{_ELSEWHERE}{slash}{rest}"
    return ":".join(parts)
