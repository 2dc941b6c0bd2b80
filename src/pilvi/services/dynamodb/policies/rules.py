"""What a policy of a table or a stream may say, and which revision a request may change.

AWS: DynamoDB Developer Guide, "DynamoDB API operations supported by resource-based policies", "Resource-based policy
considerations"; PutResourcePolicy.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pilvi.languages.policy import RESOURCE, RESOURCE_WORDS, Policy, PolicyError, parse
from pilvi.services.dynamodb.errors import invalid_values
from pilvi.services.dynamodb.policies.errors import PolicyNotFoundException
from pilvi.services.dynamodb.policies.records import Place, PolicyRecord

BYTES_MAX = 20 * 1024
"""Of the text as it was sent, spaces and all."""
NO_POLICY = "NO_POLICY"

_OF_POLICIES = ("GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")
_OF_STREAMS = ("DescribeStream", "GetRecords", "GetShardIterator", *_OF_POLICIES)
_OF_TABLES = (
    *("DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem", "ConditionCheckItem"),
    *("TransactGetItems", "TransactWriteItems", "BatchGetItem", "BatchWriteItem"),
    *("PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"),
    *("DeleteTable", "DescribeTable", "UpdateTable"),
    *("DescribeTableReplicaAutoScaling", "UpdateTableReplicaAutoScaling"),
    *("ListTagsOfResource", "TagResource", "UntagResource"),
    *("CreateBackup", "DescribeContinuousBackups", "UpdateContinuousBackups"),
    *("RestoreTableToPointInTime", "ExportTableToPointInTime"),
    *("DescribeContributorInsights", "UpdateContributorInsights"),
    *("DescribeKinesisStreamingDestination", "EnableKinesisStreamingDestination"),
    *("DisableKinesisStreamingDestination", "UpdateKinesisStreamingDestination"),
    *("DescribeTimeToLive", "UpdateTimeToLive", *_OF_POLICIES),
)
_NAMES = {
    False: frozenset(f"dynamodb:{name}".lower() for name in _OF_TABLES),
    True: frozenset(f"dynamodb:{name}".lower() for name in _OF_STREAMS),
}
"""The actions that policies may name: of tables, and of streams."""


def checked(text: str, place: Place) -> str:
    """The policy as it is kept and given back: without the spaces between its members.

    Raises: ValidationException.
    """
    if len(text.encode()) > BYTES_MAX:
        raise invalid_values(f"Maximum policy size of {BYTES_MAX} bytes exceeded")
    try:
        policy = parse(text, RESOURCE)
    except PolicyError as wrong:
        raise invalid_values(f"Invalid policy document: {wrong.told(RESOURCE_WORDS)}") from wrong
    of_stream = place.label is not None
    wrong_names = list(dict.fromkeys(_unknown(policy, of_stream=of_stream)))
    if wrong_names:
        names = ", ".join(f'"{name}"' for name in wrong_names)
        raise invalid_values(
            f"Invalid policy document: The following action names are invalid: {names}"
        )
    for resource in _resources(policy):
        relative = resource.split(":", 5)[-1]
        if resource != "*" and ("/stream/" in relative) != of_stream and "*" not in relative:
            raise invalid_values(
                f'Invalid policy document: The relative-id "{relative}" is invalid for ARN "{place.arn}"'
            )
    return orjson.dumps(orjson.loads(text)).decode()


def _unknown(policy: Policy, *, of_stream: bool) -> Iterator[str]:
    for statement in policy.statements:
        for pattern in statement.actions.patterns:
            name = pattern.lower()
            if "*" in name or "?" in name:
                known = name == "*" or name.startswith("dynamodb:")
            else:
                known = name in _NAMES[of_stream]
            if not known:
                yield pattern


def _resources(policy: Policy) -> Iterator[str]:
    for statement in policy.statements:
        if statement.resources is not None:
            yield from statement.resources.patterns


def check_revision(current: PolicyRecord | None, expected: str | None, table: str) -> None:
    """Raises: PolicyNotFoundException where another one is there than the request expects."""
    if expected is None:
        return
    if expected == NO_POLICY:
        if current is not None:
            raise PolicyNotFoundException(
                detail=f"Requested policy update expecting none to be present for table {table}, "
                f"but a policy exists with revision id {current.revision}."
            )
        return
    if current is None:
        raise PolicyNotFoundException(
            detail=f"Requested update for policy with revision id {expected}, "
            f"but table {table} has no associated policy."
        )
    if current.revision != expected:
        raise PolicyNotFoundException(
            detail=f"Requested update for policy with revision id {expected}, but the policy "
            f"associated to target table {table} has revision id {current.revision}."
        )
