"""What DynamoDB stores besides items: tables, their tags, the tokens of transactions.

Items and index entries are below their table's home, laid out as `keys.py` says.
"""

from __future__ import annotations

import uuid
from typing import Literal

import msgspec

from pilvi.base.arn import Scope
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

IndexStatus = Literal["CREATING", "ACTIVE", "DELETING"]
BillingMode = Literal["PROVISIONED", "PAY_PER_REQUEST"]
TableStatus = Literal["CREATING", "ACTIVE", "DELETING"]


class Throughput(msgspec.Struct, frozen=True):
    """Provisioned units; zeros for on-demand tables. `decreases`: how many there were on the day of the last one."""

    read_units: int = 0
    write_units: int = 0
    increased_at_ms: int | None = None
    decreased_at_ms: int | None = None
    decreases: int = 0


class Units(msgspec.Struct, frozen=True):
    """Units a second of reading and of writing. In the maxima of on-demand mode, 0 is for none."""

    read: int
    write: int


class IndexRecord(msgspec.Struct, frozen=True):
    """A secondary index. `number` is unique within the table, and no index ever gets one that was used before.

    `included`: the NonKeyAttributes of an INCLUDE projection. `more_hash_keys`, `more_range_keys`: what follows the
    first attribute of each kind, in global indexes whose keys have several. `backfilling`: of an index that UpdateTable
    made, whether a job fills it; a CREATING one that is not yet being filled keeps its table UPDATING. `maxima`: of
    on-demand mode. `warm`: the most that it could ever serve at once, as far as it was noted.
    """

    name: str
    number: int
    local: bool
    hash_key: str
    range_key: str | None
    projection: Literal["ALL", "KEYS_ONLY", "INCLUDE"]
    included: tuple[str, ...] = ()
    status: IndexStatus = "ACTIVE"
    throughput: Throughput = Throughput()
    more_hash_keys: tuple[str, ...] = ()
    more_range_keys: tuple[str, ...] = ()
    backfilling: bool = False
    maxima: Units | None = None
    warm: Units = Units(0, 0)

    @property
    def hash_keys(self) -> tuple[str, ...]:
        return (self.hash_key, *self.more_hash_keys)

    @property
    def range_keys(self) -> tuple[str, ...]:
        return () if self.range_key is None else (self.range_key, *self.more_range_keys)


class LiveStream(msgspec.Struct, frozen=True):
    """What writing an item must know of the table's stream; the rest is `streams.records.StreamRecord`."""

    label: str
    id: str
    view: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
    lanes: int


class Restored(msgspec.Struct, frozen=True):
    """What a restored table was made of: the table as of a time, or a backup of it."""

    at_ms: int
    table_arn: str
    backup_arn: str | None = None


class TableRecord(msgspec.Struct, frozen=True):
    """A table. Its data lies under `id`, so a later table of the same name never meets it.

    `types`: of the key attributes of table and indexes, "S", "N" or "B". `time_to_live`: the attribute
    with an item's expiry in seconds, or None. `time_to_live_number`: how often it was switched on;
    expiries are ordered under it, so that what is being cleared away is never what is in use. `latest_stream`: the
    label of the stream that the table has or had last. `status`: CREATING while a job fills the table (an import, a
    restore, a replica's filling); until then no request reads or writes its items. `history`: the number of its
    history, where one is kept (`history/`); `histories_made`: how often it was switched on. `group`: the id of the
    global table that it is a replica of (`replicas/`); DELETING until the other regions have all its changes.
    `maxima` and `warm`: as an index's. `class_changed_at_ms`, `on_demand_at_ms`: when the table class was last
    changed, and the table last switched to on-demand mode, as far as later changes are limited by it.
    """

    name: str
    id: str
    account: str
    region: str
    partition: str
    created_at_ms: int
    types: dict[str, str]
    hash_key: str
    range_key: str | None
    billing_mode: BillingMode
    throughput: Throughput
    on_demand_since_ms: int | None = None
    indexes: tuple[IndexRecord, ...] = ()
    indexes_made: int = 0
    deletion_protection: bool = False
    table_class: str | None = None
    time_to_live: str | None = None
    time_to_live_number: int = 0
    stream: LiveStream | None = None
    latest_stream: str | None = None
    status: TableStatus = "ACTIVE"
    history: int | None = None
    histories_made: int = 0
    restored: Restored | None = None
    maxima: Units | None = None
    warm: Units = Units(0, 0)
    class_changed_at_ms: tuple[int, ...] = ()
    on_demand_at_ms: tuple[int, ...] = ()
    group: str | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region, self.partition)

    @property
    def home(self) -> Key:
        """Below it lies all that belongs to the table."""
        return (self.account, self.region, "dynamodb", uuid.UUID(self.id).bytes)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.name}"


class Tag(msgspec.Struct, frozen=True):
    key: str
    value: str


class TransactionToken(msgspec.Struct, frozen=True):
    """What a ClientRequestToken stood for: a digest of the request, and when it was first seen."""

    token: str
    digest: bytes
    at_ms: int


tables = Collection("dynamodb.table", TableRecord, key=lambda table: (table.name,), kept=True)
"""Home: the scope. One record for each table that exists; found by `tables.find_table`, which remembers it compiled."""

tags = Collection("dynamodb.tag", Tag, key=lambda tag: (tag.key,))
"""Home: the table's."""

tokens = Collection(
    "dynamodb.token",
    TransactionToken,
    key=lambda token: (token.token,),
    indexes={"at": lambda token: (token.at_ms,)},
)
"""Home: the scope. Forgotten after ten minutes."""


def scope_home(scope: Scope) -> Key:
    return (scope.account, scope.region)
