"""Compiled expressions, cached by their text and names, and bound to the placeholders of one request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.errors import SerializationException, ValidationException, invalid
from pilvi.services.dynamodb.expressions.conditions import Check, ConditionCompiler, Test
from pilvi.services.dynamodb.expressions.key_conditions import (
    KeyCondition,
    key_conditions,
    refuse_other_number,
)
from pilvi.services.dynamodb.expressions.nodes import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Junction,
    Not,
    Operand,
    Path,
    PathOperand,
    ValueOperand,
)
from pilvi.services.dynamodb.expressions.parser import Parser, refuse_overlaps
from pilvi.services.dynamodb.expressions.projections import Project, compile_projection
from pilvi.services.dynamodb.expressions.updates import Update, compile_update
from pilvi.services.dynamodb.values import Item, measure, measure_item

T = TypeVar("T")
Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Program(Generic[T]):
    """A compiled expression.

    `run`: what it does. `names_used`, `values_used`: its placeholders. `checks`: what to check of the values.
    `attributes`: the top-level attributes that it names; `nested`: those of them that it reaches into.
    """

    expression: str
    run: T
    names_used: frozenset[str]
    values_used: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    attributes: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()


@lru_cache(limits.PROGRAMS_CACHED)
def condition_program(expression: str, text: str, names: Names) -> Program[Test]:
    """`expression`: "ConditionExpression" or "FilterExpression". Raises: ValidationException."""
    parser = Parser(expression, text, dict(names))
    condition = parser.condition()
    compiler = ConditionCompiler(expression)
    test = compiler.compile(condition)
    return _program(parser, test, tuple(compiler.checks), _paths(condition))


@lru_cache(limits.PROGRAMS_CACHED)
def key_condition_program(text: str, names: Names) -> Program[tuple[KeyCondition, ...]]:
    parser = Parser("KeyConditionExpression", text, dict(names))
    condition = parser.condition()
    found = key_conditions(condition)
    compiler = ConditionCompiler("KeyConditionExpression")
    compiler.compile(condition)
    return _program(parser, found, tuple(compiler.checks), _paths(condition))


@lru_cache(limits.PROGRAMS_CACHED)
def update_program(text: str, names: Names) -> Program[Update]:
    parser = Parser("UpdateExpression", text, dict(names))
    assignments = parser.update()
    update = compile_update(assignments)
    refuse_overlaps("UpdateExpression", update.paths)
    paths = {one.path for one in assignments}
    for one in assignments:
        if one.operand is not None:
            paths |= _paths(one.operand)
    return _program(parser, update, update.checks, paths)


@lru_cache(limits.PROGRAMS_CACHED)
def projection_program(text: str, names: Names) -> Program[Project]:
    parser = Parser("ProjectionExpression", text, dict(names))
    paths = parser.projection()
    refuse_overlaps("ProjectionExpression", paths)
    return _program(parser, compile_projection(paths), (), set(paths))


@lru_cache(limits.PROGRAMS_CACHED)
def touched_projection(paths: tuple[Path, ...]) -> Project:
    """What UPDATED_OLD and UPDATED_NEW show of an item."""
    return compile_projection(paths)


def _program(parser: Parser, run: T, checks: tuple[Check, ...], paths: set[Path]) -> Program[T]:
    return Program(
        expression=parser.tokens.expression,
        run=run,
        names_used=frozenset(parser.names_used),
        values_used=tuple(parser.values_used),
        checks=checks,
        attributes=frozenset(str(path[0]) for path in paths),
        nested=frozenset(str(path[0]) for path in paths if len(path) > 1),
    )


def _paths(node: Condition | Operand) -> set[Path]:
    """The paths that a condition or an operand reads."""
    parts: tuple[Condition | Operand, ...]
    match node:
        case PathOperand(path):
            return {path}
        case ValueOperand():
            return set()
        case Comparison(_, left, right) | Arithmetic(_, left, right):
            parts = (left, right)
        case Between(operand, low, high):
            parts = (operand, low, high)
        case In(operand, choices):
            parts = (operand, *choices)
        case Junction(_, conditions):
            parts = conditions
        case Not(condition):
            parts = (condition,)
        case Call(_, operands):
            parts = operands
    return set[Path]().union(*map(_paths, parts))


class Placeholders:
    """ExpressionAttributeNames and -Values of one request, and which of them its expressions use.

    Raises: ValidationException from every method, as AWS words it.
    """

    __slots__ = ("_many", "_named", "_names", "_names_used", "_values_used", "values")

    def __init__(self, names: Mapping[str, str] | None, values: Item | None) -> None:
        self._named: Names = ()
        self._many = False
        if names is not None:
            self._named = tuple(names.items())
            self._many = len(self._named) > limits.PLACEHOLDERS_CACHED
            (_check_names.__wrapped__ if self._many else _check_names)(self._named)
        if values is not None:
            _check_values(values)
        self._names = names
        self.values: Item = {} if values is None else values
        self._names_used = set[str]()
        self._values_used = set[str]()

    def condition(self, text: str, expression: str = "ConditionExpression") -> Program[Test]:
        compiled = condition_program.__wrapped__ if self._many else condition_program
        return self._bind(compiled(expression, text, self._named))

    def key_condition(
        self, text: str, most: int = limits.INDEX_KEY_SCHEMA_MAX
    ) -> Program[tuple[KeyCondition, ...]]:
        """`most`: how many conditions there may be."""
        compiled = key_condition_program.__wrapped__ if self._many else key_condition_program
        program = compiled(text, self._named)
        refuse_other_number(len(program.run), most)
        return self._bind(program)

    def update(self, text: str) -> Program[Update]:
        compiled = update_program.__wrapped__ if self._many else update_program
        return self._bind(compiled(text, self._named))

    def projection(self, text: str) -> Program[Project]:
        compiled = projection_program.__wrapped__ if self._many else projection_program
        return self._bind(compiled(text, self._named))

    def _bind(self, program: Program[T]) -> Program[T]:
        values = self.values
        self._names_used |= program.names_used
        for name in program.values_used:
            if name not in values:
                raise invalid(
                    f"Invalid {program.expression}: An expression attribute value used in "
                    f"expression is not defined; attribute value: {name}"
                )
        self._values_used.update(program.values_used)
        for check in program.checks:
            check(values)
        return program

    def refuse_unused(self) -> None:
        """After all expressions of the request."""
        if self._names is not None and len(self._names_used) != len(self._names):
            raise _unused("Names", [name for name in self._names if name not in self._names_used])
        if len(self._values_used) != len(self.values):
            raise _unused("Values", [name for name in self.values if name not in self._values_used])


def _unused(what: str, keys: list[str]) -> ValidationException:
    return invalid(
        f"Value provided in ExpressionAttribute{what} unused in expressions: "
        f"keys: {{{', '.join(keys)}}}"
    )


def _is_placeholder(text: str, sign: str) -> bool:
    return text[:1] == sign and text.isascii() and text[1:].replace("_", "a").isalnum()


def _check_keys(what: str, sign: str, keys: Iterable[str]) -> None:
    for key in keys:
        if not _is_placeholder(key, sign):
            raise invalid(
                f'ExpressionAttribute{what} contains invalid key: Syntax error; key: "{key}"'
            )
        if len(key) > limits.PLACEHOLDER_KEY_MAX:
            raise invalid(
                f"ExpressionAttribute{what} contains invalid key: "
                "The expression attribute map contains a key that is too long"
            )


@lru_cache(limits.PROGRAMS_CACHED)
def _check_names(names: Names) -> None:
    if not names:
        raise invalid("ExpressionAttributeNames must not be empty")
    _check_keys("Names", "#", (key for key, _ in names))
    size = 0
    for key, name in names:
        size += len(key) + len(name)
        if not name:
            raise invalid(
                "ExpressionAttributeNames contains invalid value: "
                f"Attribute name is empty for key {key}"
            )
    if size > limits.PLACEHOLDERS_BYTES_MAX:
        raise invalid("ExpressionAttributeNames exceeds max size")


@lru_cache(limits.PROGRAMS_CACHED)
def _check_value_keys(keys: tuple[str, ...]) -> None:
    if not keys:
        raise invalid("ExpressionAttributeValues must not be empty")
    _check_keys("Values", ":", keys)


def _check_values(values: object) -> None:
    if not isinstance(values, dict):
        raise SerializationException(detail="Unexpected value type in payload")
    _check_given_values(cast("Item", values))


def _check_given_values(values: Item) -> None:
    keys = tuple(values)
    many = len(keys) > limits.PLACEHOLDERS_CACHED
    (_check_value_keys.__wrapped__ if many else _check_value_keys)(keys)
    try:
        size = measure_item(values)
    except ValidationException:
        for key, value in values.items():  # which of them was it?
            try:
                measure(value)
            except ValidationException as error:
                raise invalid(
                    f"ExpressionAttributeValues contains invalid value: {error.text} for key {key}"
                ) from None
        raise
    if size > limits.PLACEHOLDERS_BYTES_MAX:
        raise invalid("ExpressionAttributeValues exceeds max size")


def placeholders_of(
    req: Mapping[str, Any],
    names: Mapping[str, str] | None,
    values: Item | None,
    expressions: tuple[str, ...],
) -> Placeholders:
    """The placeholders of a request that may have these expressions.

    Raises: ValidationException when there are placeholders but no expression that could have them.
    """
    if names is not None and not any(expression in req for expression in expressions):
        raise invalid("ExpressionAttributeNames can only be specified when using expressions")
    if values is not None:
        takers = [one for one in expressions if one != "ProjectionExpression"]
        if not any(taker in req for taker in takers):
            raise invalid(
                "ExpressionAttributeValues can only be specified when using expressions: "
                f"{' and '.join(takers)} {'are' if len(takers) > 1 else 'is'} null"
            )
    return Placeholders(names, values)
