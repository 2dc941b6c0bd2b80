"""Who may do what with a function: what stands on the function's side, for the permission step and for handlers.

The permission step decides by the caller's policies and the function's, before any handler. Here is what it is told of
the function, the question that other services ask on their own behalf, and what handlers still have to see to: that
a function of another account was opened to the caller.
AWS: Lambda Developer Guide, "Working with resource-based IAM policies in Lambda", "Granting Lambda function access to
other accounts"; Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Source
from pilvi.identity.permissions import OnResource
from pilvi.kit import behalf, tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.kit.service import Tells
from pilvi.services.lambda_ import code_signing, errors, limits, names, policy, records
from pilvi.services.lambda_.names import LATEST, FunctionName, LayerName
from pilvi.store.api import Snapshot

Keys = Mapping[str, tuple[str, ...]]

INVOKE = "lambda:InvokeFunction"
INVOKE_URL = "lambda:InvokeFunctionUrl"
READ_LAYER = "lambda:GetLayerVersion"
SHARED = frozenset(
    {INVOKE, INVOKE_URL}.union(
        f"lambda:{name}"
        for name in (
            *("CreateAlias", "DeleteAlias", "GetAlias", "ListAliases", "UpdateAlias"),
            *("DeleteFunction", "GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode"),
            *("DeleteFunctionConcurrency", "GetFunctionConcurrency", "PutFunctionConcurrency"),
            *("DeleteFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig"),
            *("ListFunctionEventInvokeConfigs", "PutFunctionEventInvokeConfig"),
            *("UpdateFunctionEventInvokeConfig", "GetPolicy"),
            *("ListVersionsByFunction", "PublishVersion"),
            *("ListTags", "TagResource", "UntagResource"),
        )
    )
)
"""What a function's policy can open to other accounts; all else, above all that policy itself, is the owner's alone."""

KEYS = frozenset(
    {
        *("lambda:functionarn", "lambda:functionurlauthtype", "lambda:invokedviafunctionurl"),
        *("lambda:principal", "lambda:layer", "lambda:codesigningconfigarn"),
        *("lambda:subnetids", "lambda:securitygroupids", "lambda:vpcids"),
        "lambda:eventsourcetoken",
    }
)
"""Condition keys of Lambda's own, told where a request has them. Nothing here has an event source's token, and nobody
knows the VPC of a subnet."""

_NOBODYS = OnResource()


class Kind(Protocol):
    """A kind of resource beside functions and layers, which is never opened to another account."""

    async def side(self, call: Call, asked: Permission, arn: str) -> OnResource: ...

    async def tags(self, call: Call, arn: str) -> Keys: ...


KINDS: dict[str, Kind] = {}
"""By the word in their ARNs; filled by the parts that have them."""


def _other_kind(arn: str) -> Kind | None:
    return KINDS.get(arn.split(":", 6)[5])


async def on_function(call: Call, asked: Permission, resource: str) -> OnResource:
    """The owner and the policy of what an ARN names: of a function, a version, an alias each its own."""
    if resource == "*":
        return _NOBODYS
    scope = _scope_of(resource)
    name = _name_of(resource)
    if name is None:
        other = _other_kind(resource)
        if other is not None:
            return await other.side(call, asked, resource)
        return await _on_layer(call, asked, resource, scope)
    if asked.action not in SHARED and call.principal.account != scope.account:
        return OnResource(scope.account)
    side = await _side_of(call.cloud, name)
    if asked.action not in _TOLD_BY_RESOURCE:
        return side
    told = await call.view(lambda at: _told(at, asked, name))
    return OnResource(side.account, side.policies, context=told)


async def _on_layer(call: Call, asked: Permission, resource: str, scope: Scope) -> OnResource:
    """The policy of a layer version speaks of reading it, and of nothing else."""
    if asked.action != READ_LAYER:
        return OnResource(scope.account)
    return await call.cloud.kept(_load_layer, most=limits.POLICIES_KEPT).get(resource)


def _load_layer(at: Snapshot, arn: str) -> OnResource:
    scope = _scope_of(arn)
    found = (
        records.find_layer_policy(at, names.parse_layer(scope, arn))
        if names.is_layer(arn)
        else None
    )
    if found is None:
        return OnResource(scope.account)
    return OnResource(scope.account, (policy.readable(found.statements, arn, found.ids),))


def _scope_of(arn: str) -> Scope:
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Scope(account, region, partition)


def _name_of(arn: str) -> FunctionName | None:
    """None for a layer."""
    kind, name, *qualifier = arn.split(":", 5)[5].split(":", 2)
    if kind != "function":
        return None
    return FunctionName(_scope_of(arn), name, qualifier[0] if qualifier else None)


async def _tell_tags(call: Call, asked: Permission, resource: str) -> Keys:
    """Those of the function; its versions and aliases have no others.

    Whom nobody lets in from another account is told nothing, so that a policy of their own cannot find it out.
    """
    name = None if resource == "*" else _name_of(resource)
    if name is None:
        other = _other_kind(resource)
        if other is not None:
            return await other.tags(call, resource)
        return await _tell_signing_tags(call, resource)
    if call.principal.account != name.scope.account:
        side = await _side_of(call.cloud, name)
        if asked.action not in SHARED or not side.policies:
            return {}
    home = records.home(name.scope)
    found = await call.view(lambda at: records.functions.find(at, home, name.name))
    return {} if found is None else tags.of_resource(found.tags)


async def _tell_signing_tags(call: Call, resource: str) -> Keys:
    """Those of a code signing configuration, which is never opened to another account."""
    name = code_signing.parse(call.scope, resource)
    if name is None or call.principal.account != name.scope.account:
        return {}
    home = records.home(name.scope)
    found = await call.view(lambda at: code_signing.configs.find(at, home, name.id))
    return {} if found is None else tags.of_resource(found.tags)


TAGS = Tells(frozenset({"aws:resourcetag/*"}), _tell_tags)


async def _side_of(cloud: Cloud, name: FunctionName) -> OnResource:
    qualifier = "" if name.qualifier == LATEST else name.qualifier or ""
    scope = name.scope
    return await cloud.kept(_load_side, most=limits.POLICIES_KEPT).get(
        f"{scope.account}\n{scope.region}\n{scope.partition}\n{name.name}\n{qualifier}"
    )


def _load_side(at: Snapshot, place: str) -> OnResource:
    account, region, partition, function, qualifier = place.split("\n", 4)
    name = FunctionName(Scope(account, region, partition), function, qualifier or None)
    found = records.find_policy(at, name)
    if found is None:
        return OnResource(account)
    return OnResource(account, (policy.readable(found.statements, name.asked_arn, found.ids),))


_OF_URLS = frozenset(
    f"lambda:{verb}"
    for verb in ("DeleteFunctionUrlConfig", "GetFunctionUrlConfig", "ListFunctionUrlConfigs")
)
_TOLD_BY_RESOURCE = _OF_URLS | {"lambda:UpdateFunctionUrlConfig", "lambda:RemovePermission"}


def _told(at: Snapshot, asked: Permission, name: FunctionName) -> Keys:
    """The condition keys that only what is stored can tell."""
    if asked.action == "lambda:RemovePermission":
        return _told_of_statement(at, asked, name)
    if "lambda:functionurlauthtype" in asked.context:
        return {}
    if asked.action == "lambda:ListFunctionUrlConfigs":
        configs = list(records.url_configs.scan(at, records.function_home(name.scope, name.name)))
    else:
        config = records.find_url_config(at, name)
        configs = [] if config is None else [config]
    kinds = tuple(sorted({config.auth_type for config in configs}))
    return {"lambda:functionurlauthtype": kinds} if kinds else {}


def _told_of_statement(at: Snapshot, asked: Permission, name: FunctionName) -> Keys:
    """`told`: the statement's id."""
    found = records.find_policy(at, name)
    for statement in () if found is None else found.statements:
        if statement["Sid"] == asked.told:
            told = {"lambda:principal": (policy.principal_of(statement),)}
            equals = statement.get("Condition", {}).get("StringEquals", {})
            if "lambda:FunctionUrlAuthType" in equals:
                told["lambda:functionurlauthtype"] = (equals["lambda:FunctionUrlAuthType"],)
            return told
    return {}


# --- services that ask on their own behalf


async def lets_in(cloud: Cloud, name: FunctionName, source: Source) -> bool:
    """Whether a service may invoke a function for what it acts for. Why not is in the log."""
    return await behalf.lets_in(
        cloud,
        source,
        INVOKE,
        name.asked_arn,
        await _side_of(cloud, name),
        account=name.scope.account,
        specific={"lambda:invokedviafunctionurl": ("false",)},
        known=KEYS,
    )


# --- for handlers


def function_named(call: Call, text: str, qualifier: str | None = None) -> FunctionName:
    """What the caller means. Raises: as `names.parse_function`; AccessDeniedException."""
    return _admitted(call, names.parse_function(call.scope, text, qualifier))


def unqualified(call: Call, text: str) -> FunctionName:
    """For operations that know no versions. Raises: as `names.parse_unqualified`; AccessDeniedException."""
    return _admitted(call, names.parse_unqualified(call.scope, text))


def new_function(call: Call, text: str) -> FunctionName:
    """Raises: as `names.parse_new`; AccessDeniedException."""
    return _admitted(call, names.parse_new(call.scope, text))


def layer_named(call: Call, text: str) -> LayerName:
    """Raises: as `names.parse_layer`; AccessDeniedException."""
    name = names.parse_layer(call.scope, text)
    if name.scope.account != call.account and not call.granted:
        raise errors.AccessDeniedException()
    return name


def _admitted(call: Call, name: FunctionName) -> FunctionName:
    """Another account's function has a policy that lets the caller in: the permission step found it."""
    if name.scope.account != call.account and not call.granted:
        raise errors.AccessDeniedException()
    return name
