"""The write-ahead log of the embedded engine, and the room that deletes leave: what is given back, and when.

All of this is done while the write lock is held and nothing else uses the writing connection.
"""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

from collections.abc import Callable

import apsw

from pilvi.store import sqlite_file

CHECKPOINT_PAGES = 4_096
"""Pages in the log (4 KiB each) that call for a checkpoint."""


class WriteAheadLog:
    """`commits`: those that have changed something. `spare`: whether pages are free that could be given back."""

    def __init__(
        self, writer: apsw.Connection, *, empty: bool, failed: Callable[[Exception], None]
    ) -> None:
        """`failed` is told what went wrong; nothing is raised."""
        self.commits = 0
        self.spare = False
        self._writer = writer
        self._failed = failed
        self._pages = 0 if empty else CHECKPOINT_PAGES
        self._checkpoint_at = CHECKPOINT_PAGES
        writer.set_wal_hook(self._note)

    def _note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        self.commits += 1
        return apsw.SQLITE_OK

    @property
    def is_long(self) -> bool:
        """Whether it calls for a checkpoint."""
        return self._pages >= self._checkpoint_at

    @property
    def is_tidy(self) -> bool:
        return not self._pages and not self.spare

    def checkpoint(self) -> None:
        """Copy the log into the database. No writer is active, so unless a reader lags behind, the next
        one begins the log anew."""
        try:
            total, copied = self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            total, copied = self._pages, 0
        except apsw.Error as error:
            self._failed(error)
            return
        self._checkpoint_at = CHECKPOINT_PAGES + max(0, total - copied)
        if copied == total and sqlite_file.spare_pages(self._writer) > CHECKPOINT_PAGES:
            self._shrink()  # a store that is never idle

    def tidy(self) -> None:
        self._shrink()
        self.truncate()

    def _shrink(self) -> None:
        """One step; `spare` tells whether another is due."""
        try:
            sqlite_file.shrink(self._writer)
            self.spare = sqlite_file.spare_pages(self._writer) > 0
        except apsw.Error as error:  # a full disk, say: it is tried again at the next idle time
            self.spare = False
            self._failed(error)

    def truncate(self) -> None:
        """Empty the log; when someone reads just now, at the next time."""
        try:
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return
        except apsw.Error as error:
            self._failed(error)
            return
        self._pages = 0
        self._checkpoint_at = CHECKPOINT_PAGES
