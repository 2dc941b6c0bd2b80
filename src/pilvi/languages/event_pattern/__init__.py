"""Event patterns: EventBridge's language for choosing events. Rules, pipes and event source mappings speak it.

`compile` reads a pattern once; `Pattern.matches` asks it of an event, in time that grows with the pattern and with
what of the event it speaks of. Pure: nothing is read but the two.

Numbers are compared by value from -5e9 to 5e9: 300, 300.0 and 3.0e2 are one. Beyond, an integer equals the same
integer only.
AWS: EventBridge User Guide, "Amazon EventBridge event patterns".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.languages.event_pattern.conditions import Field, combine
from pilvi.languages.event_pattern.grammar import parse
from pilvi.languages.event_pattern.matching import Conjunction
from pilvi.languages.event_pattern.problems import InvalidPattern

__all__ = ["InvalidPattern", "Pattern", "compile"]


class Pattern:
    __slots__ = ("_branches",)

    def __init__(self, branches: list[Conjunction]) -> None:
        self._branches = branches

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event, an object of JSON, is one of those that the pattern chooses."""
        return any(branch.refused_by(event) is None for branch in self._branches)

    def explain(self, event: Mapping[str, Any]) -> str | None:
        """The field that refused the event, as a path with dots; None where nothing did.

        Of alternatives ("$or") the one that went furthest tells.
        """
        furthest, name = -1, ""
        for branch in self._branches:
            number = branch.refused_by(event)
            if number is None:
                return None
            if number > furthest:
                furthest, name = number, branch.fields[number].name
        return name


def compile(text: str) -> Pattern:
    """Raises: InvalidPattern, whose `reason` has EventBridge's words."""
    fields: dict[int, Field] = {}
    branches: list[Conjunction] = []
    for branch in parse(text):
        for conditions in branch.values():
            if id(conditions) not in fields:
                fields[id(conditions)] = combine(conditions)
        branches.append(
            Conjunction({name: fields[id(conditions)] for name, conditions in branch.items()})
        )
    return Pattern(branches)
