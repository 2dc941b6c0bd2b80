"""From a line to an item: CSV and DynamoDB JSON. `ion.py` does the same for Ion.

AWS: DynamoDB Developer Guide, "Amazon S3 import formats for DynamoDB".
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import cast

import orjson

from pilvi.services.dynamodb.transfers import limits
from pilvi.services.dynamodb.values import Item

csv.field_size_limit(max(csv.field_size_limit(), limits.LINE_BYTES_MAX))


class BadItem(Exception):
    """Why a line is no item."""


def of_json(line: bytes) -> Item:
    """`{"Item": {...}}`, with the values as DynamoDB's API has them. Raises: BadItem."""
    try:
        outer: object = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        raise BadItem(f"The line is not JSON: {problem}") from None
    if not isinstance(outer, dict) or list(cast("dict[str, object]", outer)) != ["Item"]:
        raise BadItem('The line is not in the DYNAMODB_JSON format: {"Item": {...}}')
    item = cast("dict[str, object]", outer)["Item"]
    if not isinstance(item, dict):
        raise BadItem('The line is not in the DYNAMODB_JSON format: {"Item": {...}}')
    return cast("Item", item)


# --- CSV


def row_of(line: bytes, delimiter: str) -> list[str]:
    """Raises: BadItem."""
    try:
        rows = list(csv.reader([line.decode()], delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError) as problem:
        raise BadItem(f"The line is not CSV: {problem}") from None
    return rows[0] if rows else []


def header_of(line: bytes, delimiter: str) -> tuple[str, ...]:
    """The attributes that a first line names. Raises: BadItem."""
    names = row_of(line, delimiter)
    if not all(names) or len(set(names)) < len(names):
        raise BadItem("The header of the CSV names no attribute, or one more than once")
    return tuple(names)


def of_csv(line: bytes, delimiter: str, header: Sequence[str], types: Mapping[str, str]) -> Item:
    """`types`: of the attributes that are keys; all others are strings. Raises: BadItem."""
    row = row_of(line, delimiter)
    if len(row) != len(header):
        raise BadItem(
            f"The line has {len(row)} values where the header has {len(header)} attributes"
        )
    return {name: {types.get(name, "S"): text} for name, text in zip(header, row, strict=True)}
