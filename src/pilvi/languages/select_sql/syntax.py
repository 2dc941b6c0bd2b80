"""What a query is made of, after it was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """`exact`: it stood in quotation marks, so its case counts."""

    text: str
    exact: bool = False

    def means(self, other: str) -> bool:
        return self.text == other if self.exact else self.text.lower() == other.lower()


@dataclass(frozen=True, slots=True)
class Index:
    number: int


@dataclass(frozen=True, slots=True)
class Each:
    """`[*]` all elements of a list; `fields`: `.*` all members of a structure."""

    fields: bool = False


Step = Name | Index | Each


@dataclass(frozen=True, slots=True)
class Literal:
    value: object


@dataclass(frozen=True, slots=True)
class Path:
    root: Name
    steps: tuple[Step, ...]
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator`: + - * / % or ||."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Signed:
    negative: bool
    operand: Expression


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator`: = <> < <= > >=."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logical:
    """`every`: AND, else OR. Chains are one node, so that they may be long."""

    every: bool
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class Between:
    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class In:
    operand: Expression
    among: Expression


@dataclass(frozen=True, slots=True)
class Like:
    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True, slots=True)
class Is:
    """`what`: null or missing; or the name of a type."""

    operand: Expression
    what: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values: `(1, 2)` behind IN, `[1, 2]` anywhere."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`part`: the date part of EXTRACT, DATE_ADD, DATE_DIFF; the side of TRIM."""

    function: str
    arguments: tuple[Expression, ...]
    part: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """`type`: bool, int, float, decimal, string or timestamp."""

    operand: Expression
    type: str


@dataclass(frozen=True, slots=True)
class Case:
    """`operand`: None for the searched form."""

    operand: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`argument`: None for COUNT(*)."""

    function: str
    argument: Expression | None


Expression = (
    Literal
    | Path
    | Arithmetic
    | Signed
    | Comparison
    | Logical
    | Not
    | Between
    | In
    | Like
    | Is
    | Items
    | Call
    | Cast
    | Case
    | Aggregate
)


@dataclass(frozen=True, slots=True)
class Projection:
    """`alias`: the name that AS gave."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class AllOf:
    """`alias.*` among other expressions."""

    path: Path


@dataclass(frozen=True, slots=True)
class Query:
    """`projections`: empty for `SELECT *`. `source`: the steps behind `S3Object[*]`. `alias`: "" for none."""

    projections: tuple[Projection | AllOf, ...]
    source: tuple[Step, ...]
    alias: Name | None
    where: Expression | None
    limit: int | None
