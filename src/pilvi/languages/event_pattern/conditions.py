"""What a field's value can be asked: each condition of a pattern as a predicate of one value.

A value is what stands at the end of a path: a text, a number, true, false or null. An array is asked element by
element, by `matching`.
AWS: EventBridge User Guide, "Comparison operators for use in event patterns".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pilvi.languages.event_pattern.addresses import find_address
from pilvi.languages.event_pattern.wildcards import matches_pieces

Test = Callable[[Any], bool]
Number = int | float

NUMBER_MAX = 5_000_000_000
"""Numbers are compared as such between this and its negative; beyond, only equal spellings are equal."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """One text, as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no value at all."""


@dataclass(frozen=True, slots=True)
class Satisfies:
    """Anything else that one value alone decides."""

    test: Test


Condition = Exactly | Absent | Satisfies


@dataclass(frozen=True, slots=True)
class Field:
    """What one field must be: any one of its conditions."""

    test: Test
    may_be_absent: bool


def combine(conditions: Sequence[Condition]) -> Field:
    texts = frozenset(one.text for one in conditions if isinstance(one, Exactly))
    tests = tuple(one.test for one in conditions if isinstance(one, Satisfies))
    return Field(_any_of(texts, tests), any(isinstance(one, Absent) for one in conditions))


def _any_of(texts: frozenset[str], tests: tuple[Test, ...]) -> Test:
    if not tests:
        return lambda value: value.__class__ is str and value in texts
    if not texts and len(tests) == 1:
        return tests[0]

    def test(value: Any) -> bool:
        if value.__class__ is str and value in texts:
            return True
        return any(one(value) for one in tests)

    return test


# --- one value


def is_present(value: Any) -> bool:
    return True


def is_word(word: bool | None) -> Test:
    """true, false or null."""
    return lambda value: value is word


def equals_number(wanted: Number) -> Test:
    """300, 300.0 and 3.0e2 are one number. Beyond the bounds of comparison only like spellings are equal."""
    if abs(wanted) <= NUMBER_MAX:
        return lambda value: _is_number(value) and value == wanted
    kind = type(wanted)
    return lambda value: value.__class__ is kind and value == wanted


def is_between(
    low: Number | None, high: Number | None, *, above_low: bool, below_high: bool
) -> Test:
    """`above_low` and `below_high`: whether the ends themselves are outside."""

    def test(value: Any) -> bool:
        if not _is_number(value) or not -NUMBER_MAX <= value <= NUMBER_MAX:
            return False
        if low is not None and (value <= low if above_low else value < low):
            return False
        return high is None or (value < high if below_high else value <= high)

    return test


def _is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def has_prefix(start: str) -> Test:
    return lambda value: value.__class__ is str and value.startswith(start)


def has_suffix(end: str) -> Test:
    return lambda value: value.__class__ is str and value.endswith(end)


def has_prefix_in_any_case(start: str) -> Test:
    start = start.lower()
    return lambda value: value.__class__ is str and value.lower().startswith(start)


def has_suffix_in_any_case(end: str) -> Test:
    end = end.lower()
    return lambda value: value.__class__ is str and value.lower().endswith(end)


def equals_in_any_case(text: str) -> Test:
    text = text.lower()
    return lambda value: value.__class__ is str and value.lower() == text


def matches_wildcard(pieces: tuple[str, ...]) -> Test:
    return lambda value: value.__class__ is str and matches_pieces(value, pieces)


def is_address(version: int, first: int, last: int) -> Test:
    def test(value: Any) -> bool:
        found = find_address(value) if value.__class__ is str else None
        return found is not None and found[0] == version and first <= found[1] <= last

    return test


def is_none_of(values: Collection[str | Number]) -> Test:
    """ "anything-but": what is of another type is something else as well, null too."""
    texts = frozenset(value for value in values if isinstance(value, str))
    numbers = frozenset(value for value in values if not isinstance(value, str))

    def test(value: Any) -> bool:
        if value.__class__ is str:
            return value not in texts
        return not (_is_number(value) and value in numbers)

    return test


def is_nothing_that(tests: Sequence[Test]) -> Test:
    """ "anything-but" of prefixes, suffixes and the like."""
    return lambda value: not any(test(value) for test in tests)
