"""Actions and resources: does a statement's clause cover what is asked?

Actions are compared without regard to case. Resources are compared with it, ARN segment by ARN segment: in the first
five, a wildcard stays within its segment, but for a `*` that is the segment's last character, which reaches on over
colons; behind the fifth colon wildcards match anything. Variables are read behind the fifth colon only.
AWS: IAM User Guide, "IAM JSON policy elements: Action", "... Resource", "... NotAction", "... NotResource".
"""

from __future__ import annotations

from operator import methodcaller

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


def action_test(clause: Clause) -> Matcher:
    """Says of an action in lower case ("dynamodb:putitem") whether the clause covers it."""
    covers = _any_of([read_wildcards(one.lower()) for one in clause.patterns])
    return _not(covers) if clause.negated else covers


class ResourceTest:
    """Of a statement's Resource or NotResource: whether it covers an ARN (or "*", where an action has no resource).

    A statement without either belongs to its resource and covers it. A pattern with a variable that the request has
    no value for matches nothing.
    `always`: it covers everything. `plain`: otherwise the whole test, where there are no variables.
    """

    __slots__ = ("_constant", "_negated", "_varying", "always", "plain")

    def __init__(self, clause: Clause | None, version: str) -> None:
        templates = [_resource(one, version) for one in clause.patterns] if clause else []
        constants = [parts for one in templates if (parts := constant(one)) is not None]
        self._varying = [one for one in templates if constant(one) is None]
        self._negated = clause is not None and clause.negated
        self._constant = _any_of(constants)
        self.always = clause is None or (
            (Wild.ANY,) in constants and not self._varying and not self._negated
        )
        self.plain: Matcher | None = None
        if not self.always and not self._varying:
            self.plain = _not(self._constant) if self._negated else self._constant

    def covers(self, resource: str, context: Context) -> bool:
        if self.always:
            return True
        if self.plain is not None:
            return self.plain(resource)
        covered = self._constant(resource) or any(
            matcher(parts)(resource)
            for template in self._varying
            if (parts := fill(template, context)) is not None
        )
        return covered != self._negated


def _not(matches: Matcher) -> Matcher:
    return lambda text: not matches(text)


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
    if beginnings and whole:
        return lambda text: text in whole or text.startswith(beginnings)
    if beginnings:
        return methodcaller("startswith", beginnings)
    return whole.__contains__
