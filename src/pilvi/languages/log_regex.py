"""The small regular expressions of log filter patterns, matched in linear time.

The language has no groups, so an expression is a choice of sequences of repeated characters. It is run as
a set of positions (never by backtracking): a hostile pattern costs length of text times length of pattern.

AWS: CloudWatch Logs User Guide, "Supported regular expressions (regex) syntax".
"""

from __future__ import annotations

import string
from dataclasses import dataclass

_PLAIN = frozenset(string.ascii_letters + string.digits + "_#=@/;,-:")
_OPERATORS = frozenset("^$?[]{}|\\*+.")
_SHORTHANDS = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
    "s": frozenset(" \t\r\n\f\v"),
}
_STEPS_MAX = 1000
_CACHE_MAX = 4096


class BadRegex(ValueError):
    """The text is no expression of this language; the message says why."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """One character of a set; `negated` turns the set around (a dot is everything)."""

    characters: frozenset[str]
    negated: bool = False

    def takes(self, character: str) -> bool:
        return (character in self.characters) != self.negated


_DOT = _Atom(frozenset(), negated=True)


@dataclass(frozen=True, slots=True)
class _Step:
    """`skippable`: it may match nothing; `repeats`: it may match again."""

    atom: _Atom
    skippable: bool
    repeats: bool


@dataclass(slots=True)
class _Sequence:
    steps: list[_Step]
    at_start: bool
    at_end: bool


class LogRegex:
    """Searches anywhere in a text, as `%ERROR%` does."""

    def __init__(self, source: str) -> None:
        """Raises: BadRegex."""
        self._sequences = _Parser(source).sequences()
        self._next: dict[tuple[frozenset[tuple[int, int]], str], frozenset[tuple[int, int]]] = {}
        self._first = self._closure({(number, 0) for number in range(len(self._sequences))})
        self._anywhere = self._closure(
            {(number, 0) for number, found in enumerate(self._sequences) if not found.at_start}
        )

    def search(self, text: str) -> bool:
        positions = self._first
        if self._done(positions, ended=not text):
            return True
        last = len(text) - 1
        for index, character in enumerate(text):
            positions = self._advance(positions, character)
            if self._done(positions, ended=index == last):
                return True
        return False

    def _advance(
        self, positions: frozenset[tuple[int, int]], character: str
    ) -> frozenset[tuple[int, int]]:
        known = self._next.get((positions, character))
        if known is not None:
            return known
        reached = set[tuple[int, int]]()
        for number, place in positions:
            steps = self._sequences[number].steps
            if place < len(steps) and steps[place].atom.takes(character):
                reached.add((number, place + 1))
                if steps[place].repeats:
                    reached.add((number, place))
        found = self._closure(reached) | self._anywhere
        if len(self._next) < _CACHE_MAX:
            self._next[positions, character] = found
        return found

    def _closure(self, positions: set[tuple[int, int]]) -> frozenset[tuple[int, int]]:
        """Those positions, and the ones behind steps that may match nothing."""
        found = set(positions)
        for number, place in positions:
            steps = self._sequences[number].steps
            while place < len(steps) and steps[place].skippable:
                place += 1
                found.add((number, place))
        return frozenset(found)

    def _done(self, positions: frozenset[tuple[int, int]], *, ended: bool) -> bool:
        return any(
            place == len(self._sequences[number].steps)
            and (ended or not self._sequences[number].at_end)
            for number, place in positions
        )


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def sequences(self) -> list[_Sequence]:
        if not self._source:
            raise BadRegex("a regular expression is empty")
        for character in self._source:
            if character not in _PLAIN and character not in _OPERATORS and character != " ":
                raise BadRegex(f"the character {character!r} is not supported")
        found = [self._sequence()]
        while self._at < len(self._source):
            self._at += 1  # the bar that ended the sequence before
            found.append(self._sequence())
        if sum(len(one.steps) for one in found) > _STEPS_MAX:
            raise BadRegex("the regular expression is too large")
        return found

    def _peek(self) -> str:
        return self._source[self._at] if self._at < len(self._source) else ""

    def _sequence(self) -> _Sequence:
        at_start = self._peek() == "^"
        self._at += at_start
        steps: list[_Step] = []
        while (character := self._peek()) and character != "|":
            if character == "$" and self._source[self._at + 1 : self._at + 2] in ("", "|"):
                self._at += 1
                return _Sequence(steps, at_start, at_end=True)
            steps += self._repeated(self._atom())
            if len(steps) > _STEPS_MAX:
                raise BadRegex("the regular expression is too large")
        return _Sequence(steps, at_start, at_end=False)

    def _atom(self) -> _Atom:
        character = self._peek()
        self._at += 1
        if character == ".":
            return _DOT
        if character == "\\":
            return self._escaped()
        if character == "[":
            return self._class()
        if character in "^$?]{}*+":
            raise BadRegex(f"the operator {character!r} is misplaced")
        return _Atom(frozenset(character))

    def _escaped(self) -> _Atom:
        character = self._peek()
        self._at += 1
        if not character:
            raise BadRegex("a backslash ends the regular expression")
        if character in _SHORTHANDS:
            return _Atom(_SHORTHANDS[character])
        if character.lower() in _SHORTHANDS:
            return _Atom(_SHORTHANDS[character.lower()], negated=True)
        return _Atom(frozenset(character))

    def _class(self) -> _Atom:
        negated = self._peek() == "^"
        self._at += negated
        found = set[str]()
        while (character := self._peek()) != "]":
            if not character:
                raise BadRegex("a character class is not closed")
            self._at += 1
            if character == "\\":
                escaped = self._escaped()
                if escaped.negated:
                    raise BadRegex("a negated shorthand inside a character class")
                found |= escaped.characters
                continue
            end = self._source[self._at + 1 : self._at + 2]
            if self._peek() == "-" and end not in ("", "]"):
                self._at += 2
                if end < character:
                    raise BadRegex(f"the range {character}-{end} is reversed")
                found |= {chr(code) for code in range(ord(character), ord(end) + 1)}
            else:
                found.add(character)
        self._at += 1
        return _Atom(frozenset(found), negated)

    def _repeated(self, atom: _Atom) -> list[_Step]:
        operator = self._peek()
        if operator == "?":
            least, most = 0, 1
        elif operator == "*":
            least, most = 0, None
        elif operator == "+":
            least, most = 1, None
        elif operator == "{":
            least, most = self._counts()
        else:
            return [_Step(atom, skippable=False, repeats=False)]
        self._at += 1
        steps = [_Step(atom, skippable=False, repeats=False)] * least
        if most is None:
            return [*steps, _Step(atom, skippable=True, repeats=True)]
        return steps + [_Step(atom, skippable=True, repeats=False)] * (most - least)

    def _counts(self) -> tuple[int, int | None]:
        end = self._source.find("}", self._at)
        low, comma, high = self._source[self._at + 1 : max(end, self._at + 1)].partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            raise BadRegex("a repetition is malformed")
        least = int(low)
        most = int(high) if high else (None if comma else least)
        if least > _STEPS_MAX or (most is not None and not least <= most <= _STEPS_MAX):
            raise BadRegex("a repetition is out of range")
        self._at = end
        return least, most
