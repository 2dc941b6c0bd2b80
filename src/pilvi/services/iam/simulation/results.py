"""What comes of a simulation: each action decided by the engine, and told as AWS tells it.

AWS: EvaluationResult; IAM User Guide, "IAM policy testing with the IAM policy simulator".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from pilvi.languages.policy import (
    Document,
    Policies,
    Principal,
    Request,
    ResourceSide,
    Simulated,
    Verdict,
    simulate,
    statement_spans,
)
from pilvi.services.iam.simulation import requests as asked
from pilvi.services.iam.simulation.requests import Keys
from pilvi.services.iam.wire import EvaluationResult, ResourceSpecificResult, Statement

_DECISIONS = {
    Verdict.ALLOWED: "allowed",
    Verdict.EXPLICIT_DENY: "explicitDeny",
    Verdict.IMPLICIT_DENY: "implicitDeny",
}
_RESTRICTING = (Verdict.ALLOWED, Verdict.IMPLICIT_DENY, Verdict.EXPLICIT_DENY)
"""From the least to the most."""


class Question(NamedTuple):
    """All that stays the same for every action. `owner`: of resources that do not tell theirs."""

    principal: Principal
    context: Keys
    policies: Policies
    resources: Sequence[str]
    owner: str
    given: bool
    """Whether resources were named at all."""


def _simulated(action: str, resource: str, question: Question) -> Simulated:
    policies = question.policies
    if policies.resource and asked.side_of(resource) is ResourceSide.KEY:
        policies = replace(policies, resource_side=ResourceSide.KEY)
    request = Request(
        principal=question.principal,
        action=action,
        resources=(resource,),
        resource_account=asked.account_of(resource, question.owner),
        context=question.context,
    )
    return simulate(request, policies)


def result_of(action: str, question: Question) -> EvaluationResult:
    """One for each action; what holds of each resource stands below it, the most restrictive verdict above."""
    each = [(one, _simulated(action, one, question)) for one in question.resources]
    every = [simulated for _, simulated in each]
    verdict = _worst(one.verdict for one in every)
    told: EvaluationResult = {
        "EvalActionName": action,
        "EvalResourceName": asked.template_of(action, question.resources),
        "EvalDecision": _DECISIONS[verdict],
        "MatchedStatements": _statements(one for one in every if one.verdict is verdict),
        "MissingContextValues": sorted({key for one in every for key in one.missing}),
    }
    if question.policies.boundary is not None:
        allowed = all(one.boundary is Verdict.ALLOWED for one in every)
        told["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    let_pass = all(one.organisation is not False for one in every)
    if question.policies.service_control:
        told["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": let_pass}
    if let_pass and (question.given or any(one.cross_account for one in every)):
        told["EvalDecisionDetails"] = _details([one for one in every if one.cross_account])
    if question.given:
        told["ResourceSpecificResults"] = [_specific(*one) for one in each]
    return told


def _specific(resource: str, simulated: Simulated) -> ResourceSpecificResult:
    told: ResourceSpecificResult = {
        "EvalResourceName": resource,
        "EvalResourceDecision": _DECISIONS[simulated.verdict],
        "MatchedStatements": _statements((simulated,)),
        "MissingContextValues": list(simulated.missing),
    }
    if simulated.boundary is not None:
        allowed = simulated.boundary is Verdict.ALLOWED
        told["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if simulated.cross_account and simulated.organisation is not False:
        told["EvalDecisionDetails"] = _details([simulated])
    return told


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=_RESTRICTING.index)


def _details(every: Sequence[Simulated]) -> dict[str, str]:
    """What each kind of policy said, of requests across accounts; nothing of others."""
    if not every:
        return {}
    kinds: dict[str, list[Verdict | None]] = {
        "IAM Policy": [one.identity for one in every],
        "Resource Policy": [one.resource or Verdict.IMPLICIT_DENY for one in every],
        "Permissions Boundary Policy": [one.boundary for one in every],
    }
    return {
        kind: _DECISIONS[_worst(told)]
        for kind, verdicts in kinds.items()
        if (told := [one for one in verdicts if one is not None])
    }


def _statements(every: Iterable[Simulated]) -> list[Statement]:
    """Each once, in the order in which they were found."""
    found = dict.fromkeys(
        (id(applied.document), applied.document, applied.place)
        for one in every
        for applied in one.matched
    )
    return [_statement(document, place) for _, document, place in found]


def _statement(document: Document, place: int) -> Statement:
    span = statement_spans(document.policy.text)[place]
    return {
        "SourcePolicyId": asked.source_id(document),
        "SourcePolicyType": asked.source_type(document),
        "StartPosition": {"Line": span.start.line, "Column": span.start.column},
        "EndPosition": {"Line": span.end.line, "Column": span.end.column},
    }
