"""A decision taken apart, as the policy simulator shows it: which statements counted, which keys were not given, and
what each kind of policy said.

The verdict is `evaluation.decide`'s, never another. This looks at every statement once more and is made for people.
AWS: IAM User Guide, "IAM policy testing with the IAM policy simulator".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pilvi.languages.policy.compiled import Document, Rule, keys_of
from pilvi.languages.policy.evaluation import Policies, Request, Verdict, decide
from pilvi.languages.policy.principals import Grant


class Applied(NamedTuple):
    """A statement that applied: `place`: counted from 0 in its document."""

    document: Document
    place: int
    allows: bool


class Simulated(NamedTuple):
    """`matched`: statements of identity and resource policies that made the verdict; none where nothing allowed.
    `missing`: keys that these policies ask for and the request does not tell, as they are written. `identity`,
    `resource`, `boundary`: what each kind says for itself; None where there is no such policy. `organisation`:
    whether service control policies let it pass."""

    verdict: Verdict
    cross_account: bool
    matched: tuple[Applied, ...]
    missing: tuple[str, ...]
    identity: Verdict
    resource: Verdict | None
    boundary: Verdict | None
    organisation: bool | None


def simulate(request: Request, policies: Policies) -> Simulated:
    """`request` has one resource."""
    decision = decide(request, policies)
    identity = tuple(_applying(policies.identity, request))
    resource = tuple(_granting(policies, request))
    boundary = policies.boundary
    wanted = decision.verdict is Verdict.ALLOWED
    made = (
        ()
        if decision.verdict is Verdict.IMPLICIT_DENY
        else _of_kind((*identity, *resource), wanted)
    )
    levels = policies.service_control
    return Simulated(
        verdict=decision.verdict,
        cross_account=decision.cross_account,
        matched=tuple(made),
        missing=_missing((*policies.identity, *policies.resource), request),
        identity=_verdict(identity),
        resource=_verdict(resource) if policies.resource else None,
        boundary=None if boundary is None else _verdict(_applying((boundary,), request)),
        organisation=all(_verdict(_applying(level, request)) is Verdict.ALLOWED for level in levels)
        if levels
        else None,
    )


def _applying(documents: Iterable[Document], request: Request) -> Iterator[Applied]:
    """Statements of policies that name no principals."""
    (resource,) = request.resources
    for document in documents:
        for rule in document.policy.about(request.action.lower()):
            if rule.applies(resource, request.context):
                yield Applied(document, rule.index, rule.allows)


def _granting(policies: Policies, request: Request) -> Iterator[Applied]:
    """Statements of the resource's policies, for this principal; as `evaluation` reads them."""
    (resource,) = request.resources
    for document in policies.resource:
        for rule in document.policy.about(request.action.lower()):
            if _concerns(rule, policies, request) and rule.applies(resource, request.context):
                yield Applied(document, rule.index, rule.allows)


def _concerns(rule: Rule, policies: Policies, request: Request) -> bool:
    if rule.grants is None or (rule.spares and policies.boundary is not None):
        return not rule.allows
    return rule.grants(request.principal) is not Grant.NONE


def _of_kind(applied: Sequence[Applied], allows: bool) -> Iterator[Applied]:
    return (one for one in applied if one.allows is allows)


def _verdict(applied: Iterable[Applied]) -> Verdict:
    kinds = {one.allows for one in applied}
    if False in kinds:
        return Verdict.EXPLICIT_DENY
    return Verdict.ALLOWED if True in kinds else Verdict.IMPLICIT_DENY


def _missing(documents: Iterable[Document], request: Request) -> tuple[str, ...]:
    """Of the statements about the action, and about the resource as far as that can be told."""
    (resource,) = request.resources
    found: dict[str, str] = {}
    for document in documents:
        version = document.policy.policy.version
        for rule in document.policy.about(request.action.lower()):
            plain = rule.resources.plain
            if plain is not None and not plain(resource):
                continue
            for key in keys_of(rule.statement, version):
                if key.lower() not in request.context:
                    found.setdefault(key.lower(), key)
    return tuple(sorted(found.values()))
