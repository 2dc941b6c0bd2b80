"""Counting the same thing again and again: one tally for each principal, action, resource, outcome and region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pilvi.contracts.observations import Asker, Refusal, Remedy

VALUES_MAX = 10
"""Values of a condition key that are told apart; with more it varies."""

TEXT_MAX = 1024
"""Characters of a resource or a value: permission is asked before the request is validated."""

WORTH = {
    "iam:passedtoservice": "iam:PassedToService",
    "s3:prefix": "s3:prefix",
    "dynamodb:leadingkeys": "dynamodb:LeadingKeys",
}
"""The condition keys that are kept, and how policies write them. Regions are kept beside them."""

Conditions = Mapping[str, tuple[str, ...]]
"""Key in lower case -> its sorted values over all requests; () once it varies: many values, or requests without."""

NONE: Conditions = {}


class Tally:
    """`pattern`: it counts several resources. `remedies`: of the last refusal."""

    __slots__ = ("asker", "conditions", "count", "first_ms", "last_ms", "pattern", "remedies")

    def __init__(
        self, asker: Asker, at_ms: int, conditions: Conditions, *, pattern: bool = False
    ) -> None:
        self.asker = asker
        self.pattern = pattern
        self.count = 0
        self.remedies: tuple[Remedy, ...] = ()
        self.first_ms = at_ms
        self.last_ms = at_ms
        self.conditions = conditions


def worth(context: Conditions) -> Conditions:
    """What of a request's context is kept."""
    kept: dict[str, tuple[str, ...]] = {}
    for key, values in context.items():
        if key in WORTH:
            few = len(values) <= VALUES_MAX and all(len(value) <= TEXT_MAX for value in values)
            kept[key] = tuple(sorted(set(map(storable, values)))) if few else ()
    return kept


def storable(text: str) -> str:
    """Without what is no character: names come as bytes, and are looked at before they are validated."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def storable_refusal(refusal: Refusal) -> Refusal:
    remedies = tuple(
        Remedy(storable(one.where), _storable_statement(one.statement)) for one in refusal.remedies
    )
    return msgspec.structs.replace(
        refusal,
        resource=storable(refusal.resource),
        lines=tuple(map(storable, refusal.lines)),
        remedies=remedies,
    )


def _storable_statement(statement: dict[str, Any] | None) -> dict[str, Any] | None:
    if statement is None:
        return None
    return {
        name: storable(value) if isinstance(value, str) else value
        for name, value in statement.items()
    }


def mixed(one: Conditions, other: Conditions) -> Conditions:
    """The conditions of two observations that become one."""
    if one == other:
        return one
    result: dict[str, tuple[str, ...]] = {}
    for key in (*one, *(key for key in other if key not in one)):
        here, there = one.get(key, ()), other.get(key, ())
        both = sorted({*here, *there}) if here and there else []
        result[key] = tuple(both) if len(both) <= VALUES_MAX else ()
    return result
