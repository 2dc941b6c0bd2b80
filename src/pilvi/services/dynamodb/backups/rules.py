"""Which table a restore makes: the definition of the one it was, with what the request wants otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from pilvi.services.dynamodb import rules
from pilvi.services.dynamodb.descriptions import describe
from pilvi.services.dynamodb.errors import invalid_values
from pilvi.services.dynamodb.records import Restored, TableRecord
from pilvi.services.dynamodb.wire import ProvisionedThroughput

_SAME = ("IndexName", "KeySchema", "Projection")


def draft_restored(
    source: TableRecord,
    req: Mapping[str, Any],
    *,
    name: str,
    table_id: str,
    now_ms: int,
    restored: Restored,
) -> TableRecord:
    """The table, CREATING. It has no stream, no time to live, no protection and no recovery, as on AWS.

    Raises: ValidationException for overrides that make no sense, or indexes that the source has not; NotBuilt.
    """
    definition = _definition(source, req)
    table = rules.draft_table(
        definition, scope=source.scope, name=name, table_id=table_id, now_ms=now_ms
    )
    return msgspec.structs.replace(table, status="CREATING", restored=restored)


def _definition(source: TableRecord, req: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateTable would be asked for."""
    shown = cast("dict[str, Any]", describe(source))
    billing_mode = req.get("BillingModeOverride", source.billing_mode)
    kept = billing_mode == source.billing_mode
    throughput = req.get("ProvisionedThroughputOverride")
    if throughput is None and kept and billing_mode == "PROVISIONED":
        throughput = provisioned(shown["ProvisionedThroughput"])
    local = _indexes(shown, req, "LocalSecondaryIndex", kept=kept)
    everywhere = _indexes(shown, req, "GlobalSecondaryIndex", kept=kept)
    schemas = [shown["KeySchema"], *(index["KeySchema"] for index in (*local, *everywhere))]
    used = {element["AttributeName"] for schema in schemas for element in schema}
    definition: dict[str, Any] = {
        "AttributeDefinitions": [
            one for one in shown["AttributeDefinitions"] if one["AttributeName"] in used
        ],
        "KeySchema": shown["KeySchema"],
        "BillingMode": billing_mode,
    }
    if throughput is not None:
        definition["ProvisionedThroughput"] = throughput
    if local:
        definition["LocalSecondaryIndexes"] = local
    if everywhere:
        definition["GlobalSecondaryIndexes"] = everywhere
    if source.table_class is not None:
        definition["TableClass"] = source.table_class
    if "SSESpecificationOverride" in req:
        definition["SSESpecification"] = req["SSESpecificationOverride"]
    if "OnDemandThroughputOverride" in req:
        definition["OnDemandThroughput"] = req["OnDemandThroughputOverride"]
    elif "OnDemandThroughput" in shown and kept:
        definition["OnDemandThroughput"] = shown["OnDemandThroughput"]
    return definition


def _indexes(
    shown: Mapping[str, Any], req: Mapping[str, Any], kind: str, *, kept: bool
) -> list[dict[str, Any]]:
    """Definitions of the indexes that are to be restored: all, or those that the request names.

    Raises: ValidationException for one that the source has not so.
    """
    known = {
        index["IndexName"]: _definition_of_index(index, kept=kept)
        for index in shown.get(f"{kind}es") or ()
        if index.get("IndexStatus") != "DELETING"
    }
    wanted: Sequence[Mapping[str, Any]] | None = req.get(f"{kind}Override")
    if wanted is None:
        return list(known.values())
    result: list[dict[str, Any]] = []
    for index in wanted:
        found = known.get(index["IndexName"])
        if found is None or any(
            _comparable(found[part]) != _comparable(index[part]) for part in _SAME
        ):
            raise invalid_values(
                f"{kind}Override does not match an index of the source table: {index['IndexName']}"
            )
        result.append({**found, **index})
    return result


def _comparable(part: Any) -> Any:
    """Non-key attributes have no order."""
    if isinstance(part, dict):
        named = cast("dict[str, Any]", part)
        return {**named, "NonKeyAttributes": sorted(named.get("NonKeyAttributes", ()))}
    return part


def _definition_of_index(index: Mapping[str, Any], *, kept: bool) -> dict[str, Any]:
    definition = {part: index[part] for part in _SAME}
    throughput = index.get("ProvisionedThroughput")
    if kept and throughput is not None and throughput["ReadCapacityUnits"]:
        definition["ProvisionedThroughput"] = provisioned(throughput)
    if kept and "OnDemandThroughput" in index:
        definition["OnDemandThroughput"] = index["OnDemandThroughput"]
    return definition


def provisioned(shown: Mapping[str, Any]) -> ProvisionedThroughput:
    return {
        "ReadCapacityUnits": shown["ReadCapacityUnits"],
        "WriteCapacityUnits": shown["WriteCapacityUnits"],
    }
