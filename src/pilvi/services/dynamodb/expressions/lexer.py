"""Text to tokens, and the errors that name a token and its neighbours."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import ValidationException, invalid

TokenKind = Literal["word", "name", "value", "index", "symbol", "end", "bad"]

_TOKEN: Final = re.compile(
    r"(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<name>#[A-Za-z0-9_]+)"
    r"|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<index>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[=<>(),.\[\]+\-])"
    r"|(?P<bad>\S)"
)


class Token(NamedTuple):
    kind: TokenKind
    text: str
    start: int
    end: int


class Tokens:
    """The tokens of one expression, and a place among them.

    `expression`: what AWS calls this kind of expression ("UpdateExpression"), for its errors.
    """

    def __init__(self, expression: str, text: str) -> None:
        """Raises: ValidationException for an empty or too long text."""
        self.expression = expression
        self.text = text
        if not text or text.isspace():
            raise self.error("The expression can not be empty;")
        if len(text) > limits.EXPRESSION_BYTES_MAX:
            raise self.error(
                "Expression size has exceeded the maximum allowed size; "
                f"expression size: {len(text.encode())}"
            )
        self._tokens = [
            Token(match.lastgroup, match.group(), match.start(), match.end())  # pyright: ignore[reportArgumentType]: the groups are named after the kinds
            for match in _TOKEN.finditer(text)
        ]
        self._tokens.append(Token("end", "<EOF>", len(text), len(text)))
        self._at = 0
        self.operators = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    @property
    def after_next(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def take_symbol(self, text: str) -> bool:
        """Whether the next token was this symbol; then it is taken."""
        token = self._tokens[self._at]
        if token.kind == "symbol" and token.text == text:
            self._at += 1
            return True
        return False

    def take_word(self, word: str) -> bool:
        """Whether the next token was this keyword, in any case; then it is taken."""
        if self.at_word(word):
            self._at += 1
            return True
        return False

    def at_word(self, word: str) -> bool:
        token = self._tokens[self._at]
        return token.kind == "word" and token.text.upper() == word

    def expect(self, symbol: str) -> None:
        if not self.take_symbol(symbol):
            raise self.syntax_error()

    def expect_end(self) -> None:
        if self.next.kind != "end":
            raise self.syntax_error()

    def count_operator(self) -> None:
        self.operators += 1
        if self.operators > limits.OPERATORS_MAX:
            raise self.error(
                f"The expression contains too many operators; operator count: {self.operators}"
            )

    def deeper(self) -> None:
        """Raises: ValidationException when parentheses nest beyond reason; balance with `shallower`."""
        self._depth += 1
        if self._depth > limits.EXPRESSION_DEPTH_MAX:
            raise self.error("The expression is nested too deeply;")

    def shallower(self) -> None:
        self._depth -= 1

    def syntax_error(self) -> ValidationException:
        """About the next token: AWS shows it between its neighbours."""
        at = self._at
        token = self._tokens[at]
        first = self._tokens[at - 1] if at else token
        last = token if token.kind == "end" else self._tokens[at + 1]
        near = self.text[first.start : last.end if last.kind != "end" else self._end_of_text()]
        return self.error(f'Syntax error; token: "{token.text}", near: "{near}"')

    def _end_of_text(self) -> int:
        return self._tokens[-2].end

    def error(self, detail: str) -> ValidationException:
        return invalid(f"Invalid {self.expression}: {detail}")
