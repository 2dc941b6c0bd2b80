"""Where the history of a table lies, and how its instants are written down.

Below the table's home, for each time that its history was switched on (its number):

    "H", number                                        -> head: the last instant
    "h", number, day, place of an item, instant        -> the item before the change; empty where there was none

A place is the part of an item's key below the table's items. Days are those of the instants, so what is too old goes
as a whole.

1. Instants of a table grow from change to change, whatever the clock does; those of one transaction have one time.
2. An entry tells what was there before the change at its instant. So the item as of an instant is in the first entry
   behind it, or, where there is none, is the item that is there now.
"""

from __future__ import annotations

from typing import NamedTuple

from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import pack

DAY_MS = 24 * 3600 * 1000
_TIME_BASE = 1 << 48
_NUMBER_BASE = 1 << 62
_TIME_KIND = b"\x1b"  # ints of seven and of eight bytes, in store.keys
_NUMBER_KIND = b"\x1c"
MARK_BYTES = 1 + 7 + 1 + 8
"""Every instant's part of a key is so long."""


class Instant(NamedTuple):
    """A moment in a table's history: all changes up to this one, and no later ones. `number`: counts the changes."""

    at_ms: int
    number: int

    @property
    def day(self) -> int:
        return self.at_ms // DAY_MS

    @property
    def mark(self) -> bytes:
        """Its part of a key; they sort as the instants do."""
        time = (self.at_ms | _TIME_BASE).to_bytes(7)
        return _TIME_KIND + time + _NUMBER_KIND + (self.number | _NUMBER_BASE).to_bytes(8)


NUMBER_MAX = _NUMBER_BASE - 1


def instant_of_mark(mark: bytes) -> Instant:
    time, number = mark[1:8], mark[9:]
    return Instant(int.from_bytes(time) - _TIME_BASE, int.from_bytes(number) - _NUMBER_BASE)


class Log:
    """The history of a compiled table that has one."""

    __slots__ = ("_head", "entries")

    def __init__(self, table: TableRecord) -> None:
        assert table.history is not None, table.name
        self._head = pack((*table.home, "H", table.history))
        self.entries = pack((*table.home, "h", table.history))
        """Below it lie the entries, by day."""

    def day(self, day: int) -> bytes:
        """What all entries of a day begin with."""
        return self.entries + pack((day,))

    def head(self, at: Snapshot) -> Instant:
        """The last instant that was given away; there is one from the beginning on."""
        value = at.get(self._head)
        assert value is not None, "a history has a head"
        return Instant(int.from_bytes(value[:8]), int.from_bytes(value[8:]))

    def put_head(self, tx: Transaction, head: Instant) -> None:
        tx.put(self._head, head.at_ms.to_bytes(8) + head.number.to_bytes(8))
