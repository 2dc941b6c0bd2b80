"""The process of one query: reads the plan, bounds itself, sends records.

It has no files and no network: it gets the object's bytes from the server, by asking for them. What it may use is
bounded by the kernel: memory, processor time, no files written.
"""

from __future__ import annotations

import json
import os
import resource
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from pilvi.compute.queries import frames
from pilvi.compute.queries.plan import Plan
from pilvi.languages.select_sql.bindings import Binding, Columns, Documents, Row
from pilvi.languages.select_sql.formats import csv_reader, json_reader
from pilvi.languages.select_sql.formats.options import CsvInput, JsonInput
from pilvi.languages.select_sql.formats.text import decoded, decompressed, within
from pilvi.languages.select_sql.formats.writers import writer
from pilvi.languages.select_sql.parser import parse
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.running import Running
from pilvi.languages.select_sql.syntax import Query
from pilvi.languages.select_sql.timestamps import Timestamp

_TAKEN_BYTES = 256 * 1024
_SENT_CHARACTERS = 64 * 1024
_TOLD_S = 0.5
_HEADER_BYTES = 64 * 1024
_FILES_MAX = 32
_NICENESS = 5


class Link:
    """Both pipes, and what has passed."""

    def __init__(self) -> None:
        self.scanned = self.processed = self.returned = 0
        self._pending: list[str] = []
        self._pending_size = 0
        self._told_at = time.monotonic()
        self._reading = threading.Lock()
        self._out = os.dup(1)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(
            silent, 1
        )  # libraries that print (DuckDB shows progress) must not speak between frames
        os.close(silent)

    def take_exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            piece = os.read(0, min(size, _TAKEN_BYTES))
            if not piece:
                raise BrokenPipeError
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)

    def send(self, kind: bytes, payload: bytes) -> None:
        data = memoryview(frames.HEAD.pack(kind, len(payload)) + payload)
        while data:
            data = data[os.write(self._out, data) :]

    def send_json(self, kind: bytes, value: dict[str, Any]) -> None:
        self.send(kind, json.dumps(value).encode())

    def read(self, start: int, end: int) -> bytes:
        with self._reading:
            self.send_json(frames.READ, {"start": start, "end": end})
            data = self.take_exactly(end - start)
        self.scanned += len(data)
        self.processed += len(data)
        self.tell()
        return data

    def follow(self, start: int, end: int) -> Iterator[bytes]:
        """All between, as it comes."""
        self.send_json(frames.FOLLOW, {"start": start, "end": end})
        while piece := os.read(0, _TAKEN_BYTES):
            self.scanned += len(piece)
            self.tell()
            yield piece

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pieces as they are once decompressed."""
        for piece in pieces:
            self.processed += len(piece)
            yield piece

    def put(self, record: str) -> None:
        self._pending.append(record)
        self._pending_size += len(record)
        if self._pending_size >= _SENT_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            payload = "".join(self._pending).encode()
            self._pending.clear()
            self._pending_size = 0
            self.returned += len(payload)
            self.send(frames.RECORDS, payload)

    def tell(self) -> None:
        """Now and then: what there is, and how far it came."""
        now = time.monotonic()
        if now - self._told_at >= _TOLD_S:
            self._told_at = now
            self.flush()
            self.send_json(frames.STATISTICS, self.statistics())

    def statistics(self) -> dict[str, int]:
        return {"scanned": self.scanned, "processed": self.processed, "returned": self.returned}


def main() -> None:
    link = Link()
    try:
        plan = Plan.load(link.take_exactly(*frames.LENGTH.unpack(link.take_exactly(4))))
        _bound(plan)
        try:
            run(plan, link)
            link.flush()
            link.send_json(frames.DONE, link.statistics())
        except SelectProblem as problem:
            link.flush()
            link.send_json(frames.PROBLEM, {"code": problem.code, "text": problem.text})
        except (MemoryError, RecursionError):
            problem = SelectProblem("ExternalEvalException")
            link.send_json(frames.PROBLEM, {"code": problem.code, "text": problem.text})
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception:  # noqa: BLE001 the server logs it
        link.send(frames.BROKEN, traceback.format_exc().encode()[-frames.RECORDS_BYTES_MAX :])
    os._exit(0)


def _bound(plan: Plan) -> None:
    os.nice(_NICENESS)
    for kind, limit in (
        (resource.RLIMIT_AS, plan.limits.memory_bytes),
        (resource.RLIMIT_CPU, plan.limits.processor_s),
        (resource.RLIMIT_NOFILE, _FILES_MAX),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (soft, hard if kind == resource.RLIMIT_CPU else soft))


def run(plan: Plan, link: Link) -> None:
    """Raises: SelectProblem."""
    query = parse(plan.expression)
    now = Timestamp.at_ms(plan.now_ms)
    binding, rows = _rows(plan, query, link)
    write = writer(plan.output)
    for record in Running(query, binding, now).records(rows):
        link.put(write(record))


def _rows(plan: Plan, query: Query, link: Link) -> tuple[Binding, Iterable[Row]]:
    if isinstance(plan.input, CsvInput):
        if query.source:
            raise SelectProblem("InvalidDataSource")
        return _csv(plan, plan.input, query, link)
    if isinstance(plan.input, JsonInput):
        text = _text(plan, link, "\n")
        read = json_reader.lines if plan.input.lines else json_reader.document
        return Documents(query.alias), read(text, query.source)
    if query.source:
        raise SelectProblem("InvalidDataSource")
    from pilvi.compute.queries.parquet import Table  # it is large, and only these need it

    table = Table(plan.size, link.read, plan.limits.memory_bytes // 2)
    documents = Documents(query.alias, table.columns)
    return documents, table.rows(query, documents, plan.scan)


def _text(plan: Plan, link: Link, delimiter: str) -> Iterator[str]:
    if plan.scan is None:
        pieces = decompressed(link.follow(0, plan.size), plan.compression)
        return decoded(link.counted(pieces))
    start, last = plan.scan
    separator = delimiter.encode()
    begins = max(start - len(separator), 0)
    pieces = within(link.follow(begins, plan.size), begins, start, last, separator)
    return decoded(link.counted(pieces), starts=start == 0)


def _csv(plan: Plan, how: CsvInput, query: Query, link: Link) -> tuple[Binding, Iterable[Row]]:
    headers: list[str] | None = None
    elsewhere = plan.scan is not None and plan.scan[0] > 0
    if elsewhere and how.header == "USE":
        headers = _header(plan, how, link)
    rows: Iterator[list[str]] = csv_reader.rows(_text(plan, link, how.record), how)
    if how.header != "NONE" and not elsewhere:
        first = next(rows, None)
        if how.header == "USE":
            headers = first
        if first is None:
            return Columns(None, query.alias), ()
    if headers is None:
        return Columns(None, query.alias), rows
    return Columns(headers, query.alias), rows


def _header(plan: Plan, how: CsvInput, link: Link) -> list[str] | None:
    """The first record, where the scan range begins behind it."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, plan.size, _HEADER_BYTES):
            yield link.read(start, min(start + _HEADER_BYTES, plan.size))

    return next(csv_reader.rows(decoded(pieces()), how), None)
