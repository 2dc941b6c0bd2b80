"""Policies from JSON text to frozen values: the whole grammar, and nothing of what it means.

Everything that a document may hold is checked here, so that whoever evaluates a policy finds no surprise in it:
members, their kinds, what excludes what, operators, principals, the shape of actions and ARNs. Whether a named
user or service exists is not asked, nor whether an action applies to a resource.
AWS: IAM User Guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, cast

import msgspec

from pilvi.languages.policy.problems import PolicyError, Reason

VERSIONS = ("2008-10-17", "2012-10-17")

_PARTS = frozenset({"Version", "Id", "Statement"})
_CLAUSES = frozenset({"Sid", "Effect", "Condition"}).union(
    *({name, f"Not{name}"} for name in ("Principal", "Action", "Resource"))
)
_COMPARISONS = (
    "Equals",
    "NotEquals",
    "LessThan",
    "LessThanEquals",
    "GreaterThan",
    "GreaterThanEquals",
)
OPERATORS = frozenset(
    {
        *(f"{kind}{one}" for kind in ("Numeric", "Date") for one in _COMPARISONS),
        *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike"),
        *("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "Null"),
        *("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    }
)
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
_VENDOR = re.compile(r"[A-Za-z0-9-]+")
_IDENTITY_SID = re.compile(r"[0-9A-Za-z]*")
_ACCOUNT = r"[0-9]{12}"
_PRINCIPALS = {
    "AWS": re.compile(
        rf"\*|{_ACCOUNT}|[A-Z0-9]{{16,128}}"
        rf"|arn:aws[a-z-]*:iam::{_ACCOUNT}:(?:root|user/[^*]+|role/[^*]+)"
        rf"|arn:aws[a-z-]*:sts::{_ACCOUNT}:(?:assumed-role|federated-user)/[^*]+"
        rf"|arn:aws[a-z-]*:iam::cloudfront:user/[^*]+"
    ),
    "Service": re.compile(r"\*|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+"),
    "Federated": re.compile(
        rf"\*|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
        rf"|arn:aws[a-z-]*:iam::{_ACCOUNT}:(?:saml-provider|oidc-provider)/[^*]+"
    ),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}|\*"),
}


class Form(msgspec.Struct, frozen=True):
    """What kind of policy it is. `principals`, `resources`: whether each statement must name them, or must not.
    `plain_sids`: whether Sids are letters and digits only."""

    principals: bool
    resources: bool
    plain_sids: bool = False


IDENTITY = Form(principals=False, resources=True, plain_sids=True)
"""Of a user, group or role: says what, never who."""
TRUST = Form(principals=True, resources=False)
"""Of a role: who may assume it."""
RESOURCE = Form(principals=True, resources=True)
"""Of a bucket, a function, a queue."""


class Clause(msgspec.Struct, frozen=True):
    """Patterns of actions or resources; `negated`: all but these."""

    patterns: tuple[str, ...]
    negated: bool = False


class Principals(msgspec.Struct, frozen=True):
    """(kind, id) pairs, `("AWS", "*")` for everyone; `negated`: all but these."""

    named: tuple[tuple[str, str], ...]
    negated: bool = False

    @property
    def everyone(self) -> bool:
        return not self.negated and ("AWS", "*") in self.named


class Condition(msgspec.Struct, frozen=True):
    """One condition: `operator` without what stands around it, `quantifier` "", ForAllValues or ForAnyValue."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False


class Statement(msgspec.Struct, frozen=True):
    """All `conditions` must hold. `principals`, `resources`: None where the policy's form has none."""

    allows: bool
    actions: Clause
    principals: Principals | None = None
    resources: Clause | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str | None = None


class Policy(msgspec.Struct, frozen=True):
    """`version`: 2008-10-17 where the document tells none; then it has no policy variables."""

    statements: tuple[Statement, ...]
    version: str = VERSIONS[0]
    id: str | None = None


def parse(text: str, form: Form) -> Policy:
    """Raises: PolicyError, with the first thing that is wrong."""
    members = _object(_json(text), "")
    for name in members:
        if name not in _PARTS:
            raise PolicyError(Reason.UNKNOWN, name, name)
    version = members.get("Version", VERSIONS[0])
    if version not in VERSIONS:
        raise PolicyError(Reason.VERSION, "Version", str(version))
    policy_id = _text(members, "Id", "Id")
    if "Statement" not in members:
        raise PolicyError(Reason.NO_STATEMENT, "Statement")
    given = members["Statement"]
    listed = cast("list[object]", given) if isinstance(given, list) else [given]
    if not listed:
        raise PolicyError(Reason.EMPTY, "Statement")
    statements = [_statement(one, f"Statement[{at}]", form) for at, one in enumerate(listed)]
    sids = [one.sid for one in statements if one.sid]
    for at, sid in enumerate(sids):
        if sid in sids[:at]:
            raise PolicyError(Reason.SID_TWICE, "Statement", sid)
    return Policy(tuple(statements), version, policy_id)


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        raise PolicyError(Reason.JSON, "", str(wrong)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says a thing twice says nothing sure."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is given twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _object(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PolicyError(Reason.SYNTAX, place)
    return cast("dict[str, object]", value)


def _text(members: Mapping[str, object], name: str, place: str) -> str | None:
    value = members.get(name)
    if name in members and not isinstance(value, str):
        raise PolicyError(Reason.SYNTAX, place)
    return cast("str | None", value)


def _statement(given: object, place: str, form: Form) -> Statement:
    members = _object(given, place)
    for name in members:
        if name not in _CLAUSES:
            raise PolicyError(Reason.UNKNOWN, f"{place}.{name}", name)
    if "Effect" not in members:
        raise PolicyError(Reason.NO_EFFECT, place)
    effect = members["Effect"]
    if effect not in ("Allow", "Deny"):
        raise PolicyError(Reason.EFFECT, f"{place}.Effect", str(effect))
    return Statement(
        allows=effect == "Allow",
        principals=_principals(members, place, form),
        actions=_actions(members, place),
        resources=_resources(members, place, form),
        conditions=_conditions(members, f"{place}.Condition"),
        sid=_sid(members, f"{place}.Sid", form),
    )


def _sid(members: Mapping[str, object], place: str, form: Form) -> str | None:
    sid = _text(members, "Sid", place)
    if sid is not None and form.plain_sids and not _IDENTITY_SID.fullmatch(sid):
        raise PolicyError(Reason.SID, place, sid)
    return sid


def _either(members: Mapping[str, object], name: str, place: str) -> str | None:
    """Which of a clause and its negation a statement has."""
    found = [one for one in (name, f"Not{name}") if one in members]
    if len(found) > 1:
        raise PolicyError(Reason.BOTH, f"{place}.{found[1]}", found[1])
    return found[0] if found else None


def _texts(value: object, place: str) -> tuple[str, ...]:
    """One text, or a list of them."""
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [one for one in listed if isinstance(one, str)]
    if len(texts) != len(listed):
        raise PolicyError(Reason.SYNTAX, place)
    return tuple(texts)


def _actions(members: Mapping[str, object], place: str) -> Clause:
    name = _either(members, "Action", place)
    patterns = _texts(members[name], f"{place}.{name}") if name is not None else ()
    if not patterns:
        raise PolicyError(Reason.NO_ACTION, place)
    for action in patterns:
        vendor, colon, rest = action.partition(":")
        where = f"{place}.{name}"
        if action == "*":
            continue
        if not colon:
            raise PolicyError(Reason.VENDOR, where, action)
        if not _VENDOR.fullmatch(vendor):
            raise PolicyError(Reason.VENDOR_NAME, where, vendor)
        if ":" in rest:
            raise PolicyError(Reason.COLONS, where, action)
        if not rest:
            raise PolicyError(Reason.VENDOR, where, action)
    return Clause(patterns, negated=name == "NotAction")


def _resources(members: Mapping[str, object], place: str, form: Form) -> Clause | None:
    name = _either(members, "Resource", place)
    if not form.resources:
        if name is not None:
            raise PolicyError(Reason.RESOURCE_FORBIDDEN, f"{place}.{name}", name)
        return None
    patterns = _texts(members[name], f"{place}.{name}") if name is not None else ()
    if not patterns:
        raise PolicyError(Reason.NO_RESOURCE, place)
    for resource in patterns:
        if resource == "*":
            continue
        if not resource.startswith("arn:"):
            raise PolicyError(Reason.NO_ARN, f"{place}.{name}", resource)
        if resource.count(":") < 5 and not resource.endswith("*"):
            raise PolicyError(Reason.SHORT_ARN, f"{place}.{name}", resource)
    return Clause(patterns, negated=name == "NotResource")


def _principals(members: Mapping[str, object], place: str, form: Form) -> Principals | None:
    name = _either(members, "Principal", place)
    if not form.principals:
        if name is not None:
            raise PolicyError(Reason.PRINCIPAL_FORBIDDEN, f"{place}.{name}", name)
        return None
    if name is None:
        raise PolicyError(Reason.NO_PRINCIPAL, place)
    given = members[name]
    if given == "*":
        return Principals((("AWS", "*"),), negated=name == "NotPrincipal")
    named: list[tuple[str, str]] = []
    for kind, ids in _object(given, f"{place}.{name}").items():
        shape = _PRINCIPALS.get(kind)
        for one in _texts(ids, f"{place}.{name}.{kind}"):
            if shape is None or not shape.fullmatch(one):
                shown = f'"{kind.upper()}":"{one}"'
                raise PolicyError(Reason.PRINCIPAL, f"{place}.{name}.{kind}", shown)
            named.append((kind, one))
    if not named:
        raise PolicyError(Reason.NO_PRINCIPAL, f"{place}.{name}")
    return Principals(tuple(named), negated=name == "NotPrincipal")


def _conditions(members: Mapping[str, object], place: str) -> tuple[Condition, ...]:
    if "Condition" not in members:
        return ()
    tests: list[Condition] = []
    for written, keys in _object(members["Condition"], place).items():
        quantifier, operator, if_exists = _operator(written, f"{place}.{written}")
        for key, values in _object(keys, f"{place}.{written}").items():
            where = f"{place}.{written}.{key}"
            if ":" not in key.strip(":"):
                raise PolicyError(Reason.VENDOR, where, key)
            tests.append(Condition(operator, key, _scalars(values, where), quantifier, if_exists))
    return tuple(tests)


def _operator(written: str, place: str) -> tuple[str, str, bool]:
    match = _OPERATOR.fullmatch(written)
    if match is None or match[2] not in OPERATORS or (match[2] == "Null" and match[3]):
        raise PolicyError(Reason.OPERATOR, place, written)
    return match[1] or "", match[2], match[3] is not None


def _scalars(value: object, place: str) -> tuple[str, ...]:
    """One text, number or truth value, or a list of them: as texts."""
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    found: list[str] = []
    for one in listed:
        if isinstance(one, bool):
            found.append("true" if one else "false")
        elif isinstance(one, str | int | float):
            found.append(str(one))
        else:
            raise PolicyError(Reason.SYNTAX, place)
    return tuple(found)
