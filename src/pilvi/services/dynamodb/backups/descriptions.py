"""How backups and point-in-time recovery are described to callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.services.dynamodb.backups.records import BackupRecord
from pilvi.services.dynamodb.backups.rules import provisioned
from pilvi.services.dynamodb.descriptions import describe
from pilvi.services.dynamodb.history.keeping import find_recovery, window
from pilvi.services.dynamodb.records import TableRecord
from pilvi.services.dynamodb.wire import (
    BackupDescription,
    BackupDetails,
    BackupSummary,
    ContinuousBackupsDescription,
    PointInTimeRecoveryDescription,
    SourceTableDetails,
    SourceTableFeatureDetails,
)
from pilvi.store.api import Snapshot


def details_of(backup: BackupRecord, *, status: str | None = None) -> BackupDetails:
    """`status`: where it is not the record's."""
    details: BackupDetails = {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size_bytes,
        "BackupStatus": status or ("CREATING" if backup.creating else "AVAILABLE"),
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created_at_ms,
    }
    if backup.expires_at_ms is not None:
        details["BackupExpiryDateTime"] = backup.expires_at_ms
    return details


def summary_of(backup: BackupRecord) -> BackupSummary:
    details = details_of(backup)
    return {
        "TableName": backup.table.name,
        "TableId": backup.table.id,
        "TableArn": backup.table.arn,
        **details,
    }


def description_of(backup: BackupRecord, *, status: str | None = None) -> BackupDescription:
    table = backup.table
    shown = cast("dict[str, Any]", describe(table))
    source: SourceTableDetails = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table.arn,
        "TableSizeBytes": backup.size_bytes,
        "KeySchema": shown["KeySchema"],
        "TableCreationDateTime": table.created_at_ms,
        "ProvisionedThroughput": provisioned(shown["ProvisionedThroughput"]),
        "ItemCount": backup.items,
        "BillingMode": table.billing_mode,
    }
    if "OnDemandThroughput" in shown:
        source["OnDemandThroughput"] = shown["OnDemandThroughput"]
    return {
        "BackupDetails": details_of(backup, status=status),
        "SourceTableDetails": source,
        "SourceTableFeatureDetails": _features(table, shown),
    }


def _features(table: TableRecord, shown: Mapping[str, Any]) -> SourceTableFeatureDetails:
    """Only those that the table had."""
    features: dict[str, Any] = {}
    for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        if member in shown:
            features[member] = [_index_info(index) for index in shown[member]]
    if "StreamSpecification" in shown:
        features["StreamDescription"] = shown["StreamSpecification"]
    if table.time_to_live is not None:
        features["TimeToLiveDescription"] = {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": table.time_to_live,
        }
    if "SSEDescription" in shown:
        features["SSEDescription"] = shown["SSEDescription"]
    return cast("SourceTableFeatureDetails", features)


def _index_info(index: Mapping[str, Any]) -> dict[str, Any]:
    info = {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
    if "ProvisionedThroughput" in index:
        info["ProvisionedThroughput"] = provisioned(index["ProvisionedThroughput"])
    if "OnDemandThroughput" in index:
        info["OnDemandThroughput"] = index["OnDemandThroughput"]
    return info


def continuous_backups_of(
    at: Snapshot, table: TableRecord, now_ms: int
) -> ContinuousBackupsDescription:
    recovery = find_recovery(at, table)
    told: PointInTimeRecoveryDescription = {"PointInTimeRecoveryStatus": "DISABLED"}
    if recovery is not None:
        earliest_ms, latest_ms = window(recovery, now_ms)
        told = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": recovery.period_days,
            "EarliestRestorableDateTime": earliest_ms,
            "LatestRestorableDateTime": latest_ms,
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": told}
