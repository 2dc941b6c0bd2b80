"""Policies made ready to be asked: every pattern and condition compiled, and found again by content.

A compiled policy remembers which of its statements are about an action, since the same few actions are asked over and
over. Both memories are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache

import msgspec

from pilvi.languages.policy.conditions import Holds, condition_test
from pilvi.languages.policy.grammar import Form, Policy, Statement, parse
from pilvi.languages.policy.keys import family_of
from pilvi.languages.policy.matching import ResourceTest, action_test
from pilvi.languages.policy.patterns import Matcher
from pilvi.languages.policy.principals import GrantTest, grant_test
from pilvi.languages.policy.variables import Context, named

POLICIES_MAX = 1024
LARGE_POLICIES_MAX = 64
LARGE_CHARACTERS = 4096
"""A compiled policy takes some twenty times the space of its text."""
ACTIONS_MAX = 256


class Rule:
    """One statement, compiled. `index`: its place in the document, from 0. `spares`: it denies all but some."""

    __slots__ = (
        "allows",
        "condition_tests",
        "covers_action",
        "grants",
        "index",
        "resources",
        "sid",
        "spares",
        "statement",
    )

    def __init__(self, statement: Statement, index: int, version: str) -> None:
        self.statement = statement
        self.index = index
        self.sid = statement.sid
        self.allows = statement.allows
        self.covers_action: Matcher = action_test(statement.actions)
        self.resources = ResourceTest(statement.resources, version)
        self.grants: GrantTest | None = grant_test(statement.principals, allows=self.allows)
        principals = statement.principals
        self.spares = not self.allows and principals is not None and principals.negated
        self.condition_tests: tuple[Holds, ...] = tuple(
            condition_test(one, version, allows=self.allows) for one in statement.conditions
        )

    def applies(self, resource: str, context: Context) -> bool:
        """To a request with an action that it covers; principals are not asked."""
        resources = self.resources
        if not resources.always and not resources.covers(resource, context):
            return False
        for holds in self.condition_tests:  # noqa: SIM110 # a generator costs more than all of the rest
            if not holds(context):
                return False
        return True


class CompiledPolicy:
    """`keys`: those of the context that any statement asks for, in lower case, with the name as it is written.
    `asks`: the same, and their families. `text`: what it was read from."""

    __slots__ = ("_by_action", "asks", "keys", "policy", "rules", "text")

    def __init__(self, policy: Policy, text: str = "") -> None:
        self.policy = policy
        self.text = text
        self.rules = tuple(
            Rule(one, index, policy.version) for index, one in enumerate(policy.statements)
        )
        self.keys: Mapping[str, str] = {name.lower(): name for name in _keys(policy)}
        self.asks = frozenset(self.keys).union(map(family_of, self.keys))
        self._by_action: dict[str, tuple[Rule, ...]] = {}

    def about(self, action: str) -> tuple[Rule, ...]:
        """The rules that cover an action, given in lower case; those that deny come first."""
        found = self._by_action.get(action)
        if found is None:
            covering = [one for one in self.rules if one.covers_action(action)]
            found = tuple(sorted(covering, key=lambda one: one.allows))
            if len(self._by_action) >= ACTIONS_MAX:
                self._by_action.clear()
            self._by_action[action] = found
        return found


def _keys(policy: Policy) -> Iterator[str]:
    for statement in policy.statements:
        yield from keys_of(statement, policy.version)


def keys_of(statement: Statement, version: str) -> Iterator[str]:
    """The keys that one statement asks for, as they are written; some more than once."""
    for pattern in statement.resources.patterns if statement.resources is not None else ():
        yield from named(pattern, version)
    for condition in statement.conditions:
        yield condition.key
        for value in condition.values:
            yield from named(value, version)


def compile_policy(text: str, form: Form, ids: tuple[tuple[str, str], ...] = ()) -> CompiledPolicy:
    """`ids`: as for `document`, in pairs. Raises: PolicyError, as `parse`."""
    return _small(text, form, ids) if len(text) < LARGE_CHARACTERS else _large(text, form, ids)


def _compile(text: str, form: Form, ids: tuple[tuple[str, str], ...]) -> CompiledPolicy:
    policy = parse(text, form)
    return CompiledPolicy(_meaning(policy, dict(ids)) if ids else policy, text)


def _meaning(policy: Policy, ids: Mapping[str, str]) -> Policy:
    """The policy with its principals' names replaced by whom they mean."""

    def statement(one: Statement) -> Statement:
        if one.principals is None:
            return one
        named = tuple(
            (kind, ids.get(name, name) if kind == "AWS" else name)
            for kind, name in one.principals.named
        )
        principals = msgspec.structs.replace(one.principals, named=named)
        return msgspec.structs.replace(one, principals=principals)

    return msgspec.structs.replace(policy, statements=tuple(map(statement, policy.statements)))


def principals_named(text: str, form: Form) -> frozenset[str]:
    """The users and roles that a policy names, by their ARNs. Raises: PolicyError."""
    return frozenset(
        name
        for statement in parse(text, form).statements
        if statement.principals is not None
        for kind, name in statement.principals.named
        if kind == "AWS" and (":user/" in name or ":role/" in name)
    )


_small = lru_cache(maxsize=POLICIES_MAX)(_compile)
_large = lru_cache(maxsize=LARGE_POLICIES_MAX)(_compile)


class Attachment(Enum):
    INLINE = "inline policy"
    MANAGED = "managed policy"
    GROUP_INLINE = "inline policy of a group"
    GROUP_MANAGED = "managed policy of a group"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    KEY = "key policy"
    TRUST = "role trust policy"
    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"


class Origin(msgspec.Struct, frozen=True):
    """Where a document comes from, for those who read a decision. `holder`: the user, group, role or resource."""

    attachment: Attachment
    name: str = ""
    arn: str = ""
    holder: str = ""


class Document(msgspec.Struct, frozen=True, eq=False):
    """A policy at one of the places where it is attached. Cheap to make; better kept than made for each request."""

    policy: CompiledPolicy
    origin: Origin


def document(
    text: str, form: Form, origin: Origin, ids: Mapping[str, str] | None = None
) -> Document:
    """`ids`: the unique ids of principals that it names, as they were when it was saved; it means those, and nobody who
    has such a name later. Raises: PolicyError."""
    return Document(compile_policy(text, form, tuple(ids.items()) if ids else ()), origin)
