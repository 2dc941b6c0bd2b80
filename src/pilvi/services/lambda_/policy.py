"""Resource policies of functions: statements made, and asked whether a service or a caller may invoke.

Only what can be judged whole is ever allowed: a statement with a condition that is not understood here
matches nothing. AWS: Lambda Developer Guide, "Working with resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson

from pilvi.contracts.delivery import Source
from pilvi.services.lambda_ import errors

_ACCOUNT = re.compile(r"\d{12}")
_SERVICE = re.compile(r"[a-z0-9.\-]+\.amazonaws\.com(\.cn)?|[a-z0-9.\-]+\.amazon\.com")
_INVOKE = ("lambda:InvokeFunction", "lambda:*", "*")
_INVOKE_URL = ("lambda:InvokeFunctionUrl", "lambda:*", "*")


def make_statement(req: Mapping[str, Any], resource: str, *, partition: str) -> dict[str, Any]:
    """The statement that an AddPermission request asks for.

    Raises: InvalidParameterValueException for a principal that is none.
    """
    statement: dict[str, Any] = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(req["Principal"], partition),
        "Action": req["Action"],
        "Resource": resource,
    }
    equals = {
        key: req[member]
        for member, key in (
            ("SourceAccount", "AWS:SourceAccount"),
            ("EventSourceToken", "lambda:EventSourceToken"),
            ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
            ("PrincipalOrgID", "aws:PrincipalOrgID"),
        )
        if req.get(member) is not None
    }
    condition: dict[str, Any] = {}
    if equals:
        condition["StringEquals"] = equals
    if req.get("SourceArn") is not None:
        condition["ArnLike"] = {"AWS:SourceArn": req["SourceArn"]}
    if req.get("InvokedViaFunctionUrl") is not None:
        condition["Bool"] = {
            "lambda:InvokedViaFunctionUrl": str(req["InvokedViaFunctionUrl"]).lower()
        }
    if condition:
        statement["Condition"] = condition
    return statement


def _principal(text: str, partition: str) -> Any:
    if text == "*":
        return text
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:{partition}:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise errors.InvalidParameterValueException(
        detail="The provided principal was invalid. Please check the principal and try again."
    )


def document(statements: Iterable[Mapping[str, Any]]) -> str:
    """The policy as GetPolicy gives it."""
    return orjson.dumps(
        {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    ).decode()


def permits(statements: Iterable[Mapping[str, Any]], source: Source) -> bool:
    """Whether a service principal may invoke the function for this source."""
    known = {"aws:sourcearn": source.arn, "aws:sourceaccount": source.account}
    principals = [{"Service": source.service}]
    return any(_allows(one, _INVOKE, principals, known) for one in statements)


def permits_url(
    statements: Iterable[Mapping[str, Any]], auth_type: str, callers: Sequence[str]
) -> bool:
    """Whether somebody may invoke the function at its address.

    `callers`: the ARNs that name the caller; none for a caller whom nobody knows.
    """
    principals = [{"AWS": arn} for arn in callers]
    known = {"lambda:functionurlauthtype": auth_type, "lambda:invokedviafunctionurl": "true"}
    return any(_allows(one, _INVOKE_URL, principals, known) for one in statements)


def _allows(
    statement: Mapping[str, Any],
    actions: Sequence[str],
    principals: Sequence[Mapping[str, str]],
    known: Mapping[str, str],
) -> bool:
    """`known`: what conditions can be about, by their key in small letters."""
    if statement["Effect"] != "Allow" or statement["Action"] not in actions:
        return False
    if statement["Principal"] != "*" and statement["Principal"] not in principals:
        return False
    return all(
        _holds(operator, cast("Mapping[str, Any]", keys), known)
        for operator, keys in statement.get("Condition", {}).items()
    )


def _holds(operator: str, keys: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    for key, wanted in keys.items():
        value = known.get(key.lower())
        if value is None or not isinstance(wanted, str):
            return False
        if operator in ("StringEquals", "Bool"):
            holds = value == wanted
        elif operator == "ArnLike":
            holds = arn_like(wanted, value)
        else:
            holds = False
        if not holds:
            return False
    return True


def arn_like(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern in each of its six parts, with `*` and `?`.

    AWS: IAM User Guide, "Amazon Resource Name (ARN) condition operators".
    """
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(
        _like(one, other) for one, other in zip(patterns, parts, strict=True)
    )


def _like(pattern: str, text: str) -> bool:
    """Wildcards without backtracking deeper than the last star: at most pattern times text steps."""
    at = star = -1
    index = place = 0
    while index < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, at = place, index
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[index]):
            place += 1
            index += 1
        elif star >= 0:
            at += 1
            place, index = star + 1, at
        else:
            return False
    return pattern[place:].strip("*") == ""
