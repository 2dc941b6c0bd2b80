"""What becomes of a table, while UpdateTable is decided upon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.wire import OnDemandThroughput


@dataclass(slots=True)
class Change:
    """What becomes of a table (`table`), and how the answer tells of it: `shown`, with `status`.

    `updating`: the indexes that are told to be. `warming`: those whose warm throughput is, None for the table's.
    `maxima`: what is told of those of on-demand mode, with the ones that were cleared.
    """

    table: TableRecord
    shown: TableRecord
    status: str | None = None
    updating: set[str] = field(default_factory=set[str])
    warming: set[str | None] = field(default_factory=set[str | None])
    maxima: OnDemandThroughput | None = None
    switched: bool = False
    """Whether the billing mode changes."""

    def set(self, **members: Any) -> None:
        """Members of the table's record."""
        self.table = msgspec.structs.replace(self.table, **members)

    def set_index(self, name: str, **members: Any) -> None:
        """Members of one index's record."""
        indexes = tuple(
            msgspec.structs.replace(index, **members) if index.name == name else index
            for index in self.table.indexes
        )
        self.set(indexes=indexes)
