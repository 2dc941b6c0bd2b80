"""What may be asked of replicas by UpdateTable's ReplicaUpdates. Pure functions of requests and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import NotBuilt
from pilvi.services.dynamodb import throughputs
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import IndexRecord, TableRecord, Throughput, Units
from pilvi.services.dynamodb.replicas import limits
from pilvi.services.dynamodb.throughputs import Subject

_OTHER_CHANGES = (
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexUpdates",
    "StreamSpecification",
    "SSESpecification",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
    "AttributeDefinitions",
)
Kind = Literal["Create", "Update", "Delete"]
_KINDS: tuple[Kind, ...] = ("Create", "Update", "Delete")
_NO_ACTIONS = "There are no actions specified in the Replica Update Action of the request."
_OVERRIDES = (
    "KMSMasterKeyId",
    "ProvisionedThroughputOverride",
    "OnDemandThroughputOverride",
    "GlobalSecondaryIndexes",
    "TableClassOverride",
)


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing that a request does with replicas. `asked`: its member of the request."""

    kind: Kind
    region: str
    asked: Mapping[str, Any]


def replica_action(req: Mapping[str, Any], scope: Scope) -> Action:
    """What `ReplicaUpdates` asks for; looked at before the table is.

    Raises: ValidationException; NotBuilt for strong consistency, and for leaving a global table with the data.
    """
    if any(member in req for member in _OTHER_CHANGES):
        raise invalid_values("Replica modification must be the only operation in the request")
    refuse_strong(req)
    actions = _actions(req["ReplicaUpdates"])
    made = {(one.kind, one.region) for one in actions if one.kind != "Update"}
    if len(made) > 1:
        raise invalid(
            "Update table operation with more than one create or delete replica actions not allowed"
        )
    if len({one.kind for one in actions}) > 1:
        raise invalid(
            "Update table operation with more than one type of replica actions not allowed."
        )
    if len({one.region for one in actions}) > 1:
        raise NotBuilt(what="UpdateTable with changes of more than one replica")
    action = actions[0]
    if action.region == scope.region:
        raise invalid(
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, "
            "DeleteTable, or UpdateTable as required."
        )
    known = limits.REGIONS.get(scope.partition, ())
    if action.region not in known:
        raise invalid(
            f"Region {action.region} is not supported. The latest version of global tables are only "
            f"supported in the following regions: [{', '.join(known)}]"
        )
    return action


def refuse_strong(req: Mapping[str, Any]) -> None:
    """Raises: NotBuilt; ValidationException for a witness without strong consistency."""
    strong = req.get("MultiRegionConsistency", "EVENTUAL") == "STRONG"
    if "GlobalTableWitnessUpdates" in req:
        if not strong:
            raise invalid(
                "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates "
                "parameter is present."
            )
        raise NotBuilt(what="GlobalTableWitnessUpdates: witnesses of global tables")
    if strong:
        raise NotBuilt(what="MultiRegionConsistency STRONG")


def _actions(updates: Sequence[Mapping[str, Any]]) -> list[Action]:
    found: list[Action] = []
    for update in updates:
        if "Disassociate" in update:
            raise NotBuilt(what="ReplicaUpdates.Disassociate")
        kinds: list[Kind] = [kind for kind in _KINDS if kind in update]
        if len(kinds) > 1:
            raise invalid(
                "Update table operation with more than one type of replica actions not allowed."
            )
        if not kinds:
            raise invalid(_NO_ACTIONS)
        kind = kinds[0]
        asked = update[kind]
        if kind == "Update" and not _overrides_something(asked):
            raise invalid(_NO_ACTIONS)
        found.append(Action(kind, asked["RegionName"], asked))
    if not found:
        raise invalid(_NO_ACTIONS)
    return found


def _overrides_something(asked: Mapping[str, Any]) -> bool:
    if any(name in asked for name in _OVERRIDES if name != "GlobalSecondaryIndexes"):
        return True
    return any(len(index) > 1 for index in asked.get("GlobalSecondaryIndexes") or ())


# --- what a replica has otherwise than its source


def overridden(replica: TableRecord, action: Action) -> TableRecord:
    """A replica's table with what the action sets for it alone.

    Of indexes that it does not have, nothing is said, as on AWS.
    Raises: ValidationException, NotBuilt.
    """
    asked = action.asked
    if "KMSMasterKeyId" in asked:
        raise invalid_values("KMSMasterKeyId must be specified for each replica.")
    changed = _with_on_demand(replica, asked.get("OnDemandThroughputOverride"))
    read_units = _read_units(asked)
    if read_units is not None:
        if replica.billing_mode == "PROVISIONED":
            throughput = _reading(changed.throughput, read_units)
            changed = msgspec.structs.replace(changed, throughput=throughput)
        elif action.kind == "Update":
            raise invalid(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode "
                "is PAY_PER_REQUEST"
            )
    for index in asked.get("GlobalSecondaryIndexes") or ():
        changed = _with_index(changed, index)
    if "TableClassOverride" in asked:
        changed = msgspec.structs.replace(changed, table_class=asked["TableClassOverride"])
    return changed


def _with_index(replica: TableRecord, asked: Mapping[str, Any]) -> TableRecord:
    name = asked["IndexName"]
    read_units = _read_units(asked)
    on_demand = asked.get("OnDemandThroughputOverride")

    def change(index: IndexRecord) -> IndexRecord:
        if index.name != name or index.local:
            return index
        if read_units is not None and replica.billing_mode == "PROVISIONED":
            throughput = _reading(index.throughput, read_units)
            index = msgspec.structs.replace(index, throughput=throughput)
        if on_demand is not None:
            maxima = _maxima(replica, on_demand, index.maxima, Subject(replica.region, name))
            index = msgspec.structs.replace(index, maxima=maxima)
        return index

    return msgspec.structs.replace(replica, indexes=tuple(map(change, replica.indexes)))


def _with_on_demand(replica: TableRecord, asked: Mapping[str, Any] | None) -> TableRecord:
    if asked is None:
        return replica
    maxima = _maxima(replica, asked, replica.maxima, Subject(replica.region))
    return msgspec.structs.replace(replica, maxima=maxima)


def _maxima(
    replica: TableRecord, asked: Mapping[str, Any], own: Units | None, subject: Subject
) -> Units | None:
    """Raises: ValidationException, LimitExceededException."""
    if replica.billing_mode == "PROVISIONED":
        raise invalid(
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode "
            "is PROVISIONED"
        )
    return throughputs.maxima(asked, own or Units(0, 0), subject)


def _read_units(asked: Mapping[str, Any]) -> int | None:
    override: Mapping[str, Any] = asked.get("ProvisionedThroughputOverride", {})
    return override.get("ReadCapacityUnits")


def _reading(throughput: Throughput, units: int) -> Throughput:
    return msgspec.structs.replace(throughput, read_units=units)
