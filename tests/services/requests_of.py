"""Made-up requests with every member that a model has, for what must hold of each operation's permissions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from pilvi.base.arn import Scope
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission, needed
from pilvi.kit.service import Operation
from pilvi.protocol import service_model
from pilvi.protocol.model import Shape

ACCOUNT = "000000000001"
SCOPE = Scope(ACCOUNT, "us-east-1")
ANN = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDAANN")

_HERE = f"us-east-1:{ACCOUNT}"
_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/some"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/some"
_KEY = "11111111-2222-3333-4444-555555555555"
_API = "arn:aws:apigateway:us-east-1::"
TEXTS: dict[tuple[str, str], str] = {
    ("apigateway", "resourceArn"): f"{_API}/restapis/some/stages/live",
    ("apigatewayv2", "ResourceArn"): f"{_API}/apis/some",
    ("apigateway", "credentials"): _ROLE,
    ("apigatewayv2", "CredentialsArn"): _ROLE,
    ("dynamodb", "ResourceArn"): f"arn:aws:dynamodb:{_HERE}:table/some",
    ("dynamodb", "TableArn"): f"arn:aws:dynamodb:{_HERE}:table/some",
    ("dynamodb", "BackupArn"): f"arn:aws:dynamodb:{_HERE}:table/some/backup/some",
    ("dynamodb", "ExclusiveStartBackupArn"): f"arn:aws:dynamodb:{_HERE}:table/some/backup/some",
    ("dynamodb", "SourceTableArn"): f"arn:aws:dynamodb:{_HERE}:table/some",
    ("dynamodb", "ImportArn"): f"arn:aws:dynamodb:{_HERE}:table/some/import/some",
    ("dynamodb", "ExportArn"): f"arn:aws:dynamodb:{_HERE}:table/some/export/some",
    ("dynamodb", "KeyConditionExpression"): "some = :some",
    ("dynamodb", "ConditionExpression"): "some = :some",
    ("dynamodb", "FilterExpression"): "some = :some",
    ("dynamodb", "ProjectionExpression"): "some",
    ("dynamodb", "UpdateExpression"): "SET some = :some",
    ("dynamodb", "Statement"): 'SELECT * FROM "some" WHERE "some" = ?',
    ("dynamodbstreams", "StreamArn"): f"arn:aws:dynamodb:{_HERE}:table/some/stream/some",
    ("dynamodbstreams", "ShardIterator"): f"arn:aws:dynamodb:{_HERE}:table/some/stream/some|1|",
    ("iam", "Path"): "/",
    ("iam", "DeletionTaskId"): "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/1",
    ("iam", "PolicyArn"): _POLICY,
    ("iam", "PermissionsBoundary"): _POLICY,
    ("iam", "OpenIDConnectProviderArn"): f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com",
    ("iam", "SAMLProviderArn"): f"arn:aws:iam::{ACCOUNT}:saml-provider/some",
    ("iam", "SerialNumber"): f"arn:aws:iam::{ACCOUNT}:mfa/some",
    ("iam", "AWSServiceName"): "ecs.amazonaws.com",
    ("iam", "PolicySourceArn"): f"arn:aws:iam::{ACCOUNT}:user/some",
    ("iam", "Arn"): f"arn:aws:iam::{ACCOUNT}:user/some",
    ("kms", "KeyId"): _KEY,
    ("kms", "TargetKeyId"): _KEY,
    ("kms", "SourceKeyId"): _KEY,
    ("kms", "DestinationKeyId"): _KEY,
    ("kms", "AliasName"): "alias/some",
    ("lambda", "Role"): _ROLE,
    ("lambda", "Resource"): f"arn:aws:lambda:{_HERE}:function:some",
    (
        "lambda",
        "CodeSigningConfigArn",
    ): f"arn:aws:lambda:{_HERE}:code-signing-config:csc-00000000000000000",
    ("lambda", "Arn"): f"arn:aws:lambda:{_HERE}:layer:some:1",
    ("lambda", "FunctionName"): "some",
    ("lambda", "LayerName"): "some",
    ("logs", "resourceArn"): f"arn:aws:logs:{_HERE}:log-group:some",
    ("logs", "resourceIdentifier"): f"arn:aws:logs:{_HERE}:log-group:some",
    ("logs", "logGroupIdentifier"): "some",
    ("s3", "CopySource"): "source/some",
    ("s3", "Tagging"): "some=thing",
    ("s3", "Bucket"): "some-bucket",
    ("s3control", "AccountId"): ACCOUNT,
    ("s3control", "ResourceArn"): "arn:aws:s3:::some-bucket",
    ("s3control", "RoleArn"): _ROLE,
    ("s3", "Role"): _ROLE,
    ("sts", "RoleArn"): _ROLE,
    ("sts", "arn"): _POLICY,
    ("sts", "ProviderArn"): f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com",
    ("sts", "ContextAssertion"): "some assertion",
    ("sts", "SerialNumber"): f"arn:aws:iam::{ACCOUNT}:mfa/some",
    ("sts", "TokenCode"): "123456",
    ("sts", "AccessKeyId"): "AKIAIOSFODNN7EXAMPLE",
}
"""What a member holds where a plain word would not do."""


def request_of(service: str, operation: str) -> dict[str, Any]:
    """Every member, with some value of its type."""
    shape = service_model(service).operation(operation).input
    return {} if shape is None else cast("dict[str, Any]", _value(service, "", shape, 0))


def permissions_of(operation: Operation, request: dict[str, Any]) -> list[Permission]:
    """What the operation asks for, for a user of the account."""
    return list(needed(call_of(operation), operation, request))


def call_of(operation: Operation) -> Call:
    nothing = cast("Any", None)  # permissions are told of the request alone
    return Call(nothing, operation.service.name, operation.name, SCOPE, ANN, "request", 0)


def _value(service: str, member: str, shape: Shape, depth: int) -> Any:
    match shape.type:
        case "structure":
            if depth > 8:
                return {}
            return {
                name: _value(service, name, below, depth + 1)
                for name, below in shape.members.items()
            }
        case "list":
            return [_value(service, member, shape.member, depth + 1)] if depth < 8 else []
        case "map":
            value = _value(service, "", shape.value, depth + 1) if depth < 8 else {}
            return {_value(service, "", shape.key, depth + 1): value}
        case "boolean":
            return True
        case "integer" | "long" | "float" | "double":
            return max(1, shape.traits.get("min", 1))
        case "timestamp":
            return int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
        case "blob":
            return b"some"
        case _:
            choices = shape.traits.get("enum")
            return TEXTS.get((service, member)) or (choices[0] if choices else "some")
