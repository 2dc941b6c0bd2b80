"""What global tables store: the group of replicas, what waits for other regions, and the stamps of items.

The group lies under the account, in no region. All that a replica keeps for the group lies under the replica's home
and the group's id, so that a later group of the same table never meets it:

    "w", what follows "i" in the item's key            -> stamp: eight bytes
    "d", hour, what follows "i" in the item's key      -> nothing; the item is, or was, deleted
    "D", hour                                          -> nothing; a job is planned that looks at them
"""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Literal

import msgspec

from pilvi.services.dynamodb import limits as table_limits
from pilvi.services.dynamodb.records import TableRecord
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, pack

VERSION = "2019.11.21"
MemberStatus = Literal["CREATING", "ACTIVE", "UPDATING", "DELETING"]


class Member(msgspec.Struct, frozen=True):
    """A replica. `source`: the region whose endpoint it was asked for at; None of the table that was there first."""

    region: str
    table_id: str
    status: MemberStatus
    added_at_ms: int
    source: str | None = None


class GlobalTable(msgspec.Struct, frozen=True):
    """A group of at least two replicas, in the order in which they came. `name`: of the table in each region."""

    id: str
    name: str
    account: str
    partition: str
    members: tuple[Member, ...]

    @property
    def busy(self) -> bool:
        """Whether a replica comes, changes or goes; meanwhile nothing else about the tables can be changed."""
        return any(member.status != "ACTIVE" for member in self.members)

    def find(self, region: str) -> Member | None:
        return next((one for one in self.members if one.region == region), None)

    def others(self, region: str) -> tuple[Member, ...]:
        return tuple(one for one in self.members if one.region != region)

    def home_of(self, member: Member) -> Key:
        """Below it lies all that a replica keeps for the group."""
        table = uuid.UUID(member.table_id).bytes
        return (self.account, member.region, "dynamodb", table, "g", uuid.UUID(self.id).bytes)


class Log(msgspec.Struct, frozen=True):
    """Of one replica: the writes that wait for other regions are numbered, from `first` to `next` (without).

    `cursors`: for each other region, the number that it gets next. `running`: the regions for which a job is planned.
    """

    first: int
    next: int
    cursors: dict[str, int]
    running: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """A write that waits. `item`: what follows "i" in its key. `new`: its stored form, or None: it was deleted."""

    number: int
    item: bytes
    stamp: int
    at_ms: int
    new: bytes | None = None


class Scaling(msgspec.Struct, frozen=True):
    """Auto scaling of one dimension of one replica. `index`: a global index, or "" for the table."""

    region: str
    index: str
    kind: Literal["Read", "Write"]
    units_min: int
    units_max: int
    role: str
    policy: str
    target: float
    scale_in_disabled: bool | None = None
    scale_in_cooldown_s: int | None = None
    scale_out_cooldown_s: int | None = None


groups = Collection("dynamodb.group", GlobalTable, key=lambda one: (one.id,), kept=True)
"""Home: `home(account)`."""

logs = Collection("dynamodb.group_log", Log, key=lambda one: ())
"""Home: `GlobalTable.home_of` a replica. One."""

changes = Collection("dynamodb.group_change", Change, key=lambda one: (one.number,))
"""Home: `GlobalTable.home_of` a replica."""

scalings = Collection(
    "dynamodb.group_scaling", Scaling, key=lambda one: (one.region, one.index, one.kind)
)
"""Home: `scalings_home` of the group."""


def home(account: str) -> Key:
    return (account, "aws-global")


def scalings_home(group: GlobalTable) -> Key:
    return (*home(group.account), "dynamodb", "g", uuid.UUID(group.id).bytes)


def find_group(at: Snapshot, table: TableRecord) -> GlobalTable | None:
    """The group that a table is a replica of."""
    if table.group is None:
        return None
    group = groups.find(at, home(table.account), table.group)
    assert group is not None, f"the global table {table.group} of {table.arn} is not there"
    return group


@lru_cache(table_limits.TABLES_CACHED)
def stamps_home(group: GlobalTable, region: str) -> bytes:
    member = group.find(region)
    assert member is not None, (group.name, region)
    return pack((*group.home_of(member), "w"))


def stamp_of(at: Snapshot, group: GlobalTable, region: str, item: bytes) -> int:
    """The stamp of the write that a replica has of an item; 0 where none was since it is one."""
    found = at.get(stamps_home(group, region) + item)
    return 0 if found is None else int.from_bytes(found)
