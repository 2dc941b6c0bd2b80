"""Patterns of TO_STRING and TO_TIMESTAMP: `MMMM d, y h:m a`, `y-MM-dd''T''H:m:ssX`.

AWS: S3 User Guide, "TO_STRING" of S3 Select.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import (
    DAY,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    Timestamp,
    zone_text,
)

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_PIECES = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'")
_LETTERS = "yMdahHmsSnXx"


@lru_cache(maxsize=64)
def _pieces(pattern: str) -> tuple[tuple[str, int, str], ...]:
    """(letter, how often, "") of fields and ("", 0, text) of what stands for itself. Raises: SelectProblem."""
    found: list[tuple[str, int, str]] = []
    for match in _PIECES.finditer(pattern):
        piece = match[0]
        if piece == "'":
            raise SelectProblem("EvaluatorUnterminatedTimestampFormatPatternToken")
        if piece[0] == "'":
            found.append(("", 0, piece[1:-1].replace("''", "'") or "'"))
        elif match[1] is None:
            found.append(("", 0, piece))
        else:
            _check(piece[0], len(piece))
            found.append((piece[0], len(piece), ""))
    return tuple(found)


_LONGEST = {
    "y": 4,
    "M": 5,
    "d": 2,
    "a": 1,
    "h": 2,
    "H": 2,
    "m": 2,
    "s": 2,
    "S": 9,
    "n": 1,
    "X": 5,
    "x": 5,
}


def _check(letter: str, count: int) -> None:
    if letter not in _LETTERS or count > _LONGEST[letter] or (letter == "y" and count == 3):
        raise SelectProblem("EvaluatorInvalidTimestampFormatPatternSymbol")


Write = Callable[[Timestamp], str]


@lru_cache(maxsize=64)
def writer(pattern: str) -> Write:
    """Raises: SelectProblem."""
    pieces = _pieces(pattern)

    def write(stamp: Timestamp) -> str:
        return "".join(
            text if not letter else _written(stamp, letter, count) for letter, count, text in pieces
        )

    return write


def _written(stamp: Timestamp, letter: str, count: int) -> str:
    at = stamp.at
    if letter == "y":
        return f"{at.year % 100:02}" if count == 2 else f"{at.year:0{count}}"
    if letter == "M":
        name = _MONTHS[at.month - 1]
        return {3: name[:3], 4: name, 5: name[:1]}.get(count) or f"{at.month:0{count}}"
    if letter == "a":
        return "AM" if at.hour < 12 else "PM"
    if letter == "h":
        return f"{(at.hour + 11) % 12 + 1:0{count}}"
    if letter == "S":
        return stamp.fraction[:count].ljust(count, "0")
    if letter == "n":
        return str(int(stamp.fraction[:9].ljust(9, "0")))
    if letter in "Xx":
        return zone_text(stamp.offset or 0, letter * count)
    number = {"d": at.day, "H": at.hour, "m": at.minute, "s": at.second}[letter]
    return f"{number:0{count}}"


Read = Callable[[str], "Timestamp | None"]
_FIELDS = {
    "y": "y",
    "M": "M",
    "d": "d",
    "a": "a",
    "h": "h",
    "H": "h",
    "m": "m",
    "s": "s",
    "S": "f",
    "n": "f",
    "X": "z",
    "x": "z",
}


@lru_cache(maxsize=64)
def reader(pattern: str) -> Read:
    """Raises: SelectProblem."""
    pieces = _pieces(pattern)
    fields = [_FIELDS[letter] for letter, _, _ in pieces if letter]
    if len(set(fields)) != len(fields):
        raise SelectProblem("EvaluatorTimestampFormatPatternDuplicateFields")
    letters = {letter for letter, _, _ in pieces}
    if ("a" in letters and "H" in letters) or ("h" in letters and "a" not in letters):
        raise SelectProblem("EvaluatorTimestampFormatPatternHourClockAmPmMismatch")
    order = "yMdhmsf"
    known = [field for field in order if field in fields]
    if "y" not in known or "".join(known) != order[: len(known)] or known[-1:] == ["h"]:
        raise SelectProblem("EvaluatorInvalidTimestampFormatPattern")
    expression = re.compile(
        "".join(
            re.escape(text) if not letter else _read_as(letter, count)
            for letter, count, text in pieces
        ),
        re.IGNORECASE | re.ASCII,
    )

    def read(text: str) -> Timestamp | None:
        match = expression.fullmatch(text)
        return None if match is None else _stamp(match.groupdict(), known)

    return read


def _read_as(letter: str, count: int) -> str:
    if letter == "M" and count >= 3:
        if count == 5:
            raise SelectProblem("EvaluatorInvalidTimestampFormatPatternSymbolForParsing")
        names = _MONTHS if count == 4 else [name[:3] for name in _MONTHS]
        return f"(?P<M>{'|'.join(names)})"
    if letter == "y":
        return r"(?P<y>\d{2})" if count == 2 else r"(?P<y>\d{4})"
    if letter == "a":
        return "(?P<a>AM|PM)"
    if letter in "Xx":
        zone = r"[+-]\d\d(?::?\d\d)?"
        return f"(?P<z>Z|{zone})" if letter == "X" else f"(?P<z>{zone})"
    if letter == "S":
        return rf"(?P<f>\d{{{count}}})"
    if letter == "n":
        return r"(?P<n>\d{1,9})"
    return rf"(?P<{_FIELDS[letter]}>\d{{{count},2}})"


def _stamp(found: dict[str, str | None], known: list[str]) -> Timestamp | None:
    def number(field: str, low: int) -> int:
        text = found.get(field)
        return low if text is None else int(text)

    year = number("y", 1)
    if len(found.get("y") or "") == 2:
        year += 2000 if year < 70 else 1900
    month = found.get("M") or "1"
    if month.isdigit():
        month_number = int(month)
    else:
        month_number = [name[:3].lower() for name in _MONTHS].index(month[:3].lower()) + 1
    hour = number("h", 0)
    if found.get("a"):
        hour = hour % 12 + (12 if str(found["a"]).upper() == "PM" else 0)
    fraction = found.get("f") or ""
    if found.get("n"):
        fraction = str(found["n"]).rjust(9, "0")
    zone = (found.get("z") or "").upper()
    offset = None
    if zone:
        digits = zone[1:].replace(":", "")
        minutes = 0 if zone == "Z" else int(digits[:2]) * 60 + int(digits[2:] or 0)
        offset = -minutes if zone[0] == "-" else minutes
    precision = {
        "y": YEAR,
        "M": MONTH,
        "d": DAY,
        "h": MINUTE,
        "m": MINUTE,
        "s": SECOND,
        "f": SECOND,
    }[known[-1]]
    try:
        at = datetime(year, month_number, number("d", 1), hour, number("m", 0), number("s", 0))  # noqa: DTZ001 local
    except ValueError:
        return None
    return Timestamp(at, precision, fraction, offset)
