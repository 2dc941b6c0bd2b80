"""The words of a query, one after another, as a parser takes them."""

from __future__ import annotations

from collections.abc import Sequence

from pilvi.languages.select_sql import lexer
from pilvi.languages.select_sql.lexer import Token
from pilvi.languages.select_sql.problems import SelectProblem


class Cursor:
    def __init__(self, found: Sequence[Token]) -> None:
        self._tokens = found
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != lexer.END:
            self._at += 1
        return token

    def _is(self, kind: str, *texts: str) -> bool:
        token = self._tokens[self._at]
        return token.kind == kind and token.text in texts

    def _taken(self, kind: str, *texts: str) -> bool:
        if self._is(kind, *texts):
            self._at += 1
            return True
        return False

    def _mark(self, text: str) -> bool:
        return self._taken(lexer.MARK, text)

    def _keyword(self, text: str) -> bool:
        return self._taken(lexer.KEYWORD, text)

    def _expect(self, text: str, code: str) -> None:
        if not (self._mark(text) or self._keyword(text)):
            raise SelectProblem(code, place=self._next.place)

    def _unexpected(self, token: Token) -> SelectProblem:
        if token.kind == lexer.KEYWORD:
            return SelectProblem("ParseUnExpectedKeyword", place=token.place, found=token.text)
        if token.kind == lexer.OPERATOR:
            return SelectProblem("ParseUnexpectedOperator", place=token.place, found=token.text)
        kind, found = token.called(), token.text[:100]
        return SelectProblem("ParseUnexpectedToken", place=token.place, kind=kind, found=found)
