"""A consistent view of the SQLite file through one cursor that is inside a transaction."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import apsw

from pilvi.store.api import SurveyTooLong
from pilvi.store.buffer import Pair
from pilvi.store.kept import kept_record

T = TypeVar("T")

_GET = "SELECT value FROM kv WHERE key = ?"
_HAS = "SELECT 1 FROM kv WHERE key = ?"
_SCAN = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
_SCAN_BACK = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?"
_KEYS = "SELECT key FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"

_CUT = (
    "coalesce(instr(substr({key}, :at, coalesce("
    "nullif(instr(substr({key}, :at), x'00'), 0), length({key}))), :by), 0)"
)
"""Where `by` begins, counted from `at`; 0 where it is not. The piece that is searched ends with the first zero."""
_LEAP = f"""
WITH RECURSIVE leap(key) AS (
    SELECT (SELECT key FROM kv WHERE key >= :start AND key < :end ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (
        SELECT next.key FROM kv AS next
        WHERE next.key >= CASE {_CUT.format(key="leap.key")}
            WHEN 0 THEN CAST(leap.key || x'00' AS BLOB)
            ELSE CAST(
                substr(leap.key, 1, :at - 2 + :size + {_CUT.format(key="leap.key")}) || x'ff' AS BLOB)
            END
        AND next.key < :end ORDER BY next.key LIMIT 1
    ) FROM leap WHERE leap.key IS NOT NULL LIMIT :limit
)
SELECT key, {_CUT.format(key="leap.key")} AS cut,
    CASE {_CUT.format(key="leap.key")}
        WHEN 0 THEN (SELECT value FROM kv AS found WHERE found.key = leap.key) END
FROM leap WHERE key IS NOT NULL
"""

_PAGE_FIRST, _PAGE_MAX = 16, 128
"""Rows that a scan reads at once: it grows, and no statement stays open between two pages."""


class View:
    """A consistent view through one cursor, until the body it was made for has ended."""

    __slots__ = ("_cursor", "_remembered")

    def __init__(self, cursor: apsw.Cursor, remembered: dict[bytes, Any] | None = None) -> None:
        """`remembered`: what kept records are in this view, as far as they are known; the view adds to them."""
        self._cursor: apsw.Cursor | None = cursor
        self._remembered = remembered

    def get(self, key: bytes) -> bytes | None:
        assert self._cursor is not None, "a snapshot ends with its body"
        rows = cast("list[tuple[bytes]]", self._cursor.execute(_GET, (key,)).fetchall())
        return rows[0][0] if rows else None

    def has(self, key: bytes) -> bool:
        assert self._cursor is not None, "a snapshot ends with its body"
        return self._cursor.execute(_HAS, (key,)).fetchone() is not None

    def get_kept(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        return kept_record(self, self._remembered, key, decode)

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Pair]:
        statement = _SCAN_BACK if reverse else _SCAN
        left = limit
        page = _PAGE_FIRST
        while start < end and left != 0:
            assert self._cursor is not None, "a snapshot ends with its body"
            count = page if left is None else min(page, left)
            found = self._cursor.execute(statement, (start, end, count)).fetchall()
            rows = cast("list[Pair]", found)
            yield from rows
            if len(rows) < count:
                return
            if left is not None:
                left -= count
            if reverse:
                end = rows[-1][0]
            else:
                start = rows[-1][0] + b"\x00"
            page = min(page * 2, _PAGE_MAX)

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """One statement, which goes from key to key inside the database."""
        if start >= end or limit <= 0:
            return
        assert self._cursor is not None, "a snapshot ends with its body"
        asked = {"start": start, "end": end, "at": at + 1, "by": by, "size": len(by)}
        found = self._cursor.execute(_LEAP, {**asked, "limit": limit}).fetchall()
        for key, cut, value in cast("list[tuple[bytes, int, bytes | None]]", found):
            if cut:
                yield key[: at + cut - 1 + len(by)], None
            else:
                yield key, value

    def end(self) -> None:
        self._cursor = None


SURVEY_PAUSE_S = 0.001
SURVEY_LOG_BYTES_MAX = 1024**3
"""While a snapshot is kept, the write-ahead log cannot begin anew: at this size the survey gives way."""
_KEYS_PAGE = 512


class SurveyView(View):
    """A view of a connection of its own, for long looks (`api.Survey`)."""

    __slots__ = ("_log_bytes",)

    def __init__(self, cursor: apsw.Cursor, log_bytes: Callable[[], int]) -> None:
        super().__init__(cursor)
        self._log_bytes = log_bytes

    def keys(self, start: bytes, end: bytes) -> Iterator[bytes]:
        while start < end:
            assert self._cursor is not None, "a snapshot ends with its body"
            found = self._cursor.execute(_KEYS, (start, end, _KEYS_PAGE)).fetchall()
            rows = cast("list[tuple[bytes]]", found)
            for (key,) in rows:
                yield key
            if len(rows) < _KEYS_PAGE:
                return
            start = rows[-1][0] + b"\x00"

    def pause(self) -> None:
        time.sleep(SURVEY_PAUSE_S)
        if self._log_bytes() > SURVEY_LOG_BYTES_MAX:
            raise SurveyTooLong(f"more than {SURVEY_LOG_BYTES_MAX} bytes were written meanwhile")
