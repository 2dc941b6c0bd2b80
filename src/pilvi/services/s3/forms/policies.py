"""The policy of a form: until when it holds, and what the form's fields must be. Pure.

AWS: S3 API Reference, "POST policy".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.forms.errors import InvalidPolicyDocument

_UNCHECKED = frozenset({"policy", "x-amz-signature", "awsaccesskeyid", "signature", "file"})
_IGNORED = "x-ignore-"


class Condition(msgspec.Struct, frozen=True):
    """`operator`: eq or starts-with; `shown`: as AWS tells a condition that failed."""

    operator: str
    field: str
    value: str
    shown: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        if not self.field.startswith("$"):
            return False
        name = self.field[1:].lower()
        given = fields.get(name)
        if given is None:
            return self.operator == "starts-with" and not self.value and name not in fields
        if self.operator == "eq":
            return given == self.value
        parts = given.split(",") if name == "content-type" else [given]
        return all(part.strip().startswith(self.value) for part in parts)


class PostPolicy(msgspec.Struct, frozen=True):
    """`size_min`, `size_max`: what content-length-range allows the file."""

    expires_at_ms: int
    conditions: tuple[Condition, ...]
    size_min: int = 0
    size_max: int = limits.OBJECT_PUT_BYTES_MAX


NONE = PostPolicy(0, ())
"""Of a form without one: nobody has promised anything."""


def read_policy(text: str) -> PostPolicy:
    """`text`: base64, as it was signed. Raises: InvalidPolicyDocument, AccessDenied (a range that is none)."""
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    members = cast("dict[str, Any]", document)
    if "expiration" not in members:
        raise _invalid("Policy missing expiration.")
    if not isinstance(members.get("conditions"), list):
        raise _invalid("Policy missing conditions.")
    conditions: list[Condition] = []
    low, high = 0, limits.OBJECT_PUT_BYTES_MAX
    for given in members["conditions"]:
        if isinstance(given, list) and given and _lower(given[0]) == "content-length-range":
            first, last = _range(cast("list[Any]", given))
            low, high = max(low, first), min(high, last)
        else:
            conditions.append(_condition(given))
    return PostPolicy(_instant_ms(members["expiration"]), tuple(conditions), low, high)


def check_fields(policy: PostPolicy, fields: Mapping[str, str], bucket: str) -> None:
    """Every condition must hold, and every field must be in one. Raises: AccessDenied."""
    given = {**fields, "bucket": bucket}
    for condition in policy.conditions:
        if not condition.holds(given):
            raise errors.AccessDenied(
                f"Invalid according to Policy: Policy Condition failed: {condition.shown}"
            )
    named = {condition.field.lower().removeprefix("$") for condition in policy.conditions}
    extra = [
        name
        for name in fields
        if name not in named and name not in _UNCHECKED and not name.startswith(_IGNORED)
    ]
    if extra:
        raise errors.AccessDenied(
            f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))}"
        )


def _condition(given: Any) -> Condition:
    if isinstance(given, dict):
        pairs = list(cast("dict[str, Any]", given).items())
        if len(pairs) != 1:
            raise _invalid(
                "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
            )
        name, value = pairs[0]
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return Condition("eq", f"${name}", value, json.dumps(["eq", f"${name}", value]))
    if not isinstance(given, list):
        raise _invalid("Invalid Condition: a condition is an object or a list.")
    parts = cast("list[Any]", given)
    if len(parts) != 3 or not all(isinstance(part, str) for part in parts):
        raise _invalid("Invalid Condition: a list has three parts.")
    operator = parts[0].lower()
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"Unknown condition operation: {parts[0]}")
    return Condition(operator, parts[1], parts[2], json.dumps(parts))


def _range(parts: list[Any]) -> tuple[int, int]:
    try:
        _, first, last = parts
        low, high = int(first), int(last)
        if isinstance(first, float) or isinstance(last, float) or low < 0:
            raise ValueError(parts)
    except (ValueError, TypeError):
        raise errors.AccessDenied(
            f"Invalid according to Policy: Policy Condition failed: {json.dumps([str(part) for part in parts])}"
        ) from None
    return low, high


def _instant_ms(value: Any) -> int:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError(value)
        return int(at.astimezone(UTC).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise _invalid(f"Invalid 'expiration' value: '{str(value)[:100]}'") from None


def _lower(value: Any) -> str:
    return value.lower() if isinstance(value, str) else ""


def _invalid(detail: str) -> InvalidPolicyDocument:
    return InvalidPolicyDocument(detail=detail)
