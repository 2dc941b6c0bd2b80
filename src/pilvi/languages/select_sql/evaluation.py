"""Expressions as functions of a row: compiled once, called for each row.

Why not in SQL of a database: values of JSON have no column's type, and MISSING is not NULL; text of CSV becomes what it
is compared with. Closures say that as the documentation does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from pilvi.languages.select_sql import casts, functions, operators
from pilvi.languages.select_sql.aggregation import ACCUMULATORS, Accumulator
from pilvi.languages.select_sql.bindings import Binding, Evaluate, Row
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import (
    Aggregate,
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
    Literal,
    Logical,
    Not,
    Path,
    Signed,
)
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import MISSING, Value, is_number, kind_of


class Compiler:
    """`over`: where aggregates gather what they are made of; None where there may be none."""

    def __init__(
        self, binding: Binding, now: Timestamp, over: list[Gathering] | None = None
    ) -> None:
        self._binding = binding
        self._now = now
        self._over = over

    @property
    def aggregating(self) -> bool:
        return self._over is not None

    def compile(self, node: Expression) -> Evaluate:
        """Raises: SelectProblem; the function does, too."""
        return _COMPILERS[type(node)](self, node)

    def _literal(self, node: Literal) -> Evaluate:
        value = node.value
        return lambda row: value

    def _path(self, node: Path) -> Evaluate:
        if self._over is not None:  # a column beside aggregates has no one value
            raise SelectProblem("UnsupportedSqlStructure", place=node.place)
        return self._binding.path(node)

    def _aggregate(self, node: Aggregate) -> Evaluate:
        if self._over is None:
            raise SelectProblem("UnsupportedSqlStructure")
        inner = Compiler(self._binding, self._now)
        argument = (
            None
            if node.argument is None
            else inner.numeric(node.argument, keep=node.function == "count")
        )
        number = len(self._over)
        self._over.append(Gathering(node.function, argument))
        return lambda results: results[number]

    def _untyped(self, node: Expression) -> bool:
        return self._binding.untyped and isinstance(node, Path) and self._over is None

    def numeric(self, node: Expression, *, keep: bool = False) -> Evaluate:
        """Where a number is needed, text of CSV is read as one."""
        value = self.compile(node)
        if keep or not self._untyped(node):
            return value

        def number(row: Row) -> Value:
            found = value(row)
            if found.__class__ is not str:
                return found
            read = casts.number_in(cast("str", found))
            if read is None:
                raise SelectProblem("CastFailed")
            return read

        return number

    def _arithmetic(self, node: Arithmetic) -> Evaluate:
        if node.operator == "||":
            left, right, operate = (
                self.compile(node.left),
                self.compile(node.right),
                operators.joined,
            )
        else:
            left, right = self.numeric(node.left), self.numeric(node.right)
            operate = operators.calculating(node.operator)
        return lambda row: operate(left(row), right(row))

    def _signed(self, node: Signed) -> Evaluate:
        operand = self.numeric(node.operand)
        if node.negative:
            return lambda row: operators.negative(operand(row))
        return lambda row: operators.negative(operators.negative(operand(row)))

    def _comparison(self, node: Comparison) -> Evaluate:
        return self._compared(node.operator, node.left, node.right)

    def _compared(self, sign: str, first: Expression, second: Expression) -> Evaluate:
        left, right = self.compile(first), self.compile(second)
        compare = operators.comparing(sign)
        if self._untyped(first):
            return lambda row: compare(*_adapted(left(row), right(row)))
        if self._untyped(second):
            return lambda row: compare(*reversed(_adapted(right(row), left(row))))
        return lambda row: compare(left(row), right(row))

    def _logical(self, node: Logical) -> Evaluate:
        operands = [self.compile(operand) for operand in node.operands]
        decisive = not node.every

        def logical(row: Row) -> Value:
            certain = True
            for operand in operands:
                found = operand(row)
                if found is decisive:
                    return decisive
                if found is None or found is MISSING:
                    certain = False
                elif found.__class__ is not bool:
                    raise SelectProblem("IncorrectSqlFunctionArgumentType")
            return not decisive if certain else None

        return logical

    def _not(self, node: Not) -> Evaluate:
        operand = self.compile(node.operand)

        def negated(row: Row) -> Value:
            found = operand(row)
            if found is None or found is MISSING:
                return found
            if found.__class__ is not bool:
                raise SelectProblem("IncorrectSqlFunctionArgumentType")
            return not found

        return negated

    def _between(self, node: Between) -> Evaluate:
        low = Comparison(">=", node.operand, node.low)
        high = Comparison("<=", node.operand, node.high)
        return self._logical(Logical(True, (low, high)))

    def _in(self, node: In) -> Evaluate:
        value = self.compile(node.operand)
        if not isinstance(node.among, Items):
            items_of = self.compile(node.among)

            def in_list(row: Row) -> Value:
                items = items_of(row)
                if not isinstance(items, list):
                    return operators.unknown(items) if items is None or items is MISSING else None
                return operators.among(value(row), cast("list[Value]", items))

            return in_list
        items = [self.compile(item) for item in node.among.items]
        if all(
            isinstance(item, Literal) and isinstance(item.value, str) for item in node.among.items
        ):
            texts = frozenset(cast("Literal", item).value for item in node.among.items)

            def in_texts(row: Row) -> Value:
                found = value(row)
                if found.__class__ is str:
                    return found in texts
                return None if found is None or found is MISSING else False

            return in_texts
        if self._untyped(node.operand):
            tests = tuple(Comparison("=", node.operand, item) for item in node.among.items)
            return self._logical(Logical(False, tests))
        return lambda row: operators.among(value(row), [item(row) for item in items])

    def _like(self, node: Like) -> Evaluate:
        value, wanted = self.compile(node.operand), self.compile(node.pattern)
        if node.escape is None:
            if isinstance(node.pattern, Literal) and isinstance(node.pattern.value, str):
                matches = operators.pattern(node.pattern.value, None)

                def like(row: Row) -> Value:
                    found = value(row)
                    return matches(found) if isinstance(found, str) else operators.like(found, "")

                return like
            return lambda row: operators.like(value(row), wanted(row))
        escape = self.compile(node.escape)

        def like_escaped(row: Row) -> Value:
            character = escape(row)
            if isinstance(character, str) and len(character) != 1:
                raise SelectProblem("EvaluatorLikePatternInvalidEscapeSequence")
            return operators.like(value(row), wanted(row), character)

        return like_escaped

    def _is(self, node: Is) -> Evaluate:
        value, what = self.compile(node.operand), node.what
        if what == "null":
            return lambda row: (found := value(row)) is None or found is MISSING
        if what == "missing":
            return lambda row: value(row) is MISSING
        return lambda row: _is_of(value(row), what)

    def _items(self, node: Items) -> Evaluate:
        items = [self.compile(item) for item in node.items]
        return lambda row: [item(row) for item in items]

    def _call(self, node: Call) -> Evaluate:
        if node.function == "utcnow":
            now = self._now
            return lambda row: now
        if node.function == "date_add":
            first, stamp = self.numeric(node.arguments[0]), self.compile(node.arguments[1])
            date_add = functions.strict("date_add", node.part)
            return lambda row: date_add(first(row), stamp(row))
        arguments = [self.compile(argument) for argument in node.arguments]
        if node.function in _LENIENT:
            lenient = _LENIENT[node.function]
            return lambda row: lenient(*[argument(row) for argument in arguments])
        function = functions.strict(node.function, node.part)
        if len(arguments) == 1:
            only = arguments[0]
            return lambda row: function(only(row))
        return lambda row: function(*[argument(row) for argument in arguments])

    def _cast(self, node: Cast) -> Evaluate:
        operand, convert = self.compile(node.operand), casts.cast_to(node.type)
        return lambda row: convert(operand(row))

    def _case(self, node: Case) -> Evaluate:
        otherwise: Evaluate = (
            (lambda row: None) if node.otherwise is None else self.compile(node.otherwise)
        )
        whens: list[tuple[Evaluate, Evaluate]] = []
        for condition, result in node.whens:
            test = (
                self.compile(condition)
                if node.operand is None
                else self._compared("=", node.operand, condition)
            )
            whens.append((test, self.compile(result)))

        def case(row: Row) -> Value:
            for test, result in whens:
                if test(row) is True:
                    return result(row)
            return otherwise(row)

        return case


class Gathering:
    """One aggregate of a query while rows pass. `argument`: None for COUNT(*)."""

    def __init__(self, function: str, argument: Evaluate | None) -> None:
        self._argument = argument
        self._made: Accumulator = ACCUMULATORS[function]()

    def add(self, row: Row) -> None:
        if self._argument is None:
            self._made.add(row)
            return
        value = self._argument(row)
        if value is not None and value is not MISSING:
            self._made.add(value)

    def result(self) -> Value:
        return self._made.result()


def _adapted(text: Value, other: Value) -> tuple[Value, Value]:
    """Text of CSV as what it stands beside; NULL when it cannot be read so."""
    if text.__class__ is not str or other.__class__ is str or other is None or other is MISSING:
        return text, other
    written = cast("str", text)
    if isinstance(other, bool):
        return {"true": True, "false": False}.get(written.strip().lower()), other
    if is_number(other):
        return casts.number_in(written), other
    if isinstance(other, Timestamp):
        return Timestamp.read(written.strip()), other
    return text, other


def _is_of(value: Value, kind: str) -> bool:
    if value is None or value is MISSING:
        return False
    if kind in ("int", "float", "decimal"):
        return casts.type_of_number(value) == kind
    return kind_of(value) == kind


_LENIENT: dict[str, Callable[..., Value]] = {
    "coalesce": functions.coalesce,
    "nullif": functions.nullif,
}

_COMPILERS: dict[type, Callable[..., Evaluate]] = {
    Literal: Compiler._literal,  # pyright: ignore[reportPrivateUsage] the class's own table
    Path: Compiler._path,  # pyright: ignore[reportPrivateUsage]
    Aggregate: Compiler._aggregate,  # pyright: ignore[reportPrivateUsage]
    Arithmetic: Compiler._arithmetic,  # pyright: ignore[reportPrivateUsage]
    Signed: Compiler._signed,  # pyright: ignore[reportPrivateUsage]
    Comparison: Compiler._comparison,  # pyright: ignore[reportPrivateUsage]
    Logical: Compiler._logical,  # pyright: ignore[reportPrivateUsage]
    Not: Compiler._not,  # pyright: ignore[reportPrivateUsage]
    Between: Compiler._between,  # pyright: ignore[reportPrivateUsage]
    In: Compiler._in,  # pyright: ignore[reportPrivateUsage]
    Like: Compiler._like,  # pyright: ignore[reportPrivateUsage]
    Is: Compiler._is,  # pyright: ignore[reportPrivateUsage]
    Items: Compiler._items,  # pyright: ignore[reportPrivateUsage]
    Call: Compiler._call,  # pyright: ignore[reportPrivateUsage]
    Cast: Compiler._cast,  # pyright: ignore[reportPrivateUsage]
    Case: Compiler._case,  # pyright: ignore[reportPrivateUsage]
}
