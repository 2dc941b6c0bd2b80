"""Tables: create, describe, list, update, delete."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors, limits, records, rules
from pilvi.services.dynamodb.backfills import plan_backfill, plan_removal
from pilvi.services.dynamodb.backups.copying import is_being_backed_up
from pilvi.services.dynamodb.changes import change_table, check_request
from pilvi.services.dynamodb.descriptions import describe, describe_deleted
from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.operations.resource_policies import put_policy
from pilvi.services.dynamodb.policies.records import Place
from pilvi.services.dynamodb.policies.rules import checked
from pilvi.services.dynamodb.records import TableRecord, Units
from pilvi.services.dynamodb.removal import remove_table
from pilvi.services.dynamodb.replicas.changing import change as change_replicas
from pilvi.services.dynamodb.replicas.changing import delete as delete_replica
from pilvi.services.dynamodb.replicas.changing import new_group
from pilvi.services.dynamodb.replicas.descriptions import add_replicas
from pilvi.services.dynamodb.replicas.records import find_group
from pilvi.services.dynamodb.replicas.rules import replica_action
from pilvi.services.dynamodb.replicas.settings import check_change, synchronise
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.streams.switching import switch
from pilvi.services.dynamodb.tables import (
    check_name,
    find_table,
    get_shared_table,
    refuse_unready,
    table_name,
)
from pilvi.services.dynamodb.throughputs import refuse_above_account, reserved_by
from pilvi.services.dynamodb.wire import (
    CreateTableInput,
    CreateTableOutput,
    DeleteTableInput,
    DeleteTableOutput,
    DescribeTableInput,
    DescribeTableOutput,
    ListTablesInput,
    ListTablesOutput,
    UpdateTableInput,
    UpdateTableOutput,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import Key


@dynamodb.write("CreateTable")
def create_table(call: Call, tx: Transaction, req: CreateTableInput) -> CreateTableOutput:
    """Create a table. It can be used at once, though the answer says CREATING, as on AWS.

    Raises: ResourceInUseException, LimitExceededException, ValidationException.
    AWS: CreateTable.
    """
    name = table_name(call.scope, req["TableName"])
    table = rules.draft_table(
        req, scope=call.scope, name=name, table_id=call.entropy.uuid(), now_ms=call.now_ms
    )
    tags = rules.drafted_tags(req.get("Tags") or ())
    refuse_one_more(tx, table)
    home = records.scope_home(call.scope)
    table = switch(tx, table, req, call.entropy, call.now_ms)
    records.tables.put(tx, home, table)
    for tag in tags:
        records.tags.put(tx, table.home, tag)
    if "ResourcePolicy" in req:
        place = Place(call.scope, name, None)
        put_policy(call, tx, place, checked(req["ResourcePolicy"], place))
    return {"TableDescription": describe(table, status="CREATING", index_status="CREATING")}


def refuse_one_more(at: Snapshot, table: TableRecord) -> None:
    """Raises: ResourceInUseException where there is a table of this name; LimitExceededException where there are too
    many, or too much is provisioned."""
    if find_table(at, table.scope, table.name) is not None:
        raise errors.ResourceInUseException(detail=f"Table already exists: {table.name}")
    home = records.scope_home(table.scope)
    count = sum(1 for _ in records.tables.scan(at, home, limit=limits.TABLES_PER_REGION))
    if count >= limits.TABLES_PER_REGION:
        raise errors.LimitExceededException(
            detail="Subscriber limit exceeded: There is a limit of "
            f"{limits.TABLES_PER_REGION} tables per subscriber"
        )
    units = reserved_by(table)
    if units.read or units.write:
        refuse_above_account(_reserved(at, home), Units(0, 0), units, table.region)


@dynamodb.read("DescribeTable")
def describe_table(call: Call, at: Snapshot, req: DescribeTableInput) -> DescribeTableOutput:
    """Describe a table. ItemCount and sizes are counted now, or estimated for large tables.

    Raises: ResourceNotFoundException, ValidationException.
    AWS: DescribeTable.
    """
    table = get_shared_table(at, call.scope, req["TableName"])
    if not table.ready:
        status = table.record.status
        described = describe(table.record, status=status, index_status=status)
    else:
        described = describe(table.record, counted_at=at, now_ms=call.now_ms)
    group = find_group(at, table.record)
    return {"Table": add_replicas(at, table.record, described, group)}


@dynamodb.read("ListTables")
def list_tables(call: Call, at: Snapshot, req: ListTablesInput) -> ListTablesOutput:
    """Name the tables of a region, in order, a page at a time.

    AWS: ListTables.
    """
    limit = req.get("Limit", 100)
    start = req.get("ExclusiveStartTableName")
    found = [
        table.name
        for table in records.tables.scan(
            at,
            records.scope_home(call.scope),
            after_key=None if start is None else (start,),
            limit=limit + 1,
        )
    ]
    result: ListTablesOutput = {"TableNames": found[:limit]}
    if len(found) > limit:
        result["LastEvaluatedTableName"] = found[limit - 1]
    return result


@dynamodb.write("UpdateTable")
def update_table(call: Call, tx: Transaction, req: UpdateTableInput) -> UpdateTableOutput:
    """Change a table's billing, throughput, protection, class, stream, or global indexes: one of these at a time.

    A new index is filled by a job; until it is done the index is CREATING and cannot be read. One that is to go is
    DELETING until a job has cleared it away. Differs: all else has changed when the answer, UPDATING, leaves.
    Raises: ResourceNotFoundException, ResourceInUseException, LimitExceededException, ValidationException.
    AWS: UpdateTable; Developer Guide, "Managing global secondary indexes in DynamoDB".
    """
    check_name(call.scope, req["TableName"])
    if "ReplicaUpdates" in req:
        return _update_replicas(call, tx, req)
    check_request(req)
    table = refuse_unready(get_shared_table(tx, call.scope, req["TableName"]))
    old = table.record
    check_change(tx, old, req)
    home = records.scope_home(old.scope)
    change = change_table(old, req, call.now_ms, lambda: _reserved(tx, home))
    new = switch(tx, change.table, req, call.entropy, call.now_ms)
    records.tables.put(tx, home, new)
    known = {index.number: index.status for index in old.indexes}
    for index in new.indexes:
        if index.number not in known:
            plan_backfill(tx, new, index.name, call.now_ms)
        elif index.status == "DELETING" != known[index.number]:
            plan_removal(tx, new, index.number, call.now_ms)
    synchronise(tx, old, new, call.now_ms)
    shown = msgspec.structs.replace(
        change.shown, stream=new.stream, latest_stream=new.latest_stream
    )
    answer = describe(shown, status=change.status, now_ms=call.now_ms, change=change)
    return {"TableDescription": add_replicas(tx, new, answer, find_group(tx, new))}


def _update_replicas(call: Call, tx: Transaction, req: UpdateTableInput) -> UpdateTableOutput:
    """The answer tells of the replicas that were there before, as AWS's does."""
    action = replica_action(req, call.scope)
    table = refuse_unready(get_shared_table(tx, call.scope, req["TableName"])).record
    group = find_group(tx, table)
    changed = change_replicas(tx, table, action, call.entropy, call.now_ms)
    described = describe(changed, status="UPDATING", now_ms=call.now_ms)
    group = group or new_group(tx, changed)
    return {"TableDescription": add_replicas(tx, changed, described, group)}


def _reserved(at: Snapshot, home: Key) -> Units:
    """The provisioned units of all tables of an account in a region."""
    reserved = [reserved_by(table) for table in records.tables.scan(at, home)]
    return Units(sum(one.read for one in reserved), sum(one.write for one in reserved))


@dynamodb.write("DeleteTable")
def delete_table(call: Call, tx: Transaction, req: DeleteTableInput) -> DeleteTableOutput:
    """Delete a table: it is gone at once; a job removes its items, in steps. Its stream can be read for a day.

    One with point-in-time recovery leaves a backup.
    Raises: ResourceNotFoundException, ResourceInUseException, ValidationException (deletion protection).
    AWS: DeleteTable.
    """
    table = get_shared_table(tx, call.scope, req["TableName"])
    group = find_group(tx, table.record)
    if group is not None:
        delete_replica(tx, table.record, call.now_ms)
        described = describe_deleted(table.record)
        return {"TableDescription": add_replicas(tx, table.record, described, group)}
    refuse_unready(table)
    if table.record.deletion_protection:
        raise invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    if any(index.status != "ACTIVE" for index in table.record.indexes):
        raise errors.ResourceInUseException(
            detail="Attempt to change a resource which is still in use: Cannot delete table while indexes are "
            "being created, updated, or deleted."
        )
    if is_being_backed_up(tx, table.record):
        raise errors.ResourceInUseException(
            detail="Attempt to change a resource which is still in use: "
            f"Table is being backed up: {table.name}"
        )
    remove_table(tx, table, call.now_ms)
    return {"TableDescription": describe_deleted(table.record)}
