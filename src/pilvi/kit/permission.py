"""The permission step: may the caller do what it asks? Before any handler, for calls from outside and from inside.

An operation's `Acts` say which permissions it needs. IAM tells what stands for the caller, the service what stands on
the resource's side; `identity/authorise.py` decides. `--iam audit` lets pass what would be denied, and says so in the
answer's header and in the log; `--iam off` asks only whether there is a caller at all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pilvi.base.errors import AwsError
from pilvi.contracts.decisions import AuthorizationMessages
from pilvi.contracts.observations import (
    ALLOWED,
    DENIED,
    LET_PASS,
    UNASKED,
    Observations,
    Refusal,
)
from pilvi.identity import authorise
from pilvi.identity.guardrails import (
    NO_GUARDRAILS,
    Guardrails,
    GuardrailsOf,
    limited,
    organisation_keys,
    source_keys,
)
from pilvi.identity.permissions import (
    NOBODYS,
    OnResource,
    Permissions,
    PermissionsOf,
    RequestContext,
    roots,
    services,
)
from pilvi.kit import observing, tags
from pilvi.languages.policy import (
    Decision,
    Layer,
    Policies,
    Request,
    ResourceSide,
    Verdict,
    explain,
    remedies,
)

if TYPE_CHECKING:
    from pilvi.kit.call import Call
    from pilvi.kit.service import Operation, Service

AUDIT_HEADER = "x-pilvi-iam"
MESSAGE_HEADER = "x-pilvi-authorization-message"
"""On every denial: what sts.DecodeAuthorizationMessage decodes. AWS has it inside the text of some services' errors."""

log = logging.getLogger("pilvi.iam")

_NO_KEYS: Mapping[str, tuple[str, ...]] = {}


class Permission(NamedTuple):
    """One thing that must be allowed. `context`: condition keys of the operation's own, in lower case. `told`: what
    else the service's own side must know of the request, as only that service reads it (KMS: the encryption context,
    case and all)."""

    action: str
    resources: Sequence[str]
    context: Mapping[str, tuple[str, ...]] = {}
    told: object = None


class Undisclosed(Exception):
    """A handler's error that not everybody may be told: `truth`, or else `instead`."""

    def __init__(self, truth: AwsError, instead: AwsError) -> None:
        super().__init__(truth)
        self.truth = truth
        self.instead = instead


async def disclosed(
    call: Call, operation: Operation, params: Mapping[str, Any], found: Undisclosed
) -> AwsError:
    """What the caller is told."""
    for permission in () if operation.discloses is None else operation.discloses(call, params):
        if not await may(call, permission):
            return found.instead
    return found.truth


async def permit(call: Call, operation: Operation, params: Mapping[str, Any]) -> None:
    """Raises: AccessDenied, AccessDeniedException."""
    if operation.proves is not None:
        call.proven = await operation.proves(call, params)
        if call.cloud.settings.iam == "off":
            return
    elif call.principal.authenticated:
        observing.note_key(call, operation.action)
        if operation.free:
            observing.note(call, operation.action, "*", UNASKED, _NO_KEYS)
            return
        if call.cloud.settings.iam == "off":
            _let_all_pass(call, needed(call, operation, params))
            return
    for permission in needed(call, operation, params):
        await check(call, permission)


async def demand(call: Call, *permissions: Permission) -> None:
    """For endpoints, which are no operations: all of these, the first of them what was asked.

    Raises: AccessDenied, AccessDeniedException.
    """
    if call.principal.authenticated:
        observing.note_key(call, permissions[0].action)
        if call.cloud.settings.iam == "off":
            _let_all_pass(call, permissions)
            return
    for permission in permissions:
        await check(call, permission)


def _let_all_pass(call: Call, permissions: Sequence[Permission]) -> None:
    """Nothing is decided, and yet observed."""
    call.granted = True
    for permission in permissions:
        for resource in permission.resources:
            observing.note(call, permission.action, resource, ALLOWED, permission.context)


def needed(call: Call, operation: Operation, params: Mapping[str, Any]) -> list[Permission]:
    """Never none: who names nothing asks for everything."""
    resource = operation.resource(call, params)
    resources = (resource,) if isinstance(resource, str) else tuple(resource)
    context = _NO_KEYS if operation.context is None else operation.context(call, params)
    if operation.tags is not None:
        context = {**context, **tags.of_request(operation.tags(params))}
    told = None if operation.told is None else operation.told(call, params)
    found = [Permission(operation.action, resources, context, told)] if resources else []
    if operation.also is not None:
        found += operation.also(call, params)
    return found or [Permission(operation.action, ("*",), context)]


async def check(call: Call, permission: Permission) -> None:
    """Raises: AccessDenied, AccessDeniedException. Handlers ask so for what only they can know to be needed."""
    for resource in permission.resources:
        resource, judged = await _judge(call, permission, resource)
        if judged is None or judged[2].allowed:
            outcome = ALLOWED
        elif call.cloud.settings.iam == "audit":
            outcome = LET_PASS
        else:
            outcome = DENIED
        decision = None if judged is None else judged[2]
        observing.note(call, permission.action, resource, outcome, permission.context, decision)
        if judged is not None and (outcome is not ALLOWED or _is_let_in(call, judged[2])):
            await _conclude(call, *judged)


async def may(call: Call, permission: Permission) -> bool:
    """The same as a question."""
    if call.principal.authenticated and call.cloud.settings.iam == "off":
        return True
    for resource in permission.resources:
        _, judged = await _judge(call, permission, resource)
        if judged is not None and not judged[2].allowed:
            return False
    return True


async def _judge(
    call: Call, permission: Permission, resource: str
) -> tuple[str, tuple[Request, Policies, Decision] | None]:
    """The resource under its true name, and what came of it. None: it is the root of the account, and nobody else
    has a word in it, not even an organisation."""
    principal = call.principal
    resource = _in_partition(call.scope.partition, resource)
    service = _service_of(call, permission.action)
    if service.on_resource is None:
        on_resource = OnResource(_account_of(resource))
    else:
        on_resource = await service.on_resource(call, permission, resource)
    true_name = on_resource.arn or resource
    here, there = await _guardrails(call, on_resource.account)
    if _is_roots_own(call, on_resource, here):
        if on_resource.behind:
            return true_name, await _judge_behind(call, permission, on_resource, None)
        return true_name, None
    permissions = _permissions(call) or await call.ask(PermissionsOf).permissions_of(principal)
    alone = here is NO_GUARDRAILS and there is NO_GUARDRAILS
    lasting = alone and not on_resource.behind and _is_kept(call)
    if lasting:
        known = call.cloud.decided.find(permissions, on_resource, permission.action, true_name)
        if known is not None:
            return true_name, known
    policies = authorise.applying(permissions, on_resource)
    specific = permission.context
    if on_resource.context:
        specific = {**specific, **on_resource.context}
    if call.via:
        specific = {**specific, **_of_way(call.via)}
    if not alone:
        spared = on_resource.spared
        policies = limited(policies, here, there, permission.action, spared=spared)
        specific = {**specific, **organisation_keys(here, there)}
    if principal.service:
        source = await call.cloud.ask(GuardrailsOf).of_account(call.account)
        specific = {**specific, **source_keys(source)}
    tells = service.tells
    if tells is not None and policies.ask_for(tells.keys):
        specific = {**specific, **await tells.tell(call, permission, true_name)}
    context = RequestContext(
        principal,
        permissions,
        call.now_ms,
        call.region,
        call.request,
        on_resource.account or principal.account,
        permission.action,
        specific,
        service.known_keys,
    )
    request, policies, decision = authorise.judge(
        permissions, policies, permission.action, true_name, context, on_resource
    )
    if decision.cross_account and not decision.allowed and true_name != resource:
        # Whoever is refused from another account does not learn what an alias stands for.
        decision = msgspec.structs.replace(decision, resource=resource)
    if on_resource.behind and decision.allowed:
        judged = await _judge_behind(call, permission, on_resource, (request, policies))
        return true_name, judged
    if lasting:
        call.cloud.decided.keep(permissions, on_resource, true_name, (request, policies, decision))
    return true_name, (request, policies, decision)


async def _judge_behind(
    call: Call,
    permission: Permission,
    on_resource: OnResource,
    asked: tuple[Request, Policies] | None,
) -> tuple[Request, Policies, Decision] | None:
    """What a resource leads to must allow the same. `asked`: of the resource in front, which did; None for the root of
    its account.

    Where what lies behind is another account's, and lets the caller in, the caller's own account has said enough when
    its policies name the one in front.
    """
    told = {**permission.context, **on_resource.passed}
    _, judged = await _judge(call, permission._replace(context=told), on_resource.behind)
    if judged is None:
        return None
    request, policies, decision = judged
    if decision.verdict is Verdict.IMPLICIT_DENY and decision.cross_account and asked is not None:
        lets_in = _THERE.isdisjoint(decision.lacking)
        if lets_in and authorise.allowed_here(*asked):
            decision = Decision(Verdict.ALLOWED, decision.resource, cross_account=True)
    if decision.allowed:
        resource = on_resource.behind
        observing.note(call, permission.action, resource, ALLOWED, permission.context, decision)
    return request, policies, decision


_THERE = frozenset({Layer.RESOURCE, Layer.TRUST, Layer.RESOURCE_CONTROL})
"""Those layers of a decision that stand on the resource's side."""


async def _guardrails(call: Call, owner: str) -> tuple[Guardrails, Guardrails]:
    """What an organisation says over the caller's account, and over that of the resource."""
    account = "" if call.proven is not None else call.principal.account
    guardrails = call.cloud.ask(GuardrailsOf)
    here = guardrails.known(account) if account else NO_GUARDRAILS
    if here is None:
        here = await guardrails.of_account(account)
    return here, here if owner in ("", account) else await guardrails.of_account(owner)


def _is_roots_own(call: Call, on_resource: OnResource, here: Guardrails) -> bool:
    """Whether the root of an account asks for what is the account's alone, and nothing limits the account."""
    principal = call.principal
    if call.proven is not None or not principal.authenticated or principal.service:
        return False
    if not principal.is_root and not principal.made_up:
        return False
    own = on_resource.account in ("", principal.account)
    ordinary = not on_resource.policies and on_resource.side is ResourceSide.ORDINARY
    return own and ordinary and not here.limits


def _of_way(via: str) -> dict[str, tuple[str, ...]]:
    """Through which service somebody asks: a way that nobody listens in on.

    AWS: IAM User Guide, "aws:CalledVia", "aws:ViaAWSService", "aws:SecureTransport".
    """
    names = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast")
    told: dict[str, tuple[str, ...]] = dict.fromkeys(names, (f"{via}.amazonaws.com",))
    return {**told, "aws:viaawsservice": ("true",), "aws:securetransport": ("true",)}


def _permissions(call: Call) -> Permissions | None:
    """What stands for the caller; None where IAM must look it up."""
    principal = call.principal
    if call.proven is not None:
        return call.proven
    if not principal.authenticated:
        return NOBODYS
    if principal.service:
        return services(principal, call.region)
    if principal.is_root or principal.made_up:
        return roots(principal)
    return call.ask(PermissionsOf).known(principal)


def _is_kept(call: Call) -> bool:
    """Whether IAM keeps what stands for the caller, and tells of the same object while nothing of it has changed."""
    principal = call.principal
    if principal.service or principal.is_root or principal.made_up:
        return False
    return principal.authenticated and call.proven is None


def _in_partition(partition: str, resource: str) -> str:
    """There is one partition, and handlers that take a name from an ARN do not look which it says: so another one must
    not get round a statement.
    """
    if not resource.startswith("arn:") or resource.startswith(f"arn:{partition}:"):
        return resource
    said, _, rest = resource.removeprefix("arn:").partition(":")
    is_arn = said and rest and not rest.startswith(":")
    return f"arn:{partition}:{rest}" if is_arn else resource


def _service_of(call: Call, action: str) -> Service:
    """The one whose action it is."""
    return call.cloud.service(_service_name(action))


@lru_cache(maxsize=1024)
def _service_name(action: str) -> str:
    name = action.partition(":")[0]
    return _SERVICES.get(name, name)


_SERVICES = {"execute-api": "apigatewayv2"}
"""Prefixes of actions that differ from botocore's name."""


def _account_of(resource: str) -> str:
    """The account that an ARN names; "" where it names none."""
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    return account if account.isdigit() else ""


def _is_let_in(call: Call, decision: Decision) -> bool:
    """Whether a resource's own policy let the caller in: from another account, nobody, or a service."""
    return decision.cross_account or not call.principal.account


async def _conclude(call: Call, request: Request, policies: Policies, decision: Decision) -> None:
    if decision.allowed:
        call.granted = call.granted or _is_let_in(call, decision)
        return
    audit = call.cloud.settings.iam == "audit" and call.principal.authenticated
    lines = explain(request, policies, decision)
    if call.principal.authenticated and not call.principal.service:
        call.ask(Observations).note_refusal(
            Refusal(
                request_id=call.request_id,
                at_ms=call.now_ms,
                asker=observing.asker_of(call.principal),
                action=request.action,
                resource=decision.resource,
                outcome=LET_PASS if audit else DENIED,
                region=call.region,
                lines=lines,
                remedies=remedies(request, policies, decision),
            )
        )
    told = "; ".join(lines).encode("unicode_escape").decode()  # keys may hold line breaks
    log.info("request %s %s denied: %s", call.request_id, "would be" if audit else "is", told)
    if audit:
        call.headers.append((AUDIT_HEADER, f"would deny {request.action}"))
        call.granted = True
        return
    if call.principal.authenticated:
        encode = call.ask(AuthorizationMessages).encode
        message = await encode(call.principal.account, authorise.decoded(request, decision))
        call.headers.append((MESSAGE_HEADER, message))
    raise authorise.denial(call.service, request, decision)
