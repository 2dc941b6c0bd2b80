"""Auto scaling of global tables: kept and told as it is set. Nothing here scales: capacity changes by UpdateTable only.

On AWS these operations set up Application Auto Scaling, whose words some refusals have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from pilvi.services.dynamodb.errors import invalid
from pilvi.services.dynamodb.replicas import records
from pilvi.services.dynamodb.replicas.noting import scope_of
from pilvi.services.dynamodb.replicas.records import GlobalTable, Member, Scaling
from pilvi.services.dynamodb.tables import find_table
from pilvi.services.dynamodb.wire import (
    AutoScalingSettingsDescription,
    AutoScalingTargetTrackingScalingPolicyConfigurationDescription,
    ReplicaAutoScalingDescription,
    ReplicaGlobalSecondaryIndexAutoScalingDescription,
    TableAutoScalingDescription,
)
from pilvi.store.api import Snapshot, Transaction

Kind = Literal["Read", "Write"]
_TARGET_MIN, _TARGET_MAX = 10.0, 90.0
_MEMBERS = ("MaximumUnits", "ScalingPolicyUpdate", "MinimumUnits")
_PER_CALL = {
    "Read": "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate",
    "Write": "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate",
}
"""What these settings are called where a table is told to be on-demand: as in version 2017.11.29."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Settings asked for, of one dimension of one replica."""

    region: str
    index: str
    kind: Kind
    asked: Mapping[str, Any]


# --- what is asked for


def wishes(group: GlobalTable, req: Mapping[str, Any]) -> list[Wish]:
    """Writing is scaled alike in all regions, reading in each for itself. Raises: ValidationException."""
    found: list[Wish] = []
    regions = [member.region for member in group.members]
    if "ProvisionedWriteCapacityAutoScalingUpdate" in req:
        asked = req["ProvisionedWriteCapacityAutoScalingUpdate"]
        found += [Wish(region, "", "Write", asked) for region in regions]
    for update in req.get("GlobalSecondaryIndexUpdates") or ():
        name = update.get("IndexName", "")
        if "ProvisionedWriteCapacityAutoScalingUpdate" in update:
            asked = update["ProvisionedWriteCapacityAutoScalingUpdate"]
            found += [Wish(region, name, "Write", asked) for region in regions]
    updates = req.get("ReplicaUpdates") or ()
    named = [update["RegionName"] for update in updates]
    twice = sorted({region for region in named if named.count(region) > 1})
    if twice:
        regions_text = _quoted(f"[{', '.join(twice)}]")
        raise _failed(group, f" because the regions: {regions_text} were specified more than once.")
    for update in updates:
        own = list(_of_replica(update))
        if not own:
            region = _quoted(update["RegionName"])
            raise _failed(
                group,
                f" because at least one update parameter must be specified for region: {region}.",
            )
        found += own
    if not found:
        raise _failed(group, " because at least one update parameter must be specified.")
    return found


def _of_replica(update: Mapping[str, Any]) -> Iterator[Wish]:
    region = update["RegionName"]
    if "ReplicaProvisionedReadCapacityAutoScalingUpdate" in update:
        yield Wish(region, "", "Read", update["ReplicaProvisionedReadCapacityAutoScalingUpdate"])
    for index in update.get("ReplicaGlobalSecondaryIndexUpdates") or ():
        if "ProvisionedReadCapacityAutoScalingUpdate" in index:
            asked = index["ProvisionedReadCapacityAutoScalingUpdate"]
            yield Wish(region, index.get("IndexName", ""), "Read", asked)


def fulfil(tx: Transaction, group: GlobalTable, wish: Wish) -> None:
    """Store, or remove, what is asked for. Raises: ValidationException."""
    home = records.scalings_home(group)
    known = records.scalings.find(tx, home, wish.region, wish.index, wish.kind)
    wanted = drafted(group, wish, known)
    if wanted is not None:
        records.scalings.put(tx, home, wanted)
    elif known is not None:
        records.scalings.delete(tx, home, wish.region, wish.index, wish.kind)


def refuse_on_demand(tx: Snapshot, group: GlobalTable, asked: list[Wish]) -> None:
    """Raises: ValidationException for anything but switching it off."""
    for wish in asked:
        if wish.asked.get("AutoScalingDisabled"):
            continue
        table = find_table(tx, scope_of(group, wish.region), group.name)
        if table is not None and table.record.billing_mode == "PAY_PER_REQUEST":
            regions = ", ".join(f"'{one.region.upper()}'" for one in _sorted(group))
            raise invalid(
                f"Failed to update global table with name \N{LEFT SINGLE QUOTATION MARK}{group.name}"
                f"\N{LEFT SINGLE QUOTATION MARK}. Replicas {regions} BillingMode is PayPerRequest. You must "
                "convert table's BillingMode to PROVISIONED to set parameters: "
                f"'{_PER_CALL[wish.kind]}'."
            )


def drafted(group: GlobalTable, wish: Wish, known: Scaling | None) -> Scaling | None:
    """The settings as they become; None for none. What is not asked for stays. Raises: ValidationException."""
    asked = wish.asked
    if asked.get("AutoScalingDisabled"):
        given = [name for name in (*_MEMBERS, "AutoScalingRoleArn") if name in asked]
        if given:
            raise _failed(
                group,
                f": Parameters {_listed(given)} must be left blank when disabling auto scaling.",
            )
        return None
    missing = [name for name in _MEMBERS if name not in asked]
    if known is None:
        if missing:
            raise _failed(
                group,
                f": Parameters {_listed(missing)} are required unless auto scaling is being disabled.",
            )
        known = Scaling(
            wish.region, wish.index, wish.kind, 0, 0, _role(group), _policy(group, wish), 0.0
        )
    changed = msgspec.structs.replace(
        known,
        units_min=asked.get("MinimumUnits", known.units_min),
        units_max=asked.get("MaximumUnits", known.units_max),
    )
    role = asked.get("AutoScalingRoleArn", known.role)
    if role != known.role:
        raise invalid(_not_passed(group, role))
    if "ScalingPolicyUpdate" in asked:
        changed = _with_policy(changed, asked["ScalingPolicyUpdate"])
    if changed.units_max < changed.units_min:
        raise invalid(
            "Maximum capacity cannot be less than minimum capacity (Service: AWSApplicationAutoScaling; "
            "Status Code: 400; Error Code: ValidationException)"
        )
    return changed


def _with_policy(scaling: Scaling, asked: Mapping[str, Any]) -> Scaling:
    """Raises: ValidationException."""
    tracking = asked["TargetTrackingScalingPolicyConfiguration"]
    target = float(tracking["TargetValue"])
    if not _TARGET_MIN <= target <= _TARGET_MAX:
        raise invalid(
            f"For predefined metric type DynamoDB{scaling.kind}CapacityUtilization, target value must be "
            f"between '{_TARGET_MIN}' and '{_TARGET_MAX}', but was '{target}'. (Service: "
            "AWSApplicationAutoScaling; Status Code: 400; Error Code: ValidationException)"
        )
    return msgspec.structs.replace(
        scaling,
        policy=asked.get("PolicyName", scaling.policy),
        target=target,
        scale_in_disabled=tracking.get("DisableScaleIn"),
        scale_in_cooldown_s=tracking.get("ScaleInCooldown"),
        scale_out_cooldown_s=tracking.get("ScaleOutCooldown"),
    )


def _role(group: GlobalTable) -> str:
    return (
        f"arn:{group.partition}:iam::{group.account}:role/aws-service-role/"
        "dynamodb.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
    )


def _policy(group: GlobalTable, wish: Wish) -> str:
    index = f"/index/{wish.index}" if wish.index else ""
    return f"DynamoDB{wish.kind}CapacityUtilization:table/{group.name}{index}"


def _not_passed(group: GlobalTable, role: str) -> str:
    user = (
        f"arn:{group.partition}:sts::{group.account}:assumed-role/"
        "AWSServiceRoleForDynamoDBReplication/DynamoDBReplication"
    )
    return (
        f"User: {user} is not authorized to perform: iam:PassRole on resource: {role} because no "
        "identity-based policy allows the iam:PassRole action (Service: AWSApplicationAutoScaling; "
        "Status Code: 400; Error Code: AccessDeniedException)"
    )


def _failed(group: GlobalTable, why: str) -> Exception:
    return invalid(
        f"Failed to update settings for global table with name: {_quoted(group.name)}{why}"
    )


def _quoted(text: str) -> str:
    return f"\N{LEFT SINGLE QUOTATION MARK}{text}\N{RIGHT SINGLE QUOTATION MARK}"


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


# --- what is told


def describe_scaling(at: Snapshot, group: GlobalTable, region: str) -> TableAutoScalingDescription:
    """Of all replicas, this region's among them, by name."""
    own = group.find(region)
    assert own is not None, (group.name, region)
    busy = group.busy and own.status == "ACTIVE"
    return {
        "TableName": group.name,
        "TableStatus": "UPDATING" if busy else own.status,
        "Replicas": [_describe(at, group, member) for member in _sorted(group)],
    }


def _sorted(group: GlobalTable) -> list[Member]:
    return sorted(group.members, key=lambda member: member.region)


def _describe(at: Snapshot, group: GlobalTable, member: Member) -> ReplicaAutoScalingDescription:
    found = {
        (one.index, one.kind): one
        for one in records.scalings.scan(at, records.scalings_home(group), (member.region,))
    }
    table = find_table(at, scope_of(group, member.region), group.name)
    assert table is not None, (group.name, member.region)
    indexes: list[ReplicaGlobalSecondaryIndexAutoScalingDescription] = [
        {
            "IndexName": index.name,
            "IndexStatus": index.record.status,
            "ProvisionedReadCapacityAutoScalingSettings": _settings(
                found.get((index.name, "Read"))
            ),
            "ProvisionedWriteCapacityAutoScalingSettings": _settings(
                found.get((index.name, "Write"))
            ),
        }
        for index in table.indexes.values()
        if not index.record.local
    ]
    return {
        "RegionName": member.region,
        "GlobalSecondaryIndexes": indexes,
        "ReplicaProvisionedReadCapacityAutoScalingSettings": _settings(found.get(("", "Read"))),
        "ReplicaProvisionedWriteCapacityAutoScalingSettings": _settings(found.get(("", "Write"))),
        "ReplicaStatus": member.status,
    }


def _settings(scaling: Scaling | None) -> AutoScalingSettingsDescription:
    if scaling is None:
        return {"AutoScalingDisabled": True, "ScalingPolicies": []}
    tracking: AutoScalingTargetTrackingScalingPolicyConfigurationDescription = {
        "TargetValue": scaling.target
    }
    if scaling.scale_in_disabled is not None:
        tracking["DisableScaleIn"] = scaling.scale_in_disabled
    if scaling.scale_in_cooldown_s is not None:
        tracking["ScaleInCooldown"] = scaling.scale_in_cooldown_s
    if scaling.scale_out_cooldown_s is not None:
        tracking["ScaleOutCooldown"] = scaling.scale_out_cooldown_s
    return {
        "MinimumUnits": scaling.units_min,
        "MaximumUnits": scaling.units_max,
        "AutoScalingRoleArn": scaling.role,
        "ScalingPolicies": [
            {
                "PolicyName": scaling.policy,
                "TargetTrackingScalingPolicyConfiguration": tracking,
            }
        ],
    }
