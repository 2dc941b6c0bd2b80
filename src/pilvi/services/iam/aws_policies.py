"""Policies that AWS manages, and finding a managed policy whoever manages it.

The table holds those that serverless applications name. A policy that is missing here is answered as one
that does not exist.

Differs: a policy of many statements is kept to what it allows in the services that exist here; all others
are told as AWS tells them.

AWS: AWS Managed Policy Reference Guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import orjson

from pilvi.base.arn import Scope
from pilvi.services.iam import errors, records, rules
from pilvi.services.iam.records import Policy, Version
from pilvi.store.api import Snapshot

_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_NETWORK = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]

_SERVICE_ROLE = "/service-role/"

_TABLE: dict[str, tuple[str, list[str]]] = {
    "AdministratorAccess": ("/", ["*"]),
    "AmazonAPIGatewayAdministrator": ("/", ["apigateway:*"]),
    "AmazonAPIGatewayInvokeFullAccess": (
        "/",
        ["execute-api:Invoke", "execute-api:ManageConnections"],
    ),
    "AmazonAPIGatewayPushToCloudWatchLogs": (
        _SERVICE_ROLE,
        [
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            "logs:GetLogEvents",
            "logs:FilterLogEvents",
        ],
    ),
    "AmazonDynamoDBFullAccess": ("/", ["dynamodb:*"]),
    "AmazonDynamoDBReadOnlyAccess": (
        "/",
        [
            "dynamodb:BatchGetItem",
            "dynamodb:Describe*",
            "dynamodb:List*",
            "dynamodb:GetAbacStatus",
            "dynamodb:GetItem",
            "dynamodb:GetResourcePolicy",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:PartiQLSelect",
        ],
    ),
    "AmazonEventBridgeFullAccess": ("/", ["events:*", "schemas:*", "scheduler:*", "pipes:*"]),
    "AmazonKinesisFullAccess": ("/", ["kinesis:*"]),
    "AmazonS3FullAccess": ("/", ["s3:*", "s3-object-lambda:*"]),
    "AmazonS3ReadOnlyAccess": (
        "/",
        ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"],
    ),
    "AmazonSESFullAccess": ("/", ["ses:*"]),
    "AmazonSNSFullAccess": ("/", ["sns:*"]),
    "AmazonSNSReadOnlyAccess": (
        "/",
        ["sns:GetTopicAttributes", "sns:GetSubscriptionAttributes", "sns:List*"],
    ),
    "AmazonSQSFullAccess": ("/", ["sqs:*"]),
    "AmazonSQSReadOnlyAccess": (
        "/",
        [
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListDeadLetterSourceQueues",
            "sqs:ListQueues",
            "sqs:ListMessageMoveTasks",
            "sqs:ListQueueTags",
        ],
    ),
    "AmazonSSMReadOnlyAccess": ("/", ["ssm:Describe*", "ssm:Get*", "ssm:List*"]),
    "AWSLambda_FullAccess": ("/", ["lambda:*", "iam:GetRole", "iam:ListRoles", "iam:PassRole"]),
    "AWSLambdaBasicExecutionRole": (_SERVICE_ROLE, _LOGS),
    "AWSLambdaDynamoDBExecutionRole": (
        _SERVICE_ROLE,
        [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            *_LOGS,
        ],
    ),
    "AWSLambdaKinesisExecutionRole": (
        _SERVICE_ROLE,
        [
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
            "kinesis:ListStreams",
            "kinesis:SubscribeToShard",
            *_LOGS,
        ],
    ),
    "AWSLambdaRole": (_SERVICE_ROLE, ["lambda:InvokeFunction"]),
    "AWSLambdaSQSQueueExecutionRole": (
        _SERVICE_ROLE,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", *_LOGS],
    ),
    "AWSLambdaVPCAccessExecutionRole": (_SERVICE_ROLE, [*_LOGS, *_NETWORK]),
    "AWSStepFunctionsFullAccess": ("/", ["states:*"]),
    "AWSXRayDaemonWriteAccess": (
        "/",
        [
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
        ],
    ),
    "CloudWatchLogsFullAccess": ("/", ["logs:*", "cloudwatch:GenerateQuery"]),
    "SecretsManagerReadWrite": ("/", ["secretsmanager:*"]),
}
"""Name -> path, and the actions allowed on every resource."""


def find_policy(at: Snapshot, scope: Scope, arn: str) -> Policy | None:
    """A managed policy of AWS or of this account."""
    if arn.split(":", 5)[4] == "aws":
        return _by_arn(scope.partition).get(arn)
    return records.find_local_policy(at, scope, arn)


def get_policy(at: Snapshot, scope: Scope, arn: str) -> Policy:
    """Raises: ValidationError (no ARN), NoSuchEntity."""
    rules.check_arn(arn)
    policy = find_policy(at, scope, arn)
    if policy is None:
        raise errors.NoSuchEntity(detail=f"Policy {arn} was not found.")
    return policy


def get_own_policy(at: Snapshot, scope: Scope, arn: str) -> Policy:
    """A policy that this account may change. Raises: ValidationError, NoSuchEntity, AccessDenied."""
    policy = get_policy(at, scope, arn)
    if arn in _by_arn(scope.partition):
        raise errors.AccessDenied(detail=f"{arn} is managed by AWS and cannot be changed.")
    return policy


def all_policies(partition: str) -> Iterator[Policy]:
    """AWS's own, sorted by name without regard to case."""
    yield from sorted(_by_arn(partition).values(), key=lambda policy: policy.name.lower())


@cache
def _by_arn(partition: str) -> dict[str, Policy]:
    policies = (_policy(partition, name, path, actions) for name, (path, actions) in _TABLE.items())
    return {policy.arn: policy for policy in policies}


def _policy(partition: str, name: str, path: str, actions: list[str]) -> Policy:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return Policy(
        arn=f"arn:{partition}:iam::aws:policy{path}{name}",
        name=name,
        path=path,
        id=f"ANPA{name.upper():A<17}"[:21],
        description=None,
        created_at_ms=0,
        updated_at_ms=0,
        default_version=1,
        last_version=1,
        versions=[Version(number=1, document=orjson.dumps(document).decode(), created_at_ms=0)],
    )
