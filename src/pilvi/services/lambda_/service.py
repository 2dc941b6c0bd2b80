"""Lambda: its operations, what each of them acts on, and what else they need.

What is named is told to policies in one form, however the request wrote it: so no statement can be got round by
another spelling. Operations that know no versions are about the function, whatever version the name has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pilvi.base.errors import AwsError
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.lambda_ import access, code_signing, limits, mapping_names
from pilvi.services.lambda_.names import is_function, is_layer, parse_function, parse_layer


def _version(call: Call, req: Mapping[str, Any]) -> str:
    """The function, or the version or alias of it that is asked for."""
    text = str(req.get("FunctionName", ""))
    if not is_function(text):
        return "*"  # the validation behind this step refuses it, in AWS's words
    return parse_function(call.scope, text, req.get("Qualifier")).asked_arn


def _function(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("FunctionName", ""))
    return parse_function(call.scope, text).arn if is_function(text) else "*"


def _layer(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("LayerName", ""))
    return parse_layer(call.scope, text).arn if is_layer(text) else "*"


def _layer_version(call: Call, req: Mapping[str, Any]) -> str:
    return f"{_layer(call, req)}:{req.get('VersionNumber', '*')}"


def _layer_version_named(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("Arn", ""))
    return parse_layer(call.scope, text).version_arn if is_layer(text) else "*"


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("Resource", ""))
    if ":function:" in text and is_function(text):
        return parse_function(call.scope, text).arn
    mapping = mapping_names.parse(call.scope, text)
    if mapping is not None:
        return mapping_names.arn_of(*mapping)
    name = code_signing.parse(call.scope, text)
    return "*" if name is None else name.arn  # nothing else has tags: the handler refuses it


def _mapping(call: Call, req: Mapping[str, Any]) -> str:
    return mapping_names.arn_of(call.scope, str(req.get("UUID", "*")))


def _signing(call: Call, req: Mapping[str, Any]) -> str:
    name = code_signing.parse(call.scope, str(req.get("CodeSigningConfigArn", "")))
    return "*" if name is None else name.arn


def _signed(call: Call, req: Mapping[str, Any]) -> tuple[str, str]:
    """The function, and the configuration that it is to have."""
    return _function(call, req), _signing(call, req)


# --- condition keys


def _of_mapping(call: Call, req: Mapping[str, Any]) -> access.Keys:
    """What the request leaves out, `access.py` tells of the mapping as it is."""
    found = _function(call, req) if req.get("FunctionName") else "*"
    return {} if found == "*" else {"lambda:functionarn": (_version(call, req),)}


def _of_signing(call: Call, req: Mapping[str, Any]) -> access.Keys:
    return _told(req, {"lambda:codesigningconfigarn": "CodeSigningConfigArn"})


def _of_statement(call: Call, req: Mapping[str, Any]) -> access.Keys:
    return _told(req, {"lambda:principal": "Principal", _AUTH_TYPE: "FunctionUrlAuthType"})


def _of_removal(call: Call, req: Mapping[str, Any]) -> str:
    """The statement that goes tells the keys: `access.py` reads it."""
    return str(req.get("StatementId", ""))


def _of_url(call: Call, req: Mapping[str, Any]) -> access.Keys:
    """What the request leaves out, `access.py` tells of the address as it is."""
    return {"lambda:functionarn": (_version(call, req),), **_told(req, {_AUTH_TYPE: "AuthType"})}


def _of_configuration(call: Call, req: Mapping[str, Any]) -> access.Keys:
    found = _told(req, {"lambda:codesigningconfigarn": "CodeSigningConfigArn"})
    found["lambda:layer"] = _layers(call, req)
    vpc: object = req.get("VpcConfig")
    if isinstance(vpc, Mapping):
        network = cast("Mapping[str, Any]", vpc)
        found["lambda:subnetids"] = _texts(network.get("SubnetIds"))
        found["lambda:securitygroupids"] = _texts(network.get("SecurityGroupIds"))
    return {key: values for key, values in found.items() if values}


def _of_invocation(call: Call, req: Mapping[str, Any]) -> access.Keys:
    return _DIRECT


_DIRECT = {"lambda:invokedviafunctionurl": ("false",)}
_AUTH_TYPE = "lambda:functionurlauthtype"


def _told(req: Mapping[str, Any], members: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {key: (str(req[member]),) for key, member in members.items() if req.get(member)}


def _texts(value: object) -> tuple[str, ...]:
    """What is no list of texts is refused by the validation behind this step."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(one for one in listed if isinstance(one, str))


def _layers(call: Call, req: Mapping[str, Any]) -> tuple[str, ...]:
    """The layer versions that a function is to use, each in its one spelling. A text that names none is refused
    by the handler.
    """
    found: list[str] = []
    for text in _texts(req.get("Layers")):
        if is_layer(text):
            try:
                found.append(parse_layer(call.scope, text).version_arn)
            except AwsError:  # of another region: the handler says so, in words that only it knows
                found.append(text)
    return tuple(found)


# --- further permissions


def _creating(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    yield from _configuring(call, req)
    if req.get("Tags"):
        told = tags.of_request(_TAGS(req))
        yield Permission("lambda:TagResource", (_function(call, req),), told)


def _configuring(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Whoever gives a function a role must be allowed to: else functions would be a way to any role. And whoever
    gives it a layer must be allowed to read that.
    """
    role = req.get("Role")
    if (
        isinstance(role, str) and f"::{call.account}:" in role
    ):  # another account's is refused anyway
        context = {
            "iam:passedtoservice": ("lambda.amazonaws.com",),
            "iam:associatedresourcearn": (_function(call, req),),
        }
        yield Permission("iam:PassRole", (role,), context)
    layers = _layers(call, req)
    if layers:
        yield Permission(access.READ_LAYER, layers)


def _mapping_tagged(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """A mapping that is made with tags needs the permission to tag, too; it has no UUID yet."""
    if req.get("Tags"):
        told = tags.of_request(_TAGS(req))
        yield Permission("lambda:TagResource", (mapping_names.arn_of(call.scope, "*"),), told)


_TAGS = tags.mapped("Tags")

lambda_ = Service(
    "lambda",
    acts={
        "CreateFunction": Acts(_function, context=_of_configuration, tags=_TAGS, also=_creating),
        "GetFunction": Acts(_version),
        "GetFunctionConfiguration": Acts(_version),
        "ListFunctions": Acts(everything),
        "UpdateFunctionCode": Acts(_function),
        "UpdateFunctionConfiguration": Acts(
            _function, context=_of_configuration, also=_configuring
        ),
        "DeleteFunction": Acts(_version),
        "PublishVersion": Acts(_function),
        "ListVersionsByFunction": Acts(_function),
        "CreateAlias": Acts(_function),
        "GetAlias": Acts(_function),
        "UpdateAlias": Acts(_function),
        "DeleteAlias": Acts(_function),
        "ListAliases": Acts(_function),
        "PutFunctionEventInvokeConfig": Acts(_version),
        "UpdateFunctionEventInvokeConfig": Acts(_version),
        "GetFunctionEventInvokeConfig": Acts(_version),
        "DeleteFunctionEventInvokeConfig": Acts(_version),
        "ListFunctionEventInvokeConfigs": Acts(_function),
        "CreateCodeSigningConfig": Acts(everything, tags=_TAGS),
        "GetCodeSigningConfig": Acts(_signing),
        "UpdateCodeSigningConfig": Acts(_signing),
        "DeleteCodeSigningConfig": Acts(_signing),
        "ListCodeSigningConfigs": Acts(everything),
        "ListFunctionsByCodeSigningConfig": Acts(_signing),
        "PutFunctionCodeSigningConfig": Acts(_signed, context=_of_signing),
        "DeleteFunctionCodeSigningConfig": Acts(_function),
        "GetFunctionCodeSigningConfig": Acts(_function),
        "PutRuntimeManagementConfig": Acts(_version),
        "GetRuntimeManagementConfig": Acts(_version),
        "CreateEventSourceMapping": Acts(
            everything, context=_of_mapping, tags=_TAGS, also=_mapping_tagged
        ),
        "GetEventSourceMapping": Acts(_mapping),
        "UpdateEventSourceMapping": Acts(_mapping, context=_of_mapping),
        "DeleteEventSourceMapping": Acts(_mapping),
        "ListEventSourceMappings": Acts(everything),
        "CreateFunctionUrlConfig": Acts(_version, context=_of_url),
        "UpdateFunctionUrlConfig": Acts(_version, context=_of_url),
        "GetFunctionUrlConfig": Acts(_version, context=_of_url),
        "DeleteFunctionUrlConfig": Acts(_version, context=_of_url),
        "ListFunctionUrlConfigs": Acts(_function, context=_of_url),
        "Invoke": Acts(_version, access.INVOKE, context=_of_invocation),
        "PutProvisionedConcurrencyConfig": Acts(_version),
        "GetProvisionedConcurrencyConfig": Acts(_version),
        "DeleteProvisionedConcurrencyConfig": Acts(_version),
        "ListProvisionedConcurrencyConfigs": Acts(_function),
        "PutFunctionRecursionConfig": Acts(_function),
        "GetFunctionRecursionConfig": Acts(_function),
        "InvokeAsync": Acts(_version, access.INVOKE, context=_of_invocation),
        "InvokeWithResponseStream": Acts(_version, access.INVOKE, context=_of_invocation),
        "AddPermission": Acts(_version, context=_of_statement),
        "GetPolicy": Acts(_version),
        "RemovePermission": Acts(_version, told=_of_removal),
        "PutFunctionConcurrency": Acts(_function),
        "GetFunctionConcurrency": Acts(_function),
        "DeleteFunctionConcurrency": Acts(_function),
        "GetAccountSettings": Acts(everything),
        "TagResource": Acts(_tagged, tags=_TAGS),
        "UntagResource": Acts(_tagged, tags=tags.named("TagKeys")),
        "ListTags": Acts(_tagged),
        "PublishLayerVersion": Acts(_layer),
        "GetLayerVersion": Acts(_layer_version),
        "GetLayerVersionByArn": Acts(_layer_version_named, "lambda:GetLayerVersion"),
        "ListLayers": Acts(everything),
        "ListLayerVersions": Acts(everything),
        "DeleteLayerVersion": Acts(_layer_version),
        "AddLayerVersionPermission": Acts(_layer_version),
        "GetLayerVersionPolicy": Acts(_layer_version),
        "RemoveLayerVersionPermission": Acts(_layer_version),
    },
    on_resource=access.on_function,
    condition_keys=access.KEYS,
    tells=access.TAGS,
    body_bytes_max=limits.REQUEST_BYTES_MAX,
)
