"""What DynamoDB decides about changes of a table's indexes: one is made or removed at a time.

AWS: UpdateTable; Developer Guide, "Managing Global Secondary Indexes in DynamoDB".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pilvi.services.dynamodb import errors, limits, throughputs
from pilvi.services.dynamodb.change import Change
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Units
from pilvi.services.dynamodb.rules import (
    attribute_types,
    draft_index,
    furnished_index,
)
from pilvi.services.dynamodb.throughputs import Subject

_IN_USE: Final = "Attempt to change a resource which is still in use: "
_ONE_INDEX: Final = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"


def check_state(table: TableRecord, update: Mapping[str, Any]) -> None:
    """Raises: ResourceNotFoundException, ResourceInUseException, ValidationException."""
    action, definition = next(
        (action, update[action]) for action in ("Create", "Delete", "Update") if action in update
    )
    name = definition["IndexName"]
    index = next((one for one in table.indexes if one.name == name), None)
    place = f"Table: {table.name} Index: {name}"
    if index is not None and index.status == "DELETING":
        raise errors.ResourceInUseException(detail=f"{_IN_USE}Index is being deleted. {place}")
    if action == "Create":
        if index is not None:
            raise invalid("Attempting to create an index which already exists")
        return
    if index is None:
        raise errors.IndexNotFound(index=name, table=table.name)
    if index.local:
        raise invalid(
            f"Cannot {action.lower()} an index that is not a GlobalSecondaryIndex: {name}"
        )
    if allocating(index):
        raise errors.ResourceInUseException(
            detail=_IN_USE
            + "Index creation is in resource allocation phase. Retry deletion during "
            f"backfilling phase or when the index is active. {place}"
            if action == "Delete"
            else f"{_IN_USE}Index is being created but is not backfilling yet. {place}"
        )


def refuse_second(table: TableRecord, updates: Sequence[Mapping[str, Any]]) -> None:
    """Raises: LimitExceededException when more than one index would be made or removed at a time."""
    moved = [update for update in updates if "Create" in update or "Delete" in update]
    if not moved:
        return
    deleted = {update["Delete"]["IndexName"] for update in moved if "Delete" in update}
    busy = {index.name for index in table.indexes if not is_ready(index)}
    if len(moved) > 1 or busy - deleted:
        raise errors.LimitExceededException(detail=_ONE_INDEX)


def refuse_while_changing(table: TableRecord, req: Mapping[str, Any]) -> None:
    """Raises: ResourceInUseException."""
    made = [index.name for index in table.indexes if allocating(index)]
    removed = [index.name for index in table.indexes if index.status == "DELETING"]
    names = made or removed
    if not names:
        return
    happening = "created" if made else "deleted"
    place = f"Table: {table.name} Indexes: [{', '.join(names)}]"
    mode = req.get("BillingMode", table.billing_mode)
    if "ProvisionedThroughput" in req or mode != table.billing_mode:
        raise errors.ResourceInUseException(
            detail=f"{_IN_USE}Can't change table IOPS when an index is being {happening}. {place}"
        )
    if "StreamSpecification" in req:
        raise errors.ResourceInUseException(
            detail=f"{_IN_USE}Can't change stream status when an index is being {happening}. {place}"
        )
    if "OnDemandThroughput" in req:
        doing = "creation" if made else "deletion"
        raise errors.ResourceInUseException(
            detail=f"{_IN_USE}OnDemandThroughput cannot be updated while index {doing} is in progress for "
            f"indexes: [{', '.join(names)}]"
        )


def change_index(
    change: Change, update: Mapping[str, Any], req: Mapping[str, Any], now_ms: int
) -> None:
    if "Create" in update:
        _create_index(change, update["Create"], req)
    elif "Delete" in update:
        name = update["Delete"]["IndexName"]
        change.set_index(name, status="DELETING", backfilling=False)
        change.shown = change.table
        change.status = "UPDATING"
    else:
        _update_index(change, update["Update"], now_ms)


def _create_index(change: Change, definition: Mapping[str, Any], req: Mapping[str, Any]) -> None:
    table = change.table
    name = definition["IndexName"]
    if not req.get("AttributeDefinitions"):
        raise invalid_values(f"AttributeDefinitions is not specified for index: {name}")
    given = attribute_types(req["AttributeDefinitions"])
    index = draft_index(definition, {**given, **table.types}, local=False)
    for attribute in (*index.hash_keys, *index.range_keys):
        if given.get(attribute, table.types.get(attribute)) != table.types.get(
            attribute, given.get(attribute)
        ):
            raise invalid_values(
                f"Attribute {attribute} is already defined with another type in AttributeDefinitions"
            )
    if sum(not one.local for one in table.indexes) >= limits.GLOBAL_INDEXES_MAX:
        raise errors.LimitExceededException(
            detail="Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of "
            f"{limits.GLOBAL_INDEXES_MAX}"
        )
    number = table.indexes_made + 1
    index = furnished_index(index, definition, table.billing_mode, table.region, created=False)
    index = msgspec.structs.replace(index, number=number, status="CREATING")
    used = (*index.hash_keys, *index.range_keys)
    types = {**table.types, **{name: kind for name, kind in given.items() if name in used}}
    change.set(types=types, indexes=(*table.indexes, index), indexes_made=number)
    change.shown = change.table
    change.status = "UPDATING"


def _update_index(change: Change, definition: Mapping[str, Any], now_ms: int) -> None:
    """Raises: ValidationException, LimitExceededException."""
    table, name = change.table, definition["IndexName"]
    old = next(index for index in table.indexes if index.name == name)
    subject = Subject(table.region, name)
    given = definition.get("ProvisionedThroughput")
    more = "OnDemandThroughput" in definition or "WarmThroughput" in definition
    if table.billing_mode == "PAY_PER_REQUEST":
        if given is not None or not more:
            raise invalid_values(
                f"The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to "
                "OnDemandThroughput, WarmThroughput"
            )
    elif given is None and not more:
        raise invalid_values(f"ProvisionedThroughput must be specified for index: {name}")
    if given is not None and not change.switched:
        new = throughputs.provisioned(given, subject)
        new = throughputs.adjusted(old.throughput, new, now_ms, subject)
        change.set_index(name, throughput=new, warm=throughputs.warm_of(table, old))
        change.updating.add(name)
    if "OnDemandThroughput" in definition:
        if table.billing_mode == "PROVISIONED":
            throughputs.refuse_maxima(definition["OnDemandThroughput"], subject, created=False)
        before = old.maxima or Units(0, 0)
        maxima = throughputs.maxima(definition["OnDemandThroughput"], before, subject)
        change.set_index(name, maxima=maxima)
        change.updating.add(name)
    if "WarmThroughput" in definition:
        warm = throughputs.warmer(
            definition["WarmThroughput"], throughputs.warm_of(table, old), subject
        )
        change.set_index(name, warm=warm)
        change.warming.add(name)


def allocating(index: IndexRecord) -> bool:
    """Whether it was just made, and nothing fills it yet."""
    return index.status == "CREATING" and not index.backfilling


def is_ready(index: IndexRecord) -> bool:
    return index.local or index.status == "ACTIVE"
