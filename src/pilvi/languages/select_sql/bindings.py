"""What names in a query mean: columns of a CSV file, or what lies in JSON records and Parquet rows.

AWS: S3 User Guide, "Attribute access", "Case sensitivity of header and attribute names".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.syntax import Each, Index, Name, Path, Step
from pilvi.languages.select_sql.values import MISSING, Value

Row = Any
Evaluate = Callable[[Row], Value]
Record = tuple[Sequence[str], Sequence[Value]]
"""Names and values, in order."""

_TABLE = "s3object"
_POSITION = re.compile(r"_(\d{1,9})", re.ASCII)


class Binding(Protocol):
    untyped: bool
    """Whether all values are text, which becomes what it is compared with."""

    def path(self, path: Path) -> Evaluate:
        """Raises: SelectProblem."""
        ...

    def all(self, row: Row) -> Record: ...

    def all_of(self, path: Path) -> Callable[[Row], Record]: ...


def _is_alias(name: Name, alias: Name | None) -> bool:
    if alias is not None and (
        name.means(alias.text) if not alias.exact else name.text == alias.text
    ):
        return True
    return name.text.lower() == _TABLE


class Columns:
    """Rows are lists of strings. `headers`: None when the file's first line is none, or is not to be used."""

    untyped = True

    def __init__(self, headers: Sequence[str] | None, alias: Name | None) -> None:
        self._headers = headers
        self._alias = alias
        self._names: list[str] = list(headers or ())

    def path(self, path: Path) -> Evaluate:
        steps = (path.root, *path.steps)
        if len(steps) > 1 and _is_alias(path.root, self._alias):
            steps = steps[1:]
        if len(steps) != 1 or not isinstance(steps[0], Name):
            raise SelectProblem(
                "InvalidColumnIndex" if isinstance(steps[-1], Index) else "MissingHeaders",
                place=path.place,
            )
        place = self._find(steps[0], path)

        def column(row: list[str]) -> Value:
            return row[place] if place < len(row) else MISSING

        return column

    def _find(self, name: Name, path: Path) -> int:
        matches = [place for place, header in enumerate(self._headers or ()) if name.means(header)]
        if len(matches) > 1:
            raise SelectProblem("AmbiguousFieldName", place=path.place)
        if matches:
            return matches[0]
        position = _POSITION.fullmatch(name.text)
        if position is None:
            raise SelectProblem("MissingHeaders", place=path.place)
        if int(position[1]) < 1:
            raise SelectProblem("InvalidColumnIndex", place=path.place)
        return int(position[1]) - 1

    def all(self, row: list[str]) -> Record:
        names = self._names
        while len(names) < len(row):
            names.append(f"_{len(names) + 1}")
        return names, row

    def all_of(self, path: Path) -> Callable[[Row], Record]:
        if path.steps or not _is_alias(path.root, self._alias):
            raise SelectProblem("ParseInvalidPathComponent", place=path.place, kind="STAR")
        return self.all


class Documents:
    """Rows are values of JSON, or rows of Parquet as dictionaries.

    `columns`: of a Parquet file, which the query may name and no others.
    """

    untyped = False

    def __init__(self, alias: Name | None, columns: Sequence[str] | None = None) -> None:
        self._alias = alias
        self._columns = columns

    def path(self, path: Path) -> Evaluate:
        steps = self._steps(path)
        if len(steps) == 1 and isinstance(steps[0], Name):
            return _member(steps[0], path)
        return _walk(steps, path) if steps else _same

    def _steps(self, path: Path) -> tuple[Step, ...]:
        """Those from the row on."""
        if _is_alias(path.root, self._alias) or (path.root.text == "_1" and self._columns is None):
            steps = path.steps
        else:
            steps = (path.root, *path.steps)
        if self._columns is not None and steps and isinstance(steps[0], Name):
            steps = (Name(self.column(steps[0], path), exact=True), *steps[1:])
        return steps

    def column(self, name: Name, path: Path) -> str:
        """The column of a Parquet file that a name means. Raises: SelectProblem."""
        columns = self._columns or ()
        matches = [column for column in columns if name.means(column)]
        if len(matches) > 1:
            raise SelectProblem("AmbiguousFieldName", place=path.place)
        if matches:
            return matches[0]
        position = _POSITION.fullmatch(name.text)
        if position is not None and 1 <= int(position[1]) <= len(columns):
            return columns[int(position[1]) - 1]
        code = "EvaluatorBindingDoesNotExist" if position is None else "InvalidColumnIndex"
        raise SelectProblem(code, place=path.place)

    def root_columns(self, path: Path) -> str | None:
        """The one column that a path reads; None for the whole row."""
        steps = self._steps(path)
        return steps[0].text if steps and isinstance(steps[0], Name) else None

    def all(self, row: Row) -> Record:
        if isinstance(row, dict):
            found = cast("dict[str, Value]", row)
            return list(found), list(found.values())
        return ([], []) if row is MISSING else (["_1"], [row])

    def all_of(self, path: Path) -> Callable[[Row], Record]:
        value = self.path(path)
        return lambda row: self.all(value(row))


def _member(name: Name, path: Path) -> Evaluate:
    text = name.text
    if name.exact:

        def exact(row: Row) -> Value:
            return (
                cast("dict[str, Value]", row).get(text, MISSING)
                if isinstance(row, dict)
                else MISSING
            )

        return exact
    lower = text.lower()

    def member(row: Row) -> Value:
        """Most records spell a name alike; only those that do not are searched."""
        if not isinstance(row, dict):
            return MISSING
        found = cast("dict[str, Value]", row)
        matches = [key for key in found if key == text or key.lower() == lower]
        if not matches:
            return MISSING
        if len(matches) > 1:
            raise SelectProblem("AmbiguousFieldName", place=path.place)
        return found[matches[0]]

    return member


def _same(row: Row) -> Value:
    return row


def _walk(steps: Sequence[Step], path: Path) -> Evaluate:
    """Wildcards give the list of what they match."""
    for number, step in enumerate(steps):
        if isinstance(step, Each):
            before = _walk(steps[:number], path) if number else _same
            behind = _walk(steps[number + 1 :], path) if number + 1 < len(steps) else _same
            return _each(before, step, behind)
    getters = [
        _member(step, path) if isinstance(step, Name) else _element(cast("Index", step))
        for step in steps
    ]

    def walk(row: Row) -> Value:
        for get in getters:
            row = get(row)
        return row

    return walk


def _element(step: Index) -> Evaluate:
    number = step.number

    def element(row: Row) -> Value:
        if not isinstance(row, list):
            return MISSING
        found = cast("list[Value]", row)
        return found[number] if number < len(found) else MISSING

    return element


def _each(before: Evaluate, step: Each, behind: Evaluate) -> Evaluate:
    def each(row: Row) -> Value:
        found = before(row)
        items = children(found, step)
        if items is None:
            return MISSING
        return [value for value in map(behind, items) if value is not MISSING]

    return each


def children(value: Value, step: Each) -> list[Value] | None:
    """What a wildcard stands for; None where it is not for such a value."""
    if step.fields:
        return list(cast("dict[str, Value]", value).values()) if isinstance(value, dict) else None
    return cast("list[Value]", value) if isinstance(value, list) else None


def rows_of(value: Value, steps: Sequence[Step]) -> list[Value]:
    """What FROM makes of one root value: one row at least, MISSING where nothing is found."""
    rows = [value]
    path = Path(Name(""), (), (1, 1))
    for step in steps:
        if isinstance(step, Each):
            rows = [child for row in rows for child in (children(row, step) or [MISSING])]
        else:
            get = _member(step, path) if isinstance(step, Name) else _element(step)
            rows = [get(row) for row in rows]
    return rows
