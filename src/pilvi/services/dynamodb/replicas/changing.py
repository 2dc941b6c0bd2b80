"""Replicas come and go: by UpdateTable's ReplicaUpdates, by DeleteTable, and at the end of the jobs for both."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.contracts.jobs import Job
from pilvi.services.dynamodb import records as table_records
from pilvi.services.dynamodb.backfills import expiry_job, plan_erasure
from pilvi.services.dynamodb.backups.copying import is_being_backed_up
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.removal import remove_table
from pilvi.services.dynamodb.replicas import errors, limits, noting, records
from pilvi.services.dynamodb.replicas.noting import get_log, scope_of
from pilvi.services.dynamodb.replicas.records import GlobalTable, Log, Member
from pilvi.services.dynamodb.replicas.rules import Action, overridden
from pilvi.services.dynamodb.streams.records import View
from pilvi.services.dynamodb.streams.switching import switch_on
from pilvi.services.dynamodb.tables import Table, find_table
from pilvi.store.api import Transaction
from pilvi.store.keys import Key, pack

_VIEW: View = "NEW_AND_OLD_IMAGES"


class Seeding(msgspec.Struct, frozen=True):
    """Fill the replica in the region `target` from the one at `scope`, from the item behind `position` on."""

    scope: Scope
    group: str
    target: str
    position: bytes | None = None


class Retirement(msgspec.Struct, frozen=True):
    account: str
    group: str
    region: str


# --- a replica comes


def change(
    tx: Transaction, table: TableRecord, action: Action, entropy: Entropy, now_ms: int
) -> TableRecord:
    """Do what UpdateTable asks of the replicas of a table. Gives the table as it is now.

    Raises: ValidationException, ResourceInUseException, NotBuilt.
    """
    group = records.find_group(tx, table)
    member = None if group is None else group.find(action.region)
    replica = find_table(tx, _beside(table, action.region), table.name)
    if action.kind == "Create":
        if replica is not None and (member is None or member.status != "CREATING"):
            raise errors.AlreadyTables(table=table.name)
        _check_capacity(tx, table, group)
    elif group is None or member is None or replica is None:
        raise errors.NotReplicas(region=action.region)
    elif action.kind == "Delete":
        check_removal(tx, group, action.region, replica.record, now_ms)
    if group is not None and group.busy:
        raise errors.ChangeUnderWay()
    if any(index.status != "ACTIVE" for index in table.indexes):
        raise errors.ChangeUnderWay()
    if action.kind == "Create":
        return _add(tx, table, action, entropy, now_ms)
    assert group is not None, table.arn
    assert member is not None, table.arn
    assert replica is not None, table.arn
    if action.kind == "Delete":
        begin_removal(tx, group, action.region, now_ms)
    else:
        _put_table(tx, overridden(replica.record, action))
        put_member(tx, group, msgspec.structs.replace(member, status="UPDATING"))
        _plan(tx, "dynamodb.settle_replica", group, member.region, now_ms)
    return table


def _beside(table: TableRecord, region: str) -> Scope:
    return Scope(table.account, region, table.partition)


def _check_capacity(tx: Transaction, table: TableRecord, group: GlobalTable | None) -> None:
    """Raises: ValidationException for a table whose write capacity is fixed.

    It can only be scaled by UpdateTableReplicaAutoScaling, of a global table that was on-demand when it became one.
    """
    if table.billing_mode == "PAY_PER_REQUEST":
        return
    scaled = set[str]()
    if group is not None:
        found = records.scalings.scan(tx, records.scalings_home(group), (table.region,))
        scaled = {one.index for one in found if one.kind == "Write"}
    if "" not in scaled:
        raise invalid("Table write capacity should either be Pay-Per-Request or AutoScaled.")
    if any(not index.local and index.name not in scaled for index in table.indexes):
        raise invalid("GSI write capacity should either be Pay-Per-Request or AutoScaled.")


def _add(
    tx: Transaction, table: TableRecord, action: Action, entropy: Entropy, now_ms: int
) -> TableRecord:
    """Begin a replica of a table in another region; a job fills it.

    A table without a stream gets one; the replica gets one of the same view when it is ACTIVE.
    """
    region = action.region
    table = _ensure_stream(tx, table, entropy, now_ms)
    group = records.find_group(tx, table)
    if group is None:
        first = Member(table.region, table.id, "ACTIVE", now_ms)
        group = GlobalTable(entropy.uuid(), table.name, table.account, table.partition, (first,))
        table = msgspec.structs.replace(table, group=group.id)
        records.logs.put(tx, group.home_of(first), Log(0, 0, {}))
    _put_table(tx, table)
    member = Member(region, entropy.uuid(), "CREATING", now_ms, source=table.region)
    replica = msgspec.structs.replace(
        table,
        id=member.table_id,
        region=region,
        created_at_ms=now_ms,
        on_demand_since_ms=table.on_demand_since_ms and now_ms,
        on_demand_at_ms=(),
        class_changed_at_ms=(),
        deletion_protection=False,
        stream=None,
        latest_stream=None,
        status="CREATING",
        history=None,
        restored=None,
        histories_made=0,
        group=group.id,
    )
    _put_table(tx, overridden(replica, action))
    cursors = _open_lanes(tx, group, table.region, region)
    _copy_scalings(tx, group, table.region, region)
    group = msgspec.structs.replace(group, members=(*group.members, member))
    records.groups.put(tx, records.home(group.account), group)
    records.logs.put(tx, group.home_of(member), Log(0, 0, cursors))
    plan_seeding(tx, Seeding(table.scope, group.id, region), now_ms)
    kind = "dynamodb.link_replication_role"
    tx.at(now_ms, Job(kind=kind, payload=b"", account=table.account, region=table.region))
    return table


def new_group(tx: Transaction, table: TableRecord) -> GlobalTable | None:
    """The group of a table that has just got its first replica, before that one is in it: so AWS answers."""
    group = records.find_group(tx, table)
    return group and msgspec.structs.replace(group, members=group.members[:1])


def _ensure_stream(
    tx: Transaction, table: TableRecord, entropy: Entropy, now_ms: int
) -> TableRecord:
    if table.stream is not None:
        return table
    return switch_on(tx, table, _VIEW, entropy.uuid(), now_ms)


def _open_lanes(tx: Transaction, group: GlobalTable, source: str, target: str) -> dict[str, int]:
    """Let every replica's changes go to a new one, too: all that its source has not got yet, since it will be filled
    from there. Gives the new one's own cursors."""
    for member in group.members:
        log = get_log(tx, group, member)
        cursor = log.next if member.region == source else log.cursors[source]
        opened = msgspec.structs.replace(log, cursors={**log.cursors, target: cursor})
        if cursor < log.next:
            opened = msgspec.structs.replace(opened, running=(*log.running, target))
            # The group does not have the new replica yet, and the job runs when it has.
            noting.plan_lane(tx, group, member.region, target, 0)
        records.logs.put(tx, group.home_of(member), opened)
    return {member.region: 0 for member in group.members}


def _copy_scalings(tx: Transaction, group: GlobalTable, source: str, target: str) -> None:
    """Of writes: these are the same in all regions."""
    home = records.scalings_home(group)
    for scaling in list(records.scalings.scan(tx, home, (source,))):
        if scaling.kind == "Write":
            records.scalings.put(tx, home, msgspec.structs.replace(scaling, region=target))


def plan_seeding(tx: Transaction, seeding: Seeding, now_ms: int) -> None:
    tx.at(
        now_ms,
        Job(
            kind="dynamodb.seed_replica",
            payload=msgspec.msgpack.encode(seeding),
            account=seeding.scope.account,
            region=seeding.target,
        ),
    )


def activate(
    tx: Transaction,
    group: GlobalTable,
    member: Member,
    source: TableRecord,
    stream_id: str,
    now_ms: int,
) -> None:
    """A new replica has its items: its users may have it."""
    table = find_table(tx, scope_of(group, member.region), group.name)
    assert table is not None, (group.name, member.region)
    view = _VIEW if source.stream is None else source.stream.view
    ready = switch_on(tx, table.record, view, stream_id, now_ms)
    _put_table(tx, msgspec.structs.replace(ready, status="ACTIVE"))
    put_member(tx, group, msgspec.structs.replace(member, status="ACTIVE"))


# --- a replica changes


def put_member(tx: Transaction, group: GlobalTable, member: Member) -> GlobalTable:
    members = tuple(member if one.region == member.region else one for one in group.members)
    group = msgspec.structs.replace(group, members=members)
    records.groups.put(tx, records.home(group.account), group)
    return group


def _plan(tx: Transaction, kind: str, group: GlobalTable, region: str, now_ms: int) -> None:
    payload = msgspec.msgpack.encode(Retirement(group.account, group.id, region))
    tx.at(now_ms, Job(kind=kind, payload=payload, account=group.account, region=region))


# --- a replica goes


def check_removal(
    tx: Transaction, group: GlobalTable, region: str, table: TableRecord, now_ms: int
) -> None:
    """Raises: ValidationException for a protected replica, and for the source of another one, for a day;
    ResourceInUseException for one that is being backed up."""
    if table.deletion_protection:
        raise errors.ReplicaProtected(table=group.name, region=region)
    for other in group.others(region):
        if other.source == region and now_ms - other.added_at_ms < limits.SOURCE_MS:
            raise errors.ActedAsSource()
    if is_being_backed_up(tx, table):
        raise errors.ChangeUnderWay()


def delete(tx: Transaction, table: TableRecord, now_ms: int) -> None:
    """What DeleteTable does with a replica: its data goes, and the others remain.

    Raises: ValidationException, ResourceInUseException.
    """
    group = records.find_group(tx, table)
    assert group is not None, table.arn
    member = group.find(table.region)
    assert member is not None, table.arn
    if member.status == "CREATING":
        raise errors.BeingUsed(table=table.name)
    check_removal(tx, group, table.region, table, now_ms)
    if group.busy:
        raise errors.ChangeUnderWay()
    begin_removal(tx, group, table.region, now_ms)


def begin_removal(tx: Transaction, group: GlobalTable, region: str, now_ms: int) -> None:
    """From now on nobody writes to the replica. A job removes it when the others have all that was written to it."""
    member = group.find(region)
    assert member is not None, (group.name, region)
    table = find_table(tx, scope_of(group, region), group.name)
    assert table is not None, (group.name, region)
    _put_table(tx, msgspec.structs.replace(table.record, status="DELETING"))
    put_member(tx, group, msgspec.structs.replace(member, status="DELETING"))
    _plan(tx, "dynamodb.retire_replica", group, region, now_ms)


def retire(tx: Transaction, group: GlobalTable, member: Member, now_ms: int) -> None:
    """Remove a DELETING replica; nothing while others wait for its changes: their lanes' last step comes here."""
    log = get_log(tx, group, member)
    if any(cursor < log.next for cursor in log.cursors.values()):
        return
    table = find_table(tx, scope_of(group, member.region), group.name)
    assert table is not None, (group.name, member.region)
    remove_table(tx, table, now_ms)
    scalings = records.scalings_home(group)
    for scaling in list(records.scalings.scan(tx, scalings, (member.region,))):
        records.scalings.delete(tx, scalings, scaling.region, scaling.index, scaling.kind)
    rest = group.others(member.region)
    for other in rest:
        kept = get_log(tx, group, other)
        cursors = {one: number for one, number in kept.cursors.items() if one != member.region}
        running = tuple(one for one in kept.running if one != member.region)
        put_log(tx, group.home_of(other), Log(kept.first, kept.next, cursors, running))
    first = group.members[0].region == member.region
    group = msgspec.structs.replace(group, members=rest)
    if len(rest) > 1:
        records.groups.put(tx, records.home(group.account), group)
    else:
        _dissolve(tx, group, now_ms)
    if first:
        _inherit_expiries(tx, group, now_ms)


def _dissolve(tx: Transaction, group: GlobalTable, now_ms: int) -> None:
    """The last replica is a table like any other; it keeps its stream."""
    (last,) = group.members
    table = find_table(tx, scope_of(group, last.region), group.name)
    assert table is not None, (group.name, last.region)
    alone = msgspec.structs.replace(table.record, group=None)
    _put_table(tx, alone)
    plan_erasure(tx, alone, pack(group.home_of(last)), now_ms)
    records.scalings.delete_all(tx, records.scalings_home(group))
    records.groups.delete(tx, records.home(group.account), group.id)


def _inherit_expiries(tx: Transaction, group: GlobalTable, now_ms: int) -> None:
    """Items expire in the first replica only, and the next one has left all that is due."""
    table = find_table(tx, scope_of(group, group.members[0].region), group.name)
    assert table is not None, group.name
    if table.time_to_live is not None:
        tx.at(now_ms, expiry_job(table.record))


def expires_here(tx: Transaction, table: Table) -> bool:
    """Whether time to live deletes a table's items itself. Of a global table one replica does, and the others get the
    deletions as they get all others; so a stream tells of the service's doing in one region, as on AWS."""
    group = records.find_group(tx, table.record)
    return group is None or group.members[0].region == table.record.region


def put_log(tx: Transaction, home: Key, log: Log) -> None:
    """Store a log whose cursors have moved, and forget the changes that have arrived everywhere."""
    first = min(log.cursors.values(), default=log.next)
    if first > log.first:
        base = (*home, records.changes.name, "r")
        tx.delete_range(pack((*base, log.first)), pack((*base, first)))
    records.logs.put(tx, home, msgspec.structs.replace(log, first=first))


def _put_table(tx: Transaction, table: TableRecord) -> None:
    table_records.tables.put(tx, table_records.scope_home(table.scope), table)
