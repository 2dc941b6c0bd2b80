"""CSV in: text to rows.

Empty lines are no records. A carriage return before a line feed belongs to the end of the record.
AWS: S3 API Reference, "CSVInput".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pilvi.languages.select_sql.formats.limits import RECORD_CHARACTERS_MAX
from pilvi.languages.select_sql.formats.options import CsvInput
from pilvi.languages.select_sql.problems import SelectProblem


def rows(pieces: Iterable[str], how: CsvInput) -> Iterator[list[str]]:
    """All records, the header among them. Raises: SelectProblem."""
    reader = _Fields(how)
    found = _lines(pieces, how) if not (how.multiline and how.quote) else None
    if found is None:
        yield from reader.across(pieces)
        return
    quote, field, comments = how.quote, how.field, how.comments
    for line in found:
        if not line or (comments and line.startswith(comments)):
            continue
        if quote and quote in line:
            yield reader.of_line(line)
        else:
            yield line.split(field)


def _lines(pieces: Iterable[str], how: CsvInput) -> Iterator[str]:
    """Split at each delimiter, wherever it stands."""
    delimiter, strips = how.record, how.record == "\n"
    waiting = ""
    for piece in pieces:
        parts = (waiting + piece).split(delimiter)
        waiting = parts.pop()
        if len(waiting) > RECORD_CHARACTERS_MAX:
            raise SelectProblem("OverMaxRecordSize")
        for part in parts:
            if len(part) > RECORD_CHARACTERS_MAX:
                raise SelectProblem("OverMaxRecordSize")
            yield part[:-1] if strips and part.endswith("\r") else part
    if waiting:
        yield waiting[:-1] if strips and waiting.endswith("\r") else waiting


class _Fields:
    """One record taken apart. Text behind a closing quote belongs to the field as it is."""

    def __init__(self, how: CsvInput) -> None:
        self._how = how
        quote, escape = re.escape(how.quote), re.escape(how.escape)
        if not how.escape or how.escape == how.quote:
            body = f"[^{quote}]*+(?:{quote}{quote}[^{quote}]*+)*+"
            self._escaped = re.compile(f"{quote}({quote})")
        else:
            body = f"[^{quote}{escape}]*+(?:{escape}.[^{quote}{escape}]*+)*+"
            self._escaped = re.compile(f"{escape}([{quote}{escape}])")
        self._quoted = re.compile(f"{quote}({body}){quote}", re.DOTALL) if how.quote else None
        ends = re.escape(how.field[0]) + re.escape(how.record[0])
        self._plain = re.compile(f"[^{ends}]*+")

    def of_line(self, line: str) -> list[str]:
        """Raises: SelectProblem for a quote that the record does not close."""
        found: list[str] = []
        at = 0
        field, quoted = self._how.field, self._quoted
        assert quoted is not None
        while True:
            value = ""
            if line.startswith(self._how.quote, at):
                match = quoted.match(line, at)
                if match is None:
                    raise SelectProblem("CSVEscapingRecordDelimiter")
                value, at = self._escaped.sub(r"\1", match[1]), match.end()
            end = line.find(field, at)
            if end < 0:
                found.append(value + line[at:])
                return found
            found.append(value + line[at:end])
            at = end + len(field)

    def across(self, pieces: Iterable[str]) -> Iterator[list[str]]:
        """Records out of a buffer that grows until it holds one. Raises: SelectProblem."""
        source = iter(pieces)
        buffer, at, ended = "", 0, False
        while True:
            record = self._record(buffer, at, ended=ended)
            if record is not None:
                fields, behind = record
                if behind - at > RECORD_CHARACTERS_MAX + len(self._how.record):
                    raise SelectProblem("OverMaxRecordSize")
                at = behind
                if fields is not None:
                    yield fields
                continue
            if ended:
                if at < len(buffer):
                    raise SelectProblem("CSVParsingError")  # a quote that nothing closes
                return
            if len(buffer) - at > RECORD_CHARACTERS_MAX:
                raise SelectProblem("OverMaxRecordSize")
            wanted, parts = (
                max(len(buffer) - at, 1),
                [buffer[at:]],
            )  # twice as much, so that few tries are in vain
            while wanted > 0 and not ended:
                piece = next(source, None)
                ended = piece is None
                parts.append(piece or "")
                wanted -= len(piece or "")
            buffer, at = "".join(parts), 0

    def _record(self, text: str, at: int, *, ended: bool) -> tuple[list[str] | None, int] | None:
        """The fields and where the next record begins; None when the text ends too early. No fields: no record."""
        how, quoted = self._how, self._quoted
        assert quoted is not None
        if at >= len(text):
            return None
        if how.comments and text.startswith(how.comments, at):
            end = text.find(how.record, at)
            if end < 0:
                return (None, len(text)) if ended else None
            return None, end + len(how.record)
        found: list[str] = []
        while True:
            value, closed = "", False
            if text.startswith(how.quote, at):
                match = quoted.match(text, at)
                if match is None or (match.end() == len(text) and not ended):
                    return None
                value, at, closed = self._escaped.sub(r"\1", match[1]), match.end(), True
            begins = at
            while True:
                at = self._plain.match(text, at).end()  # pyright: ignore[reportOptionalMemberAccess] nothing matches too
                if at == len(text):
                    if not ended:
                        return None
                    return self._complete(found, value, text[begins:at], closed=closed), at
                if len(text) - at < max(len(how.field), len(how.record)) and not ended:
                    return None
                if text.startswith(how.record, at):
                    fields = self._complete(found, value, text[begins:at], closed=closed)
                    return fields, at + len(how.record)
                if text.startswith(how.field, at):
                    break
                at += 1
            found.append(value + text[begins:at])
            at += len(how.field)

    def _complete(
        self, found: list[str], value: str, tail: str, *, closed: bool
    ) -> list[str] | None:
        """`value`: what stood in quotes, `tail`: what did not. None for an empty line."""
        if self._how.record == "\n" and tail.endswith("\r"):
            tail = tail[:-1]
        if not found and not closed and not tail:
            return None
        found.append(value + tail)
        return found
