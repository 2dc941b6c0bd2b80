"""Deployments: what an API is now, frozen into what its stages serve."""

from __future__ import annotations

from collections.abc import Iterator

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.apigateway import errors, limits, mocks, records, rules
from pilvi.services.apigateway.records import (
    HTTP_DEPLOYMENTS,
    HTTP_INTEGRATIONS,
    HTTP_ROUTES,
    HTTP_STAGES,
    RESOURCES,
    REST_DEPLOYMENTS,
    Deployed,
    HttpApi,
    HttpDeployment,
    Invocation,
    Method,
    RestApi,
    RestDeployment,
)
from pilvi.store.api import Snapshot, Transaction


def deploy_http(
    tx: Transaction,
    scope: Scope,
    api: HttpApi,
    entropy: Entropy,
    *,
    now_ms: int,
    description: str | None = None,
    automatic: bool = False,
) -> HttpDeployment:
    """Freeze an HTTP API's routes, integrations and CORS configuration."""
    home = records.inside(scope, api.id)
    _check_room(HTTP_DEPLOYMENTS.scan(tx, home, limit=limits.DEPLOYMENTS_PER_API))
    integrations = {found.id: found for found in HTTP_INTEGRATIONS.scan(tx, home)}
    deployed: list[Deployed] = []
    for route in HTTP_ROUTES.scan(tx, home):
        method, path = rules.parse_route_key(route.key)
        target = integrations.get(route.integration_id or "")
        invocation = None
        if target is not None:
            invocation = Invocation(
                kind="lambda",
                uri=rules.function_of(target.uri) or target.uri,
                payload_version=target.payload_version,
                timeout_ms=target.timeout_ms,
            )
        deployed.append(
            Deployed(
                method=method,
                path=path,
                authorization=route.authorization,
                key=route.key,
                invocation=invocation,
            )
        )
    deployment = HttpDeployment(
        id=entropy.lower(6),
        created_at_ms=now_ms,
        description=description,
        automatic=automatic,
        routes=deployed,
        cors=api.cors,
    )
    HTTP_DEPLOYMENTS.put(tx, home, deployment)
    return deployment


def redeploy_http(
    tx: Transaction, scope: Scope, api: HttpApi, entropy: Entropy, *, now_ms: int
) -> None:
    """Deploy to the stages that follow the API by themselves; their former automatic deployment goes."""
    home = records.inside(scope, api.id)
    following = [stage for stage in HTTP_STAGES.scan(tx, home) if stage.automatic]
    if not following:
        return
    stages = list(HTTP_STAGES.scan(tx, home))
    pinned = {stage.deployment_id for stage in stages if not stage.automatic}
    for former in {stage.deployment_id for stage in following} - pinned - {None}:
        assert former is not None
        deployment = HTTP_DEPLOYMENTS.find(tx, home, former)
        if deployment is not None and deployment.automatic:
            HTTP_DEPLOYMENTS.delete(tx, home, former)
    fresh = deploy_http(
        tx,
        scope,
        api,
        entropy,
        now_ms=now_ms,
        description="Automatic deployment triggered by changes to the Api configuration",
        automatic=True,
    )
    for stage in following:
        stage.deployment_id = fresh.id
        stage.updated_at_ms = now_ms
        HTTP_STAGES.put(tx, home, stage)


def deploy_rest(
    tx: Transaction,
    scope: Scope,
    api: RestApi,
    entropy: Entropy,
    *,
    now_ms: int,
    description: str | None,
) -> RestDeployment:
    """Freeze a REST API's methods. Raises: BadRequestException without a method, or one without integration."""
    home = records.inside(scope, api.id)
    _check_room(REST_DEPLOYMENTS.scan(tx, home, limit=limits.DEPLOYMENTS_PER_API))
    deployed = list(_methods(tx, scope, api))
    if not deployed:
        raise errors.BadRequestException(detail="The REST API doesn't contain any methods")
    deployment = RestDeployment(
        id=entropy.lower(6),
        created_at_ms=now_ms,
        description=description,
        routes=deployed,
        binary_types=api.binary_types,
    )
    REST_DEPLOYMENTS.put(tx, home, deployment)
    return deployment


def _methods(at: Snapshot, scope: Scope, api: RestApi) -> Iterator[Deployed]:
    for resource in RESOURCES.scan(at, records.inside(scope, api.id)):
        for method in resource.methods.values():
            yield Deployed(
                method=method.method,
                path=resource.path,
                authorization=method.authorization,
                resource_id=resource.id,
                invocation=_invocation(method),
            )


def _invocation(method: Method) -> Invocation:
    integration = method.integration
    if integration is None:
        raise errors.BadRequestException(detail="No integration defined for method")
    if integration.kind == "MOCK":
        mock = mocks.constant_answer(method, integration)
        return Invocation(kind="mock", mock=mock, timeout_ms=integration.timeout_ms)
    assert integration.uri is not None
    function = rules.function_of(integration.uri)
    assert function is not None, integration.uri
    # AWS invokes with the integration's own method, and Lambda takes none but POST.
    uri = function if integration.method == "POST" else ""
    return Invocation(kind="lambda", uri=uri, timeout_ms=integration.timeout_ms)


def _check_room(present: Iterator[object]) -> None:
    if sum(1 for _ in present) >= limits.DEPLOYMENTS_PER_API:
        raise errors.LimitExceededException(what="deployments")
