"""A statement joined with its parameters: values, conditions and updates as expressions have them.

Every literal and parameter becomes a placeholder, so the programs are those of expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pilvi.base.errors import NotBuilt
from pilvi.languages.partiql import PartiqlProblem, parse, syntax
from pilvi.services.dynamodb.errors import ValidationException, invalid
from pilvi.services.dynamodb.expressions import nodes
from pilvi.services.dynamodb.expressions.conditions import ConditionCompiler, Test
from pilvi.services.dynamodb.expressions.parser import refuse_overlaps
from pilvi.services.dynamodb.expressions.programs import Program
from pilvi.services.dynamodb.expressions.updates import Update, compile_update
from pilvi.services.dynamodb.values import Item, Value, measure, type_of

_FUNCTIONS: Final = frozenset(
    (
        "attribute_exists",
        "attribute_not_exists",
        "attribute_type",
        "begins_with",
        "contains",
        "size",
    )
)
_TYPES: Final = {
    "NULL": "NULL",
    "BOOLEAN": "BOOL",
    "BLOB": "B",
    "STRING": "S",
    "NUMERIC": "N",
    "STRUCT": "M",
    "TUPLE": "M",
    "LIST": "L",
}
"""What IS calls the types of attributes."""
_MERGES: Final = {"set_add": "ADD", "set_delete": "DELETE"}
_DEPTH_MAX: Final = 60


def parsed(text: str) -> syntax.Statement:
    """Raises: ValidationException, NotBuilt."""
    try:
        return parse(text)
    except PartiqlProblem as problem:
        raise invalid(problem.text) from None


class Binding:
    """What a statement's parts are with these parameters. Methods raise ValidationException.

    `values`: of the placeholders that conditions and updates were given so far.
    """

    def __init__(self, statement: syntax.Statement, parameters: Sequence[Value]) -> None:
        """Raises: ValidationException for too few or too many parameters, or values that are none."""
        if len(parameters) != statement.parameters:
            raise invalid("Number of parameters in request and statement don't match.")
        for value in parameters:
            measure(value)
        self._parameters = parameters
        self.values: Item = {}

    # --- values

    def value(self, given: syntax.Value, under: str = "root") -> Value:
        """`under`: the place in the whole value, which errors name."""
        match given:
            case syntax.Text(text):
                return {"S": text}
            case syntax.Number(text):
                return _number(text, under)
            case syntax.Constant(None):
                return {"NULL": True}
            case syntax.Constant(value):
                return {"BOOL": value}
            case syntax.Parameter(number):
                return self._parameters[number]
            case syntax.Sequence(members):
                elements = [self.value(one, f"{under}[{at}]") for at, one in enumerate(members)]
                return {"L": elements}
            case syntax.Tuple(members):
                return {"M": {name: self.value(one, f"{under}.{name}") for name, one in members}}
            case syntax.Bag(members):
                return self._set([self.value(one, under) for one in members])

    def _set(self, members: list[Value]) -> Value:
        kinds = {type_of(member) for member in members}
        if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
            raise invalid(
                "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"
            )
        (kind,) = kinds
        found: Value = {f"{kind}S": [member[kind] for member in members]}
        measure(found)
        return found

    # --- conditions

    def condition(self, where: syntax.Condition) -> BoundCondition:
        paths = set[nodes.Path]()
        tree = self._condition(where, paths)
        compiler = ConditionCompiler("")
        test = compiler.compile(tree)
        for check in compiler.checks:
            check(self.values)
        return BoundCondition(tree, _program(test, paths))

    def _condition(self, given: syntax.Condition, paths: set[nodes.Path]) -> nodes.Condition:
        match given:
            case syntax.Comparison(operator, left, right):
                return nodes.Comparison(
                    operator, self._operand(left, paths), self._operand(right, paths)
                )
            case syntax.Between(operand, low, high):
                return nodes.Between(
                    self._operand(operand, paths),
                    self._operand(low, paths),
                    self._operand(high, paths),
                )
            case syntax.In(operand, choices):
                return nodes.In(
                    self._operand(operand, paths),
                    tuple(self._operand(choice, paths) for choice in choices),
                )
            case syntax.Is(operand, kind):
                return self._is(operand, kind, paths)
            case syntax.Junction(operator, conditions):
                return nodes.Junction(
                    operator, tuple(self._condition(one, paths) for one in conditions)
                )
            case syntax.Not(condition):
                return nodes.Not(self._condition(condition, paths))
            case syntax.Function():
                return self._function(given, paths)

    def _is(self, operand: syntax.Operand, kind: str, paths: set[nodes.Path]) -> nodes.Condition:
        if not isinstance(operand, syntax.Path):
            raise invalid(
                "The left hand side argument to IS must be a Variable Reference, Literal, or Path"
            )
        path = self._operand(operand, paths)
        if kind == "MISSING":
            return nodes.Call("attribute_not_exists", (path,))
        return nodes.Call("attribute_type", (path, self._placeholder({"S": _TYPES[kind]})))

    def _function(self, given: syntax.Function, paths: set[nodes.Path]) -> nodes.Call:
        if given.name not in _FUNCTIONS:
            raise invalid(f"Unrecognized function: {given.name} at {given.place}")
        operands = tuple(self._operand(operand, paths) for operand in given.operands)
        return nodes.Call(given.name, operands)

    def _operand(self, given: syntax.Operand, paths: set[nodes.Path]) -> nodes.Operand:
        match given:
            case syntax.Path(parts):
                paths.add(parts)
                return nodes.PathOperand(parts)
            case syntax.Function():
                return self._function(given, paths)
            case syntax.Arithmetic(operator):
                raise invalid(f"Unsupported operator in Condition Expression. Operator: {operator}")
            case _:
                return self._placeholder(self.value(given))

    def _placeholder(self, value: Value) -> nodes.ValueOperand:
        name = f":{len(self.values)}"
        self.values[name] = value
        return nodes.ValueOperand(name)

    # --- updates

    def update(self, settings: Sequence[syntax.Setting]) -> Program[Update]:
        paths = set[nodes.Path]()
        assignments = tuple(self._assignment(setting, paths) for setting in settings)
        update = compile_update(assignments)
        refuse_overlaps("UpdateExpression", update.paths)
        for check in update.checks:
            check(self.values)
        return _program(update, paths)

    def _assignment(self, setting: syntax.Setting, paths: set[nodes.Path]) -> nodes.Assignment:
        path = setting.path.parts
        paths.add(path)
        value = setting.value
        if value is None:
            return nodes.Assignment("REMOVE", path, None)
        if isinstance(value, syntax.Function) and value.name in _MERGES:
            return nodes.Assignment(_MERGES[value.name], path, self._merged(path, value))
        return nodes.Assignment("SET", path, self._assigned(value, paths, 0))

    def _merged(self, path: nodes.Path, call: syntax.Function) -> nodes.Operand:
        """The set that set_add or set_delete takes."""
        name = call.name.upper()
        if len(call.operands) != 2:
            raise invalid(f"{name} must have exactly two arguments at {call.place}")
        first, second = call.operands
        if not isinstance(first, syntax.Path) or first.parts != path:
            raise invalid(
                f"The first argument to {name} must equal the assignment value at {call.place}"
            )
        if isinstance(second, syntax.Path | syntax.Function | syntax.Arithmetic):
            value: Value = {"NULL": True}
        else:
            value = self.value(second)
        if type_of(value) not in ("SS", "NS", "BS"):
            raise invalid(
                f"The second argument to {name} must be a value with type SET at {first.place}"
            )
        return self._placeholder(value)

    def _assigned(self, given: syntax.Operand, paths: set[nodes.Path], depth: int) -> nodes.Operand:
        if depth > _DEPTH_MAX:
            raise invalid("The statement is nested too deeply")
        match given:
            case syntax.Arithmetic(operator, left, right):
                return nodes.Arithmetic(
                    operator,
                    self._assigned(left, paths, depth + 1),
                    self._assigned(right, paths, depth + 1),
                )
            case syntax.Function(name, operands, place):
                if name == "if_not_exists":
                    raise NotBuilt(what="if_not_exists in SET of PartiQL")
                if name != "list_append":
                    raise invalid(f"Unrecognized function: {name} at {place}")
                return nodes.Call(
                    name, tuple(self._assigned(one, paths, depth + 1) for one in operands)
                )
            case _:
                return self._operand(given, paths)


class BoundCondition:
    """A condition as a tree, of which keys are read, and as the program that decides."""

    __slots__ = ("program", "tree")

    def __init__(self, tree: nodes.Condition, program: Program[Test]) -> None:
        self.tree = tree
        self.program = program


def _program(run: Any, paths: set[nodes.Path]) -> Program[Any]:
    return Program(
        expression="",
        run=run,
        names_used=frozenset(),
        values_used=(),
        attributes=frozenset(str(path[0]) for path in paths),
        nested=frozenset(str(path[0]) for path in paths if len(path) > 1),
    )


def _number(text: str, under: str) -> Value:
    value: Value = {"N": text}
    try:
        measure(value)
    except ValidationException as error:
        raise invalid(f"{error.text} under {under}") from None
    return value
