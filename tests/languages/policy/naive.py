"""A second evaluator of policies: as slow and as literal as the documentation reads, for comparison.

It shares no code with the first: it reads JSON itself, matches with tables, and asks every question anew.
AWS: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements reference".
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

Json = Any
Sign = tuple[str, bool, bool]
"""A character; whether it is a wildcard; whether it may stand for a colon, or, of a plain one, whether it was written
so in the policy rather than filled in."""


class NoValue(Exception):
    """A variable that the request has no value for."""


def as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


# Patterns


def fits(signs: list[Sign], text: str) -> bool:
    reached = [True] + [False] * len(text)
    for character, wild, over_colons in signs:
        following = [False] * (len(text) + 1)
        for at in range(len(text) + 1):
            taken = text[at - 1] if at else ""
            may_take = over_colons or taken != ":"
            if wild and character == "*":
                following[at] = reached[at] or (at > 0 and following[at - 1] and may_take)
            elif wild:
                following[at] = at > 0 and reached[at - 1] and may_take
            else:
                following[at] = at > 0 and reached[at - 1] and taken == character
        reached = following
    return reached[-1]


def filled(text: str, version: str, context: dict[str, list[str]], *, wild: bool) -> list[Sign]:
    signs: list[Sign] = []
    rest = text
    while rest:
        found = re.match(r"\$\{([^}']*)(?:'([^']*)')?\}", rest) if version == "2012-10-17" else None
        if found and found[1]:
            name, default = found[1].strip().rstrip(","), found[2]
            if name in ("*", "?", "$"):
                value = name
            else:
                values = context.get(name.lower(), [])
                if len(values) == 1:
                    value = values[0]
                elif not values and default is not None:
                    value = default
                else:
                    raise NoValue(name)
            signs += [(character, False, False) for character in value]
            rest = rest[found.end() :]
        else:
            signs.append((rest[0], wild and rest[0] in "*?", True))
            rest = rest[1:]
    return signs


def resource_fits(pattern: str, version: str, context: dict[str, list[str]], arn: str) -> bool:
    colons = [at for at, character in enumerate(pattern) if character == ":"]
    border = colons[4] + 1 if len(colons) >= 5 else len(pattern)
    head, tail = pattern[:border], pattern[border:]
    signs: list[Sign] = []
    for at, character in enumerate(head):
        last = at + 1 == len(head) or head[at + 1] == ":"
        signs.append((character, character in "*?", character == "*" and last))
    try:
        return fits(signs + filled(tail, version, context, wild=True), arn)
    except NoValue:
        return False


def action_fits(pattern: str, action: str) -> bool:
    return fits(filled(pattern.lower(), "", {}, wild=True), action.lower())


# Conditions


def number(text: str) -> Fraction | None:
    try:
        return Fraction(text) if "/" not in text and "_" not in text else None
    except ValueError:
        return None


def instant(text: str) -> Fraction | None:
    if re.fullmatch(r"[0-9]{4}", text):
        text += "-01"
    elif re.fullmatch(r"-?[0-9.]+", text):
        return number(text)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        text += "-01"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86400 + since.seconds + Fraction(since.microseconds, 10**6)


def same_arn(pattern: list[Sign], arn: str) -> bool:
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return False
    if [sign[:2] for sign in pattern] == [("*", True)]:
        return True
    segments: list[list[Sign]] = [[]]
    for sign in pattern:
        if sign == (":", False, True) and len(segments) < 6:
            segments.append([])
        else:
            segments[-1].append(sign)
    return len(segments) == 6 and all(map(fits, segments, parts))


def one_fits(
    operator: str, wanted: str, value: str, version: str, context: dict[str, list[str]]
) -> bool:
    """The positive form of the operator, of one value in the policy and one in the request."""
    try:
        return one_resolved_fits(operator, wanted, value, version, context)
    except NoValue:
        return False


def one_resolved_fits(
    operator: str, wanted: str, value: str, version: str, context: dict[str, list[str]]
) -> bool:
    if operator in ("StringEquals", "StringEqualsIgnoreCase", "Bool"):
        text = "".join(sign[0] for sign in filled(wanted, version, context, wild=False))
        if operator == "StringEquals":
            return text == value
        if operator == "Bool" and text.lower() not in ("true", "false"):
            return False
        return text.lower() == value.lower()
    if operator == "StringLike":
        return fits(filled(wanted, version, context, wild=True), value)
    if operator in ("ArnEquals", "ArnLike"):
        return same_arn(filled(wanted, version, context, wild=True), value)
    if operator == "BinaryEquals":
        try:
            return base64.b64decode(wanted, validate=True) == base64.b64decode(value, validate=True)
        except ValueError:
            return False
    if operator == "IpAddress":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
        except ValueError:
            return False
    read = number if operator.startswith("Numeric") else instant
    left, right = read(value), read(wanted)
    if left is None or right is None:
        return False
    match operator.removeprefix("Numeric").removeprefix("Date"):
        case "Equals":
            return left == right
        case "LessThan":
            return left < right
        case "LessThanEquals":
            return left <= right
        case "GreaterThan":
            return left > right
        case "GreaterThanEquals":
            return left >= right
    raise AssertionError(operator)


def value_fits(
    operator: str, wanted: list[str], value: str, version: str, context: dict[str, list[str]]
) -> bool:
    negated = "Not" in operator
    positive = operator.replace("Not", "")
    found = [one_fits(positive, one, value, version, context) for one in wanted]
    return not any(found) if negated else any(found)


def scalar(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def condition_holds(
    written: str, key: str, wanted: list[str], version: str, context: dict[str, list[str]], effect: str
) -> bool:  # fmt: skip
    values = context.get(key.lower(), [])
    quantifier, _, operator = written.rpartition(":")
    if_exists = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator == "Null":
        is_null = not any(value != "" for value in values)
        return any(one.lower() == ("true" if is_null else "false") for one in wanted)
    if if_exists and values == []:
        return True
    empty = all(value == "" for value in values)
    if quantifier == "ForAllValues" and empty:
        return True
    if quantifier == "ForAnyValue" and empty:
        return False
    if values == []:
        return "Not" in operator
    right = [value_fits(operator, wanted, value, version, context) for value in values]
    if quantifier == "ForAnyValue":
        return any(right)
    if quantifier == "ForAllValues":
        return all(right)
    return all(right) if effect == "Allow" else any(right)


# Principals


def listed(element: Json) -> list[tuple[str, str]]:
    if element == "*":
        return [("AWS", "*")]
    return [(kind, one) for kind, ids in element.items() for one in as_list(ids)]


def parts_of(who: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Everything that the principal is, by how near it is to it, with the ways to write it."""
    kind = who["kind"]
    if kind == "anonymous":
        return {}
    if kind == "service":
        return {"itself": [("Service", one) for one in (*who["services"], "*")]}
    if kind == "web":
        return {"itself": [("Federated", who["provider"]), ("Federated", "*")]}
    account = who["account"]
    roots = [("AWS", account), ("AWS", f"arn:aws:iam::{account}:root")]
    if who.get("canonical"):
        roots += [("CanonicalUser", who["canonical"]), ("CanonicalUser", "*")]
    if kind == "root":
        return {"account": roots, "itself": roots}
    itself = [("AWS", who["arn"])]
    if kind == "user":
        return {"account": roots, "itself": [*itself, ("AWS", who["id"])]}
    entity = [("AWS", who["entity"]), ("AWS", who["id"])]
    if who.get("provider"):
        entity.append(("Federated", who["provider"]))
    return {"account": roots, "entity": entity, "itself": itself}


def reach(statement: Json, who: dict[str, Any]) -> str:
    """How far a statement reaches the principal: "", account, entity, or itself."""
    parts = parts_of(who)
    if "NotPrincipal" in statement:
        names = listed(statement["NotPrincipal"])
        if ("AWS", "*") in names and not (statement["Effect"] == "Deny" and who.get("bounded")):
            return ""
        found = [any(one in names for one in ways) for ways in parts.values()] or [False]
        if statement["Effect"] == "Deny" and who.get("bounded"):
            return "itself"
        spared = any(found) if statement["Effect"] == "Allow" else all(found)
        return "" if spared else "itself"
    names = listed(statement["Principal"])
    if ("AWS", "*") in names:
        return "itself"
    for near in ("itself", "entity", "account"):
        if any(one in names for one in parts.get(near, [])):
            return near
    return ""


# Statements and layers


def applies(statement: Json, version: str, request: dict[str, Any]) -> bool:
    context = request["context"]
    if "Action" in statement:
        if not any(action_fits(one, request["action"]) for one in as_list(statement["Action"])):
            return False
    elif any(action_fits(one, request["action"]) for one in as_list(statement["NotAction"])):
        return False
    for name in ("Resource", "NotResource"):
        if name in statement:
            found = [
                resource_fits(one, version, context, request["resource"])
                for one in as_list(statement[name])
            ]
            if any(found) == (name == "NotResource"):
                return False
    for operator, keys in statement.get("Condition", {}).items():
        for key, given in keys.items():
            wanted = [scalar(one) for one in as_list(given)]
            if not condition_holds(operator, key, wanted, version, context, statement["Effect"]):
                return False
    return True


def found_in(texts: list[str], request: dict[str, Any], effect: str) -> list[str]:
    """How far each statement of this effect reaches that applies."""
    reaches: list[str] = []
    for text in texts:
        policy = json.loads(text)
        for statement in as_list(policy["Statement"]):
            if statement["Effect"] != effect:
                continue
            if applies(statement, policy.get("Version", "2008-10-17"), request):
                owned = "Principal" not in statement and "NotPrincipal" not in statement
                far = "owner" if owned else reach(statement, request["who"])
                if far:
                    reaches.append(far)
    return reaches


def decide(request: dict[str, Any], layers: dict[str, Any]) -> str:
    """allow, explicit or implicit. `layers` as lists of JSON texts; of levels of them for scp and rcp."""
    who = request["who"]
    kind = who["kind"]
    identity, resource = layers.get("identity", []), layers.get("resource", [])
    boundary, session = layers.get("boundary", []), layers.get("session", [])
    outside = kind in ("service", "web", "anonymous")
    service_linked = "/aws-service-role/" in who.get("entity", "")
    scps = [] if outside or service_linked else layers.get("scp", [])
    rcps = [] if service_linked else layers.get("rcp", [])
    owner = request["owner"] or who.get("account")
    cross = not outside and owner != who["account"]

    bounded = {**request, "who": {**who, "bounded": boundary != []}}
    resource_denies = found_in(resource, bounded, "Deny")
    if (
        kind == "root"
        and not cross
        and request["action"].lower()
        in (*("s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"),)
    ):
        resource_denies = []
    levels = [text for level in [*scps, *rcps] for text in level]
    everything = [*identity, *boundary, *session, *levels]
    if resource_denies or found_in(everything, request, "Deny"):
        return "explicit"

    def allows(texts: list[str]) -> bool:
        return found_in(texts, request, "Allow") != []

    if not all(allows(level) for level in [*scps, *rcps]):
        return "implicit"
    grants = found_in(resource, request, "Allow")
    within = (not boundary or allows(boundary)) and (
        allows(session) if session or kind == "federated" else True
    )
    own = kind == "root" or (allows(identity) and within)
    by_entity = "entity" in grants and within
    if outside:
        answer = grants != []
    elif cross:
        answer = grants != [] and own
    elif layers.get("side") in ("key", "trust"):
        answer = "itself" in grants or by_entity or ("account" in grants and own)
        if "entity" in grants and own:
            answer = True
    else:
        answer = "itself" in grants or by_entity or own
    return "allow" if answer else "implicit"
