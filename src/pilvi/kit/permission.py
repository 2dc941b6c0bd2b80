"""The permission step: may the caller do what it asks? Before any handler, for calls from outside and from inside.

An operation's `Acts` say which permissions it needs. IAM tells what stands for the caller, the service what stands on
the resource's side; `identity/authorise.py` decides. `--iam audit` lets pass what would be denied, and says so in the
answer's header and in the log; `--iam off` asks only whether there is a caller at all.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pilvi.identity import authorise
from pilvi.identity.permissions import OnResource, Permissions, PermissionsOf, RequestContext
from pilvi.languages.policy import Decision, Policies, Request, explain

if TYPE_CHECKING:
    from pilvi.kit.call import Call
    from pilvi.kit.service import Operation, Service

AUDIT_HEADER = "x-pilvi-iam"

log = logging.getLogger("pilvi.iam")

_NOTHING = Permissions()
_NO_HEADERS: Mapping[str, str] = {}
_NO_KEYS: Mapping[str, tuple[str, ...]] = {}


class Permission(NamedTuple):
    """One thing that must be allowed. `context`: condition keys of the operation's own, in lower case."""

    action: str
    resources: Sequence[str]
    context: Mapping[str, tuple[str, ...]] = {}


async def permit(call: Call, operation: Operation, params: Mapping[str, Any]) -> None:
    """Raises: AccessDenied, AccessDeniedException."""
    service, principal = operation.service, call.principal
    if operation.free and principal.authenticated:
        return
    if call.cloud.settings.iam == "off" and principal.authenticated:
        call.granted = True
        return
    if service.on_resource is None and (principal.is_root or principal.made_up):
        for permission in _needed(call, operation, params):
            _refuse_strangers(call, permission, service)
        return
    for permission in _needed(call, operation, params):
        await check(call, permission)
    if operation.discloses is not None:
        for permission in operation.discloses(call, params):
            decisions = [decided async for *_, decided in _decide(call, permission)]
            call.discloses = all(decision.allowed for decision in decisions)


def _needed(call: Call, operation: Operation, params: Mapping[str, Any]) -> list[Permission]:
    """Never none: who names nothing asks for everything."""
    resource = operation.resource(call, params)
    resources = (resource,) if isinstance(resource, str) else tuple(resource)
    context = _NO_KEYS if operation.context is None else operation.context(call, params)
    needed = [Permission(operation.action, resources, context)] if resources else []
    if operation.also is not None:
        needed += operation.also(call, params)
    return needed or [Permission(operation.action, ("*",), context)]


def _refuse_strangers(call: Call, permission: Permission, service: Service) -> None:
    """The root of an account may do everything, but only there."""
    for resource in permission.resources:
        account = _account_of(resource)
        if account and account != call.account:
            decided = _judge(
                call, permission._replace(resources=(resource,)), _NOTHING, OnResource(account)
            )
            _conclude(call, *decided)


async def check(call: Call, permission: Permission) -> None:
    """Raises: AccessDenied, AccessDeniedException. Handlers ask so for what only they can know to be needed."""
    async for decided in _decide(call, permission):
        _conclude(call, *decided)


async def _decide(
    call: Call, permission: Permission
) -> AsyncIterator[tuple[Request, Policies, Decision]]:
    principal = call.principal
    permissions = _NOTHING
    if principal.authenticated and not (principal.is_root or principal.made_up):
        permissions = await call.ask(PermissionsOf).permissions_of(principal)
    for resource in permission.resources:
        on_resource = await _on_resource(call, permission.action, resource)
        yield _judge(call, permission._replace(resources=(resource,)), permissions, on_resource)


async def _on_resource(call: Call, action: str, resource: str) -> OnResource:
    """What the service whose action it is says of the resource: its policy, and whose it is."""
    name = action.partition(":")[0]
    service = call.cloud.service(_SERVICES.get(name, name))
    if service.on_resource is not None:
        return await service.on_resource(call, resource)
    return OnResource(_account_of(resource))


_SERVICES = {"execute-api": "apigatewayv2"}
"""Prefixes of actions that differ from botocore's name."""


def _account_of(resource: str) -> str:
    """The account that an ARN names; "" where it names none."""
    parts = resource.split(":", 5)
    account = parts[4] if len(parts) == 6 else ""
    return account if account.isdigit() else ""


def _judge(
    call: Call, permission: Permission, permissions: Permissions, on_resource: OnResource
) -> tuple[Request, Policies, Decision]:
    request = call.request
    context = RequestContext(
        call.principal,
        permissions,
        now_ms=call.now_ms,
        region=call.region,
        headers=_NO_HEADERS if request is None else request.headers,
        source_ip="" if request is None else request.client_host,
        secure=request is not None and request.secure,
        resource_account=on_resource.account,
        specific=permission.context,
    )
    return authorise.judge(
        call.principal,
        permissions,
        permission.action,
        permission.resources,
        context,
        on_resource,
    )


def _conclude(call: Call, request: Request, policies: Policies, decision: Decision) -> None:
    if decision.allowed:
        if decision.cross_account or not call.principal.authenticated:
            call.granted = True
        return
    error = authorise.denial(call.service, request, decision)
    told = "; ".join(explain(request, policies, decision))
    if call.cloud.settings.iam == "audit" and call.principal.authenticated:
        log.warning("request %s would be denied: %s", call.request_id, told)
        call.headers.append((AUDIT_HEADER, f"would deny {request.action}"))
        call.granted = True
        return
    log.info("request %s is denied: %s", call.request_id, told)
    raise error
