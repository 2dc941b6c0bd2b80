"""A decision in words for the developer who has to change something: which statement decided, or what is missing.

This looks at every policy once more and is made for people, not for each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from pilvi.languages.policy.compiled import Document, Origin, Rule
from pilvi.languages.policy.evaluation import (
    Deciding,
    Decision,
    Layer,
    Policies,
    Request,
    Verdict,
)
from pilvi.languages.policy.grammar import Condition
from pilvi.languages.policy.messages import caller_name
from pilvi.languages.policy.principals import Grant

NEAR_MISSES_MAX = 20
_SHOWN_MAX = 5


class Missed(Enum):
    PRINCIPAL = "it is for other principals"
    RESOURCE = "it is for other resources"
    CONDITION = "a condition does not hold"


class NearMiss(msgspec.Struct, frozen=True):
    """A statement of a layer that did not allow, which covers the action and yet did not apply."""

    statement: Deciding
    missed: Missed
    detail: str


def near_misses(request: Request, policies: Policies, decision: Decision) -> tuple[NearMiss, ...]:
    """Of the layers that `decision` found lacking, at most NEAR_MISSES_MAX."""
    found: list[NearMiss] = []
    for layer in decision.lacking:
        for document in _documents(policies, layer):
            for rule in document.policy.about(request.action.lower()):
                missed = _missed(rule, request, decision.resource) if rule.allows else None
                if missed is not None and len(found) < NEAR_MISSES_MAX:
                    statement = Deciding(layer, document.origin, rule.index, rule.sid, allows=True)
                    found.append(NearMiss(statement, *missed))
    return tuple(found)


def explain(request: Request, policies: Policies, decision: Decision) -> tuple[str, ...]:
    """Lines to print; the first is the verdict."""
    asked = f"{caller_name(request.principal)} may {{}}{request.action} on {decision.resource}"
    if decision.verdict is Verdict.ALLOWED:
        lines = [asked.format("")]
        lines += [f"allowed by {told_statement(one)}" for one in decision.statements]
        return tuple(lines)
    lines = [asked.format("not ")]
    lines += [f"denied by {told_statement(one)}" for one in decision.statements]
    lines += [f"no {layer.value} allows it" for layer in decision.lacking]
    lines += [
        f"{told_statement(one.statement)} would allow it, but {one.detail}"
        for one in near_misses(request, policies, decision)
    ]
    return tuple(lines)


def told_statement(one: Deciding) -> str:
    """As "statement 2 (Sid DenyLogs) of managed policy Logs of arn:...:role/worker"; counted from 1."""
    sid = f" (Sid {one.sid})" if one.sid else ""
    return f"statement {one.index + 1}{sid} of {told_origin(one.origin)}"


def told_origin(origin: Origin) -> str:
    name = origin.arn or origin.name
    holder = f" of {origin.holder}" if origin.holder else ""
    return f"{origin.attachment.value}{f' {name}' if name else ''}{holder}"


def _documents(policies: Policies, layer: Layer) -> Iterator[Document]:
    match layer:
        case Layer.RESOURCE_CONTROL:
            for level in policies.resource_control:
                yield from level
        case Layer.SERVICE_CONTROL:
            for level in policies.service_control:
                yield from level
        case Layer.IDENTITY:
            yield from policies.identity
        case Layer.RESOURCE | Layer.TRUST:
            yield from policies.resource
        case Layer.BOUNDARY:
            if policies.boundary is not None:
                yield policies.boundary
        case Layer.SESSION:
            yield from policies.session


def _missed(rule: Rule, request: Request, resource: str) -> tuple[Missed, str] | None:
    """None: it applies; another level of the same layer is what lacks."""
    if rule.grants is not None and rule.grants(request.principal) is Grant.NONE:
        return Missed.PRINCIPAL, "it is for other principals"
    if not rule.resources.covers(resource, request.context):
        clause = rule.statement.resources
        assert clause is not None
        kind = "NotResource" if clause.negated else "Resource"
        return Missed.RESOURCE, f"its {kind} is {_listed(clause.patterns)}"
    for condition, holds in zip(rule.statement.conditions, rule.condition_tests, strict=True):
        if not holds(request.context):
            return Missed.CONDITION, _failed(condition, request)
    return None


def _failed(condition: Condition, request: Request) -> str:
    quantifier = f"{condition.quantifier}:" if condition.quantifier else ""
    suffix = "IfExists" if condition.if_exists else ""
    wanted = f"{quantifier}{condition.operator}{suffix} {condition.key}"
    values = request.context.get(condition.key.lower(), ())
    has = f"the request has {_listed(values)}" if values else "the request has no such key"
    return f"its condition {wanted} {_listed(condition.values)} does not hold: {has}"


def _listed(texts: tuple[str, ...]) -> str:
    shown = ", ".join(texts[:_SHOWN_MAX])
    more = len(texts) - _SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
