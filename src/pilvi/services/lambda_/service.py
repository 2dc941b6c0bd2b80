"""Lambda: its operations and what each of them acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.lambda_ import limits
from pilvi.services.lambda_.names import is_function, is_layer, parse_function, parse_layer


def _function(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("FunctionName", ""))
    if not is_function(text):
        return "*"  # the validation behind this step refuses it, in AWS's words
    return parse_function(call.scope, text, req.get("Qualifier")).asked_arn


def _layer(call: Call, req: Mapping[str, Any]) -> str:
    text = str(req.get("LayerName", ""))
    return parse_layer(call.scope, text).arn if is_layer(text) else "*"


def _layer_version(call: Call, req: Mapping[str, Any]) -> str:
    return f"{_layer(call, req)}:{req.get('VersionNumber', '*')}"


def _arn(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("Arn", "*"))


def _tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("Resource", "*"))


def _passing(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Whoever gives a function a role must be allowed to: else functions would be a way to any role."""
    role = req.get("Role")
    if (
        isinstance(role, str) and f"::{call.account}:" in role
    ):  # another account's is refused anyway
        context = {"iam:passedtoservice": ("lambda.amazonaws.com",)}
        yield Permission("iam:PassRole", (role,), context)


lambda_ = Service(
    "lambda",
    acts={
        "CreateFunction": Acts(_function, also=_passing),
        "GetFunction": Acts(_function),
        "GetFunctionConfiguration": Acts(_function),
        "ListFunctions": Acts(everything),
        "UpdateFunctionCode": Acts(_function),
        "UpdateFunctionConfiguration": Acts(_function, also=_passing),
        "DeleteFunction": Acts(_function),
        "PublishVersion": Acts(_function),
        "ListVersionsByFunction": Acts(_function),
        "CreateAlias": Acts(_function),
        "GetAlias": Acts(_function),
        "UpdateAlias": Acts(_function),
        "DeleteAlias": Acts(_function),
        "ListAliases": Acts(_function),
        "PutFunctionEventInvokeConfig": Acts(_function),
        "UpdateFunctionEventInvokeConfig": Acts(_function),
        "GetFunctionEventInvokeConfig": Acts(_function),
        "DeleteFunctionEventInvokeConfig": Acts(_function),
        "ListFunctionEventInvokeConfigs": Acts(_function),
        "GetFunctionCodeSigningConfig": Acts(_function),
        "CreateFunctionUrlConfig": Acts(_function),
        "UpdateFunctionUrlConfig": Acts(_function),
        "GetFunctionUrlConfig": Acts(_function),
        "DeleteFunctionUrlConfig": Acts(_function),
        "ListFunctionUrlConfigs": Acts(_function),
        "Invoke": Acts(_function, "lambda:InvokeFunction"),
        "AddPermission": Acts(_function),
        "GetPolicy": Acts(_function),
        "RemovePermission": Acts(_function),
        "PutFunctionConcurrency": Acts(_function),
        "GetFunctionConcurrency": Acts(_function),
        "DeleteFunctionConcurrency": Acts(_function),
        "GetAccountSettings": Acts(everything),
        "TagResource": Acts(_tagged),
        "UntagResource": Acts(_tagged),
        "ListTags": Acts(_tagged),
        "PublishLayerVersion": Acts(_layer),
        "GetLayerVersion": Acts(_layer_version),
        "GetLayerVersionByArn": Acts(_arn, "lambda:GetLayerVersion"),
        "ListLayers": Acts(everything),
        "ListLayerVersions": Acts(_layer),
        "DeleteLayerVersion": Acts(_layer_version),
    },
    body_bytes_max=limits.REQUEST_BYTES_MAX,
)
