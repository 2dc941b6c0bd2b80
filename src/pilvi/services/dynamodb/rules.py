"""What DynamoDB decides about tables: which definitions are good, and what changes of them are.

Pure functions of requests and records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import NotBuilt
from pilvi.services.dynamodb import errors, limits
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Tag, Throughput

_KEY_LENGTH_MAX = 2


# --- a new table


def draft_table(
    req: Mapping[str, Any], *, scope: Scope, name: str, table_id: str, now_ms: int
) -> TableRecord:
    """The table that CreateTable asks for.

    Raises: ValidationException for a definition that makes no sense; NotBuilt.
    """
    if "AttributeDefinitions" not in req or "KeySchema" not in req:
        member = "attributeDefinitions" if "AttributeDefinitions" not in req else "keySchema"
        raise invalid(
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null"
        )
    _refuse_long_schema(req["KeySchema"])
    types = attribute_types(req["AttributeDefinitions"])
    hash_key, range_key = _keys(req["KeySchema"], types)
    billing_mode = req.get("BillingMode", "PROVISIONED")
    throughput = _throughput(req.get("ProvisionedThroughput"), billing_mode)
    indexes = [
        *_indexes(req, "LocalSecondaryIndexes", types, billing_mode),
        *_indexes(req, "GlobalSecondaryIndexes", types, billing_mode),
    ]
    indexes = [
        msgspec.structs.replace(index, number=number) for number, index in enumerate(indexes, 1)
    ]
    table = TableRecord(
        name=name,
        id=table_id,
        account=scope.account,
        region=scope.region,
        partition=scope.partition,
        created_at_ms=now_ms,
        types=types,
        hash_key=hash_key,
        range_key=range_key,
        billing_mode=billing_mode,
        throughput=throughput,
        on_demand_since_ms=now_ms if billing_mode == "PAY_PER_REQUEST" else None,
        indexes=tuple(indexes),
        indexes_made=len(indexes),
        deletion_protection=req.get("DeletionProtectionEnabled", False),
        table_class=req.get("TableClass"),
    )
    _check_local_indexes(table)
    _check_indexes(table)
    refuse_unused_definitions(table, types)
    _refuse_unbuilt(req)
    return table


def _refuse_unbuilt(req: Mapping[str, Any]) -> None:
    """Raises: NotBuilt for settings that would need what is not there."""
    encryption = req.get("SSESpecification", {})
    if encryption.get("Enabled") or "SSEType" in encryption or "KMSMasterKeyId" in encryption:
        raise NotBuilt(what="SSESpecification: encryption with KMS keys")


def _refuse_unbuilt_throughput(index: Mapping[str, Any]) -> None:
    for member in ("OnDemandThroughput", "WarmThroughput"):
        if member in index:
            raise NotBuilt(what=f"{member} of a global secondary index")


def attribute_types(definitions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Raises: ValidationException for two definitions of one attribute."""
    types: dict[str, str] = {}
    for definition in definitions:
        name = definition["AttributeName"]
        if name in types:
            raise invalid_values(
                f"Cannot have two attributes with the same name: {name}"
                if types[name] == definition["AttributeType"]
                else f"Cannot have two attributes with the same name and different types: {name}"
            )
        types[name] = definition["AttributeType"]
    return types


def _keys(schema: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> tuple[str, str | None]:
    """Hash and range key of a KeySchema. Raises: ValidationException, NotBuilt."""
    names = [element["AttributeName"] for element in schema]
    kinds = [element["KeyType"] for element in schema]
    if len(schema) > _KEY_LENGTH_MAX:
        raise NotBuilt(what="KeySchema with more than two elements: keys of several attributes")
    if any(name not in types for name in names) or names == [*types] * 2:
        if len(names) == _KEY_LENGTH_MAX:
            raise invalid("Invalid KeySchema: Some index key attribute have no definition")
        raise invalid_values(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    if len(set(names)) != len(names):
        raise invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    if kinds[0] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(kinds) == 1:
        return names[0], None
    if kinds[1] != "RANGE":
        raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    return names[0], names[1]


def _refuse_long_schema(schema: Sequence[Mapping[str, Any]]) -> None:
    """Raises: ValidationException; only keys of indexes may have more than two attributes."""
    if len(schema) > _KEY_LENGTH_MAX:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={one['AttributeName']}, keyType={one['KeyType']})"
            for one in schema
        )
        raise invalid(
            f"1 validation error detected: Value '[{shown}]' at 'keySchema' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_KEY_LENGTH_MAX}"
        )


def _throughput(given: Mapping[str, Any] | None, billing_mode: str) -> Throughput:
    """Raises: ValidationException when it does not go with the billing mode."""
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None and (
            given.get("ReadCapacityUnits") or given.get("WriteCapacityUnits")
        ):
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        return Throughput()
    if given is None:
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED"
        )
    read, write = given["ReadCapacityUnits"], given["WriteCapacityUnits"]
    for units, member in ((read, "ReadCapacityUnits"), (write, "WriteCapacityUnits")):
        if units > limits.THROUGHPUT_UNITS_MAX:
            raise invalid(f"Given value {units} for {member} is out of bounds")
    return Throughput(read, write)


# --- indexes


def _indexes(
    req: Mapping[str, Any], member: str, types: Mapping[str, str], billing_mode: str
) -> list[IndexRecord]:
    if member not in req:
        return []
    if not req[member]:
        raise invalid_values(f"List of {member} is empty")
    return [
        draft_index(
            definition, types, local=member == "LocalSecondaryIndexes", billing_mode=billing_mode
        )
        for definition in req[member]
    ]


def draft_index(
    definition: Mapping[str, Any], types: Mapping[str, str], *, local: bool, billing_mode: str
) -> IndexRecord:
    """Raises: ValidationException for a definition that makes no sense on its own; NotBuilt."""
    _refuse_unbuilt_throughput(definition)
    schema = definition["KeySchema"]
    names = [element["AttributeName"] for element in schema]
    if any(name not in types for name in names):
        raise invalid_values(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    hash_key, range_key = _keys(schema, types)
    projection = definition["Projection"]
    kind = projection.get("ProjectionType")
    if kind is None:
        raise invalid_values("Unknown ProjectionType: null")
    if kind != "INCLUDE" and "NonKeyAttributes" in projection:
        raise invalid_values(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and "NonKeyAttributes" not in projection:
        raise invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    return IndexRecord(
        name=definition["IndexName"],
        number=0,
        local=local,
        hash_key=hash_key,
        range_key=range_key,
        projection=kind,
        included=tuple(projection.get("NonKeyAttributes", ())),
        throughput=(
            Throughput()
            if local
            else _throughput(definition.get("ProvisionedThroughput"), billing_mode)
        ),
    )


def _check_local_indexes(table: TableRecord) -> None:
    local = [index for index in table.indexes if index.local]
    if local and table.range_key is None:
        raise invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    for index in local:
        if index.range_key is None:
            raise invalid_values(
                f"Index KeySchema does not have a range key for index: {index.name}"
            )
        if index.hash_key != table.hash_key:
            raise invalid_values(
                "Index KeySchema does not have the same leading hash key as table KeySchema for "
                f"index: {index.name}. index hash key: {index.hash_key}, "
                f"table hash key: {table.hash_key}"
            )
    if len(local) > limits.LOCAL_INDEXES_MAX:
        raise invalid_values("Number of LocalSecondaryIndexes exceeds per-table limit of 5")


def _check_indexes(table: TableRecord) -> None:
    names = set[str]()
    for index in table.indexes:
        if index.name in names:
            raise invalid_values(f"Duplicate index name: {index.name}")
        names.add(index.name)
    if sum(not index.local for index in table.indexes) > limits.GLOBAL_INDEXES_MAX:
        raise invalid_values("GlobalSecondaryIndex count exceeds the per-table limit of 20")
    if sum(len(index.included) for index in table.indexes) > limits.INCLUDED_ATTRIBUTES_MAX:
        raise invalid_values(
            "The number of attributes in NonKeyAttributes for all indexes exceeds the limit of 100"
        )


def key_attributes(table: TableRecord) -> set[str]:
    """All attributes that are part of a key of the table or of an index."""
    names = {table.hash_key, table.range_key}
    for index in table.indexes:
        names |= {index.hash_key, index.range_key}
    return {name for name in names if name is not None}


def refuse_unused_definitions(table: TableRecord, types: Mapping[str, str]) -> None:
    used = key_attributes(table)
    if used == set(types):
        return
    if not table.indexes:
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes defined "
            "in AttributeDefinitions"
        )
    raise invalid_values(
        "Some AttributeDefinitions are not used. "
        f"AttributeDefinitions: [{', '.join(types)}], keys used: [{', '.join(sorted(used))}]"
    )


# --- changes of a table


def change_table(table: TableRecord, req: Mapping[str, Any], now_ms: int) -> TableRecord:
    """The table as UpdateTable wants it; new indexes are CREATING.

    Raises: ValidationException, LimitExceededException, ResourceInUseException, NotBuilt.
    """
    _refuse_unbuilt(req)
    changed = _change_billing(table, req, now_ms)
    if "DeletionProtectionEnabled" in req:
        changed = msgspec.structs.replace(
            changed, deletion_protection=req["DeletionProtectionEnabled"]
        )
    if "TableClass" in req:
        changed = msgspec.structs.replace(changed, table_class=req["TableClass"])
    updates = req.get("GlobalSecondaryIndexUpdates") or ()
    _refuse_repeated_updates(updates)
    if sum("Create" in update or "Delete" in update for update in updates) > 1:
        raise errors.LimitExceededException(
            detail="Subscriber limit exceeded: Only 1 online index can be created or deleted "
            "simultaneously per table"
        )
    for update in updates:
        changed = _change_indexes(changed, update, req, now_ms)
    _check_indexes(changed)
    used = key_attributes(changed)
    changed = msgspec.structs.replace(
        changed, types={name: kind for name, kind in changed.types.items() if name in used}
    )
    if not any(
        member in req
        for member in (
            "BillingMode",
            "ProvisionedThroughput",
            "DeletionProtectionEnabled",
            "TableClass",
            "GlobalSecondaryIndexUpdates",
            "StreamSpecification",
            "SSESpecification",
        )
    ):
        raise invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    return changed


def _refuse_repeated_updates(updates: Sequence[Mapping[str, Any]]) -> None:
    seen = set[str]()
    for update in updates:
        change = update.get("Update") or update.get("Create") or update.get("Delete")
        if change is None:
            raise invalid_values(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        if change["IndexName"] in seen:
            raise invalid_values(
                "Only one global secondary index update per index is allowed simultaneously. "
                f"Index: {change['IndexName']}"
            )
        seen.add(change["IndexName"])


def _change_billing(table: TableRecord, req: Mapping[str, Any], now_ms: int) -> TableRecord:
    billing_mode = req.get("BillingMode", table.billing_mode)
    given = req.get("ProvisionedThroughput")
    if given is None and billing_mode == table.billing_mode:
        return table
    throughput = _throughput(given, billing_mode)
    if billing_mode == table.billing_mode == "PROVISIONED":
        throughput = _adjusted(
            table.throughput,
            throughput,
            now_ms,
            f"The provisioned throughput for the table {table.name}",
        )
    since_ms = table.on_demand_since_ms
    indexes = table.indexes
    if billing_mode == "PAY_PER_REQUEST" != table.billing_mode:
        since_ms = now_ms
        indexes = tuple(
            msgspec.structs.replace(index, throughput=Throughput()) for index in indexes
        )
    elif billing_mode == "PROVISIONED" != table.billing_mode:
        indexes = _provision_indexes(table, req)
    return msgspec.structs.replace(
        table,
        billing_mode=billing_mode,
        throughput=throughput,
        on_demand_since_ms=since_ms,
        indexes=indexes,
    )


def _provision_indexes(table: TableRecord, req: Mapping[str, Any]) -> tuple[IndexRecord, ...]:
    """Raises: ValidationException when a global index gets no throughput of its own."""
    given = {
        update["Update"]["IndexName"]: update["Update"].get("ProvisionedThroughput")
        for update in req.get("GlobalSecondaryIndexUpdates") or ()
        if "Update" in update
    }
    return tuple(
        index
        if index.local
        else msgspec.structs.replace(
            index, throughput=_throughput(given.get(index.name), "PROVISIONED")
        )
        for index in table.indexes
    )


def _adjusted(old: Throughput, new: Throughput, now_ms: int, what: str) -> Throughput:
    """Raises: ValidationException when nothing would change."""
    if (old.read_units, old.write_units) == (new.read_units, new.write_units):
        raise invalid(
            f"{what} will not change. The requested value equals the current value. Current "
            f"ReadCapacityUnits provisioned for the table: {old.read_units}. Requested "
            f"ReadCapacityUnits: {new.read_units}. Current WriteCapacityUnits provisioned for the "
            f"table: {old.write_units}. Requested WriteCapacityUnits: {new.write_units}. Refer to "
            "the Amazon DynamoDB Developer Guide for current limits and how to request higher "
            "limits."
        )
    higher = new.read_units > old.read_units or new.write_units > old.write_units
    lower = new.read_units < old.read_units or new.write_units < old.write_units
    return msgspec.structs.replace(
        new,
        increased_at_ms=now_ms if higher else old.increased_at_ms,
        decreased_at_ms=now_ms if lower else old.decreased_at_ms,
    )


def _change_indexes(
    table: TableRecord, update: Mapping[str, Any], req: Mapping[str, Any], now_ms: int
) -> TableRecord:
    if "Create" in update:
        return _with_index(table, update["Create"], req)
    if "Delete" in update:
        name = update["Delete"]["IndexName"]
        _global_index(table, name)
        return msgspec.structs.replace(
            table, indexes=tuple(index for index in table.indexes if index.name != name)
        )
    change = update["Update"]
    _refuse_unbuilt_throughput(change)
    old = _global_index(table, change["IndexName"])
    throughput = _throughput(change.get("ProvisionedThroughput"), table.billing_mode)
    if (old.throughput.read_units, old.throughput.write_units) != (
        throughput.read_units,
        throughput.write_units,
    ):
        throughput = _adjusted(
            old.throughput,
            throughput,
            now_ms,
            f"The provisioned throughput for the index {old.name}",
        )
    return msgspec.structs.replace(
        table,
        indexes=tuple(
            msgspec.structs.replace(index, throughput=throughput) if index is old else index
            for index in table.indexes
        ),
    )


def _with_index(
    table: TableRecord, definition: Mapping[str, Any], req: Mapping[str, Any]
) -> TableRecord:
    types = attribute_types(req.get("AttributeDefinitions") or ())
    for name, kind in types.items():
        if table.types.get(name, kind) != kind:
            raise invalid_values(
                f"Attribute {name} is already defined with another type in AttributeDefinitions"
            )
    types = {**table.types, **types}
    if any(index.name == definition["IndexName"] for index in table.indexes):
        raise invalid(
            f"Attempting to create an index which already exists: {definition['IndexName']}"
        )
    if any(index.status == "CREATING" for index in table.indexes):
        raise errors.LimitExceededException(
            detail="Subscriber limit exceeded: Only 1 online index can be created or deleted "
            "simultaneously per table"
        )
    number = table.indexes_made + 1
    index = msgspec.structs.replace(
        draft_index(definition, types, local=False, billing_mode=table.billing_mode),
        number=number,
        status="CREATING",
    )
    return msgspec.structs.replace(
        table, types=types, indexes=(*table.indexes, index), indexes_made=number
    )


def _global_index(table: TableRecord, name: str) -> IndexRecord:
    """Raises: ResourceNotFoundException."""
    for index in table.indexes:
        if index.name == name and not index.local:
            return index
    raise errors.ResourceNotFoundException()


# --- tags


def drafted_tags(given: Sequence[Mapping[str, Any]]) -> list[Tag]:
    """Raises: ValidationException."""
    tags = [Tag(tag["Key"], tag["Value"]) for tag in given]
    if len({tag.key for tag in tags}) != len(tags):
        raise invalid_values("Tag keys must be unique")
    for tag in tags:
        if tag.key.lower().startswith("aws:"):
            raise invalid_values("Tag keys that begin with aws: are reserved")
    return tags
