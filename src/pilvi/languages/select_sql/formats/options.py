"""How an object is written, and how records are to be. It imports nothing, because the server starts with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CsvInput:
    """`quote`, `comments`: "" for none. `header`: NONE, USE or IGNORE. `multiline`: quoted fields may hold record
    delimiters."""

    header: str = "NONE"
    field: str = ","
    record: str = "\n"
    quote: str = '"'
    escape: str = '"'
    comments: str = "#"
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class JsonInput:
    lines: bool


@dataclass(frozen=True, slots=True)
class ParquetInput:
    """There is nothing to say of it."""


@dataclass(frozen=True, slots=True)
class CsvOutput:
    """`always`: quote each field."""

    always: bool = False
    field: str = ","
    record: str = "\n"
    quote: str = '"'
    escape: str = '"'


@dataclass(frozen=True, slots=True)
class JsonOutput:
    record: str = "\n"
