"""Resource policies of functions: statements as AddPermission makes them, and as the policy language reads them.

Whether a policy permits something is decided where everything is, by `languages/policy`.
AWS: Lambda Developer Guide, "Working with resource-based IAM policies in Lambda"; AddPermission.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from pilvi.contracts.principals import Principals
from pilvi.kit.call import Call
from pilvi.languages.policy import RESOURCE, Attachment, Document, Origin, PolicyError, parse
from pilvi.languages.policy import document as compiled
from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.names import LATEST
from pilvi.store.api import Snapshot

_ACCOUNT = re.compile(r"[0-9]{12}")
_SERVICE = re.compile(r"[a-z0-9.\-]+\.amazonaws\.com(\.cn)?|[a-z0-9.\-]+\.amazon\.com")
_EQUALS = (
    ("SourceAccount", "AWS:SourceAccount"),
    ("EventSourceToken", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
    ("PrincipalOrgID", "aws:PrincipalOrgID"),
)


def make_statement(req: Mapping[str, Any], resource: str, *, partition: str) -> dict[str, Any]:
    """The statement that an AddPermission request asks for.

    Raises: InvalidParameterValueException for a principal that is none.
    """
    statement = _statement(req, resource, partition)
    equals = {key: req[member] for member, key in _EQUALS if req.get(member) is not None}
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
    try:
        parse(document([statement]), RESOURCE)
    except PolicyError:  # all but the principal is of the model's shapes
        raise _no_principal() from None
    return statement


def make_layer_statement(
    req: Mapping[str, Any], resource: str, *, partition: str
) -> dict[str, Any]:
    """The statement that an AddLayerVersionPermission request asks for.

    Raises: InvalidParameterValueException for a principal that is none.
    """
    statement = _statement(req, resource, partition)
    if req.get("OrganizationId") is not None:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": req["OrganizationId"]}}
    return statement


def _statement(req: Mapping[str, Any], resource: str, partition: str) -> dict[str, Any]:
    """Without conditions. Raises: InvalidParameterValueException."""
    return {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(req["Principal"], partition),
        "Action": req["Action"],
        "Resource": resource,
    }


def _principal(text: str, partition: str) -> Any:
    if text == "*":
        return text
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:{partition}:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise _no_principal()


def ids_with(
    call: Call, at: Snapshot, ids: Mapping[str, str], statement: Mapping[str, Any]
) -> dict[str, str]:
    """`ids` with that of the user or role whom a new statement names."""
    arn = principal_of(statement)
    found = call.ask(Principals).ids_of(at, [arn])
    return {**ids, statement["Sid"]: found[arn]} if arn in found else dict(ids)


def _no_principal() -> errors.InvalidParameterValueException:
    return errors.InvalidParameterValueException(
        detail="The provided principal was invalid. Please check the principal and try again."
    )


def document(statements: Iterable[Mapping[str, Any]]) -> str:
    """The policy as GetPolicy gives it."""
    return orjson.dumps(
        {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    ).decode()


def readable(statements: Iterable[Mapping[str, Any]], arn: str, ids: Mapping[str, str]) -> Document:
    """The policy of what `arn` names, ready to be judged. `ids`: whom a statement means, where that is known.

    The policy of a function itself is that of its $LATEST, too, for which nobody can add one.
    """
    own = [
        {**one, "Resource": [one["Resource"], f"{one['Resource']}:{LATEST}"]}
        if one["Resource"] == arn and arn.count(":") == _COLONS
        else one
        for one in statements
    ]
    meant: list[Mapping[str, Any]] = [
        {**one, "Principal": {"AWS": ids[str(one["Sid"])]}} if one["Sid"] in ids else one
        for one in own
    ]
    return compiled(document(meant), RESOURCE, Origin(Attachment.RESOURCE, holder=arn))


_COLONS = "arn:aws:lambda:region:account:function:name".count(":")


def principal_of(statement: Mapping[str, Any]) -> str:
    """As AddPermission was told it."""
    principal = statement["Principal"]
    if isinstance(principal, str):
        return principal
    (named,) = principal.values()
    found = re.fullmatch(r"arn:[^:]*:iam::([0-9]{12}):root", named)
    return named if found is None else found[1]
