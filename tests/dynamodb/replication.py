"""What the tests of global tables share: clients of several regions, replicas, and the table as all regions have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .support import make_table

HOME, OTHER, THIRD = "us-east-1", "eu-west-1", "ap-south-1"


def clients(client: Callable[..., Any], service: str = "dynamodb") -> dict[str, Any]:
    return {region: client(service, region_name=region) for region in (HOME, OTHER, THIRD)}


def add_replica(ddb: Any, region: str, name: str = "things", **more: Any) -> dict[str, Any]:
    create = {"Create": {"RegionName": region, **more}}
    return ddb.update_table(TableName=name, ReplicaUpdates=[create])["TableDescription"]


def remove_replica(ddb: Any, region: str, name: str = "things") -> dict[str, Any]:
    delete = {"Delete": {"RegionName": region}}
    return ddb.update_table(TableName=name, ReplicaUpdates=[delete])["TableDescription"]


def make_global(regions: dict[str, Any], clock: Any, *others: str, **more: Any) -> None:
    """The table `things` in the first region and in `others`, ready for use."""
    make_table(regions[HOME], **more)
    for region in others or (OTHER,):
        add_replica(regions[HOME], region)
        clock.wait_until_idle()


def statuses(ddb: Any, name: str = "things") -> dict[str, str]:
    """Of the replicas in other regions."""
    described = ddb.describe_table(TableName=name)["Table"]
    return {one["RegionName"]: one["ReplicaStatus"] for one in described.get("Replicas", ())}


def contents(ddb: Any, name: str = "things") -> dict[tuple[str, int], Any]:
    pages = ddb.get_paginator("scan").paginate(TableName=name)
    items = [item for page in pages for item in page["Items"]]
    return {(item["pk"]["S"], int(item["sk"]["N"])): item for item in items}
