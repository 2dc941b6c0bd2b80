"""Recorded scenarios of a table's settings."""

from __future__ import annotations

from typing import Any


def insights(story: Any) -> None:
    label = "describe-contributor-insights-disabled"
    story(label, "describe_contributor_insights", TableName=story.table())


def backups(story: Any) -> None:
    name = story.table()
    on = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    story("update-continuous-backup", "update_continuous_backups", TableName=name, **on)
    story("describe-continuous-backup", "describe_continuous_backups", TableName=name)


def warm_throughput(story: Any) -> None:
    warm = {"ReadUnitsPerSecond": 1000, "WriteUnitsPerSecond": 1200}
    request = story.request("things", "id")
    story("create-table", "create_table", **request, WarmThroughput=warm)
    story("describe-table", "describe_table", TableName="things")


SCENARIOS = {
    "test_dynamodb_describe_contributor_insights": insights,
    "test_continuous_backup_update": backups,
    "test_table_warm_throughput": warm_throughput,
}
