"""What IAM and STS decide: pure functions of requests and records; no store, no clock."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from pilvi.base.arn import Arn
from pilvi.services.iam import errors, limits
from pilvi.services.iam.records import Entity, Policy, Role, Version
from pilvi.services.iam.wire import Tag

_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_ACCOUNT_BITS = 40
_ACCOUNT_SHIFT = 39


# --- access key ids


def access_key_id(prefix: str, account: str, noise: bytes) -> str:
    """A key id that tells its account to whoever looks, as AWS's do: `prefix` and 16 base32 letters.

    Bits 1 to 40 of the 80 are the account; the first is set, the others are `noise` (at least 5 bytes).
    """
    tail = int.from_bytes(noise[:5]) >> 1
    number = (1 << 79) | (int(account) << _ACCOUNT_SHIFT) | tail
    return prefix + base64.b32encode(number.to_bytes(10)).decode()


def account_of_key(access_key_id: str) -> str | None:
    """The account that a key id of this form names; None when it has another form."""
    try:
        number = int.from_bytes(base64.b32decode(access_key_id[4:]))
    except ValueError:
        return None
    if len(access_key_id) != 20 or not number >> 79:
        return None
    account = (number >> _ACCOUNT_SHIFT) & ((1 << _ACCOUNT_BITS) - 1)
    return f"{account:012d}" if account < 10**12 else None


# --- ARNs


def parse_role_arn(text: str) -> Arn:
    """Raises: ValidationError when `text` is no ARN; NoSuchEntity is the caller's affair."""
    if not _ARN.fullmatch(text):
        raise errors.ValidationError(detail=f"{text} is invalid")
    return Arn.parse(text)


def check_arn(text: str) -> None:
    """Raises: ValidationError."""
    if not _ARN.fullmatch(text):
        raise errors.ValidationError(detail="Invalid ARN:  Could not be parsed!")


# --- tags


def tags_of(wire: Sequence[Tag] | None) -> dict[str, str]:
    """Raises: InvalidInput for keys that differ in case only or are AWS's own, LimitExceeded."""
    tags = {tag["Key"]: tag["Value"] for tag in wire or ()}
    if has_system_keys(tags):
        raise errors.InvalidInput(detail="System tags cannot be added/updated by requester")
    if len({key.lower() for key in tags}) != len(wire or ()):
        raise errors.InvalidInput(
            detail="Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    check_tag_count(tags)
    return tags


def has_system_keys(keys: Iterable[str]) -> bool:
    """Whether any begins as only AWS's own may: policies trust those, since nobody can put them on."""
    return any(key.lower().startswith("aws:") for key in keys)


def check_tag_count(tags: Mapping[str, str]) -> None:
    if len(tags) > limits.TAGS_PER_RESOURCE:
        raise errors.LimitExceeded(quota="TagsPerResource", limit=limits.TAGS_PER_RESOURCE)


def merge_tags(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """`new` over `old`; a key that differs in case only replaces the old one. Raises: LimitExceeded."""
    merged = overlaid(old, new)
    check_tag_count(merged)
    return merged


def overlaid(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """The same, however many they are."""
    replaced = {key.lower() for key in new}
    return {key: value for key, value in old.items() if key.lower() not in replaced} | dict(new)


def without_tags(old: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    removed = {key.lower() for key in keys}
    return {key: value for key, value in old.items() if key.lower() not in removed}


def wire_tags(tags: Mapping[str, str]) -> list[Tag]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# --- roles

SERVICE_LINKED_PATH = "/aws-service-role/"


def check_modifiable(entity: Entity) -> None:
    """Raises: UnmodifiableEntity for a service-linked role."""
    if isinstance(entity, Role) and entity.path.startswith(SERVICE_LINKED_PATH):
        raise errors.UnmodifiableEntity(name=entity.name)


# --- what can be switched on and off


def is_active(status: str) -> bool:
    """Raises: ValidationError; "Expired" is told of, never set."""
    if status not in ("Active", "Inactive"):
        raise errors.ValidationError(
            detail="1 validation error detected: Value at 'status' failed to satisfy constraint:"
            " Member must satisfy enum value set"
        )
    return status == "Active"


def status(*, active: bool) -> str:
    return "Active" if active else "Inactive"


# --- policies


def encoded(document: str) -> str:
    """A policy document as IAM's answers carry it: percent-encoded, RFC 3986."""
    return quote(document, safe="")


def check_inline_room(kind: str, entity: Entity, name: str, document: str) -> None:
    """Raises: PolicyTooLarge when the entity's inline policies would together exceed its quota."""
    texts = [text for policy, text in entity.inline.items() if policy != name] + [document]
    limit = limits.INLINE_POLICIES_SIZE[kind]
    if sum(map(size_of, texts)) > limit:
        raise errors.PolicyTooLarge(limit=limit, kind=kind, name=entity.name)


def check_attach_room(kind: str, entity: Entity) -> None:
    if len(entity.attached) >= limits.ATTACHED_POLICIES:
        raise errors.LimitExceeded(
            quota=f"PoliciesPer{kind.capitalize()}", limit=limits.ATTACHED_POLICIES
        )


def size_of(document: str) -> int:
    """Characters that count towards a quota: all but white space."""
    return len("".join(document.split()))


def path_of_policy(arn: str) -> str:
    """`/service-role/` of arn:aws:iam::aws:policy/service-role/Name."""
    return arn.split(":", 5)[5].removeprefix("policy").rpartition("/")[0] + "/"


def version_number(version_id: str) -> int:
    """7 of "v7". The model's pattern has been checked."""
    return int(version_id[1:].partition(".")[0])


def get_version(policy: Policy, version_id: str) -> Version:
    """Raises: NoSuchEntity."""
    version = policy.version(version_number(version_id))
    if version is None:
        raise errors.NoSuchEntity(
            detail=f"Policy {policy.arn} version {version_id} does not exist or is not attachable."
        )
    return version
