"""What actions there are: AWS's service authorization reference for the services that are built, as data.

`tools/generate_actions.py` writes a JSON file per prefix beside this module; each is read when first asked for.
A family of condition keys ends in a star: `aws:RequestTag/*`, `kms:EncryptionContext:*`.
AWS: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Literal

import msgspec

from pilvi.languages.policy.patterns import matcher, read_wildcards

Access = Literal["List", "Read", "Write", "Permissions management", "Tagging"]


class ResourceType(msgspec.Struct, frozen=True, dict=True):
    """`arn`: AWS's pattern, `arn:${Partition}:s3:::${BucketName}`. `keys`: those that its resources tell."""

    name: str
    arn: str
    keys: tuple[str, ...] = ()

    @cached_property
    def _fits(self) -> re.Pattern[str]:
        text, *rest = re.split(r"\$\{([^}]*)\}", self.arn)
        pieces = (
            _hole(name) + re.escape(after)
            for name, after in zip(rest[::2], rest[1::2], strict=True)
        )
        return re.compile(re.escape(text) + "".join(pieces), re.DOTALL)

    def fits(self, arn: str) -> bool:
        """Whether an ARN is of this type: of a resource, or with stars for what is not named."""
        return self._fits.fullmatch(arn) is not None


_WITH_SLASHES = ("WithPath", "LogGroupName", "LogStreamName", "Alias", "ARN")


def _hole(name: str) -> str:
    """What may stand for a variable of a pattern."""
    if name in ("Region", "Account", "Partition"):
        return "[^:/]*"
    if name == "ObjectName":
        return ".+"
    return "[^:]+" if name.endswith(_WITH_SLASHES) else "[^:/]+"


class Target(msgspec.Struct, frozen=True):
    """A type of resource that an action is about. `required`: in every request. `keys`: told with this type only.
    `dependents`: actions that one needs as well, with this type."""

    type: str
    required: bool = False
    keys: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()


class Action(msgspec.Struct, frozen=True):
    """`name`: "s3:PutObject". `keys`: of the action itself, whatever it is about."""

    name: str
    access: Access
    targets: tuple[Target, ...] = ()
    keys: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()

    @property
    def all_dependents(self) -> frozenset[str]:
        """The actions that a caller may need as well."""
        return frozenset(self.dependents).union(*(one.dependents for one in self.targets))


class Table(msgspec.Struct, frozen=True, dict=True):
    """The reference of one prefix. `keys`: condition key -> its type ("String", "ArrayOfString", "Bool" ...)."""

    prefix: str
    title: str
    keys: Mapping[str, str]
    types: tuple[ResourceType, ...]
    actions: tuple[Action, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, Action]:
        return {one.name.lower(): one for one in self.actions}

    @cached_property
    def _types(self) -> Mapping[str, ResourceType]:
        return {one.name: one for one in self.types}

    def find(self, action: str) -> Action | None:
        """`action`: with its prefix, in any case."""
        return self._by_name.get(action.lower())

    def type(self, name: str) -> ResourceType:
        return self._types[name]

    def types_of(self, action: Action) -> Iterator[ResourceType]:
        """The types of resources that the action is about; none where it has no resource but "*"."""
        return (self._types[one.type] for one in action.targets)

    def keys_of(self, action: Action) -> frozenset[str]:
        """Every key of the service's own or of tags that a request for the action may tell."""
        told = set(action.keys)
        for target in action.targets:
            told.update(target.keys, self._types[target.type].keys)
        return frozenset(told)


PREFIXES = (
    *("apigateway", "dynamodb", "execute-api", "iam", "kms", "lambda", "logs", "organizations"),
    *("s3", "sqs", "sts"),
)
"""The prefixes that there are tables for: those of the services that are built."""


@lru_cache(maxsize=len(PREFIXES))
def _read(prefix: str) -> Table:
    data = files("pilvi.identity.actions").joinpath(f"{prefix}.json").read_bytes()
    return msgspec.json.decode(data, type=Table)


def find_table(prefix: str) -> Table | None:
    """None for a prefix that nothing is known of."""
    return _read(prefix) if prefix in PREFIXES else None


def find_action(action: str) -> Action | None:
    """`action`: "s3:PutObject", in any case."""
    table = find_table(action.partition(":")[0].lower())
    return None if table is None else table.find(action)


@lru_cache(maxsize=1024)
def keys_about(action: str) -> frozenset[str] | None:
    """The condition keys, in lower case, that AWS tells of an action besides the global ones; None for an action that
    the reference does not have."""
    found = find_action(action)
    table = find_table(action.partition(":")[0].lower())
    if found is None or table is None:
        return None
    return frozenset(key.lower() for key in table.keys_of(found))


def actions_matching(pattern: str) -> Iterator[Action]:
    """Those that a policy's Action means: "s3:Get*", "*". Only of the prefixes that are known."""
    if pattern == "*":
        pattern = "*:*"
    prefix, _, rest = pattern.lower().partition(":")
    of_prefix, of_name = matcher(read_wildcards(prefix)), matcher(read_wildcards(rest))
    for known in PREFIXES:
        if of_prefix(known):
            named = (one for one in _read(known).actions)
            yield from (one for one in named if of_name(one.name.partition(":")[2].lower()))
