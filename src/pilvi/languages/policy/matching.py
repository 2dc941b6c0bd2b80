"""Actions and resources: does a statement's clause cover what is asked?

Actions are compared without regard to case. Resources are compared with it, ARN segment by ARN segment: in the first
five, a wildcard stays within its segment, but for a `*` that is the segment's last character, which reaches on over
colons; behind the fifth colon wildcards match anything. Variables are read behind the fifth colon only.
AWS: IAM User Guide, "IAM JSON policy elements: Action", "... Resource", "... NotAction", "... NotResource".
"""

from __future__ import annotations

from collections.abc import Callable

from pilvi.languages.policy.grammar import Clause
from pilvi.languages.policy.patterns import (
    Matcher,
    Part,
    Wild,
    joined,
    matcher,
    read_wildcards,
)
from pilvi.languages.policy.variables import Context, Template, constant, fill, read

ResourceTest = Callable[[str, Context], bool]


def action_test(clause: Clause) -> Matcher:
    """Says of an action in lower case ("dynamodb:putitem") whether the clause covers it."""
    covers = _any_of([read_wildcards(one.lower()) for one in clause.patterns])
    if clause.negated:
        return lambda action: not covers(action)
    return covers


def resource_test(clause: Clause | None, version: str) -> ResourceTest | None:
    """Says of an ARN (or of "*", where an action has no resource) whether the clause covers it; None: it covers all.

    A statement without the clause belongs to its resource and covers it. A clause with a variable that the request
    has no value for covers nothing, even where another of its patterns would.
    """
    if clause is None:
        return None
    templates = [_resource(one, version) for one in clause.patterns]
    plain = [parts for one in templates if (parts := constant(one)) is not None]
    varying = [one for one in templates if constant(one) is None]
    negated = clause.negated
    if not varying and not negated and (Wild.ANY,) in plain:
        return None
    covers = _any_of(plain)

    def test(resource: str, context: Context) -> bool:
        return covers(resource) != negated

    def test_filled(resource: str, context: Context) -> bool:
        covered = covers(resource)
        for template in varying:
            parts = fill(template, context)
            if parts is None:
                return False
            covered = covered or matcher(parts)(resource)
        return covered != negated

    return test_filled if varying else test


def _resource(pattern: str, version: str) -> Template:
    segments = pattern.split(":", 5)
    if len(segments) < 6:  # "*" or an ARN's beginning, which ends with a star
        return joined(_segmented(segments))
    head = _segmented(segments[:5])
    tail = read(segments[5], version, wildcards=True)
    return (*joined([*head, ":"]), *tail)


_INSIDE = {Wild.ANY: Wild.ANY_INSIDE, Wild.ONE: Wild.ONE_INSIDE}


def _segmented(segments: list[str]) -> list[Part]:
    found: list[Part] = []
    for number, segment in enumerate(segments):
        if number:
            found.append(":")
        parts = read_wildcards(segment)
        for at, part in enumerate(parts):
            reaches_on = part is Wild.ANY and at == len(parts) - 1
            found.append(_INSIDE[part] if isinstance(part, Wild) and not reaches_on else part)
    return found


def _any_of(patterns: list[tuple[Part, ...]]) -> Matcher:
    """One test for all: those that are whole texts or beginnings of texts are looked up together."""
    exact: set[str] = set()
    starts: list[str] = []
    others: list[Matcher] = []
    for parts in patterns:
        match parts:
            case (str(text),):
                exact.add(text)
            case (str(text), Wild.ANY):
                starts.append(text)
            case _:
                others.append(matcher(parts))
    whole = frozenset(exact)
    beginnings = tuple(starts)

    def test(text: str) -> bool:
        if text in whole or text.startswith(beginnings):
            return True
        return any(one(text) for one in others)

    if others:
        return test
    if beginnings:
        return lambda text: text in whole or text.startswith(beginnings)
    return whole.__contains__
