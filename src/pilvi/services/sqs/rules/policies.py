"""Queue policies as AddPermission and RemovePermission change them.

AWS: AddPermission, RemovePermission; SQS Developer Guide, "Basic examples of Amazon SQS policies".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import orjson

from pilvi.services.sqs import errors, limits

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_SHARED = frozenset(
    {
        *("*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"),
        *("ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage"),
    }
)
_OWNERS = frozenset(
    {
        *("AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue"),
        *("ListMessageMoveTasks", "ListQueues", "ListQueueTags", "RemovePermission"),
        *("SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue"),
    }
)


def check(label: str, accounts: Sequence[str], actions: Sequence[str]) -> None:
    """Raises: MissingParameter, InvalidParameterValue, OverLimit."""
    if not label:
        raise errors.MissingRequiredParameterException(name="Label")
    if not _LABEL.fullmatch(label):
        raise errors.BadValue(
            value=label,
            name="Label",
            reason="Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    if not accounts:
        raise errors.MissingRequiredParameterException(name="AWSAccountIds")
    if not actions:
        raise errors.MissingRequiredParameterException(name="Actions")
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise errors.BadValue(
                value=f"[{', '.join(accounts)}]", name="PrincipalId", reason="Unable to verify."
            )
    for action in actions:
        if action in _OWNERS:
            raise errors.BadValue(
                value=f"SQS:{action}",
                name="ActionName",
                reason="Only the queue owner is allowed to invoke this action.",
            )
        if action not in _SHARED:
            raise errors.BadValue(
                value=f"SQS:{action}",
                name="ActionName",
                reason="Please refer to the appropriate WSDL for a list of valid actions.",
            )
    _limit("Actions", len(actions), limits.POLICY_ACTIONS_MAX)


def check_quotas(policy: str) -> None:
    """Of a policy that is well-formed. Raises: OverLimit. AWS: SQS Developer Guide, "Amazon SQS policy quotas"."""
    _limit("Bytes", len(policy.encode()), limits.POLICY_BYTES_MAX)
    statements = _statements(_parsed(policy))
    _limit("Statements", len(statements), limits.POLICY_STATEMENTS_MAX)
    for statement in statements:
        _limit("Actions", _count(statement.get("Action")), limits.POLICY_ACTIONS_MAX)
        _limit("Principals", _count(statement.get("Principal")), limits.POLICY_PRINCIPALS_MAX)


def _count(stated: Any) -> int:
    """One, a list, or lists by kind."""
    if isinstance(stated, dict):
        return sum(_count(one) for one in cast("dict[str, Any]", stated).values())
    return len(cast("list[Any]", stated)) if isinstance(stated, list) else int(stated is not None)


def _limit(what: str, found: int, most: int) -> None:
    """Raises: OverLimit."""
    if found > most:
        raise errors.OverLimit(detail=f"{found} {what} were found, maximum allowed is {most}.")


def added(
    policy: str, arn: str, label: str, accounts: Sequence[str], actions: Sequence[str]
) -> str:
    """Raises: InvalidParameterValue, OverLimit."""
    stated = _parsed(policy) or {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy"}
    statements = _statements(stated)
    if any(one.get("Sid") == label for one in statements):
        raise errors.BadValue(value=label, name="Label", reason="Already exists.")
    _limit("Statements", len(statements) + 1, limits.POLICY_STATEMENTS_MAX)
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all([f"arn:aws:iam::{one}:root" for one in accounts])},
        "Action": _one_or_all([f"SQS:{one}" for one in actions]),
        "Resource": arn,
    }
    return orjson.dumps({**stated, "Statement": [*statements, statement]}).decode()


def removed(policy: str, label: str) -> str:
    """ "" when nothing is left. Raises: InvalidParameterValue."""
    stated = _parsed(policy)
    statements = _statements(stated)
    left = [one for one in statements if one.get("Sid") != label]
    if len(left) == len(statements):
        raise errors.BadValue(value=label, name="Label", reason="can't find label.")
    return orjson.dumps({**stated, "Statement": left}).decode() if left else ""


def _parsed(policy: str) -> dict[str, Any]:
    return cast("dict[str, Any]", orjson.loads(policy)) if policy else {}


def _statements(stated: dict[str, Any]) -> list[dict[str, Any]]:
    found = stated.get("Statement", [])
    return [found] if isinstance(found, dict) else found


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
