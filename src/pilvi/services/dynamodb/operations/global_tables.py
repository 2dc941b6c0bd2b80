"""Operations of global tables besides UpdateTable.

Version 2017.11.29 is closed on AWS: no such table can be made, so none is found, and none is listed; tables of version
2019.11.21 are none of its own.
"""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.dynamodb import errors as table_errors
from pilvi.services.dynamodb.errors import ValidationException
from pilvi.services.dynamodb.replicas import errors, records
from pilvi.services.dynamodb.replicas.records import GlobalTable
from pilvi.services.dynamodb.replicas.scaling import (
    describe_scaling,
    fulfil,
    refuse_on_demand,
    wishes,
)
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import find_table, table_name
from pilvi.services.dynamodb.wire import (
    CreateGlobalTableInput,
    CreateGlobalTableOutput,
    DescribeGlobalTableInput,
    DescribeGlobalTableOutput,
    DescribeGlobalTableSettingsInput,
    DescribeGlobalTableSettingsOutput,
    DescribeTableReplicaAutoScalingInput,
    DescribeTableReplicaAutoScalingOutput,
    ListGlobalTablesInput,
    ListGlobalTablesOutput,
    UpdateGlobalTableInput,
    UpdateGlobalTableOutput,
    UpdateGlobalTableSettingsInput,
    UpdateGlobalTableSettingsOutput,
    UpdateTableReplicaAutoScalingInput,
    UpdateTableReplicaAutoScalingOutput,
)
from pilvi.store.api import Snapshot, Transaction

# --- auto scaling


@dynamodb.read("DescribeTableReplicaAutoScaling")
def describe_table_replica_auto_scaling(
    call: Call, at: Snapshot, req: DescribeTableReplicaAutoScalingInput
) -> DescribeTableReplicaAutoScalingOutput:
    """Tell the auto scaling of all replicas of a global table.

    Raises: ResourceNotFoundException (also for a table without replicas), ValidationException.
    AWS: DescribeTableReplicaAutoScaling.
    """
    group = _group(call, at, req["TableName"])
    return {"TableAutoScalingDescription": describe_scaling(at, group, call.scope.region)}


@dynamodb.write("UpdateTableReplicaAutoScaling")
def update_table_replica_auto_scaling(
    call: Call, tx: Transaction, req: UpdateTableReplicaAutoScalingInput
) -> UpdateTableReplicaAutoScalingOutput:
    """Keep the auto scaling of replicas. The answer tells what was before, as AWS's does.

    Differs: nothing is scaled.
    Raises: ResourceNotFoundException, ResourceInUseException, ValidationException.
    AWS: UpdateTableReplicaAutoScaling.
    """
    group = _group(call, tx, req["TableName"])
    table = find_table(tx, call.scope, group.name)
    assert table is not None, group.name
    indexes = {index.name for index in table.record.indexes if not index.local}
    asked = wishes(group, req)
    for wish in asked:
        if group.find(wish.region) is None:
            raise errors.NoReplicaInRegion(table=group.name, region=wish.region)
        if wish.index and wish.index not in indexes:
            raise table_errors.IndexOfTableNotFound(index=wish.index, table=group.name)
    refuse_on_demand(tx, group, asked)
    if group.busy:
        raise errors.ChangeUnderWay()
    described = describe_scaling(tx, group, call.scope.region)
    for wish in asked:
        fulfil(tx, group, wish)
    return {"TableAutoScalingDescription": described}


def _group(call: Call, at: Snapshot, named: str) -> GlobalTable:
    """Raises: ResourceNotFoundException; ValidationException for a text that names no table."""
    name = table_name(call.scope, named)
    table = find_table(at, call.scope, name)
    group = None if table is None else records.find_group(at, table.record)
    if group is None:
        raise table_errors.GlobalTableNotFound(table=name)
    return group


# --- version 2017.11.29


@dynamodb.write("CreateGlobalTable")
def create_global_table(
    call: Call, tx: Transaction, req: CreateGlobalTableInput
) -> CreateGlobalTableOutput:
    """Raises: ValidationException: the version is closed. AWS: CreateGlobalTable."""
    raise errors.LegacyVersion()


@dynamodb.read("DescribeGlobalTable")
def describe_global_table(
    call: Call, at: Snapshot, req: DescribeGlobalTableInput
) -> DescribeGlobalTableOutput:
    """Raises: GlobalTableNotFoundException: there is none. AWS: DescribeGlobalTable."""
    raise errors.NoGlobalTable(table=req["GlobalTableName"])


@dynamodb.read("ListGlobalTables")
def list_global_tables(
    call: Call, at: Snapshot, req: ListGlobalTablesInput
) -> ListGlobalTablesOutput:
    """There are none, from whatever name and in whatever region. AWS: ListGlobalTables."""
    for member in ("ExclusiveStartGlobalTableName", "Limit", "RegionName"):
        req.get(member)
    return {"GlobalTables": []}


@dynamodb.write("UpdateGlobalTable")
def update_global_table(
    call: Call, tx: Transaction, req: UpdateGlobalTableInput
) -> UpdateGlobalTableOutput:
    """Raises: ValidationException for a replica to be made; GlobalTableNotFoundException. AWS: UpdateGlobalTable."""
    updates = req["ReplicaUpdates"]
    if not updates:
        raise ValidationException(detail="One or more parameter values were invalid")
    if any("Create" in update for update in updates):
        raise errors.LegacyVersion()
    raise errors.GlobalTableNotFoundException(table=req["GlobalTableName"])


@dynamodb.read("DescribeGlobalTableSettings")
def describe_global_table_settings(
    call: Call, at: Snapshot, req: DescribeGlobalTableSettingsInput
) -> DescribeGlobalTableSettingsOutput:
    """Raises: GlobalTableNotFoundException: there is none. AWS: DescribeGlobalTableSettings."""
    raise errors.GlobalTableNotFoundException(table=req["GlobalTableName"])


@dynamodb.write("UpdateGlobalTableSettings")
def update_global_table_settings(
    call: Call, tx: Transaction, req: UpdateGlobalTableSettingsInput
) -> UpdateGlobalTableSettingsOutput:
    """Raises: GlobalTableNotFoundException: there is none. AWS: UpdateGlobalTableSettings."""
    raise errors.GlobalTableNotFoundException(table=req["GlobalTableName"])
