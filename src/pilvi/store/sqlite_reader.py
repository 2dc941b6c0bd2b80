"""Reading from the SQLite file: the snapshot that the reads of one turn of the loop share, and long looks beside it.

Beginning and ending a snapshot costs as much as reading a record. So the reads of one turn share one, and yet each sees
all that was acknowledged before it was asked for: whoever learns that something was committed, by a future, a socket or
another process, goes on in a later turn; and what ends the snapshot was put in the queue when it began, in front of
them. Kept records, which a process may know of without waiting (`kept.py`), are no older than the snapshot: when they
have changed, it is begun anew.
"""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw

from pilvi.store import sqlite_file
from pilvi.store.api import Snapshot, StoreUnavailable, Survey
from pilvi.store.kept import Remembered
from pilvi.store.sqlite_view import SurveyView, View

T = TypeVar("T")


class Reader:
    """A connection of its own. Used on one event loop; `survey` in any thread."""

    def __init__(self, path: Path, remembered: Remembered) -> None:
        self._path = path
        self._connection = sqlite_file.open_reader(path)
        self._cursor = self._connection.cursor()
        self._remembered = remembered
        self._open = False
        self._known: dict[bytes, Any] | None = None
        """What was remembered when the snapshot began."""

    def read(self, body: Callable[[Snapshot], T]) -> T:
        """Raises: StoreUnavailable, and whatever `body` raises."""
        known = self._remembered.now()
        try:
            if not self._open or known is not self._known:
                self._begin(known)
            result = self._look(body, known)
            if known is None or self._remembered.now() is known:
                return result
            # The snapshot may be younger than what was remembered.
            self._begin(None)
            return self._look(body, None)
        except apsw.Error as error:
            self._end()
            raise StoreUnavailable(reason=str(error)) from error

    def survey(self, body: Callable[[Survey], T]) -> T:
        """A snapshot that may last, through a connection of its own. Raises: as `read`; SurveyTooLong."""
        try:
            connection = sqlite_file.open_reader(self._path)
            try:
                connection.execute("BEGIN")
                view = SurveyView(connection.cursor(), lambda: sqlite_file.log_size(self._path))
                try:
                    return body(view)
                finally:
                    view.end()
            finally:
                connection.close()
        except apsw.Error as error:
            raise StoreUnavailable(reason=str(error)) from error

    def close(self) -> None:
        self._end()
        self._connection.close()

    def _look(self, body: Callable[[Snapshot], T], known: dict[bytes, Any] | None) -> T:
        view = View(self._cursor, known)
        try:
            return body(view)
        finally:
            view.end()

    def _begin(self, known: dict[bytes, Any] | None) -> None:
        if self._open:
            self._end()
        else:
            asyncio.get_running_loop().call_soon(self._end)
        self._cursor.execute("BEGIN")
        self._open = True
        self._known = known

    def _end(self) -> None:
        self._open = False
        if self._connection.in_transaction:
            self._cursor.execute("END")
