"""What expressions are made of, once parsed."""

from __future__ import annotations

from dataclasses import dataclass

PathPart = str | int
Path = tuple[PathPart, ...]
"""An attribute's name, then members (str) and list indexes (int)."""


def path_text(path: Path) -> str:
    """As AWS's errors print a path: `[a, b, [1]]`."""
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in path) + "]"


@dataclass(frozen=True, slots=True)
class PathOperand:
    path: Path


@dataclass(frozen=True, slots=True)
class ValueOperand:
    """A placeholder: `:name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a condition or of an update; `name` as it was written."""

    name: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left + right` or `left - right`, in SET only."""

    operator: str
    left: Operand
    right: Operand


Operand = PathOperand | ValueOperand | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator`: one of = <> < <= > >=."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """`operator`: AND or OR, over two or more conditions."""

    operator: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


Condition = Comparison | Between | In | Junction | Not | Call


@dataclass(frozen=True, slots=True)
class Assignment:
    """One action of an update. `section`: SET, REMOVE, ADD or DELETE; REMOVE has no operand."""

    section: str
    path: Path
    operand: Operand | None
