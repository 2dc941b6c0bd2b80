"""A query at work: rows in, records out.

AWS: S3 User Guide, "SELECT command".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pilvi.languages.select_sql.bindings import Binding, Record, Row
from pilvi.languages.select_sql.evaluation import Compiler, Gathering
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import (
    Aggregate,
    AllOf,
    Arithmetic,
    Between,
    Call,
    Case,
    Cast,
    Comparison,
    Expression,
    In,
    Is,
    Items,
    Like,
    Logical,
    Name,
    Not,
    Path,
    Projection,
    Query,
    Signed,
)
from pilvi.languages.select_sql.timestamps import Timestamp

Project = Callable[[Row], Record]


def children(node: Expression) -> tuple[Expression | None, ...]:
    """The expressions that an expression is made of."""
    if isinstance(node, Arithmetic | Comparison):
        return node.left, node.right
    if isinstance(node, Signed | Not | Is | Cast):
        return (node.operand,)
    if isinstance(node, Logical):
        return node.operands
    if isinstance(node, Between):
        return node.operand, node.low, node.high
    if isinstance(node, In):
        return node.operand, node.among
    if isinstance(node, Like):
        return node.operand, node.pattern, node.escape
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Case):
        return (node.operand, *(part for when in node.whens for part in when), node.otherwise)
    if isinstance(node, Aggregate):
        return (node.argument,)
    return ()


def paths(query: Query) -> Iterator[Path]:
    """All that a query names, with the whole rows that `alias.*` stands for."""
    waiting: list[Expression | None] = [query.where]
    for one in query.projections:
        waiting.append(one.path if isinstance(one, AllOf) else one.expression)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Path):
            yield node
        elif node is not None:
            waiting.extend(children(node))


def _aggregates(node: Expression | None) -> bool:
    if isinstance(node, Aggregate):
        return True
    return node is not None and any(_aggregates(child) for child in children(node))


class Running:
    """Raises: SelectProblem, made and used."""

    def __init__(self, query: Query, binding: Binding, now: Timestamp) -> None:
        compiler = Compiler(binding, now)
        self._limit = query.limit
        self._where = None if query.where is None else compiler.compile(query.where)
        expressions = [one.expression for one in query.projections if isinstance(one, Projection)]
        self._gathered: list[Gathering] | None = None
        if any(_aggregates(one) for one in expressions):
            self._gathered = []
            compiler = Compiler(binding, now, self._gathered)
        self._project = _projecting(query, binding, compiler)

    def records(self, rows: Iterable[Row]) -> Iterator[Record]:
        """Takes no more rows than it needs."""
        if self._limit == 0:
            return
        passed = rows if self._where is None else filter(self._passes, rows)
        if self._gathered is not None:
            for row in passed:
                for one in self._gathered:
                    one.add(row)
            yield self._project([one.result() for one in self._gathered])
            return
        project = self._project
        if self._limit is None:
            for row in passed:
                yield project(row)
            return
        left = self._limit
        for row in passed:
            yield project(row)
            left -= 1
            if not left:
                return

    def _passes(self, row: Row) -> bool:
        assert self._where is not None
        return self._where(row) is True


def _projecting(query: Query, binding: Binding, compiler: Compiler) -> Project:
    if not query.projections:
        return binding.all
    names: list[str] = []
    parts: list[Project | Callable[[Row], object]] = []
    whole = False
    for number, one in enumerate(query.projections, 1):
        if isinstance(one, AllOf):
            if compiler.aggregating:
                raise SelectProblem("UnsupportedSqlStructure", place=one.path.place)
            names.append("")
            parts.append(binding.all_of(one.path))
            whole = True
        else:
            names.append(one.alias if one.alias is not None else _name(one.expression, number))
            parts.append(compiler.compile(one.expression))
    if not whole:
        return lambda row: (names, [part(row) for part in parts])

    def project(row: Row) -> Record:
        found: list[str] = []
        values: list[object] = []
        for name, part in zip(names, parts, strict=True):
            made = part(row)
            if name:
                found.append(name)
                values.append(made)
            else:
                inner: Record = made  # pyright: ignore[reportAssignmentType] the whole row
                found.extend(inner[0][: len(inner[1])])
                values.extend(inner[1])
        return found, values

    return project


def _name(node: Expression, number: int) -> str:
    """What AWS calls a column that has no alias: the last name of its path, else its place."""
    if isinstance(node, Path):
        last = node.steps[-1] if node.steps else node.root
        if isinstance(last, Name):
            return last.text
    return f"_{number}"
