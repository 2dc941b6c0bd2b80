"""JSON in: text to the rows that FROM makes of it.

Values of the root are records. Where FROM goes on with wildcards, what they stand for is read one by one, so that a
list of any length needs no more memory than one of its elements.
AWS: S3 API Reference, "JSONInput"; User Guide, "FROM clause" of S3 Select.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from pilvi.languages.select_sql.bindings import rows_of
from pilvi.languages.select_sql.formats.limits import RECORD_CHARACTERS_MAX
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import Each, Index, Name, Step
from pilvi.languages.select_sql.values import MISSING, Value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def lines(pieces: Iterable[str], source: Sequence[Step]) -> Iterator[Value]:
    """One value each line. Raises: SelectProblem."""
    waiting = ""
    for piece in _and_end(pieces):
        parts = (waiting + piece).split("\n")
        waiting = parts.pop()
        if len(waiting) > RECORD_CHARACTERS_MAX:
            raise SelectProblem("OverMaxRecordSize")
        for part in parts:
            if len(part) > RECORD_CHARACTERS_MAX:
                raise SelectProblem("OverMaxRecordSize")
            if not part or part.isspace():
                continue
            try:
                value = _decoder.decode(part)
            except (ValueError, RecursionError):
                raise SelectProblem("JSONParsingError") from None
            if source:
                yield from rows_of(value, source)
            else:
                yield value


def _and_end(pieces: Iterable[str]) -> Iterator[str]:
    yield from pieces
    yield "\n"


def document(pieces: Iterable[str], source: Sequence[Step]) -> Iterator[Value]:
    """Values behind each other, on as many lines as they like. Raises: SelectProblem."""
    text = _Text(pieces)
    streamed = len(source) - next(
        (at for at, step in enumerate(reversed(source)) if isinstance(step, Each)), len(source)
    )
    while text.peek():
        yield from _rows(text, source, streamed)


def _rows(text: _Text, steps: Sequence[Step], streamed: int) -> Iterator[Value]:
    """What the steps make of the value that comes next. `streamed`: how many of them are walked while reading."""
    if streamed <= 0:
        yield from rows_of(text.value(), steps)
        return
    step, begins = steps[0], text.peek()
    behind, left = steps[1:], streamed - 1
    if (
        isinstance(step, Name | Each)
        and begins == "{"
        and not (isinstance(step, Each) and not step.fields)
    ):
        found = 0
        for key in text.members():
            if isinstance(step, Each) or step.means(key):
                found += 1
                if isinstance(step, Name) and found > 1:
                    raise SelectProblem("AmbiguousFieldName")
                yield from _rows(text, behind, left)
            else:
                text.skip()
        if found:
            return
    elif (
        isinstance(step, Index | Each)
        and begins == "["
        and not (isinstance(step, Each) and step.fields)
    ):
        found = 0
        for number in text.elements():
            if isinstance(step, Each) or step.number == number:
                found += 1
                yield from _rows(text, behind, left)
            else:
                text.skip()
        if found:
            return
    else:
        text.skip()
    yield from rows_of(MISSING, behind)


_SPACE = re.compile(r"[ \t\n\r]*+")
_INSIDE = re.compile(r'[^"\[\]{}]*+(?:"(?:[^"\\]|\\.)*+"|[\[{]|[\]}])', re.DOTALL)
_SCALAR_END = re.compile(r"[ \t\n\r,\]}]")


class _Text:
    """JSON of which only a part is in memory: up to the longest record, and what is read at once."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._at = 0
        self._ended = False

    def _more(self) -> bool:
        """Whether there was more; it doubles what is held, so that few tries are in vain."""
        if self._ended:
            return False
        parts = [self._text[self._at :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            parts.append(piece)
            wanted -= len(piece)
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # pyright: ignore[reportOptionalMemberAccess] nothing matches too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _expect(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            raise SelectProblem("JSONParsingError")
        self._at += 1
        return found

    def value(self) -> Value:
        """Read the next value. Raises: SelectProblem."""
        self.peek()
        while True:
            try:
                found, end = _decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise SelectProblem("JSONParsingError") from None
            except ValueError:
                if len(self._text) - self._at > RECORD_CHARACTERS_MAX:
                    raise SelectProblem(self._why_not()) from None
                if not self._more():
                    raise SelectProblem("JSONParsingError") from None
                continue
            if end == len(self._text) and self._more():
                continue  # a number may go on
            if end - self._at > RECORD_CHARACTERS_MAX:
                raise SelectProblem("OverMaxRecordSize")
            self._at = end
            return found

    def _why_not(self) -> str:
        """Of more text than a record may have, which is no value: is it too long, or not JSON?"""
        depth, at = 0, self._at
        while match := _INSIDE.match(self._text, at):
            at = match.end()
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(self._text[at - 1], 0)
            if depth <= 0:
                return "JSONParsingError"
        return "OverMaxRecordSize"

    def elements(self) -> Iterator[int]:
        """Numbers of the elements of a list; whoever takes one reads or skips it before the next."""
        self._expect("[")
        number = 0
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield number
            number += 1
            if self._expect(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        """Names of the members of an object; as with `elements`."""
        self._expect("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise SelectProblem("JSONParsingError")
            name = self.value()
            self._expect(":")
            assert isinstance(name, str)
            yield name
            if self._expect(",}") == "}":
                return

    def skip(self) -> None:
        """The next value, however long. Raises: SelectProblem."""
        begins = self.peek()
        if begins not in ("{", "["):
            if begins == '"':
                self.value()
                return
            while (end := _SCALAR_END.search(self._text, self._at)) is None:
                if len(self._text) - self._at > RECORD_CHARACTERS_MAX:
                    raise SelectProblem("JSONParsingError")
                if not self._more():
                    break
            self._at = len(self._text) if end is None else end.start()
            return
        depth = 0
        while True:
            match = _INSIDE.match(self._text, self._at)
            if match is None:
                if len(self._text) - self._at > 2 * RECORD_CHARACTERS_MAX:
                    raise SelectProblem("OverMaxRecordSize")
                if not self._more():
                    raise SelectProblem("JSONParsingError")
                continue
            self._at = match.end()
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(self._text[self._at - 1], 0)
            if not depth:
                return
