"""What DescribeTable and its kin tell of replicas: of each region's table, the others, in the order of their coming."""

from __future__ import annotations

from pilvi.services.dynamodb.descriptions import describe
from pilvi.services.dynamodb.records import TableRecord, Units
from pilvi.services.dynamodb.replicas import records
from pilvi.services.dynamodb.replicas.noting import scope_of
from pilvi.services.dynamodb.replicas.records import GlobalTable, Member
from pilvi.services.dynamodb.tables import find_table
from pilvi.services.dynamodb.wire import (
    ReplicaDescription,
    ReplicaGlobalSecondaryIndexDescription,
    TableDescription,
)
from pilvi.store.api import Snapshot

_MODE = "ENABLED_WITH_OVERRIDES"
"""Settings are alike in all regions, but for what can be overridden. AWS says so of every group of one account."""


def add_replicas(
    at: Snapshot, table: TableRecord, description: TableDescription, group: GlobalTable | None
) -> TableDescription:
    """`group`: as it is to be told; the answer to a change tells of what was before."""
    if group is None:
        return description
    if group.busy and description.get("TableStatus") == "ACTIVE":
        description["TableStatus"] = "UPDATING"
    description["GlobalTableVersion"] = records.VERSION
    description["GlobalTableSettingsReplicationMode"] = _MODE
    description["Replicas"] = [
        _describe(at, table, group, member) for member in group.others(table.region)
    ]
    return description


def _describe(
    at: Snapshot, table: TableRecord, group: GlobalTable, member: Member
) -> ReplicaDescription:
    result: ReplicaDescription = {
        "RegionName": member.region,
        "ReplicaStatus": member.status,
        "GlobalTableSettingsReplicationMode": _MODE,
    }
    replica = find_table(at, scope_of(group, member.region), group.name)
    if replica is None:
        return result
    described = describe(replica.record, status="ACTIVE")
    if "WarmThroughput" in described:
        result["WarmThroughput"] = described["WarmThroughput"]
    if "TableClassSummary" in described:
        result["ReplicaTableClassSummary"] = described["TableClassSummary"]
    reads = replica.record.throughput.read_units
    if reads and reads != table.throughput.read_units:
        result["ProvisionedThroughputOverride"] = {"ReadCapacityUnits": reads}
    maximum = _read_maximum(replica.record.maxima)
    if maximum and maximum != _read_maximum(table.maxima):
        result["OnDemandThroughputOverride"] = {"MaxReadRequestUnits": maximum}
    own = {index.name: index.throughput.read_units for index in table.indexes}
    own_maxima = {index.name: _read_maximum(index.maxima) for index in table.indexes}
    maxima = {index.name: _read_maximum(index.maxima) for index in replica.record.indexes}
    units = {index.name: index.throughput.read_units for index in replica.record.indexes}
    indexes: list[ReplicaGlobalSecondaryIndexDescription] = []
    for index in described.get("GlobalSecondaryIndexes", ()):
        name = index.get("IndexName", "")
        told: ReplicaGlobalSecondaryIndexDescription = {"IndexName": name}
        if "WarmThroughput" in index:
            told["WarmThroughput"] = index["WarmThroughput"]
        if units[name] and units[name] != own.get(name):
            told["ProvisionedThroughputOverride"] = {"ReadCapacityUnits": units[name]}
        if maxima[name] and maxima[name] != own_maxima.get(name):
            told["OnDemandThroughputOverride"] = {"MaxReadRequestUnits": maxima[name]}
        indexes.append(told)
    if indexes:
        result["GlobalSecondaryIndexes"] = indexes
    return result


def _read_maximum(maxima: Units | None) -> int:
    """0 for none."""
    return 0 if maxima is None else maxima.read
