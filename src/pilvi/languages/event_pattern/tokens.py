"""Event patterns as a stream of JSON tokens, with the places that EventBridge names in its reasons.

A place is that of the character that would be read next. Two habits of AWS's reader show in it: the name of a member
is read together with the first token of its value, and a text is read only when somebody asks for it, so that until
then the place is behind its opening quote. What follows the outermost object is not read at all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn

from pilvi.languages.event_pattern.problems import InvalidPattern, located, place


class Kind(Enum):
    START_OBJECT = auto()
    END_OBJECT = auto()
    START_ARRAY = auto()
    END_ARRAY = auto()
    NAME = auto()
    STRING = auto()
    NUMBER = auto()
    TRUE = auto()
    FALSE = auto()
    NULL = auto()


_WORDS = {"true": Kind.TRUE, "false": Kind.FALSE, "null": Kind.NULL}
_MARKS = {"{": Kind.START_OBJECT, "[": Kind.START_ARRAY}
_ENDS = {"Object": ("}", Kind.END_OBJECT), "Array": ("]", Kind.END_ARRAY)}
_BLANK = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[\w$]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INSIDE = re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_EXPECTED = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_DEPTH_MAX = 100
_NUMBER_MAX = 1000


@dataclass(slots=True)
class _Open:
    what: str
    at: int
    empty: bool = True


class Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Open] = []
        self._value: Kind | None = None
        """The value's first token, which was read together with the member's name."""
        self._unread_string = False
        self._string = ""
        self.name = ""
        """The last member's name."""

    def refuse(self, reason: str) -> NoReturn:
        raise located(reason, self._text, self._at)

    def again(self, problem: InvalidPattern) -> InvalidPattern:
        """The problem with the place written a second time, as AWS does inside lists of "anything-but"."""
        return located(problem.reason, self._text, self._at)

    def next(self) -> Kind:
        if self._value is not None:
            kind, self._value = self._value, None
            return kind
        if self._unread_string:
            self._read_string("string")
        if not self._open:
            self._skip_blank()
            return self._read_value()
        return self._next_inside(self._open[-1])

    def text(self) -> str:
        """The text of the string or the number that was read last."""
        if self._unread_string:
            self._read_string("string")
        return self._string

    def _next_inside(self, opened: _Open) -> Kind:
        self._skip_blank()
        end, kind = _ENDS[opened.what]
        if self._peek() == end:
            self._at += 1
            self._open.pop()
            return kind
        if not opened.empty:
            if self._peek() != ",":
                self._refuse_character(f"was expecting comma to separate {opened.what} entries")
            self._at += 1
            self._skip_blank()
        opened.empty = False
        if opened.what == "Array":
            return self._read_value()
        if self._peek() != '"':
            self._refuse_character("was expecting double-quote to start field name")
        self._at += 1
        self._read_string("name")
        self.name = self._string
        self._skip_blank()
        if self._peek() != ":":
            self._refuse_character("was expecting a colon to separate field name and value")
        self._at += 1
        self._skip_blank()
        self._value = self._read_value()
        return Kind.NAME

    def _read_value(self) -> Kind:
        character = self._peek()
        if character in _MARKS:
            self._open.append(_Open("Object" if character == "{" else "Array", self._at))
            if len(self._open) > _DEPTH_MAX:
                raise InvalidPattern("Rule is too complex - try using fewer nested objects")
            self._at += 1
            return _MARKS[character]
        if character == '"':
            self._at += 1
            self._unread_string = True
            return Kind.STRING
        if character == "-" or character.isdigit():
            return self._read_number()
        found = _WORD.match(self._text, self._at)
        if found is None:
            self._refuse_character(f"expected a valid value ({_EXPECTED})")
        self._at = found.end()
        word = found.group()
        if word not in _WORDS:
            self.refuse(f"Unrecognized token '{word}': was expecting ({_EXPECTED})")
        self._string = word
        return _WORDS[word]

    def _read_number(self) -> Kind:
        found = _NUMBER.match(self._text, self._at, self._at + _NUMBER_MAX)
        if found is None:
            self._at += 1
            self._refuse_character(
                "expected digit (0-9) to follow minus sign, for valid numeric value"
            )
        self._at = found.end()
        following = self._text[self._at : self._at + 1]
        if following.isalnum() or following in ("_", "."):
            self._refuse_character("Expected space separating root-level values")
        self._string = found.group()
        return Kind.NUMBER

    def _read_string(self, what: str) -> None:
        """The rest of a string, behind its opening quote."""
        self._unread_string = False
        found = _INSIDE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        if self._at == len(self._text):
            self.refuse(f"Unexpected end-of-input: was expecting closing quote for a {what} value")
        character = self._text[self._at]
        self._at += 1
        if character == "\\":
            escaped = self._peek()
            self._at += 1
            if escaped == "u":
                self.refuse("expected a hex-digit for character escape sequence")
            self.refuse(f"Unrecognized character escape '{escaped}' (code {ord(escaped)})")
        if character != '"':
            self.refuse(
                f"Illegal unquoted character ((CTRL-CHAR, code {ord(character)})):"
                f" has to be escaped using backslash to be included in {what} value"
            )
        self._string = json.loads(f'"{found.group()}"')

    def _skip_blank(self) -> None:
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _peek(self) -> str:
        """The next character; without one, the text ends too early."""
        if self._at < len(self._text):
            return self._text[self._at]
        raise self._ended()

    def _ended(self) -> InvalidPattern:
        if not self._open:
            return located("Filter is not an object", self._text, self._at)
        opened = self._open[-1]
        line = self._text.count("\n", 0, opened.at) + 1
        column = opened.at - (self._text.rfind("\n", 0, opened.at) + 1) + 1
        start = place(self._text, line, column)
        reason = f"Unexpected end-of-input: expected close marker for {opened.what} (start marker at {start})"
        return located(reason, self._text, self._at)

    def _refuse_character(self, expected: str) -> NoReturn:
        character = self._peek()
        self.refuse(f"Unexpected character ('{character}' (code {ord(character)})): {expected}")
