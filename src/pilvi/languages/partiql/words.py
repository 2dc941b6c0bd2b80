"""A reader of words, and what is read from them alone: names, paths and values."""

from __future__ import annotations

from pilvi.languages.partiql.lexer import END, KEYWORD, MARK, NAME, NUMBER, STRING, WORD, tokens
from pilvi.languages.partiql.lexer import Token as Token
from pilvi.languages.partiql.problems import PartiqlProblem, malformed
from pilvi.languages.partiql.syntax import (
    Bag,
    Constant,
    Number,
    Parameter,
    Path,
    PathPart,
    Sequence,
    Text,
    Tuple,
    Value,
)

DEPTH_MAX = 64
"""Parentheses, lists and tuples in each other. Values may be 32 deep; conditions are never this deep."""
LIST_INDEX_MAX = 2**31 - 1

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_INFIX = frozenset(("and", "or", "like", "is", "in", "between", "escape"))


class Words:
    """Reads a statement from its first word to its last."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self.parameters = 0

    # --- words

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    @property
    def behind(self) -> Token:
        """The word after the next one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.next
        if token.kind != END:
            self._at += 1
        return token

    def is_keyword(self, *words: str) -> bool:
        return self.next.kind == KEYWORD and self.next.text in words

    def is_mark(self, *marks: str) -> bool:
        return self.next.kind == MARK and self.next.text in marks

    def is_end(self) -> bool:
        return self.next.kind == END or self.is_mark(";")

    def had(self, word: str) -> bool:
        """Whether the next word is this keyword or mark; it is then taken."""
        if self.is_keyword(word) or self.is_mark(word):
            self._at += 1
            return True
        return False

    def said(self, word: str) -> bool:
        """As `had`, for words that are no keywords."""
        if self.next.kind in (WORD, KEYWORD) and self.next.text.lower() == word:
            self._at += 1
            return True
        return False

    def expect(self, word: str, called: str) -> None:
        """Raises: PartiqlProblem."""
        if not self.had(word):
            raise malformed(f"Expected {called}")

    def finish(self) -> None:
        """Raises: PartiqlProblem when there is more."""
        self.had(";")
        if self.next.kind != END:
            raise malformed("Unexpected token after expression")

    def deeper(self) -> None:
        """Raises: PartiqlProblem. Every call has its `higher`."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise malformed("The statement is nested too deeply")

    def higher(self) -> None:
        self._depth -= 1

    def misplaced(self) -> PartiqlProblem:
        """Where a term should stand and something else does."""
        if self.next.kind == KEYWORD:
            infix = self.next.text in _INFIX
            return malformed("Unexpected operator" if infix else "Unexpected keyword")
        return malformed("Unexpected term")

    # --- names and paths

    def is_name(self) -> bool:
        return self.next.kind in (WORD, NAME)

    def path(self) -> Path:
        """Raises: PartiqlProblem."""
        if not self.is_name():
            raise self.misplaced()
        first = self.take()
        parts: list[PathPart] = [first.text]
        if not first.text:
            raise PartiqlProblem("Path component cannot be an empty string")
        while self.is_mark(".", "["):
            parts.append(self._member() if self.take().text == "." else self._element())
        return Path(tuple(parts), first.place)

    def _member(self) -> str:
        if self.is_mark("*"):
            raise PartiqlProblem("Unpivot path component like a.*.b are not supported")
        if not self.is_name():
            raise malformed("Invalid path dot component")
        name = self.take().text
        if not name:
            raise PartiqlProblem("Path component cannot be an empty string")
        return name

    def _element(self) -> PathPart:
        if self.is_mark("*"):
            raise PartiqlProblem("Wildcard path component like a[*].b are not supported")
        negative = self.had("-")
        token = self.take()
        self.expect("]", "RIGHT_BRACKET")
        if token.kind == STRING and not negative:
            if not token.text:
                raise PartiqlProblem("Path component cannot be an empty string")
            return token.text
        if token.kind != NUMBER or not token.text.isdigit():
            raise PartiqlProblem(f"Unexpected path component at {token.place}")
        digits = token.text.lstrip("0") or "0"
        too_long = len(digits) > len(str(LIST_INDEX_MAX))  # and perhaps for `int`, too
        if (negative and digits != "0") or too_long or int(digits) > LIST_INDEX_MAX:
            sign = "-" if negative else ""
            raise PartiqlProblem(
                "List index is not within the allowable range; "
                f"index: [{sign}{digits}] at {token.place}"
            )
        return int(digits)

    # --- values

    def value(self) -> Value | None:
        """The value that stands here; None where something else does. Raises: PartiqlProblem."""
        token = self.next
        if token.kind == STRING:
            return Text(self.take().text)
        if token.kind == NUMBER:
            return Number(self.take().text)
        if token.kind == KEYWORD and token.text in _CONSTANTS:
            return Constant(_CONSTANTS[self.take().text])
        if token.kind == KEYWORD and token.text == "missing":
            raise PartiqlProblem("MISSING must be compared using IS operator")
        if token.kind != MARK:
            return None
        if token.text in "+-" and self.behind.kind == NUMBER:
            sign = self.take().text
            return Number(sign.replace("+", "") + self.take().text)
        if token.text == "?":
            self.take()
            self.parameters += 1
            return Parameter(self.parameters - 1)
        if token.text == "<<":
            self.take()
            members = self.members(">>", "RIGHT_DOUBLE_ANGLE_BRACKET")
            if not members:
                raise PartiqlProblem("Empty bags are not supported")
            return Bag(members)
        if token.text == "[":
            self.take()
            return Sequence(self.members("]", "RIGHT_BRACKET"))
        if token.text == "{":
            self.take()
            return self._tuple()
        return None

    def members(self, end: str, called: str) -> tuple[Value, ...]:
        """Values with commas between them, up to a mark. Raises: PartiqlProblem."""
        self.deeper()
        found: list[Value] = []
        if not self.is_mark(end):
            found.append(self._inner())
            while self.had(","):
                found.append(self._inner())
        self.expect(end, called)
        self.higher()
        return tuple(found)

    def _tuple(self) -> Tuple:
        self.deeper()
        found: dict[str, Value] = {}
        while not self.is_mark("}"):
            if found:
                self.expect(",", "COMMA")
            key = self.take()
            if key.kind != STRING:
                raise malformed("Expected a string for the name of a member")
            if key.text in found:
                raise PartiqlProblem(f"Duplicate keys in tuple. Key: {key.text} under root")
            self.expect(":", "COLON")
            found[key.text] = self._inner()
        self.expect("}", "RIGHT_CURLY")
        self.higher()
        return Tuple(tuple(found.items()))

    def _inner(self) -> Value:
        token = self.next
        found = self.value()
        if found is not None:
            return found
        if token.kind in (WORD, KEYWORD) and self.behind.text == "(":
            raise PartiqlProblem(
                f"Unsupported data type: {token.text} under key root at {token.place}"
            )
        raise self.misplaced()
