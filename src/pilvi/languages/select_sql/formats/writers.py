"""Records out: as CSV or as JSON.

AWS: S3 API Reference, "CSVOutput", "JSONOutput"; User Guide: MISSING is left out of JSON and empty in CSV.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from json.encoder import encode_basestring
from typing import cast

from pilvi.languages.select_sql.bindings import Record
from pilvi.languages.select_sql.formats.limits import RECORD_CHARACTERS_MAX
from pilvi.languages.select_sql.formats.options import CsvOutput, JsonOutput
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import MISSING, Value, number_text

Write = Callable[[Record], str]


def writer(how: CsvOutput | JsonOutput) -> Write:
    """The function raises: SelectProblem."""
    return _csv(how) if isinstance(how, CsvOutput) else _json(how)


def _csv(how: CsvOutput) -> Write:
    quote, escape = how.quote, how.escape or how.quote
    special = sorted({how.field, how.record, quote, "\n", "\r", escape} - {""})
    needed = re.compile("|".join(map(re.escape, special)))
    escaped = re.compile("|".join(map(re.escape, sorted({quote, escape}))))

    def quoted(text: str) -> str:
        return quote + escaped.sub(lambda found: escape + found[0], text) + quote

    def field(value: Value) -> str:
        text = value if value.__class__ is str else _plain(value)
        text = cast("str", text)
        if how.always or (quote and needed.search(text)):
            return quoted(text)
        return text

    specials = [character for character in special if character != how.field]

    def plain(values: Sequence[Value]) -> str | None:
        """All fields at once, where they are text that needs no quotes, as most are."""
        try:
            line = how.field.join(cast("Sequence[str]", values))
        except TypeError:
            return None
        if line.count(how.field) != len(values) - 1:
            return None
        return None if any(character in line for character in specials) else line

    def write(record: Record) -> str:
        found = None if how.always else plain(record[1])
        line = (how.field.join(map(field, record[1])) if found is None else found) + how.record
        if len(line) > RECORD_CHARACTERS_MAX + len(how.record):
            raise SelectProblem("OverMaxRecordSize")
        return line

    return write


def _plain(value: Value) -> str:
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return number_text(value)
    if isinstance(value, Timestamp):
        return str(value)
    raise SelectProblem("UnrecognizedFormatException")  # nested data is for JSON only


def _json(how: JsonOutput) -> Write:
    known: tuple[Sequence[str], list[str]] = ((), [])

    def labels(names: Sequence[str], count: int) -> list[str]:
        """Mostly those of the record before."""
        nonlocal known
        if names is not known[0] or len(known[1]) < count:
            known = (names, [f"{encode_basestring(name)}:" for name in names])
        return known[1]

    def write(record: Record) -> str:
        names, values = record
        parts = [
            label + (encode_basestring(value) if value.__class__ is str else _document(value))  # pyright: ignore[reportArgumentType]
            for label, value in zip(labels(names, len(values)), values, strict=False)
            if value is not MISSING
        ]
        line = f"{{{','.join(parts)}}}{how.record}"
        if len(line) > RECORD_CHARACTERS_MAX + len(how.record):
            raise SelectProblem("OverMaxRecordSize")
        return line

    return write


def _document(value: Value) -> str:
    if value is None or value is MISSING:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        finite = not isinstance(value, float) or math.isfinite(value)
        return (
            number_text(value) if finite else "null"
        )  # Parquet has numbers that JSON has no word for
    if isinstance(value, list):
        return f"[{','.join(map(_document, cast('list[Value]', value)))}]"
    if isinstance(value, dict):
        members = cast("dict[str, Value]", value).items()
        return (
            "{"
            + ",".join(f"{encode_basestring(name)}:{_document(one)}" for name, one in members)
            + "}"
        )
    assert isinstance(value, Timestamp), type(value)
    return f'"{value}"'
