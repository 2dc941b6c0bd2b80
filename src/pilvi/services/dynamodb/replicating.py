"""The jobs of global tables. Each does a bounded step in the transaction that completes it and plans the next.

Only what is newer than what a replica has is written. What it all means is told in `replicas/`.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.contracts.roles import Roles
from pilvi.kit.cloud import Cloud
from pilvi.services.dynamodb.replicas import changing, limits, noting, records
from pilvi.services.dynamodb.replicas.changing import Retirement, Seeding
from pilvi.services.dynamodb.replicas.noting import Lane, Tombstones, scope_of
from pilvi.services.dynamodb.replicas.records import Change, GlobalTable, Log
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table, item_of, size_of
from pilvi.services.dynamodb.writes import Write, Written, apply
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import after, pack

_SERVICE = "replication.dynamodb.amazonaws.com"
_STUBBORN = Retry(attempts_max=1_000_000, delay_s_max=60.0)
"""What replicates must not be given up: nothing else would bring the regions together again."""


# --- lanes


@dynamodb.job("replicate", retry=_STUBBORN)
async def replicate(cloud: Cloud, job: Job) -> Commit:
    """Bring the next changes of a replica to another one, in their order."""
    lane = msgspec.msgpack.decode(job.payload, type=Lane)

    def step(tx: Transaction) -> None:
        group = records.groups.find(tx, records.home(lane.scope.account), lane.group)
        source = None if group is None else group.find(lane.region)
        if group is None or source is None:
            return
        home = group.home_of(source)
        log = noting.get_log(tx, group, source)
        table = find_table(tx, scope_of(group, lane.target), lane.table)
        if lane.target not in log.cursors or table is None:
            return
        now_ms = cloud.clock.now_ms()
        done = log.cursors[lane.target]
        for change in _page(tx, group, lane, done):
            _apply(tx, group, table, change, now_ms)
            done = change.number + 1
        if done < log.next:
            running = log.running
            noting.plan_lane(tx, group, lane.region, lane.target, now_ms)
        else:
            running = tuple(one for one in log.running if one != lane.target)
        moved = Log(log.first, log.next, {**log.cursors, lane.target: done}, running)
        changing.put_log(tx, home, moved)
        if source.status == "DELETING":
            changing.retire(tx, group, source, now_ms)

    return step


def _page(at: Snapshot, group: GlobalTable, lane: Lane, first: int) -> list[Change]:
    source = group.find(lane.region)
    assert source is not None, lane
    page: list[Change] = []
    size = 0
    found = records.changes.scan(at, group.home_of(source), after_key=(first - 1,))
    for change in islice(found, limits.STEP_CHANGES):
        page.append(change)
        size += 0 if change.new is None else size_of(change.new)
        if size > limits.STEP_BYTES:
            break
    return page


@dynamodb.job("seed_replica", retry=_STUBBORN)
async def seed_replica(cloud: Cloud, job: Job) -> Commit:
    """Fill a new replica with what its source has; with the last item it becomes ACTIVE."""
    seeding = msgspec.msgpack.decode(job.payload, type=Seeding)

    def step(tx: Transaction) -> None:
        scope = seeding.scope
        group = records.groups.find(tx, records.home(scope.account), seeding.group)
        member = None if group is None else group.find(seeding.target)
        if group is None or member is None or member.status != "CREATING":
            return
        source = find_table(tx, scope, group.name)
        table = find_table(tx, scope_of(group, seeding.target), group.name)
        assert source is not None, f"{group.name} in {scope.region} went while it was a source"
        assert table is not None, f"{group.name} in {seeding.target} went while it was made"
        now_ms = cloud.clock.now_ms()
        position = seeding.position
        start = source.items if position is None else after(source.items + position)
        size = count = 0
        for key, stored in tx.scan(start, after(source.items), limit=limits.SEED_ITEMS):
            position = key[source.item_key_at :]
            _seed(tx, group, source, table, position, now_ms)
            size += size_of(stored)
            count += 1
            if size > limits.STEP_BYTES:
                break
        if count == limits.SEED_ITEMS or size > limits.STEP_BYTES:
            later = msgspec.structs.replace(seeding, position=position)
            changing.plan_seeding(tx, later, now_ms)
        else:
            changing.activate(tx, group, member, source.record, cloud.entropy.uuid(), now_ms)

    return step


def _apply(tx: Transaction, group: GlobalTable, table: Table, change: Change, now_ms: int) -> None:
    """Write a change that was made in another region, unless this replica has a newer one."""
    region = table.record.region
    if change.stamp <= records.stamp_of(tx, group, region, change.item):
        return
    key = table.items + change.item
    old = tx.get(key)
    if old is None and change.new is None:
        noting.put_stamp(tx, group, region, change.item, change.stamp, now_ms, deleted=True)
        return
    _write(tx, table, key, old, change.new, change.stamp, now_ms)


def _seed(
    tx: Transaction, group: GlobalTable, source: Table, table: Table, item: bytes, now_ms: int
) -> None:
    """Give a new replica the item that its source has now, unless a newer write of it has come already."""
    stored = tx.get(source.items + item)
    if stored is None:
        return
    stamp = records.stamp_of(tx, group, source.record.region, item)
    known = records.stamp_of(tx, group, table.record.region, item)
    key = table.items + item
    old = tx.get(key)
    if (known or old is not None) and stamp <= known:
        return
    _write(tx, table, key, old, stored, stamp, now_ms)


def _write(
    tx: Transaction,
    table: Table,
    key: bytes,
    old: bytes | None,
    new: bytes | None,
    stamp: int,
    now_ms: int,
) -> None:
    item = None if new is None else item_of(new)
    size = 0 if new is None else size_of(new)
    write = Write(
        "Delete" if new is None else "Put", table, key, None, {}, item or {}, size, stamp=stamp
    )
    written = Written(old, new, None if old is None else item_of(old), item)
    apply(tx, write, written, now_ms)


# --- the rest of a replica's life


@dynamodb.job("link_replication_role")
async def link_replication_role(cloud: Cloud, job: Job) -> None:
    """Make the role that replication has on AWS, where an account has its first replica.

    Differs: the caller needs no `iam:CreateServiceLinkedRole` for it.
    AWS: DynamoDB Developer Guide, "Using service-linked roles with global tables".
    """
    await cloud.ask(Roles).put_service_linked(account=job.account, service=_SERVICE)


@dynamodb.job("settle_replica")
async def settle_replica(cloud: Cloud, job: Job) -> Commit:
    """A replica whose settings were changed is ACTIVE again."""
    settling = msgspec.msgpack.decode(job.payload, type=Retirement)

    def step(tx: Transaction) -> None:
        group = records.groups.find(tx, records.home(settling.account), settling.group)
        member = None if group is None else group.find(settling.region)
        if group is not None and member is not None and member.status == "UPDATING":
            changing.put_member(tx, group, msgspec.structs.replace(member, status="ACTIVE"))

    return step


@dynamodb.job("retire_replica", retry=_STUBBORN)
async def retire_replica(cloud: Cloud, job: Job) -> Commit:
    """Remove a replica, once the other regions have all that was written to it."""
    retirement = msgspec.msgpack.decode(job.payload, type=Retirement)

    def step(tx: Transaction) -> None:
        group = records.groups.find(tx, records.home(retirement.account), retirement.group)
        member = None if group is None else group.find(retirement.region)
        if group is not None and member is not None and member.status == "DELETING":
            changing.retire(tx, group, member, cloud.clock.now_ms())

    return step


@dynamodb.job("forget_deleted")
async def forget_deleted(cloud: Cloud, job: Job) -> Commit:
    """Clear away the stamps of items that were deleted a day ago, if all that is older has arrived everywhere."""
    tombstones = msgspec.msgpack.decode(job.payload, type=Tombstones)

    def step(tx: Transaction) -> None:
        scope = tombstones.scope
        group = records.groups.find(tx, records.home(scope.account), tombstones.group)
        member = None if group is None else group.find(tombstones.region)
        table = None if group is None else find_table(tx, scope, group.name)
        if group is None or member is None or table is None:
            return
        now_ms = cloud.clock.now_ms()
        end_ms = (tombstones.hour + 1) * limits.TOMBSTONES_TOGETHER_MS
        if _oldest_waiting_ms(tx, group, now_ms) < end_ms:
            later_ms = now_ms + limits.TOMBSTONES_TOGETHER_MS
            tx.at(later_ms, msgspec.structs.replace(job, id=""))
            return
        home = noting.tombstones_home(group, tombstones.region, tombstones.hour)
        region = tombstones.region
        stamps = records.stamps_home(group, region)
        found = list(tx.scan(home, after(home), limit=limits.STEP_TOMBSTONES))
        for key, _ in found:
            item = key[len(home) :]
            stamp = records.stamp_of(tx, group, region, item)
            if tx.get(table.items + item) is None and noting.made_before(stamp, end_ms):
                tx.delete(stamps + item)
            tx.delete(key)
        if len(found) == limits.STEP_TOMBSTONES:
            tx.at(now_ms, msgspec.structs.replace(job, id=""))
        else:
            tx.delete(pack((*group.home_of(member), "D", tombstones.hour)))

    return step


def _oldest_waiting_ms(at: Snapshot, group: GlobalTable, now_ms: int) -> int:
    """When the oldest change was made that has not arrived everywhere yet; now, where there is none."""
    oldest_ms = now_ms
    for member in group.members:
        first = next(iter(records.changes.scan(at, group.home_of(member), limit=1)), None)
        if first is not None:
            oldest_ms = min(oldest_ms, first.at_ms)
    return oldest_ms
