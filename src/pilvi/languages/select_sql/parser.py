"""Reads a query of S3 Select: one SELECT over S3Object, without joins, grouping, ordering or subqueries.

AWS: S3 User Guide, "SELECT command".
"""

from __future__ import annotations

from pilvi.languages.select_sql import lexer
from pilvi.languages.select_sql.expressions import ExpressionParser
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import (
    AllOf,
    Each,
    Index,
    Name,
    Path,
    Projection,
    Query,
    Step,
)

COLUMNS_MAX = 10_000


def parse(text: str) -> Query:
    """Raises: SelectProblem."""
    return _QueryParser(lexer.tokens(text)).query()


class _QueryParser(ExpressionParser):
    def query(self) -> Query:
        if not self._keyword("select"):
            if self._next.kind == lexer.KEYWORD:
                raise SelectProblem("UnsupportedSqlOperation", place=self._next.place)
            raise self._unexpected(self._next)
        if self._is(lexer.KEYWORD, "distinct", "all", "value"):
            raise SelectProblem("UnsupportedSqlStructure", place=self._next.place)
        projections = self._projections()
        if not self._keyword("from"):
            raise SelectProblem("ParseSelectMissingFrom", place=self._next.place)
        source, alias = self._source()
        where = self._expression() if self._keyword("where") else None
        if self._is(lexer.KEYWORD, "group", "order", "having", "union", "except", "intersect"):
            raise SelectProblem("UnsupportedSqlStructure", place=self._next.place)
        limit = self._limit() if self._keyword("limit") else None
        self._mark(";")
        if self._next.kind != lexer.END:
            raise self._unexpected(self._next)
        return Query(projections, source, alias, where, limit)

    def _projections(self) -> tuple[Projection | AllOf, ...]:
        if self._is(lexer.KEYWORD, "from") or self._next.kind == lexer.END:
            raise SelectProblem("ParseEmptySelect", place=self._next.place)
        if self._mark("*"):
            if self._is(lexer.MARK, ","):
                raise SelectProblem("ParseAsteriskIsNotAloneInSelectList", place=self._next.place)
            return ()
        found = [self._projection()]
        while self._mark(","):
            found.append(self._projection())
            if len(found) > COLUMNS_MAX:
                raise SelectProblem("OverMaxColumn")
        if len(found) == 1 and isinstance(found[0], AllOf) and not found[0].path.steps:
            return (found[0],)
        return tuple(found)

    def _projection(self) -> Projection | AllOf:
        if self._is(lexer.MARK, "*"):
            raise SelectProblem("ParseAsteriskIsNotAloneInSelectList", place=self._next.place)
        expression = self._expression()
        if isinstance(expression, Path) and expression.steps[-1:] == (Each(fields=True),):
            path = Path(expression.root, expression.steps[:-1], expression.place)
            if any(isinstance(step, Index) for step in path.steps):
                raise SelectProblem("ParseCannotMixSqbAndWildcardInSelectList", place=path.place)
            return AllOf(path)
        return Projection(expression, self._alias_name())

    def _alias_name(self) -> str | None:
        if self._keyword("as"):
            if self._next.kind not in (lexer.IDENTIFIER, lexer.QUOTED):
                raise SelectProblem("ParseExpectedIdentForAlias", place=self._next.place)
            return str(self._take().value)
        if self._next.kind in (lexer.IDENTIFIER, lexer.QUOTED):
            return str(self._take().value)
        return None

    def _source(self) -> tuple[tuple[Step, ...], Name | None]:
        token = self._take()
        if token.kind not in (lexer.IDENTIFIER, lexer.QUOTED):
            if token.text == "(":
                raise SelectProblem("UnsupportedSqlStructure", place=token.place)
            raise self._unexpected(token)
        if str(token.value).lower() != "s3object":
            raise SelectProblem("InvalidDataSource", place=token.place)
        place = self._next.place
        steps = self._steps()
        if steps and steps[0] != Each():
            raise SelectProblem("InvalidDataSource", place=place)
        explicit = self._is(lexer.KEYWORD, "as")
        named = self._next
        alias = self._alias_name()
        if self._is(lexer.KEYWORD, "at") or self._is(lexer.KEYWORD, "by"):
            raise SelectProblem("ParseUnsupportedSyntax", place=self._next.place)
        if self._is(lexer.MARK, ","):
            raise SelectProblem("MultipleDataSourcesUnsupported", place=self._next.place)
        if self._is(
            lexer.KEYWORD, "join", "inner", "left", "right", "cross", "full", "outer", "natural"
        ):
            raise SelectProblem("ParseMalformedJoin", place=self._next.place)
        if alias is None:
            last = steps[-1] if steps else None
            return steps[1:], last if isinstance(last, Name) else None
        if explicit:
            named = self._tokens[self._at - 1]
        return steps[1:], Name(alias, exact=named.kind == lexer.QUOTED)

    def _limit(self) -> int:
        negative = self._taken(lexer.OPERATOR, "-")
        token = self._take()
        if (
            token.kind != lexer.LITERAL
            or not isinstance(token.value, int)
            or isinstance(token.value, bool)
        ):
            raise SelectProblem("ParseExpectedNumber", place=token.place)
        if negative:
            raise SelectProblem("EvaluatorNegativeLimit", place=token.place)
        return token.value
