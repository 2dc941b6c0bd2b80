"""Consumed capacity, as AWS bills it.

AWS: Developer Guide, "DynamoDB read and write operations". Units are floats: half a unit is an eventually
consistent read of up to 4 KB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pilvi.services.dynamodb.tables import Table
from pilvi.services.dynamodb.wire import Capacity, ConsumedCapacity

_READ_UNIT_BYTES = 4096
_WRITE_UNIT_BYTES = 1024


def read_units(size: int, *, consistent: bool) -> float:
    """For `size` bytes read together; at least one unit's worth."""
    units = max(1, -(-size // _READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    return float(max(1, -(-size // _WRITE_UNIT_BYTES)))


class Consumption:
    """What one table and its indexes consumed in one request."""

    __slots__ = ("indexes", "table", "units")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.units = 0.0
        self.indexes: dict[str, float] = {}

    def add(self, units: float, indexes: Mapping[str, float] | None = None) -> None:
        self.units += units
        for name, index_units in (indexes or {}).items():
            self.indexes[name] = self.indexes.get(name, 0.0) + index_units

    def answer(
        self,
        wanted: str,
        kind: Literal["ReadCapacityUnits", "WriteCapacityUnits"] | None = None,
    ) -> ConsumedCapacity:
        """`wanted`: TOTAL or INDEXES. `kind`: for transactions, a further member that repeats the units."""
        result: ConsumedCapacity = {"TableName": self.table.name, "CapacityUnits": self.total}
        if kind is not None:
            result[kind] = self.total
        if wanted == "INDEXES":
            result["Table"] = _capacity(self.units, kind)
            local: dict[str, Capacity] = {}
            everywhere: dict[str, Capacity] = {}
            for name, units in self.indexes.items():
                is_local = self.table.indexes[name].record.local
                (local if is_local else everywhere)[name] = _capacity(units, kind)
            if local:
                result["LocalSecondaryIndexes"] = local
            if everywhere:
                result["GlobalSecondaryIndexes"] = everywhere
        return result

    @property
    def total(self) -> float:
        return self.units + sum(self.indexes.values())


def _capacity(
    units: float, kind: Literal["ReadCapacityUnits", "WriteCapacityUnits"] | None
) -> Capacity:
    result: Capacity = {"CapacityUnits": units}
    if kind is not None:
        result[kind] = units
    return result
