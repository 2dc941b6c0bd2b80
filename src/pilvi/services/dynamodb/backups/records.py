"""What backups and restores store.

1. The items of a backup on demand lie below its own home. Those of a deleted table stay where they were: its backup
   holds the table (`history/`).
2. While a backup on demand is CREATING, or a restore to a point in time is under way, it holds the table, so that
   what it reads of it page by page is of one instant.
"""

from __future__ import annotations

import uuid
from typing import Literal

import msgspec

from pilvi.services.dynamodb.changelog import Instant
from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, pack

BackupKind = Literal["USER", "SYSTEM"]


class BackupRecord(msgspec.Struct, frozen=True):
    """A backup of `table`, which is the table's record of that time. `id`: the end of its ARN; begins with its time.

    `at_ms`, `number`: the instant of the table. `behind`: the place up to which items have been copied already.
    """

    id: str
    name: str
    kind: BackupKind
    table: TableRecord
    table_name: str
    created_at_ms: int
    at_ms: int
    number: int
    creating: bool
    data_id: str = ""
    behind: bytes | None = None
    items: int = 0
    size_bytes: int = 0
    expires_at_ms: int | None = None

    @property
    def arn(self) -> str:
        return f"{self.table.arn}/backup/{self.id}"

    @property
    def instant(self) -> Instant:
        return Instant(self.at_ms, self.number)

    @property
    def home(self) -> Key:
        """Below it lie the items of a backup on demand, by their places in the table."""
        table = self.table
        return (table.account, table.region, "dynamodb", uuid.UUID(self.data_id).bytes)

    @property
    def items_home(self) -> bytes:
        return pack((*self.home, "i"))

    @property
    def reader(self) -> str:
        """As whom it holds the table."""
        return f"backup/{self.id}"


class RestoreRecord(msgspec.Struct, frozen=True):
    """A restore under way into the table `target`: of a backup on demand, or else of `source` as of an instant."""

    target_id: str
    target: str
    source: TableRecord
    at_ms: int
    number: int
    backup: BackupRecord | None = None
    behind: bytes | None = None

    @property
    def instant(self) -> Instant:
        return Instant(self.at_ms, self.number)

    @property
    def reader(self) -> str:
        return f"restore/{self.target_id}"


backups = Collection(
    "dynamodb.backup", BackupRecord, key=lambda backup: (backup.table_name, backup.id)
)
"""Home: the scope."""

restores = Collection("dynamodb.restore", RestoreRecord, key=lambda restore: (restore.target_id,))
"""Home: the scope. Those under way."""
