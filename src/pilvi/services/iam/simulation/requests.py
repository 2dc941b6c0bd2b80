"""What a simulation is about, read from its request: policies, the simulated caller, the keys of the context, owners.

Nothing is decided here (`languages/policy/simulation.py` does) and nothing of the records is read: an ARN in a request
tells of its account and name and no more.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from pilvi.base.arn import Arn
from pilvi.identity.actions import ResourceType, find_action, find_table
from pilvi.languages.policy import (
    IDENTITY,
    IDENTITY_WORDS,
    RESOURCE,
    RESOURCE_WORDS,
    Attachment,
    Document,
    Form,
    Kind,
    Origin,
    PolicyError,
    Principal,
    ResourceSide,
    document,
)
from pilvi.services.iam import errors, limits
from pilvi.services.iam.wire import ContextEntry

Keys = Mapping[str, tuple[str, ...]]

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_RESOURCE_ID = "ResourcePolicy"


# --- policies


def documents_in(texts: Iterable[str], label: str, attachment: Attachment) -> Iterator[Document]:
    """Raises: InvalidInput."""
    for number, text in enumerate(texts, 1):
        yield _document(text, IDENTITY, Origin(attachment, name=f"{label}.{number}"))


def resource_policy_in(text: str) -> Document:
    """Raises: InvalidInput."""
    return _document(text, RESOURCE, Origin(Attachment.RESOURCE, name=_RESOURCE_ID))


def _document(text: str, form: Form, origin: Origin) -> Document:
    try:
        return document(text, form, origin)
    except PolicyError as wrong:
        words = RESOURCE_WORDS if form is RESOURCE else IDENTITY_WORDS
        raise _invalid(f"Invalid policy {origin.name}: {wrong.told(words)}") from wrong


def check_size(*given: Iterable[str]) -> None:
    """Raises: InvalidInput for more policies than one request may ask to read."""
    if sum(len(text) for texts in given for text in texts) > limits.SIMULATED_CHARACTERS:
        raise _invalid(
            f"The policies have more than {limits.SIMULATED_CHARACTERS} characters together."
        )


def source_id(one: Document) -> str:
    """As AWS names a policy among the matched statements: an inline policy with its holder in front."""
    origin = one.origin
    if origin.attachment not in (Attachment.INLINE, Attachment.GROUP_INLINE) or not origin.holder:
        return origin.name
    return "_".join((*holder_of(one), origin.name))


def holder_of(one: Document) -> tuple[str, str]:
    """Kind and name of the user, role or group that an attached policy is attached to."""
    kind, _, path = Arn.parse(one.origin.holder).resource.partition("/")
    return kind, path.rpartition("/")[2]


def source_type(one: Document) -> str:
    return "Resource Policy" if one.origin.attachment is Attachment.RESOURCE else "IAM Policy"


# --- who asks


class Caller(NamedTuple):
    """`kind`: user, role or group. `keys`: of the context, as far as the ARN tells."""

    kind: str
    name: str
    principal: Principal
    keys: Keys


def caller_named(text: str) -> Caller:
    """Raises: InvalidInput for an ARN of anything else than a user, role or group."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise _no_entity(text) from None
    kind, _, path = arn.resource.partition("/")
    name = path.rpartition("/")[2]
    known = kind in ("user", "role", "group") and name and _ACCOUNT.fullmatch(arn.account)
    if arn.service != "iam" or not known:
        raise _no_entity(text)
    keys = {"aws:principalaccount": (arn.account,)}
    if kind == "role":
        principal = Principal(Kind.ROLE_SESSION, arn.account, text, text)
    else:
        principal = Principal(Kind.USER, arn.account, text)
    if kind != "group":
        keys["aws:principalarn"] = (text,)
        keys["aws:principaltype"] = ("User" if kind == "user" else "AssumedRole",)
    if kind == "user":
        keys["aws:username"] = (name,)
    return Caller(kind, name, principal, keys)


def _no_entity(text: str) -> errors.InvalidInput:
    return _invalid(f"Invalid Entity Arn: {text} does not clearly define entity type and name.")


# --- what is asked


def check_actions(actions: Sequence[str]) -> None:
    """Raises: InvalidInput for a name without its service, or with wildcards."""
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise _invalid(f"Invalid Action Name: {action}")


def check_resources(resources: Sequence[str]) -> None:
    """Raises: InvalidInput."""
    if len(resources) > limits.SIMULATED_RESOURCES:
        raise _invalid(f"More than {limits.SIMULATED_RESOURCES} resources cannot be simulated.")
    for resource in resources:
        if resource != "*" and (not resource.startswith("arn:") or resource.count(":") < 5):
            raise _invalid(f"Invalid Resource Arn: {resource}")


def owner_named(text: str) -> str:
    """The account that ResourceOwner means: its id, or the ARN of its root. Raises: InvalidInput."""
    found = re.fullmatch(r"(?:arn:[^:]+:iam::)?([0-9]{12})(?::root)?", text)
    if found is None:
        raise _invalid(f"Invalid Resource Owner: {text}")
    return found[1]


def account_of(resource: str, otherwise: str) -> str:
    """Whose a resource is; `otherwise`: where its ARN does not tell."""
    parts = resource.split(":", 5)
    told = parts[4] if len(parts) == 6 else ""
    return told if _ACCOUNT.fullmatch(told) else otherwise


def side_of(resource: str) -> ResourceSide:
    return ResourceSide.KEY if resource.split(":")[2:3] == ["kms"] else ResourceSide.ORDINARY


def template_of(action: str, resources: Sequence[str]) -> str:
    """The form of the ARNs that the action is about. Of several the one that the resources have, else the one that
    each request has, else the plainest."""
    found = find_action(action)
    table = find_table(action.partition(":")[0].lower())
    if found is None or table is None or not found.targets:
        return "*"
    types = [(one.required, table.type(one.type)) for one in found.targets]

    def order(one: tuple[bool, ResourceType]) -> tuple[bool, bool, int]:
        required, kind = one
        return not any(map(kind.fits, resources)), not required, len(kind.arn)

    return min(types, key=order)[1].arn or "*"


_EC2 = ("instance", "image", "security-group")
_SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "EC2-Classic-InstanceStore": _EC2,
    "EC2-Classic-EBS": (*_EC2, "volume"),
    "EC2-VPC-InstanceStore": (*_EC2, "network-interface"),
    "EC2-VPC-InstanceStore-Subnet": (*_EC2, "network-interface", "subnet"),
    "EC2-VPC-EBS": (*_EC2, "network-interface", "volume"),
    "EC2-VPC-EBS-Subnet": (*_EC2, "network-interface", "subnet", "volume"),
}


def check_scenario(option: str | None, resources: Sequence[str]) -> None:
    """That the resources of a scenario of EC2 are all there. Raises: InvalidInput."""
    if option is None:
        return
    needed = _SCENARIOS.get(option)
    if needed is None:
        raise _invalid(f"Invalid Resource Handling Option: {option}")
    kinds = {one.split(":", 5)[5].partition("/")[0] for one in resources if one.count(":") >= 5}
    lacking = [kind for kind in needed if kind not in kinds]
    if lacking:
        raise _invalid(f"{option} needs resources of these types: {', '.join(lacking)}")


# --- the context


def keys_in(entries: Iterable[ContextEntry]) -> Keys:
    """Raises: InvalidInput for values that are not of the type that is told, or a key that is given twice."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name = entry.get("ContextKeyName", "")
        values = tuple(entry.get("ContextKeyValues", ()))
        told = entry.get("ContextKeyType", "stringList")
        kind = told.removesuffix("List")
        if name.lower() in found or ":" not in name:
            raise _invalid(f"Invalid Context Key: {name}")
        if kind == told and len(values) > 1:
            raise _invalid(f"The context key {name} of type {told} has more than one value.")
        for value in values:
            if not _TYPES[kind](value):
                raise _invalid(f"The value {value} of the context key {name} is no {kind}.")
        found[name.lower()] = values
    return {name: values for name, values in found.items() if values}


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def test(value: str) -> bool:
        try:
            read(value)
        except (ValueError, InvalidOperation, binascii.Error):
            return False
        return True

    return test


def _date(value: str) -> object:
    return float(value) if value.replace(".", "", 1).isdigit() else datetime.fromisoformat(value)


_TYPES: Mapping[str, Callable[[str], bool]] = {
    "string": lambda value: True,
    "numeric": _reads(Decimal),
    "boolean": lambda value: value.lower() in ("true", "false"),
    "ip": _reads(lambda value: ipaddress.ip_network(value, strict=False)),
    "binary": _reads(lambda value: base64.b64decode(value, validate=True)),
    "date": _reads(_date),
}


def _invalid(detail: str) -> errors.InvalidInput:
    return errors.InvalidInput(detail=detail)
