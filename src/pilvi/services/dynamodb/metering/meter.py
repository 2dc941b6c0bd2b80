"""Whether a table and its indexes have the units that a request consumes, and what is said when they have not.

AWS: Developer Guide, "Troubleshooting throttling in Amazon DynamoDB", "Burst and adaptive capacity".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pilvi.base.errors import AwsError
from pilvi.kit.buckets import Bucket, Buckets, key_of
from pilvi.services.dynamodb import limits
from pilvi.services.dynamodb.indexes import Index
from pilvi.services.dynamodb.metering.errors import (
    HOT_KEY,
    INDEX_EXCEEDED,
    MAXIMUM_EXCEEDED,
    TABLE_EXCEEDED,
    ProvisionedThroughputExceededException,
    RequestLimitExceeded,
    ThrottlingException,
)
from pilvi.services.dynamodb.records import Units
from pilvi.services.dynamodb.tables import (
    Table,
)

Access = Literal["Read", "Write"]

_BURST_S: Final = 300
_PARTITION: Final = {"Read": 3000, "Write": 1000}
_ACCOUNT: Final = {"Read": limits.READ_UNITS_PER_TABLE, "Write": limits.WRITE_UNITS_PER_TABLE}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is throttled. `reason`: without what is read or written. `code`: in a transaction."""

    kind: type[AwsError]
    text: str
    reason: str
    resource: str
    code: str

    def error(self) -> AwsError:
        reasons = [{"reason": self.reason, "resource": self.resource}]
        member = "throttlingReasons" if self.kind is ThrottlingException else "ThrottlingReasons"
        return self.kind(detail=self.text, members={member: reasons})


@dataclass(frozen=True, slots=True)
class Charge:
    bucket: Bucket
    units: float
    refusal: Refusal


class Meter:
    """What has been consumed, of all tables. One for each worker, over buckets that they share."""

    def __init__(self, data: Path, workers: int) -> None:
        self._buckets = Buckets(data / "throughput" if workers > 1 else None)

    def spend(self, now_ms: int, charges: list[Charge], *, owing: bool = False) -> Refusal | None:
        """Take all of it, or say why nothing is taken. `owing`: take it even from what is empty."""
        wanted = [(charge.bucket, charge.units) for charge in charges]
        empty = self._buckets.spend(now_ms, wanted, owing=owing)
        if empty is None:
            return None
        return next(charge.refusal for charge in charges if charge.bucket is empty)


def charges_of(
    table: Table, access: Access, units: float, index_units: Mapping[str, float]
) -> list[Charge]:
    """For what a request consumed; the units of local indexes are the table's."""
    local = sum(
        spent
        for name, spent in index_units.items()
        if name in table.indexes and table.indexes[name].record.local
    )
    charges = _charges(table, None, access, units + local) if units + local else []
    for name, spent in index_units.items():
        index = table.indexes.get(name)
        if index is not None and not index.record.local and spent:
            charges += _charges(table, index, access, spent)
    return charges


def charges_of_all(table: Table, access: Access) -> list[Charge]:
    """Nothing, of the table and each of its global indexes: to see whether anything is left."""
    charges = _charges(table, None, access, 0.0)
    if access == "Write":
        for index in table.indexes.values():
            if not index.record.local:
                charges += _charges(table, index, access, 0.0)
    return charges


def charge_of_partition(table: Table, access: Access, units: float, part: bytes) -> Charge:
    """`part`: of the partition key, in the keys of items."""
    most = _PARTITION[access]
    bucket = Bucket(key_of(table.record.id, access, part), most, most, most)
    reason = f"Table{access}KeyRangeThroughputExceeded"
    if table.record.billing_mode == "PROVISIONED":
        return Charge(bucket, units, _provisioned(TABLE_EXCEEDED, reason, table.arn))
    return Charge(bucket, units, _throttled(HOT_KEY, reason, table.arn))


def _charges(table: Table, index: Index | None, access: Access, units: float) -> list[Charge]:
    record = table.record if index is None else index.record
    number = 0 if index is None else index.record.number
    what = "Table" if index is None else "Index"
    resource = table.arn if index is None else f"{table.arn}/index/{index.name}"
    place = (table.record.id, number, access)
    if table.record.billing_mode == "PROVISIONED":
        given = record.throughput
        rate = given.read_units if access == "Read" else given.write_units
        text = TABLE_EXCEEDED if index is None else INDEX_EXCEEDED
        reason = f"{what}{access}ProvisionedThroughputExceeded"
        bucket = Bucket(key_of("p", *place), rate, rate * _BURST_S, rate)
        return [Charge(bucket, units, _provisioned(text, reason, resource))]
    charges: list[Charge] = []
    maxima = record.maxima or Units(0, 0)
    most = maxima.read if access == "Read" else maxima.write
    if most:
        reason = f"{what}{access}MaxOnDemandThroughputExceeded"
        bucket = Bucket(key_of("d", *place), most, most, most)
        charges.append(Charge(bucket, units, _throttled(MAXIMUM_EXCEEDED, reason, resource)))
    most = _ACCOUNT[access]
    bucket = Bucket(key_of("a", *place), most, most, most)
    reason = f"{what}{access}AccountLimitExceeded"
    refusal = Refusal(
        RequestLimitExceeded, RequestLimitExceeded.text_of, reason, resource, "ThrottlingError"
    )
    return [*charges, Charge(bucket, units, refusal)]


def _provisioned(text: str, reason: str, resource: str) -> Refusal:
    kind = ProvisionedThroughputExceededException
    return Refusal(kind, text, reason, resource, "ProvisionedThroughputExceeded")


def _throttled(text: str, reason: str, resource: str) -> Refusal:
    return Refusal(ThrottlingException, text, reason, resource, "ThrottlingError")


def reason_of(refusal: Refusal) -> dict[str, Any]:
    """For a member of a transaction."""
    return {"Code": refusal.code, "Message": refusal.text}
