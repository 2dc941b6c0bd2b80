"""Filter patterns of CloudWatch Logs: which log lines does a text like `ERROR -debug` choose?

Three forms, told apart by their first character: terms, `{ $.field = "value" }` over JSON lines, and
`[ip, user, ..., status = 4*]` over space-delimited lines. All are case-sensitive; a term is found anywhere
in the line.

AWS: CloudWatch Logs User Guide, "Filter pattern syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from pilvi.languages.log_regex import BadRegex, LogRegex

Matches = Callable[[str], bool]

_TERM = re.compile(r'([?-]?)(?:"((?:\\.|[^"\\])*)"|%([^%]+)%|(\S+))')
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>&&|\|\||!=|>=|<=|[=<>(),])
      | "(?P<quoted>(?:\\.|[^"\\])*)"
      | %(?P<regex>[^%]+)%
      | (?P<selector>\$(?:\.?\[\s*(?:\d+|\*|"[^"]*"|'[^']*')\s*\]|\.[\w\-:@*]+)*)
      | (?P<word>[^\s()=!<>&|,"%]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\[\s*(?:(\d+)|(\*)|"([^"]*)"|'([^']*)')\s*\]|\.([\w\-:@*]+)""")
_COLUMN = re.compile(r'\[([^\]]*)\]|"((?:\\.|[^"\\])*)"|(\S+)')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DEPTH_MAX = 32


class BadPattern(ValueError):
    """The text is no filter pattern; the message says why."""


def compile_pattern(text: str) -> Matches:
    """A predicate over log lines. Raises: BadPattern."""
    stripped = text.strip()
    try:
        if stripped.startswith("{"):
            return _compile_json(_inside(stripped, "}"))
        if stripped.startswith("["):
            return _compile_columns(_inside(stripped, "]"))
        return _compile_terms(stripped)
    except BadRegex as error:
        raise BadPattern(f"Invalid regular expression: {error}") from None


def _inside(text: str, close: str) -> str:
    if not text.endswith(close):
        raise BadPattern(f"Invalid filter pattern: {close} is missing")
    return text[1:-1]


# --- terms


def _compile_terms(text: str) -> Matches:
    wanted: list[Matches] = []
    unwanted: list[Matches] = []
    optional: list[Matches] = []
    for prefix, quoted, regex, word in _TERM.findall(text):
        if word and not _WORD.fullmatch(word):
            raise BadPattern(f"Invalid character(s) in term '{word}'")
        phrase = word or quoted.replace('\\"', '"').replace("\\\\", "\\")
        found = LogRegex(regex).search if regex else _contains(phrase)
        (optional if prefix == "?" else unwanted if prefix == "-" else wanted).append(found)
    if wanted or unwanted:
        optional = []  # AWS: beside terms of the other kinds, those with a question mark are ignored

    def matches(line: str) -> bool:
        return (
            all(found(line) for found in wanted)
            and not any(found(line) for found in unwanted)
            and (not optional or any(found(line) for found in optional))
        )

    return matches


def _contains(phrase: str) -> Matches:
    return lambda line: phrase in line


# --- conditions: what the two structured forms share

Lookup = Callable[[str], Sequence[Any]]
"""Gives the values a selector or column name finds; none, one, or many through `[*]`."""
Condition = Callable[[Lookup], bool]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Conditions:
    """Recursive descent over `a = b && (c > 1 || d IS NULL)`."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self.names: set[str] = set()
        """The selectors or columns named since it was last emptied."""

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def take(self, *marks: str) -> str | None:
        """The next token when it is one of these marks."""
        if not self.ended:
            token = self._tokens[self._at]
            if token.kind == "mark" and token.text in marks:
                self._at += 1
                return token.text
        return None

    def next(self) -> _Token:
        if self.ended:
            raise BadPattern("Invalid filter pattern: it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def expression(self) -> Condition:
        parts = [self._conjunction()]
        while self.take("||"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda find: any(part(find) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._one()]
        while self.take("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda find: all(part(find) for part in parts)

    def _one(self) -> Condition:
        if self.take("("):
            self._depth += 1
            if self._depth > _DEPTH_MAX:
                raise BadPattern("Invalid filter pattern: nested too deeply")
            inner = self.expression()
            if not self.take(")"):
                raise BadPattern("Invalid filter pattern: ) is missing")
            self._depth -= 1
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        token = self.next()
        if token.kind not in ("selector", "word"):
            raise BadPattern(f"Invalid filter pattern: {token.text!r} is misplaced")
        name = token.text
        self.names.add(name)
        operator = self.take("=", "!=", ">", "<", ">=", "<=")
        if operator is not None:
            test = _test(operator, self.next())
            return lambda find: any(test(value) for value in find(name))
        if self.ended or self._tokens[self._at].kind != "word":
            return lambda find: True  # a column that is only named
        words = (self.next().text.upper(), self.next().text.upper())
        if words == ("NOT", "EXISTS"):
            return lambda find: not find(name)
        if words not in _IS:
            raise BadPattern(f"Invalid filter pattern: {' '.join(words)!r} is unknown")
        wanted = _IS[words]
        return lambda find: any(value is wanted for value in find(name))


_IS: dict[tuple[str, str], bool | None] = {
    ("IS", "NULL"): None,
    ("IS", "TRUE"): True,
    ("IS", "FALSE"): False,
}


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadPattern(f"Invalid filter pattern: {text[at:].strip()!r} is not understood")
        kind = match.lastgroup or ""
        value = match.group(kind)
        if kind == "quoted":
            value = value.replace('\\"', '"').replace("\\\\", "\\")
        found.append(_Token(kind, value))
        at = match.end()
    return found


def _test(operator: str, operand: _Token) -> Callable[[Any], bool]:
    """Compare one value with the operand: numbers as numbers, texts with `*` for any characters."""
    if operand.kind == "mark":
        raise BadPattern(f"Invalid filter pattern: {operand.text!r} is misplaced")
    number = float(operand.text) if _NUMBER.fullmatch(operand.text) else None
    if operator in ("=", "!="):
        equal = _equality(operand, number)
        return equal if operator == "=" else lambda value: not equal(value)
    if number is None:
        raise BadPattern(f"Invalid filter pattern: {operand.text!r} is not a number")

    def ordered(value: Any) -> bool:
        found = _as_number(value)
        if found is None:
            return False
        if operator == ">":
            return found > number
        if operator == "<":
            return found < number
        return found >= number if operator == ">=" else found <= number

    return ordered


def _equality(operand: _Token, number: float | None) -> Callable[[Any], bool]:
    if operand.kind == "regex":
        search = LogRegex(operand.text).search
        return lambda value: isinstance(value, str) and search(value)
    pieces = operand.text.split("*")

    def equal(value: Any) -> bool:
        if isinstance(value, str):
            if _matches_pieces(value, pieces):
                return True
            return operand.kind == "word" and number is not None and _as_number(value) == number
        return number is not None and _as_number(value) == number

    return equal


def _matches_pieces(text: str, pieces: list[str]) -> bool:
    """Whether the text is the pieces in order, with anything between them. Linear: no backtracking."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _as_number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, _Column) and _NUMBER.fullmatch(value):
        return float(value)
    return None


# --- JSON lines


def _compile_json(text: str) -> Matches:
    conditions = _Conditions(text)
    if conditions.ended:
        return lambda line: _load_json(line) is not None
    condition = conditions.expression()
    if not conditions.ended:
        raise BadPattern("Invalid filter pattern: something follows the condition")
    paths = {name: _path(name) for name in conditions.names}

    def matches(line: str) -> bool:
        document = _load_json(line)
        return document is not None and condition(lambda name: _select(document, paths[name]))

    return matches


def _load_json(line: str) -> dict[str, Any] | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def _path(selector: str) -> list[str | int]:
    """Names and positions; "*" behind a bracket is every element (as the number -1)."""
    if not selector.startswith("$"):
        raise BadPattern(f"Invalid filter pattern: {selector!r} does not begin with $")
    path: list[str | int] = []
    for index, star, double, single, name in _STEP.findall(selector):
        path.append(int(index) if index else -1 if star else double or single or name)
    return path


def _select(document: Any, path: Sequence[str | int]) -> list[Any]:
    found: list[Any] = [document]
    for step in path:
        below: list[Any] = []
        for value in found:
            if isinstance(step, str):
                if isinstance(value, dict) and step in value:
                    below.append(value[step])
            elif isinstance(value, list):
                elements = cast("list[Any]", value)
                below += elements if step < 0 else elements[step : step + 1]
        found = below
    return found


# --- space-delimited lines


class _Column(str):
    """A column's text, which counts as a number where it reads as one."""

    __slots__ = ()


def _compile_columns(text: str) -> Matches:
    conditions = _Conditions(text)
    columns: list[tuple[str, Condition] | None] = []
    while not conditions.ended or not columns:
        columns.append(_parse_column(conditions))
        if not conditions.ended and not conditions.take(","):
            raise BadPattern("Invalid filter pattern: a comma is missing")
    if columns.count(None) > 1:
        raise BadPattern("Invalid filter pattern: only one ... is possible")
    gap = columns.index(None) if None in columns else None

    def matches(line: str) -> bool:
        values = [_Column(a or b or c) for a, b, c in _COLUMN.findall(line)]
        if gap is None:
            chosen = values
        else:
            behind = len(columns) - gap - 1
            if len(values) < gap + behind:
                return False
            chosen = [*values[:gap], _Column(""), *values[len(values) - behind :]]
        return len(chosen) == len(columns) and all(
            column is None or column[1](lambda name, value=value: [value])
            for column, value in zip(columns, chosen, strict=True)
        )

    return matches


def _parse_column(conditions: _Conditions) -> tuple[str, Condition] | None:
    """One column's name and what must hold of it; None for the ellipsis."""
    conditions.names = set()
    condition = conditions.expression()
    if len(conditions.names) != 1:
        raise BadPattern("Invalid filter pattern: a condition speaks of one column only")
    (name,) = conditions.names
    return None if name == "..." else (name, condition)
