"""What DynamoDB decides about new tables and indexes: which definitions are good. Of their changes: `changes.py`.

Pure functions of requests and records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import NotBuilt
from pilvi.services.dynamodb import limits, throughputs
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import (
    BillingMode,
    IndexRecord,
    TableRecord,
    Tag,
    Throughput,
    Units,
)
from pilvi.services.dynamodb.throughputs import Subject

_KEY_LENGTH_MAX = limits.KEY_SCHEMA_MAX
_UNDEFINED = "Invalid KeySchema: Some index key attribute have no definition"


# --- a new table


def draft_table(
    req: Mapping[str, Any], *, scope: Scope, name: str, table_id: str, now_ms: int
) -> TableRecord:
    """The table that CreateTable asks for.

    Raises: ValidationException for a definition that makes no sense; LimitExceededException; NotBuilt.
    """
    if "AttributeDefinitions" not in req or "KeySchema" not in req:
        member = "attributeDefinitions" if "AttributeDefinitions" not in req else "keySchema"
        raise invalid(
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null"
        )
    _refuse_long_schema(req["KeySchema"], "keySchema")
    for number, definition in enumerate(req.get("LocalSecondaryIndexes") or (), 1):
        _refuse_long_schema(
            definition["KeySchema"], f"localSecondaryIndexes.{number}.member.keySchema"
        )
    types = attribute_types(req["AttributeDefinitions"])
    hash_key, range_key = _keys(req["KeySchema"], types)
    subject = Subject(scope.region)
    billing_mode: BillingMode = req.get("BillingMode", "PROVISIONED")
    throughput = _throughput(req.get("ProvisionedThroughput"), billing_mode, subject)
    local = _drafts(req, "LocalSecondaryIndexes", types)
    everywhere = _drafts(req, "GlobalSecondaryIndexes", types)
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
        indexes=(*local, *everywhere),
        indexes_made=len(local) + len(everywhere),
        deletion_protection=req.get("DeletionProtectionEnabled", False),
        table_class=req.get("TableClass"),
    )
    _refuse_unused_definitions(table, types)
    definitions = [
        *(req.get("LocalSecondaryIndexes") or ()),
        *(req.get("GlobalSecondaryIndexes") or ()),
    ]
    indexes = [
        furnished_index(index, definition, billing_mode, scope.region, created=True)
        for index, definition in zip(table.indexes, definitions, strict=True)
    ]
    indexes = [
        msgspec.structs.replace(index, number=number) for number, index in enumerate(indexes, 1)
    ]
    table = msgspec.structs.replace(table, indexes=tuple(indexes))
    _check_local_indexes(table)
    check_indexes(table)
    if sum(not index.local for index in table.indexes) > limits.GLOBAL_INDEXES_MAX:
        raise invalid_values("GlobalSecondaryIndex count exceeds the per-table limit of 20")
    maxima, warm = _on_demand(req, billing_mode, throughput, subject)
    check_encryption(req.get("SSESpecification"))
    return msgspec.structs.replace(table, maxima=maxima, warm=warm)


def check_encryption(specification: Mapping[str, Any] | None) -> None:
    """Raises: ValidationException for a specification that makes no sense; NotBuilt for keys of KMS."""
    if not specification:
        return
    enabled = specification.get("Enabled")
    kind, key = specification.get("SSEType"), specification.get("KMSMasterKeyId")
    if enabled is False and kind is not None:
        raise invalid_values("SSEType can not be specified if Enabled is false")
    if enabled is False and key is not None:
        raise invalid_values("KMSMasterKeyId can not be specified if Enabled is false")
    if kind == "AES256":
        raise invalid_values("SSEType AES256 is not supported")
    if key is not None and kind is None:
        raise invalid_values("SSEType KMS is required if KMSMasterKeyId is specified")
    if enabled or kind is not None:
        raise NotBuilt(what="SSESpecification: encryption with KMS keys")


def attribute_types(definitions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Raises: ValidationException for two definitions of one attribute."""
    types: dict[str, str] = {}
    for definition in definitions:
        name = definition["AttributeName"]
        if name in types:
            raise invalid(f"Attribute Name is duplicated: {name}")
        types[name] = definition["AttributeType"]
    return types


def _keys(schema: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> tuple[str, str | None]:
    """Hash and range key of the KeySchema of a table or a local index. Raises: ValidationException."""
    names = [element["AttributeName"] for element in schema]
    kinds = [element["KeyType"] for element in schema]
    if not types:
        raise invalid(_UNDEFINED)
    if any(name not in types for name in names) or names == [*types] * 2:
        if len(names) == _KEY_LENGTH_MAX:
            raise invalid(_UNDEFINED)
        raise _undefined(names, types)
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


def _index_keys(schema: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Hash and range keys of a global index's KeySchema, up to four of each. Raises: ValidationException."""
    kinds = [element["KeyType"] for element in schema]
    names = [element["AttributeName"] for element in schema]
    if kinds[0] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    for kind in ("HASH", "RANGE"):
        if kinds.count(kind) > limits.KEY_ATTRIBUTES_MAX:
            raise invalid_values(
                f"The KeySchema exceeds the maximum allowed number of {kind} key attributes"
            )
    if kinds != sorted(kinds):
        raise invalid_values(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema"
        )
    if len(set(names)) != len(names):
        raise invalid("The KeySchema contains multiple key attributes with the same name")
    hashes = kinds.count("HASH")
    return names[:hashes], names[hashes:]


def _undefined(names: Sequence[str], types: Mapping[str, str]) -> Exception:
    return invalid_values(
        "Some index key attributes are not defined in AttributeDefinitions. "
        f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
    )


def _refuse_long_schema(schema: Sequence[Mapping[str, Any]], member: str) -> None:
    """Raises: ValidationException; only keys of global indexes may have more than two attributes."""
    if len(schema) > _KEY_LENGTH_MAX:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={one['AttributeName']}, keyType={one['KeyType']})"
            for one in schema
        )
        raise invalid(
            f"1 validation error detected: Value '[{shown}]' at '{member}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_KEY_LENGTH_MAX}"
        )


def _throughput(
    given: Mapping[str, Any] | None, billing_mode: BillingMode, subject: Subject
) -> Throughput:
    """Of a new table. Raises: ValidationException, LimitExceededException."""
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None:
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
    return throughputs.provisioned(given, subject)


def _on_demand(
    given: Mapping[str, Any], billing_mode: BillingMode, throughput: Throughput, subject: Subject
) -> tuple[Units | None, Units]:
    """The maxima and the warm throughput of a new table or index.

    Raises: ValidationException, LimitExceededException.
    """
    maxima = None
    if "OnDemandThroughput" in given:
        if billing_mode == "PROVISIONED":
            throughputs.refuse_maxima(given["OnDemandThroughput"], subject, created=True)
        maxima = throughputs.maxima(given["OnDemandThroughput"], None, subject)
    if "WarmThroughput" not in given:
        return maxima, throughputs.initial(billing_mode, throughput)
    return maxima, throughputs.first_warm(
        given["WarmThroughput"], billing_mode, throughput, subject
    )


# --- indexes


def _drafts(req: Mapping[str, Any], member: str, types: Mapping[str, str]) -> list[IndexRecord]:
    if member not in req:
        return []
    if not req[member]:
        raise invalid_values(f"List of {member} is empty")
    local = member == "LocalSecondaryIndexes"
    return [draft_index(definition, types, local=local) for definition in req[member]]


def draft_index(
    definition: Mapping[str, Any], types: Mapping[str, str], *, local: bool
) -> IndexRecord:
    """An index with its keys, but nothing else yet. Raises: ValidationException."""
    schema = definition["KeySchema"]
    names = [element["AttributeName"] for element in schema]
    if any(name not in types for name in names):
        raise _undefined(names, types)
    hashes: Sequence[str]
    ranges: Sequence[str]
    if local:
        hash_key, range_key = _keys(schema, types)
        hashes, ranges = [hash_key], [] if range_key is None else [range_key]
    else:
        hashes, ranges = _index_keys(schema)
    return IndexRecord(
        name=definition["IndexName"],
        number=0,
        local=local,
        hash_key=hashes[0],
        range_key=ranges[0] if ranges else None,
        projection="ALL",
        more_hash_keys=tuple(hashes[1:]),
        more_range_keys=tuple(ranges[1:]),
    )


def furnished_index(
    index: IndexRecord,
    definition: Mapping[str, Any],
    billing_mode: BillingMode,
    region: str,
    *,
    created: bool,
) -> IndexRecord:
    """A drafted index with all that its definition says besides the keys. `created`: with its table.

    Raises: ValidationException, LimitExceededException.
    """
    projection = definition["Projection"]
    kind = projection.get("ProjectionType")
    included: Sequence[str] = projection.get("NonKeyAttributes", ())
    if kind is None:
        raise invalid_values("Unknown ProjectionType: null")
    if kind != "INCLUDE" and "NonKeyAttributes" in projection:
        raise invalid_values(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and "NonKeyAttributes" not in projection:
        raise invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    for at, name in enumerate(included):
        if name in included[:at]:
            raise invalid_values(f"Duplicate element in NonKeyAttributes: {name}")
    index = msgspec.structs.replace(index, projection=kind, included=tuple(included))
    if index.local:
        return index
    subject = Subject(region, index.name)
    given = definition.get("ProvisionedThroughput")
    throughput = _index_throughput(given, billing_mode, subject, created=created)
    maxima, warm = _on_demand(definition, billing_mode, throughput, subject)
    return msgspec.structs.replace(index, throughput=throughput, maxima=maxima, warm=warm)


def _index_throughput(
    given: Mapping[str, Any] | None, billing_mode: BillingMode, subject: Subject, *, created: bool
) -> Throughput:
    """Raises: ValidationException, LimitExceededException."""
    name = subject.index
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None:
            raise invalid_values(
                f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is "
                "PAY_PER_REQUEST"
                if created
                else "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: "
                f"{name} when BillingMode is PAY_PER_REQUEST"
            )
        return Throughput()
    if given is None:
        raise invalid_values(
            f"ProvisionedThroughput is not specified for index: {name}"
            if created
            else f"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
        )
    return throughputs.provisioned(given, subject)


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


def check_indexes(table: TableRecord) -> None:
    """What holds of all indexes of a table together. Raises: ValidationException."""
    names = set[str]()
    for index in table.indexes:
        if index.name in names:
            raise invalid_values(f"Duplicate index name: {index.name}")
        names.add(index.name)
    if sum(len(index.included) for index in table.indexes) > limits.INCLUDED_ATTRIBUTES_MAX:
        raise invalid_values(
            "The number of attributes in NonKeyAttributes for all indexes exceeds the limit of 100"
        )


def key_attributes(table: TableRecord) -> set[str]:
    """All attributes that are part of a key of the table or of an index."""
    names = {table.hash_key, table.range_key}
    for index in table.indexes:
        names.update(index.hash_keys, index.range_keys)
    return {name for name in names if name is not None}


def pruned_types(table: TableRecord) -> TableRecord:
    """Without the definitions of attributes that are part of no key any more."""
    used = key_attributes(table)
    types = {name: kind for name, kind in table.types.items() if name in used}
    return msgspec.structs.replace(table, types=types)


def _refuse_unused_definitions(table: TableRecord, types: Mapping[str, str]) -> None:
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


# --- tags


def drafted_tags(given: Sequence[Mapping[str, Any]]) -> list[Tag]:
    """Raises: ValidationException."""
    seen = set[str]()
    tags = [Tag(tag["Key"], tag["Value"]) for tag in given]
    for tag in tags:
        if tag.key.lower().startswith("aws:"):
            raise invalid(f"Tag Key cannot be prefixed with aws:, Key: {tag.key}")
        if not _taggable(tag.key):
            raise invalid(f"The Tag Key provided is invalid, Key: {tag.key}")
        if not _taggable(tag.value):
            raise invalid(f"The Tag Value provided is invalid, Value: {tag.value}")
        if tag.key in seen:
            raise invalid(
                f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {tag.key}"
            )
        seen.add(tag.key)
    refuse_many_tags(len(tags))
    return tags


def refuse_many_tags(count: int) -> None:
    """Raises: ValidationException."""
    if count > limits.TAGS_MAX:
        raise invalid("Number of Tags exceed the current limit for the provided ResourceArn")


def _taggable(text: str) -> bool:
    """Letters, digits and spaces of any script, and a few signs."""
    return all(one.isalnum() or one.isspace() or one in "+-=._:/@" for one in text)
