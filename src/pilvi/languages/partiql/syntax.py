"""What statements are made of, once parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pilvi.languages.partiql.problems import Place

PathPart = str | int


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute's name, then members (str) and list indexes (int)."""

    parts: tuple[PathPart, ...]
    place: Place


# --- values


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """As it was written, with its sign."""

    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """true, false or null."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `?`, counted from zero."""

    number: int


@dataclass(frozen=True, slots=True)
class Bag:
    """`<<1, 2>>`: a set."""

    members: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """`[1, 2]`, or the same in parentheses."""

    members: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    """`{'name': value}`."""

    members: tuple[tuple[str, Value], ...]


Value = Text | Number | Constant | Parameter | Bag | Sequence | Tuple


# --- conditions and operands


@dataclass(frozen=True, slots=True)
class Function:
    """`name` in lower case."""

    name: str
    operands: tuple[Operand, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left + right` or `left - right`."""

    operator: str
    left: Operand
    right: Operand


Operand = Path | Value | Function | Arithmetic


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
class Is:
    """`kind`: a type's name in upper case, or MISSING."""

    operand: Operand
    kind: str


@dataclass(frozen=True, slots=True)
class Junction:
    """`operator`: AND or OR, over two or more conditions."""

    operator: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


Condition = Comparison | Between | In | Is | Junction | Not | Function


# --- statements


@dataclass(frozen=True, slots=True)
class Order:
    """One element of ORDER BY."""

    attribute: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Select:
    """`paths`: None for `*`. `index`: of the table, where one is named."""

    table: str
    index: str | None
    paths: tuple[Path, ...] | None
    where: Condition | None
    order: tuple[Order, ...]
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Insert:
    table: str
    item: Value
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """`path = value`, or REMOVE of the path, which has no value."""

    path: Path
    value: Operand | None


Returning = tuple[Literal["ALL", "MODIFIED"], Literal["OLD", "NEW"]]


@dataclass(frozen=True, slots=True)
class Update:
    table: str
    settings: tuple[Setting, ...]
    where: Condition | None
    returning: Returning | None
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    where: Condition | None
    returning: Returning | None
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Exists:
    """`EXISTS(SELECT ...)`, a member of a transaction."""

    select: Select
    parameters: int = 0

    @property
    def table(self) -> str:
        return self.select.table


Statement = Select | Insert | Update | Delete | Exists
