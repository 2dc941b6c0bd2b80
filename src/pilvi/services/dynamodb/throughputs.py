"""What DynamoDB decides about throughput: provisioned units, the maxima of on-demand mode, warm throughput.

Pure functions of requests and records. `what` is a table or an index of it, as the messages name it. Nothing here
holds anybody up: what is provisioned is kept and told, and only a server that was told to enforces it (`metering/`).

AWS: Developer Guide, "DynamoDB throughput capacity", "Warm throughput", "Quotas in Amazon DynamoDB".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pilvi.services.dynamodb import errors, limits
from pilvi.services.dynamodb.errors import invalid, invalid_values
from pilvi.services.dynamodb.records import BillingMode, IndexRecord, TableRecord, Throughput, Units

ON_DEMAND: Final = Units(12_000, 4_000)
"""What a table or an index in on-demand mode can serve at once."""
_NONE: Final = Units(0, 0)
_CLEARED: Final = -1
_DAY_MS: Final = 24 * 60 * 60 * 1000
_HIGHER_LIMITS: Final = (
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher "
    "limits."
)
_INITIAL: Final = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A table, or one of its indexes, whose throughput is spoken of. AWS names indexes in several manners."""

    region: str
    index: str | None = None

    @property
    def place(self) -> str:
        """In the messages about warm throughput."""
        return "table" if self.index is None else f"index {self.index}"

    @property
    def spaced(self) -> str:
        """In those about the maxima of on-demand mode."""
        return "table" if self.index is None else f"index : {self.index}"


# --- provisioned units


def provisioned(given: Mapping[str, Any], subject: Subject) -> Throughput:
    """Raises: ValidationException, LimitExceededException."""
    read, write = given["ReadCapacityUnits"], given["WriteCapacityUnits"]
    for units, member in ((read, "ReadCapacityUnits"), (write, "WriteCapacityUnits")):
        if units > limits.THROUGHPUT_UNITS_MAX:
            raise invalid(f"Given value {units} for {member} is out of bounds")
    for units, member, most in (
        (read, "ReadCapacityUnits", limits.READ_UNITS_PER_TABLE),
        (write, "WriteCapacityUnits", limits.WRITE_UNITS_PER_TABLE),
    ):
        if units > most:
            index = "" if subject.index is None else f" for index {subject.index}"
            which = "table" if subject.index is None else "index"
            raise errors.LimitExceededException(
                detail=f"The requested {member}{index}, {units}, is above the per {which} maximum for the "
                f"account in {subject.region}. Per table maximum: {most}. {_HIGHER_LIMITS}"
            )
    return Throughput(read, write)


def refuse_above_account(reserved: Units, old: Units, new: Units, region: str) -> None:
    """`reserved`: what all tables of the account have, with this one's old units. Raises: LimitExceededException."""
    for member, has, had, wants, most in (
        ("ReadCapacityUnits", reserved.read, old.read, new.read, limits.READ_UNITS_PER_ACCOUNT),
        (
            "WriteCapacityUnits",
            reserved.write,
            old.write,
            new.write,
            limits.WRITE_UNITS_PER_ACCOUNT,
        ),
    ):
        if wants > had and has - had + wants > most:
            raise errors.LimitExceededException(
                detail=f"This request would have caused the {member} limit to be exceeded for the account in "
                f"{region}. Current {member} reserved by the account: {has}. Limit: {most}. "
                f"Requested: {wants}. {_HIGHER_LIMITS}"
            )


def reserved_by(table: TableRecord) -> Units:
    """The provisioned units of a table and its global indexes."""
    all_ = [table.throughput, *(index.throughput for index in table.indexes)]
    return Units(sum(one.read_units for one in all_), sum(one.write_units for one in all_))


def adjusted(old: Throughput, new: Throughput, now_ms: int, subject: Subject) -> Throughput:
    """New units in the place of old ones, with the times of changes.

    Raises: ValidationException when nothing would change; LimitExceededException after too many decreases.
    """
    if (old.read_units, old.write_units) == (new.read_units, new.write_units):
        what = f"the {subject.place}"
        where = "the table" if subject.index is None else subject.place
        raise invalid(
            f"The provisioned throughput for {what} will not change. The requested value equals the "
            f"current value. Current ReadCapacityUnits provisioned for {where}: {old.read_units}. "
            f"Requested ReadCapacityUnits: {new.read_units}. Current WriteCapacityUnits provisioned "
            f"for {where}: {old.write_units}. Requested WriteCapacityUnits: {new.write_units}. "
            f"{_HIGHER_LIMITS}"
        )
    higher = new.read_units > old.read_units or new.write_units > old.write_units
    lower = new.read_units < old.read_units or new.write_units < old.write_units
    if lower:
        _refuse_frequent_decrease(old, now_ms)
    return msgspec.structs.replace(
        new,
        increased_at_ms=now_ms if higher else old.increased_at_ms,
        decreased_at_ms=now_ms if lower else old.decreased_at_ms,
        decreases=decreases_today(old, now_ms) + lower,
    )


def decreases_today(throughput: Throughput, now_ms: int) -> int:
    """How often it was decreased on this day, in UTC."""
    last_ms = throughput.decreased_at_ms
    if last_ms is None or last_ms // _DAY_MS != now_ms // _DAY_MS:
        return 0
    return throughput.decreases


def _refuse_frequent_decrease(throughput: Throughput, now_ms: int) -> None:
    """Raises: LimitExceededException for a fifth decrease of a day within an hour of the last one."""
    count = decreases_today(throughput, now_ms)
    last_ms = throughput.decreased_at_ms
    if count < limits.DECREASES_PER_DAY or last_ms is None:
        return
    next_ms = last_ms + limits.DECREASES_EVERY_MS
    if now_ms >= next_ms:
        return
    next_ms = min(next_ms, (now_ms // _DAY_MS + 1) * _DAY_MS)
    raise errors.LimitExceededException(
        detail="Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC "
        f"day. After the first {limits.DECREASES_PER_DAY} decreases, each subsequent decrease in the same "
        f"UTC day can be performed at most once every {limits.DECREASES_EVERY_MS // 1000} seconds. Number "
        f"of decreases today: {count}. Last decrease at {_spelled(last_ms)}. Next decrease can be made at "
        f"{_spelled(next_ms)}"
    )


def _spelled(at_ms: int) -> str:
    """Thursday, October 8, 2026 at 11:20:48 PM Coordinated Universal Time"""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    day = f"{at:%A}, {at:%B} {at.day}, {at.year}"
    return f"{day} at {at.hour % 12 or 12}:{at:%M:%S %p} Coordinated Universal Time"


# --- the maxima of on-demand mode


def refuse_maxima(given: Mapping[str, Any], subject: Subject, *, created: bool) -> None:
    """For tables in provisioned mode. Raises: ValidationException for any maximum.

    `created`: whether the table is; AWS says it differently then.
    """
    for member in ("MaxReadRequestUnits", "MaxWriteRequestUnits"):
        if member not in given:
            continue
        if created:
            index = "" if subject.index is None else f" for index: {subject.index}"
            mode = "when table BillingMode is PROVISIONED."
        else:
            index = "" if subject.index is None else f" for {subject.spaced}"
            mode = "when the table BillingMode is PROVISIONED"
        raise invalid_values(f"{member} for OnDemandThroughput{index} cannot be specified {mode}")


def maxima(given: Mapping[str, Any], old: Units | None, subject: Subject) -> Units | None:
    """The maxima of a table or an index after a request; None for none. What the request leaves out stays.

    `old`: None for what is being created, which cannot have its maxima cleared.
    Raises: ValidationException, LimitExceededException.
    """
    read = _maximum(
        given,
        "MaxReadRequestUnits",
        "TableMaxReadCapacityUnits",
        limits.READ_UNITS_PER_TABLE,
        old,
        subject,
    )
    write = _maximum(
        given,
        "MaxWriteRequestUnits",
        "TableMaxWriteCapacityUnits",
        limits.WRITE_UNITS_PER_TABLE,
        old,
        subject,
    )
    before = old or _NONE
    found = Units(before.read if read is None else read, before.write if write is None else write)
    return None if found == _NONE else found


def _maximum(
    given: Mapping[str, Any],
    member: str,
    quota: str,
    most: int,
    old: Units | None,
    subject: Subject,
) -> int | None:
    """0 for one that is cleared; None where nothing is said."""
    units = given.get(member)
    if units is None:
        return None
    if units == _CLEARED and old is not None:
        return 0
    if units < 1:
        raise invalid_values(
            f"Requested {member} for OnDemandThroughput for {subject.spaced} is outside of valid range"
        )
    if units > most:
        raise errors.LimitExceededException(
            detail=f"Subscriber limit exceeded: Requested {member} for OnDemandThroughput for "
            f"{subject.spaced} exceeds {quota} of the account in region {subject.region}"
        )
    return units


# --- warm throughput


def warm_of(table: TableRecord, index: IndexRecord | None = None) -> Units:
    """What a table, or one of its indexes, can serve at once: the most that it ever had."""
    throughput, warm = (
        (table.throughput, table.warm) if index is None else (index.throughput, index.warm)
    )
    return _highest(warm, initial(table.billing_mode, throughput))


def initial(billing_mode: BillingMode, throughput: Throughput) -> Units:
    if billing_mode == "PAY_PER_REQUEST":
        return ON_DEMAND
    return Units(throughput.read_units, throughput.write_units)


def kept_warm(table: TableRecord) -> TableRecord:
    """With what a table and its indexes can serve now noted, for when they are provisioned with less."""
    return msgspec.structs.replace(
        table,
        warm=warm_of(table),
        indexes=tuple(
            msgspec.structs.replace(index, warm=warm_of(table, index)) if not index.local else index
            for index in table.indexes
        ),
    )


def first_warm(
    given: Mapping[str, Any], billing_mode: BillingMode, throughput: Throughput, subject: Subject
) -> Units:
    """Of what is being created. Raises: ValidationException, LimitExceededException."""
    least = initial(billing_mode, throughput)
    for member, units, low in _each(given, least):
        if units < low:
            if billing_mode == "PAY_PER_REQUEST":
                why = f"initial throughput for OnDemand. See: {_INITIAL}"
            else:
                why = f"{'Read' if member.startswith('Read') else 'Write'}CapacityUnits of ProvisionedThroughput"
            raise invalid_values(
                f"Requested {member} for WarmThroughput for {subject.place} is lower than {why}"
            )
    return _wanted(given, least, subject)


def warmer(given: Mapping[str, Any], old: Units, subject: Subject) -> Units:
    """Raises: ValidationException, LimitExceededException."""
    for member, units, low in _each(given, old):
        if units < low:
            raise invalid_values(
                f"Requested {member} for WarmThroughput for {subject.place} is lower than current "
                "WarmThroughput, decreasing WarmThroughput is not supported"
            )
    return _wanted(given, old, subject)


def _wanted(given: Mapping[str, Any], old: Units, subject: Subject) -> Units:
    for member, quota, most in (
        ("ReadUnitsPerSecond", "TableMaxReadCapacityUnits", limits.READ_UNITS_PER_TABLE),
        ("WriteUnitsPerSecond", "TableMaxWriteCapacityUnits", limits.WRITE_UNITS_PER_TABLE),
    ):
        if given.get(member, 0) > most:
            raise errors.LimitExceededException(
                detail=f"Subscriber limit exceeded: Requested {member} for WarmThroughput for "
                f"{subject.place} exceeds {quota} of the account in region {subject.region}"
            )
    return Units(
        given.get("ReadUnitsPerSecond", old.read), given.get("WriteUnitsPerSecond", old.write)
    )


def _each(given: Mapping[str, Any], low: Units) -> Iterator[tuple[str, int, int]]:
    for member, units in (("ReadUnitsPerSecond", low.read), ("WriteUnitsPerSecond", low.write)):
        if member in given:
            yield member, given[member], units


def _highest(one: Units, other: Units) -> Units:
    return Units(max(one.read, other.read), max(one.write, other.write))
