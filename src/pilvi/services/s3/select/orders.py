"""What a request for SelectObjectContent wants: checked, in the words of `compute/queries`.

AWS: S3 API Reference, "SelectObjectContent", "CSVInput", "CSVOutput", "ScanRange".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pilvi.compute.queries.plan import Limits, Plan
from pilvi.languages.select_sql.formats.options import (
    CsvInput,
    CsvOutput,
    JsonInput,
    JsonOutput,
    ParquetInput,
)
from pilvi.services.s3.rules import requests
from pilvi.services.s3.select import errors

EXPRESSION_BYTES_MAX = 256 * 1024
LIMITS = Limits(memory_bytes=2 * 1024**3, processor_s=3600)
"""Of one query. What lies in memory is far less: a record, and one row group of a Parquet object."""

_BODY = frozenset({"Expression", "ExpressionType", "InputSerialization", "OutputSerialization"})

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """`scan`: first and last byte as they were given."""

    expression: str
    input: CsvInput | JsonInput | ParquetInput
    output: CsvOutput | JsonOutput
    compression: str
    scan: tuple[int | None, int | None] | None
    progress: bool

    def plan(self, size: int, now_ms: int) -> Plan:
        """For an object of that size. Raises: InvalidScanRange."""
        return Plan(
            self.expression,
            self.input,
            self.output,
            size,
            now_ms,
            LIMITS,
            self.compression,
            None if self.scan is None else _scanned(*self.scan, size),
        )


def ordered(req: Given) -> Order:
    """Raises: errors of this folder."""
    if requests.has_none(req, _BODY):
        raise errors.EmptyRequestBody()
    expression = _required(req, "Expression", "Expression")
    if _required(req, "ExpressionType", "ExpressionType") != "SQL":
        raise errors.InvalidExpressionType()
    if len(expression.encode()) > EXPRESSION_BYTES_MAX:
        raise errors.ExpressionTooLong()
    source = _required(req, "InputSerialization", "InputSerialization")
    target = _required(req, "OutputSerialization", "OutputSerialization")
    read = _input(source)
    compression = source.get("CompressionType", "NONE")
    if compression not in ("NONE", "GZIP", "BZIP2"):
        raise errors.InvalidCompressionFormat()
    if isinstance(read, ParquetInput) and compression != "NONE":
        raise errors.InvalidCompressionFormat()
    progress: Given = req.get("RequestProgress") or {}
    scan: Given | None = req.get("ScanRange")
    if scan is not None:
        whole_records = isinstance(read, ParquetInput)
        whole_records = whole_records or (isinstance(read, CsvInput) and not read.multiline)
        whole_records = whole_records or (isinstance(read, JsonInput) and read.lines)
        if not whole_records or compression != "NONE":
            raise errors.UnsupportedScanRangeInput()
    return Order(
        expression,
        read,
        _output(target),
        compression,
        None if scan is None else (scan.get("Start"), scan.get("End")),
        bool(progress.get("Enabled", False)),
    )


def _required(given: Given, name: str, parameter: str) -> Any:
    value = given.get(name)
    if value is None or value == "":
        raise errors.MissingRequiredParameter(parameter=parameter)
    return value


def _input(given: Given) -> CsvInput | JsonInput | ParquetInput:
    kinds = [name for name in ("CSV", "JSON", "Parquet") if given.get(name) is not None]
    if len(kinds) > 1:
        raise errors.ObjectSerializationConflict(parameter="InputSerialization")
    if not kinds:
        raise errors.InvalidDataSource()
    if kinds == ["Parquet"]:
        return ParquetInput()
    how = cast("Given", given[kinds[0]])
    if kinds == ["JSON"]:
        form = _required(how, "Type", "JSON Type")
        if form.upper() not in ("DOCUMENT", "LINES"):
            raise errors.InvalidJsonType()
        return JsonInput(lines=form.upper() == "LINES")
    header = how.get("FileHeaderInfo", "NONE")
    if header.upper() not in ("NONE", "USE", "IGNORE"):
        raise errors.InvalidFileHeaderInfo()
    return CsvInput(
        header=header.upper(),
        comments=_characters(how, "Comments", "#", 1, may_lack=True),
        multiline=bool(how.get("AllowQuotedRecordDelimiter", False)),
        **_delimiters(how, "CSV"),
    )


def _output(given: Given) -> CsvOutput | JsonOutput:
    kinds = [name for name in ("CSV", "JSON") if given.get(name) is not None]
    if len(kinds) > 1:
        raise errors.ObjectSerializationConflict(parameter="OutputSerialization")
    if not kinds:
        raise errors.MissingRequiredParameter(parameter="OutputSerialization")
    how = cast("Given", given[kinds[0]])
    if kinds == ["JSON"]:
        return JsonOutput(_characters(how, "RecordDelimiter", "\n", 2))
    quoting = how.get("QuoteFields", "ASNEEDED")
    if quoting.upper() not in ("ALWAYS", "ASNEEDED"):
        raise errors.InvalidQuoteFields()
    return CsvOutput(always=quoting.upper() == "ALWAYS", **_delimiters(how, "CSV"))


def _delimiters(how: Given, parameter: str) -> dict[str, str]:
    found = {
        "field": _characters(how, "FieldDelimiter", ",", 1),
        "record": _characters(how, "RecordDelimiter", "\n", 2),
        "quote": _characters(how, "QuoteCharacter", '"', 1, may_lack=True),
        "escape": _characters(how, "QuoteEscapeCharacter", '"', 1, may_lack=True),
    }
    apart = [found["field"], found["record"], found["quote"]]
    if len(set(apart)) != len(apart) or found["field"] in found["record"]:
        raise errors.InvalidRequestParameter(parameter=parameter)
    return found


def _characters(how: Given, name: str, default: str, most: int, *, may_lack: bool = False) -> str:
    value: str = how.get(name, default)
    if not value and not may_lack:
        raise errors.MissingRequiredParameter(parameter=name)
    if len(value) > most:
        raise errors.InvalidRequestParameter(parameter=name)
    return value


def _scanned(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    """First and last byte where records may begin. An end alone counts from the object's end."""
    if start is None and end is None:
        raise errors.InvalidScanRange()
    if (start or 0) < 0 or (end or 0) < 0:
        raise errors.InvalidScanRange()
    if start is None:
        assert end is not None
        return max(size - end, 0), size - 1
    last = size - 1 if end is None else min(end, size - 1)
    if (end is not None and start > end) or (start >= size and start > 0):
        raise errors.InvalidScanRange()
    return start, last
