"""A query as the server orders it. Its process imports this, so it imports little."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pilvi.languages.select_sql.formats.options import (
    CsvInput,
    CsvOutput,
    JsonInput,
    JsonOutput,
    ParquetInput,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes`: of the address space. `processor_s`: of processor time."""

    memory_bytes: int
    processor_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`compression`: NONE, GZIP or BZIP2. `scan`: first and last byte of where records may begin; None: anywhere."""

    expression: str
    input: CsvInput | JsonInput | ParquetInput
    output: CsvOutput | JsonOutput
    size: int
    now_ms: int
    limits: Limits
    compression: str = "NONE"
    scan: tuple[int, int] | None = None

    def dump(self) -> bytes:
        kinds = {"input": type(self.input).__name__, "output": type(self.output).__name__}
        return json.dumps({**asdict(self), "kinds": kinds}).encode()

    @classmethod
    def load(cls, data: bytes) -> Plan:
        given: dict[str, Any] = json.loads(data)
        kinds = given.pop("kinds")
        given["input"] = _INPUTS[kinds["input"]](**given["input"])
        given["output"] = _OUTPUTS[kinds["output"]](**given["output"])
        given["limits"] = Limits(**given["limits"])
        given["scan"] = None if given["scan"] is None else tuple(given["scan"])
        return cls(**given)


_INPUTS: dict[str, type[CsvInput | JsonInput | ParquetInput]] = {
    "CsvInput": CsvInput,
    "JsonInput": JsonInput,
    "ParquetInput": ParquetInput,
}
_OUTPUTS: dict[str, type[CsvOutput | JsonOutput]] = {
    "CsvOutput": CsvOutput,
    "JsonOutput": JsonOutput,
}
