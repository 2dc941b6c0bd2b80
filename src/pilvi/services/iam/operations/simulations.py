"""The policy simulator: would these policies allow it? With the engine that decides real requests.

Differs: what follows from the simulated caller (its name, its account, the tags of PolicySourceArn) is known to
conditions without being told in ContextEntries. A page ends early when it would take long.
AWS: IAM User Guide, "IAM policy testing with the IAM policy simulator"; EvaluationResult.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from pilvi.base.http import Body
from pilvi.identity.guardrails import GuardrailsOf, Levels
from pilvi.kit.call import Call
from pilvi.languages.policy import (
    Attachment,
    Document,
    Kind,
    Policies,
    Principal,
)
from pilvi.services.iam import errors, limits, pages, permissions
from pilvi.services.iam.operations.callers import entity_of
from pilvi.services.iam.records import User
from pilvi.services.iam.service import iam
from pilvi.services.iam.simulation import exclusions
from pilvi.services.iam.simulation import requests as asked
from pilvi.services.iam.simulation.requests import Caller, Keys
from pilvi.services.iam.simulation.results import Question, result_of
from pilvi.services.iam.wire import (
    GetContextKeysForCustomPolicyRequest,
    GetContextKeysForPolicyResponse,
    GetContextKeysForPrincipalPolicyRequest,
    SimulateCustomPolicyRequest,
    SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest,
)
from pilvi.store.api import Snapshot

_INPUT = "PolicyInputList"
_BOUNDARY_INPUT = "PermissionsBoundaryPolicyInputList"


@iam.read("SimulateCustomPolicy")
def simulate_custom_policy(
    call: Call, at: Snapshot, req: SimulateCustomPolicyRequest
) -> SimulatePolicyResponse:
    """Decide with policies that are given as texts alone.

    Raises: InvalidInput.
    """
    levels = [
        one.get("ServiceControlPolicyInputList", [])
        for one in req.get("OrderedOrganizationPolicyInputList", [])
    ]
    asked.check_size(req["PolicyInputList"], *levels)
    identity = asked.documents_in(req["PolicyInputList"], _INPUT, Attachment.INLINE)
    control = tuple(
        tuple(asked.documents_in(texts, f"Level{number}", Attachment.SERVICE_CONTROL))
        for number, texts in enumerate(levels, 1)
    )
    caller = asked.caller_named(req["CallerArn"]) if "CallerArn" in req else None
    policies = Policies(
        identity=tuple(identity),
        boundary=_boundary_in(req),
        service_control=control,
    )
    return _answer(call, req, policies, caller, {})


@iam.stream("SimulatePrincipalPolicy")
async def simulate_principal_policy(
    call: Call, req: SimulatePrincipalPolicyRequest, body: Body
) -> SimulatePolicyResponse:
    """Decide with the policies that a user, role or group has, with those of the organization over its account, and
    further ones.

    Raises: NoSuchEntity, InvalidInput.
    """
    around = await call.ask(GuardrailsOf).of_account(call.account)
    return await call.view(lambda at: _of_principal(call, at, req, around.service_control))


def _of_principal(
    call: Call, at: Snapshot, req: SimulatePrincipalPolicyRequest, control: Levels
) -> SimulatePolicyResponse:
    source, entity = entity_of(call, at, req["PolicySourceArn"])
    asked.check_size(req.get("PolicyInputList", ()))
    excluded = exclusions.read(req.get("PolicyExclusionList", ()))
    own = exclusions.kept(permissions.documents_of(at, call.scope, entity), excluded)
    more = asked.documents_in(req.get("PolicyInputList", ()), _INPUT, Attachment.INLINE)
    boundary = _boundary_in(req)
    if boundary is None and not exclusions.names_boundary(excluded):
        boundary = permissions.find_boundary(at, call.scope, entity)
    caller, keys = source, {f"aws:principaltag/{k.lower()}": (v,) for k, v in entity.tags.items()}
    if isinstance(entity, User):
        keys["aws:userid"] = (entity.id,)
    if "CallerArn" in req and req["CallerArn"] != req["PolicySourceArn"]:
        caller, keys = asked.caller_named(req["CallerArn"]), {}
    policies = Policies((*own, *more), boundary, service_control=control)
    return _answer(call, req, policies, caller, keys)


@iam.read("GetContextKeysForCustomPolicy")
def get_context_keys_for_custom_policy(
    call: Call, at: Snapshot, req: GetContextKeysForCustomPolicyRequest
) -> GetContextKeysForPolicyResponse:
    """The keys that policies ask for, sorted. Raises: InvalidInput."""
    asked.check_size(req["PolicyInputList"])
    documents = asked.documents_in(req["PolicyInputList"], _INPUT, Attachment.INLINE)
    return {"ContextKeyNames": _keys(documents)}


@iam.read("GetContextKeysForPrincipalPolicy")
def get_context_keys_for_principal_policy(
    call: Call, at: Snapshot, req: GetContextKeysForPrincipalPolicyRequest
) -> GetContextKeysForPolicyResponse:
    """The keys that somebody's policies ask for, and further ones, sorted. Raises: NoSuchEntity, InvalidInput."""
    _, entity = entity_of(call, at, req["PolicySourceArn"])
    asked.check_size(req.get("PolicyInputList", ()))
    more = asked.documents_in(req.get("PolicyInputList", ()), _INPUT, Attachment.INLINE)
    return {"ContextKeyNames": _keys([*permissions.documents_of(at, call.scope, entity), *more])}


def _keys(documents: Iterable[Document]) -> list[str]:
    found: dict[str, str] = {}
    for document in documents:
        found = {**document.policy.keys, **found}
    return sorted(found.values())


_Simulation = SimulateCustomPolicyRequest | SimulatePrincipalPolicyRequest


def _boundary_in(req: _Simulation) -> Document | None:
    """Raises: InvalidInput."""
    given = req.get("PermissionsBoundaryPolicyInputList", [])
    if len(given) > 1:
        raise errors.InvalidInput(detail="Only one permissions boundary can be simulated.")
    return next(asked.documents_in(given, _BOUNDARY_INPUT, Attachment.BOUNDARY), None)


def _answer(
    call: Call, req: _Simulation, policies: Policies, caller: Caller | None, keys: Keys
) -> SimulatePolicyResponse:
    actions, resources = req["ActionNames"], req.get("ResourceArns") or ["*"]
    asked.check_actions(actions)
    asked.check_resources(resources)
    asked.check_scenario(req.get("ResourceHandlingOption"), resources)
    context = {**keys, **asked.keys_in(req.get("ContextEntries", ()))}
    if caller is None:
        principal = Principal(Kind.USER, call.account)
    else:
        principal, context = caller.principal, {**caller.keys, **context}
    if "ResourcePolicy" in req:
        if caller is None or caller.kind != "user":
            raise errors.InvalidInput(
                detail="A resource policy can be simulated only with the ARN of a user in CallerArn."
            )
        given = asked.resource_policy_in(req["ResourcePolicy"])
        policies = replace(policies, resource=(given,))
    question = Question(
        principal=principal,
        context=context,
        policies=policies,
        resources=resources,
        owner=asked.owner_named(req["ResourceOwner"])
        if "ResourceOwner" in req
        else principal.account,
        given=resources != ["*"],
    )
    start = _start(req)
    size = min(req.get("MaxItems", limits.PAGE_SIZE), _actions_at_once(question))
    results = [result_of(action, question) for action in actions[start : start + size]]
    told: SimulatePolicyResponse = {
        "EvaluationResults": results,
        "IsTruncated": start + size < len(actions),
    }
    if told["IsTruncated"]:
        told["Marker"] = pages.marker((start + size,))
    return told


def _actions_at_once(question: Question) -> int:
    """How many can be decided without keeping others waiting. Raises: InvalidInput when one is too much."""
    policies = question.policies
    levels = [one for level in policies.service_control for one in level]
    every = (*policies.identity, policies.boundary, *policies.resource, *levels)
    statements = sum(len(one.policy.rules) for one in every if one is not None)
    found = limits.SIMULATED_AT_ONCE // (max(1, statements) * len(question.resources))
    if not found:
        raise errors.InvalidInput(
            detail="These are too many statements and resources for one simulation."
        )
    return found


def _start(req: _Simulation) -> int:
    """Raises: ValidationError for a marker that we did not give."""
    after = pages.after_marker(req)
    if after is None:
        return 0
    if len(after) != 1 or not isinstance(after[0], int) or after[0] < 0:
        raise errors.ValidationError(detail=f"Invalid Marker: {req.get('Marker')}")
    return after[0]
