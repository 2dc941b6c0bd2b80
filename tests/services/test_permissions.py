"""Every operation asks for the right action on the right resource, with the right condition keys.

Compared with AWS's service authorization reference (`identity/actions`). Where pilvi knowingly departs from it, or the
reference from what AWS's services do, a table below says so.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from pilvi import app
from pilvi.identity.actions import Action, Table, find_action, find_table, keys_about
from pilvi.kit.permission import Permission
from pilvi.kit.service import Service
from pilvi.languages.policy import family_of
from services.requests_of import ACCOUNT, permissions_of, request_of


def load(name: str) -> Service:
    module, _, attribute = app.SERVICES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


SERVICES = {name: load(name) for name in sorted(app.SERVICES)}
OPERATIONS = [
    (name, operation) for name, service in SERVICES.items() for operation in service.operations
]

NEWER_THAN_THE_REFERENCE = {"kms:Decapsulate", "kms:Encapsulate"}

RESOURCES_OTHERWISE = {
    "logs:DescribeLogGroups": "it is asked of all groups, and refusals name them `log-group::log-stream:`",
    "kms:RetireGrant": "which key it is a grant's token says, and a made-up one says nothing",
    "kms:TagResource": "a key that is to be made with tags has no ARN yet",
    "sts:TagSession": "federated users have session tags, too",
    "lambda:ListLayerVersions": "a layer is named, and narrower than the `*` of the reference",
}
"""The reference has other types of resources for these actions, or none."""

KEYS_BEYOND = {
    "dynamodb:ConditionCheckItem": {"dynamodb:enclosingoperation"},
    "kms:CreateKey": {
        "kms:replicaregion",
        "kms:customermasterkeyspec",
        "kms:customermasterkeyusage",
    },
    "kms:ListGrants": {"kms:granteeprincipal"},
    "kms:TagResource": {"kms:replicaregion", "kms:bypasspolicylockoutsafetycheck"},
    "kms:ReplicateKey": {"kms:bypasspolicylockoutsafetycheck", "aws:tagkeys", "aws:requesttag/*"},
    "lambda:ListFunctionUrlConfigs": {"lambda:functionarn"},
    "sts:AssumeRole": {"sts:durationseconds"},
    "sts:AssumeRoleWithWebIdentity": {"sts:durationseconds"},
    "sts:GetFederationToken": {"sts:durationseconds"},
    "sts:TagSession": {"sts:durationseconds", *(keys_about("sts:AssumeRole") or ())},
    "sts:SetSourceIdentity": {"sts:durationseconds", *(keys_about("sts:AssumeRole") or ())},
}
"""Keys that are told although the reference does not have them there: the services' own guides do, or they are the
older names of such; what is needed besides is told the whole request."""

DEPENDENTS_WITHOUT_USE = {
    "lambda:PassCapacityProvider": "capacity providers are not built",
    "iam:CreateServiceLinkedRole": "KMS needs none here to replicate keys or to reach key stores",
    "kms:CreateKey": "the reference names it for what is done in the replica's region, with ReplicateKey",
    "kms:PutKeyPolicy": "a key that is made may have its policy, with CreateKey",
    "kms:TagResource": "tags are asked for by KMS itself, where a request has any",
}

PASSING_NO_ROLE = {("s3", "DeleteBucketReplication")}
"""They share their action with operations that pass one."""

KEYS_UNTOLD = {
    "s3": {"s3:isreplicationpauserequest"},
    "iam": {"iam:servicespecificcredentialservicename"},
    "sts": {
        *("accounts.google.com:aud", "accounts.google.com:oaud", "accounts.google.com:sub"),
        *("cognito-identity.amazonaws.com:amr", "cognito-identity.amazonaws.com:aud"),
        *("cognito-identity.amazonaws.com:sub", "graph.facebook.com:app_id"),
        *("graph.facebook.com:id", "www.amazon.com:app_id", "www.amazon.com:user_id"),
        *("saml:namequalifier", "saml:sub", "saml:sub_type"),
    },
}
"""Keys that policies cannot ask for yet: they are refused by name, unless the request tells them."""


def of(service: str, operation: str) -> list[Permission]:
    found = SERVICES[service].operations[operation]
    asked = permissions_of(found, request_of(service, operation))
    return [one for one in asked if one.action not in NEWER_THAN_THE_REFERENCE]


def action_of(permission: Permission) -> Action:
    found = find_action(permission.action)
    assert found is not None, f"{permission.action} is in no table: see `make actions`"
    return found


def table_of(action: Action) -> Table:
    table = find_table(action.name.partition(":")[0])
    assert table is not None
    return table


def fits(action: Action, resource: str) -> bool:
    """CloudWatch Logs names a group by a stream without a name; Lambda judges versions and aliases as functions."""
    table = table_of(action)
    names = {one.type for one in action.targets}
    if "function" in names:
        names |= {"function version", "function alias"}
    resource = resource.removesuffix(":log-stream:")
    return any(table.type(name).fits(resource) for name in names) if names else resource == "*"


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_actions_exist_and_resources_fit(service: str, operation: str) -> None:
    for permission in of(service, operation):
        action = action_of(permission)
        for resource in permission.resources:
            if action.name not in RESOURCES_OTHERWISE:
                assert fits(action, resource), f"{action.name} on {resource}"


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_keys_that_are_told_exist(service: str, operation: str) -> None:
    for permission in of(service, operation):
        action = action_of(permission)
        known = keys_about(action.name) or frozenset[str]()
        known |= KEYS_BEYOND.get(action.name, set())
        for key in permission.context:
            assert key in known or family_of(key) in known, f"{key} of {action.name}"


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_actions_that_depend_are_asked_for(service: str, operation: str) -> None:
    asked = of(service, operation)
    wanted = {name for one in asked for name in action_of(one).all_dependents}
    if (service, operation) in PASSING_NO_ROLE:
        wanted -= {"iam:PassRole"}
    missing = wanted - {one.action for one in asked} - set(DEPENDENTS_WITHOUT_USE)
    assert not missing


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_tags_of_requests_are_told(service: str, operation: str) -> None:
    """If only as none: a policy that asks for them would be refused by name otherwise."""
    for permission in of(service, operation):
        if "aws:tagkeys" in (keys_about(permission.action) or ()):
            assert "aws:tagkeys" in permission.context, permission.action


OF_REQUESTS = {
    *("dynamodb:attributes", "dynamodb:leadingkeys", "dynamodb:select", "dynamodb:returnvalues"),
    *("s3:x-amz-acl", "s3:requestobjecttagkeys", "s3:locationconstraint"),
}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_requests_are_there_to_be_read(service: str, operation: str) -> None:
    """Where `Tells` reads them: without, their keys would be taken for absent, and ForAllValues would let in."""
    for permission in of(service, operation):
        if OF_REQUESTS & (keys_about(permission.action) or set()):
            assert isinstance(permission.told, Mapping), permission.action


@pytest.mark.parametrize("name", SERVICES)
def test_the_keys_of_a_service_are_told(name: str) -> None:
    """Or, if not, refused by name; these are written down here."""
    service = SERVICES[name]
    wanted: set[str] = set()
    for operation in service.operations.values():
        wanted |= keys_about(operation.action) or set()
    wanted -= {"aws:requesttag/*", "aws:tagkeys"}
    known = service.known_keys
    untold = {key for key in wanted if key not in known and family_of(key) not in known}
    assert untold <= KEYS_UNTOLD.get(name, set())


@pytest.mark.parametrize("name", SERVICES)
def test_the_keys_that_a_service_knows_exist(name: str) -> None:
    service = SERVICES[name]
    table = find_table(service.prefix or name)
    assert table is not None
    known = {key.lower() for key in table.keys}
    known |= set(map(family_of, known))
    own = {key for key in service.known_keys if not key.startswith("aws:")}
    assert own <= known


OBJECT = "arn:aws:s3:::b/k"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
ITEM = {"TableName": "ttt", "Key": {"k": {"S": "1"}}}
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/ttt"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"
APIS = "arn:aws:apigateway:us-east-1::"
AT = {"Bucket": "b", "Key": "k"}
TAGS = [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("service", "operation", "request_", "asked"),
    [
        ("s3", "PutObject", AT, {"s3:PutObject": OBJECT}),
        (
            "s3",
            "PutObject",
            {**AT, "Tagging": "a=b", "ACL": "private", "ObjectLockMode": "GOVERNANCE"},
            dict.fromkeys(
                ("s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl", "s3:PutObjectRetention"),
                OBJECT,
            ),
        ),
        (
            "s3",
            "CreateMultipartUpload",
            {**AT, "GrantRead": "id=1", "ObjectLockLegalHoldStatus": "ON"},
            dict.fromkeys(("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectLegalHold"), OBJECT),
        ),
        ("s3", "GetObject", {**AT, "VersionId": "null"}, {"s3:GetObjectVersion": OBJECT}),
        (
            "s3",
            "GetObjectAttributes",
            AT,
            dict.fromkeys(("s3:GetObject", "s3:GetObjectAttributes"), OBJECT),
        ),
        (
            "s3",
            "DeleteObject",
            {**AT, "VersionId": "null", "BypassGovernanceRetention": True},
            dict.fromkeys(("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"), OBJECT),
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}, {"Key": "v", "VersionId": "1"}]}},
            {"s3:DeleteObject": OBJECT, "s3:DeleteObjectVersion": "arn:aws:s3:::b/v"},
        ),
        (
            "s3",
            "CopyObject",
            {**AT, "CopySource": "from/it?versionId=7"},
            {"s3:PutObject": OBJECT, "s3:GetObjectVersion": "arn:aws:s3:::from/it"},
        ),
        (
            "s3",
            "UploadPartCopy",
            {**AT, "CopySource": "/from/it"},
            {"s3:PutObject": OBJECT, "s3:GetObject": "arn:aws:s3:::from/it"},
        ),
        (
            "s3",
            "CreateBucket",
            {
                "Bucket": "b",
                "ACL": "private",
                "ObjectLockEnabledForBucket": True,
                "ObjectOwnership": "ObjectWriter",
                "CreateBucketConfiguration": {"Tags": TAGS},
            },
            dict.fromkeys(
                (
                    *("s3:CreateBucket", "s3:PutBucketAcl", "s3:PutBucketVersioning"),
                    *("s3:PutBucketObjectLockConfiguration", "s3:PutBucketOwnershipControls"),
                    "s3:TagResource",
                ),
                "arn:aws:s3:::b",
            ),
        ),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": ITEM}, {"ConditionCheck": ITEM}, {"Delete": ITEM}]},
            dict.fromkeys(
                ("dynamodb:PutItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"), TABLE
            ),
        ),
        (
            "dynamodb",
            "TransactGetItems",
            {"TransactItems": [{"Get": ITEM}]},
            {"dynamodb:GetItem": TABLE},
        ),
        (
            "dynamodb",
            "BatchGetItem",
            {"RequestItems": {"ttt": {"Keys": [ITEM["Key"]]}}},
            {"dynamodb:BatchGetItem": TABLE},
        ),
        (
            "dynamodb",
            "Query",
            {"TableName": "ttt", "IndexName": "i"},
            {"dynamodb:Query": f"{TABLE}/index/i"},
        ),
        (
            "dynamodb",
            "CreateTable",
            {"TableName": "ttt", "Tags": TAGS},
            dict.fromkeys(("dynamodb:CreateTable", "dynamodb:TagResource"), TABLE),
        ),
        (
            "logs",
            "CreateLogGroup",
            {"logGroupName": "g", "tags": {"a": "b"}},
            {"logs:CreateLogGroup": f"{GROUP}:log-stream:", "logs:TagResource": GROUP},
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "g", "logStreamName": "s"},
            {"logs:PutLogEvents": f"{GROUP}:log-stream:s"},
        ),
        (
            "iam",
            "CreateRole",
            {"RoleName": "r", "Tags": TAGS},
            dict.fromkeys(("iam:CreateRole", "iam:TagRole"), ROLE),
        ),
        (
            "iam",
            "AddRoleToInstanceProfile",
            {"InstanceProfileName": "p", "RoleName": "r"},
            {
                "iam:AddRoleToInstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/p",
                "iam:PassRole": ROLE,
            },
        ),
        (
            "lambda",
            "CreateFunction",
            {"FunctionName": "f", "Role": ROLE, "Tags": {"a": "b"}},
            {
                "lambda:CreateFunction": FUNCTION,
                "lambda:TagResource": FUNCTION,
                "iam:PassRole": ROLE,
            },
        ),
        (
            "lambda",
            "UpdateFunctionConfiguration",
            {"FunctionName": "f", "Role": ROLE},
            {"lambda:UpdateFunctionConfiguration": FUNCTION, "iam:PassRole": ROLE},
        ),
        (
            "apigateway",
            "CreateStage",
            {"restApiId": "a", "stageName": "s", "tags": {"a": "b"}},
            {
                "apigateway:POST": f"{APIS}/restapis/a/stages",
                "apigateway:PUT": f"{APIS}/tags/{quote(f'{APIS}/restapis/a/stages/*', safe='')}",
            },
        ),
        (
            "apigateway",
            "TagResource",
            {"resourceArn": f"{APIS}/restapis/a", "tags": {"a": "b"}},
            {
                "apigateway:PUT": f"{APIS}/tags/{quote(f'{APIS}/restapis/a', safe='')}",
                "apigateway:PATCH": f"{APIS}/restapis/a",
            },
        ),
    ],
)
def test_what_a_request_needs(
    service: str, operation: str, request_: dict[str, Any], asked: dict[str, str]
) -> None:
    """All of it, and nothing else. AWS: each operation's page, and the guides' sections on permissions."""
    found = permissions_of(SERVICES[service].operations[operation], request_)
    assert {one.action: one.resources for one in found} == {
        action: (resource,) for action, resource in asked.items()
    }
