"""What DynamoDB decides about changes of a table: UpdateTable, which does one thing at a time.

Pure functions of requests and records. Settings change at once here, where AWS takes seconds or minutes; the answer
tells of the change as AWS does, old values and all. What takes time, filling a new index and clearing away an old
one, is done by jobs, and keeps the table UPDATING and others out as it does on AWS.

AWS: UpdateTable; Developer Guide, "Managing Global Secondary Indexes in DynamoDB", "Quotas in Amazon DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pilvi.services.dynamodb import errors, index_changes, limits, throughputs
from pilvi.services.dynamodb.change import Change
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput, Units
from pilvi.services.dynamodb.rules import (
    check_encryption,
    check_indexes,
)
from pilvi.services.dynamodb.throughputs import Subject
from pilvi.services.dynamodb.wire import OnDemandThroughput

_DAY_MS: Final = 24 * 60 * 60 * 1000
_CHANGES: Final = (
    "ProvisionedThroughput",
    "BillingMode",
    "StreamSpecification",
    "GlobalSecondaryIndexUpdates",
    "SSESpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
    "TableClass",
)
_NO_CHANGES: Final = (
    "TableName",
    "AttributeDefinitions",
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
)
"""Members that change nothing by themselves: those of replication belong to ReplicaUpdates."""
_ALONE: Final = {
    "SSESpecification": "Server-Side Encryption modification must be the only operation in the request",
    "TableClass": "TableClass modification must be the only operation in the request",
    "DeletionProtectionEnabled": "DeletionProtection modification must be the only operation in the request",
}


# --- what a request says on its own


def check_request(req: Mapping[str, Any]) -> None:
    """Raises: ValidationException for a request that changes nothing, or things that do not go together."""
    given = {member for member in _CHANGES if member in req}
    updates = req.get("GlobalSecondaryIndexUpdates")
    if updates is not None and not updates:
        given.discard("GlobalSecondaryIndexUpdates")
    known = sum(member in req for member in (*_NO_CHANGES, *_CHANGES))
    if not given and len(req) == known:
        named = "" if "MultiRegionConsistency" in req else "MultiRegionConsistency, "
        raise invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, "
            f"ReplicaTransitRoleArn, {named}DeletionProtectionEnabled, OnDemandThroughput, "
            "WarmThroughput or TableClass is required"
        )
    if updates is not None and not updates:
        raise invalid_values("List of GlobalSecondaryIndexUpdates is empty")
    for member, message in _ALONE.items():
        if member in given and len(given) > 1:
            raise invalid_values(message)
    updates = updates or ()
    _check_throughput_request(req, given, updates)
    moved = any("Create" in update or "Delete" in update for update in updates)
    if moved and "ProvisionedThroughput" in given:
        raise invalid_values("You cannot create or delete index while updating table IOPS")
    if moved and "StreamSpecification" in given:
        raise invalid_values("You cannot create or delete index while changing stream status")
    _refuse_repeated_updates(updates)


def _check_throughput_request(
    req: Mapping[str, Any], given: set[str], updates: Sequence[Mapping[str, Any]]
) -> None:
    """Raises: ValidationException."""
    if "OnDemandThroughput" in given:
        if given - {"OnDemandThroughput", "BillingMode"}:
            raise invalid_values(
                "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"
            )
        if not req["OnDemandThroughput"]:
            raise invalid_values(
                "MaxReadRequestUnits, MaxWriteRequestUnits, or both must be specified for OnDemandThroughput"
            )
    if "WarmThroughput" in given:
        if any("Create" in update for update in updates):
            raise invalid_values(
                "Create global secondary index cannot be specified when updating WarmThroughput"
            )
        if len(given) > 1:
            raise invalid_values("WarmThroughput must be the only operation in the request")
        if not req["WarmThroughput"]:
            raise invalid_values(
                "ReadUnitsPerSecond, WriteUnitsPerSecond, or both must be specified for WarmThroughput"
            )
    provisioning = "ProvisionedThroughput" in given or req.get("BillingMode") == "PROVISIONED"
    if provisioning and "StreamSpecification" in given:
        raise invalid_values("You cannot modify stream status while updating table IOPS")


def _refuse_repeated_updates(updates: Sequence[Mapping[str, Any]]) -> None:
    seen = set[str]()
    for update in updates:
        actions = [update[action] for action in ("Update", "Create", "Delete") if action in update]
        if not actions:
            raise invalid_values(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        if len(actions) > 1:
            raise invalid_values(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"
            )
        name = actions[0]["IndexName"]
        if name in seen:
            raise invalid_values(
                f"Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )
        seen.add(name)


# --- what it does to a table


def change_table(
    table: TableRecord, req: Mapping[str, Any], now_ms: int, reserved: Callable[[], Units]
) -> Change:
    """The table as UpdateTable wants it, by a request that `check_request` let pass; a new index is CREATING, one that
    is to go DELETING.

    `reserved`: gives the provisioned units of all tables of the account, asked when they are going to be more.
    Raises: ValidationException, LimitExceededException, ResourceInUseException, ResourceNotFoundException, NotBuilt.
    """
    change = Change(table, table)
    _check_encryption(req)
    _check_billing_request(table, req)
    updates: Sequence[Mapping[str, Any]] = req.get("GlobalSecondaryIndexUpdates") or ()
    for update in updates:
        index_changes.check_state(table, update)
    index_changes.refuse_second(table, updates)
    index_changes.refuse_while_changing(table, req)
    _change_billing(change, req, now_ms)
    for update in updates:
        index_changes.change_index(change, update, req, now_ms)
    if change.table.billing_mode == "PROVISIONED":
        old, new = throughputs.reserved_by(table), throughputs.reserved_by(change.table)
        if new.read > old.read or new.write > old.write:
            throughputs.refuse_above_account(reserved(), old, new, table.region)
    _change_maxima(change, req)
    _change_warmth(change, req)
    if "DeletionProtectionEnabled" in req:
        change.set(deletion_protection=req["DeletionProtectionEnabled"])
        change.shown = change.table
    _change_class(change, req, now_ms)
    if "StreamSpecification" in req:
        change.status = "UPDATING"
    check_indexes(change.table)
    return change


def _check_encryption(req: Mapping[str, Any]) -> None:
    """Raises: ValidationException, NotBuilt."""
    specification = req.get("SSESpecification")
    if specification is None:
        return
    check_encryption(specification)
    raise invalid_values("Table is already encrypted by default")


# --- billing


def _check_billing_request(table: TableRecord, req: Mapping[str, Any]) -> None:
    """Raises: ValidationException."""
    wanted = req.get("BillingMode")
    given = "ProvisionedThroughput" in req
    if wanted == "PROVISIONED" and not given:
        raise invalid_values(
            "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        )
    if wanted == "PAY_PER_REQUEST" and given:
        raise invalid_values(
            "ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST"
        )
    if wanted is None and given and table.billing_mode == "PAY_PER_REQUEST":
        raise invalid_values(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
            "PAY_PER_REQUEST"
        )


def _change_billing(change: Change, req: Mapping[str, Any], now_ms: int) -> None:
    table = change.table
    wanted = req.get("BillingMode", table.billing_mode)
    given = req.get("ProvisionedThroughput")
    if "BillingMode" in req or given is not None:
        change.status = "UPDATING"
    if wanted == "PAY_PER_REQUEST":
        if table.billing_mode == "PROVISIONED":
            _switch_to_on_demand(change, now_ms)
        return
    if given is None:
        return
    subject = Subject(table.region)
    throughput = throughputs.provisioned(given, subject)
    if table.billing_mode == "PAY_PER_REQUEST":
        _switch_to_provisioned(change, throughput, req)
        return
    old = table.throughput
    new = throughputs.adjusted(old, throughput, now_ms, subject)
    change.table = msgspec.structs.replace(throughputs.kept_warm(table), throughput=new)
    told = msgspec.structs.replace(
        new, read_units=old.read_units, write_units=old.write_units, decreases=old.decreases
    )
    change.shown = msgspec.structs.replace(table, throughput=told)


def _switch_to_on_demand(change: Change, now_ms: int) -> None:
    """Raises: LimitExceededException."""
    since_ms = now_ms - limits.ON_DEMAND_SWITCHES_MS
    switches = [at_ms for at_ms in change.table.on_demand_at_ms if at_ms > since_ms]
    if len(switches) >= limits.ON_DEMAND_SWITCHES_MAX:
        raise errors.LimitExceededException(
            detail="Subscriber limit exceeded: Update to PayPerRequest mode are limited to "
            f"{limits.ON_DEMAND_SWITCHES_MAX} times in {limits.ON_DEMAND_SWITCHES_MS // _DAY_MS} day(s)."
        )
    table = throughputs.kept_warm(change.table)
    change.table = msgspec.structs.replace(
        table,
        billing_mode="PAY_PER_REQUEST",
        throughput=_unprovisioned(table.throughput),
        on_demand_since_ms=now_ms,
        on_demand_at_ms=(*switches, now_ms),
        indexes=tuple(
            msgspec.structs.replace(index, throughput=_unprovisioned(index.throughput))
            for index in table.indexes
        ),
    )
    change.shown = change.table
    change.switched = True
    change.updating |= {index.name for index in table.indexes if index_changes.is_ready(index)}


def _unprovisioned(throughput: Throughput) -> Throughput:
    return msgspec.structs.replace(throughput, read_units=0, write_units=0)


def _switch_to_provisioned(change: Change, throughput: Throughput, req: Mapping[str, Any]) -> None:
    """Raises: ValidationException when a global index gets no throughput of its own."""
    given = {
        update["Update"]["IndexName"]: update["Update"].get("ProvisionedThroughput")
        for update in req.get("GlobalSecondaryIndexUpdates") or ()
        if "Update" in update
    }
    table = throughputs.kept_warm(change.table)
    indexes: list[IndexRecord] = []
    for index in table.indexes:
        if not index.local:
            units = given.get(index.name)
            if units is None:
                raise invalid_values(
                    f"ProvisionedThroughput must be specified for index: {index.name}"
                )
            found = throughputs.provisioned(units, Subject(table.region, index.name))
            index = msgspec.structs.replace(
                index, throughput=_reprovisioned(index.throughput, found), maxima=None
            )
            change.updating.add(index.name)
        indexes.append(index)
    change.table = msgspec.structs.replace(
        table,
        billing_mode="PROVISIONED",
        throughput=_reprovisioned(table.throughput, throughput),
        maxima=None,
        indexes=tuple(indexes),
    )
    change.shown = change.table
    change.switched = True


def _reprovisioned(old: Throughput, new: Throughput) -> Throughput:
    return msgspec.structs.replace(old, read_units=new.read_units, write_units=new.write_units)


# --- indexes


# --- other settings


def _change_maxima(change: Change, req: Mapping[str, Any]) -> None:
    """Raises: ValidationException, LimitExceededException."""
    given = req.get("OnDemandThroughput")
    if given is None:
        return
    subject = Subject(change.table.region)
    if change.table.billing_mode == "PROVISIONED":
        throughputs.refuse_maxima(given, subject, created=False)
    before = change.table.maxima or Units(0, 0)
    maxima = throughputs.maxima(given, before, subject)
    change.set(maxima=maxima)
    change.shown = change.table
    told: OnDemandThroughput = {}
    if maxima is not None and maxima.read:
        told["MaxReadRequestUnits"] = maxima.read
    elif "MaxReadRequestUnits" in given:
        told["MaxReadRequestUnits"] = given["MaxReadRequestUnits"]
    if maxima is not None and maxima.write:
        told["MaxWriteRequestUnits"] = maxima.write
    elif "MaxWriteRequestUnits" in given:
        told["MaxWriteRequestUnits"] = given["MaxWriteRequestUnits"]
    change.maxima = told


def _change_warmth(change: Change, req: Mapping[str, Any]) -> None:
    """Raises: ValidationException, LimitExceededException."""
    given = req.get("WarmThroughput")
    if given is None:
        return
    subject = Subject(change.table.region)
    change.set(warm=throughputs.warmer(given, throughputs.warm_of(change.table), subject))
    change.warming.add(None)


def _change_class(change: Change, req: Mapping[str, Any], now_ms: int) -> None:
    """Raises: LimitExceededException."""
    wanted = req.get("TableClass")
    if wanted is None:
        return
    table = change.table
    since_ms = now_ms - limits.CLASS_CHANGES_DAYS * _DAY_MS
    changes = [at_ms for at_ms in table.class_changed_at_ms if at_ms > since_ms]
    if len(changes) >= limits.CLASS_CHANGES_MAX:
        raise errors.LimitExceededException(
            detail=f"Subscriber limit exceeded: Updates to TableClass are limited to {limits.CLASS_CHANGES_MAX} "
            f"times in {limits.CLASS_CHANGES_DAYS} day(s)."
        )
    change.status = "UPDATING"
    if wanted != (table.table_class or "STANDARD"):
        change.set(table_class=wanted, class_changed_at_ms=(*changes, now_ms))
