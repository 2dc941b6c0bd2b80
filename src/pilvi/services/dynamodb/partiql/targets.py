"""Which partitions, and which of their range keys, a WHERE clause names: what a SELECT reads instead of everything.

Whatever more the clause says is left to it as a filter, so this may name too much but never too little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.expressions.key_conditions import KeyCondition
from pilvi.services.dynamodb.expressions.nodes import (
    Between,
    Call,
    Comparison,
    Condition,
    In,
    Junction,
    Operand,
    PathOperand,
    ValueOperand,
)

TARGETS_MAX: Final = 50
_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Target(NamedTuple):
    """The conditions on the hash key and, perhaps, on the range key. `more`: on further attributes of either."""

    hash: KeyCondition
    range: KeyCondition | None
    more: tuple[KeyCondition, ...] = ()

    @property
    def conditions(self) -> tuple[KeyCondition, ...]:
        return (self.hash, *self.more) if self.range is None else (self.hash, self.range)


class Targets(NamedTuple):
    """`exact`: whether the clause says nothing else, so that it need not filter."""

    all: list[Target]
    exact: bool


def targets(where: Condition | None, hash_key: str, range_key: str | None) -> Targets | None:
    """None where everything must be read. Raises: ValidationException."""
    found = None if where is None else _targets(where, hash_key, range_key)
    if found is not None and len(found.all) > TARGETS_MAX:
        raise invalid("Too many decomposed read operations for a given query.")
    return found


def targets_of_several(
    where: Condition | None, hash_keys: Sequence[str], range_keys: Sequence[str]
) -> Targets | None:
    """As `targets`, where keys have several attributes: the clause must set each of the hash key's equal to something.

    Raises: ValidationException.
    """
    parts = list(_flat([] if where is None else _conjuncts(where)))
    equal: list[KeyCondition] = []
    for name in hash_keys:
        found = [condition for condition in _of_key(parts, name) if condition.operator == "="]
        if not found:
            return None
        if len(found) > 1:
            raise invalid(f"Only single equality condition should be present on hash key {name}")
        equal += found
    for name in range_keys:
        found = list(_of_key(parts, name))
        found = [condition for condition in found if condition.operator == "="] or found
        equal += found[:1]
        if not found or found[0].operator != "=":
            break
    return Targets([Target(equal[0], None, tuple(equal[1:]))], exact=False)


def _conjuncts(where: Condition) -> list[Condition]:
    if isinstance(where, Junction) and where.operator == "AND":
        return list(where.conditions)
    return [where]


def _targets(where: Condition, hash_key: str, range_key: str | None) -> Targets | None:
    match where:
        case Comparison("="):
            condition = key_condition(where, hash_key)
            return None if condition is None else Targets([Target(condition, None)], exact=True)
        case In(PathOperand((name,)), choices) if name == hash_key:
            values = [choice.name for choice in choices if isinstance(choice, ValueOperand)]
            if len(values) != len(choices):
                return None
            return Targets(
                [Target(KeyCondition(hash_key, "=", (value,)), None) for value in values],
                exact=True,
            )
        case Junction("AND", conditions):
            return _all(conditions, hash_key, range_key)
        case Junction("OR", conditions):
            branches = [_targets(one, hash_key, range_key) for one in conditions]
            found: list[Target] = []
            for branch in branches:
                if branch is None:
                    return None
                found += branch.all
            return Targets(found, exact=False)
        case _:
            return None


def _all(conditions: tuple[Condition, ...], hash_key: str, range_key: str | None) -> Targets | None:
    found: Targets | None = None
    place = 0
    for at, one in enumerate(conditions):
        more = _targets(one, hash_key, range_key)
        if more is None:
            continue
        if found is not None:
            raise invalid(
                f"Only single equality condition should be present on hash key {hash_key}"
            )
        found, place = more, at
    if found is None:
        return None
    others = [one for at, one in enumerate(conditions) if at != place]
    ranges = [] if range_key is None else list(_of_key(others, range_key))
    if not ranges or any(target.range is not None for target in found.all):
        return Targets(found.all, exact=False)
    equal = [condition for condition in ranges if condition.operator == "="]
    narrowed = [Target(target.hash, (equal or ranges)[0]) for target in found.all]
    return Targets(narrowed, exact=found.exact and len(others) == 1)


def _of_key(conditions: list[Condition], name: str) -> Iterator[KeyCondition]:
    for one in conditions:
        condition = key_condition(one, name)
        if condition is not None:
            yield condition


def key_condition(given: Condition, name: str) -> KeyCondition | None:
    """What is said of this key alone, with values."""
    operands: tuple[Operand, ...]
    match given:
        case Comparison(operator, left, right) if operator in _MIRRORED:
            if isinstance(left, ValueOperand):
                left, right, operator = right, left, _MIRRORED[operator]
            operands = (left, right)
        case Between(operand, low, high):
            operator, operands = "BETWEEN", (operand, low, high)
        case Call("begins_with", operands) if len(operands) == 2:
            operator = "begins_with"
        case _:
            return None
    first, *rest = operands
    values = tuple(one.name for one in rest if isinstance(one, ValueOperand))
    if first != PathOperand((name,)) or len(values) != len(rest):
        return None
    return KeyCondition(name, operator, values)


def full_key(
    where: Condition | None, names: tuple[str, ...]
) -> tuple[Mapping[str, str], list[Condition]] | None:
    """The placeholders of all key attributes, and what else the clause says; None when it lacks one of them.

    Raises: ValidationException for two conditions on one of them.
    """
    parts = [] if where is None else _conjuncts(where)
    found: dict[str, str] = {}
    rest: list[Condition] = []
    for part in _flat(parts):
        name, placeholder = _equality(part, names)
        if name is None:
            rest.append(part)
        elif name in found:
            raise invalid(
                f"Multiple conditions on same key {name}. Only single item Update/Insert/Delete are "
                "supported"
            )
        else:
            found[name] = placeholder
    return (found, rest) if len(found) == len(names) else None


def _flat(parts: list[Condition]) -> Iterator[Condition]:
    """Conditions in parentheses, joined by AND as well, are conditions of the whole."""
    for part in parts:
        if isinstance(part, Junction) and part.operator == "AND":
            yield from _flat(list(part.conditions))
        else:
            yield part


def _equality(part: Condition, names: tuple[str, ...]) -> tuple[str | None, str]:
    for name in names:
        condition = key_condition(part, name)
        if condition is not None and condition.operator == "=":
            return name, condition.values[0]
    return None, ""
