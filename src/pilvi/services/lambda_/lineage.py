"""Loops of functions: each invocation's trace header says how often which function has run in its chain. Pure.

The part `Lineage` of the header is a list of functions (a hash of eight digits each) with a number: how often it ran
before. SDKs pass the header on from inside a function, queues keep it with a message.
AWS: Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops"; X-Ray Developer Guide,
"Tracing header".
"""

from __future__ import annotations

import re
import zlib

RUNS_MAX = 16
"""How often a function runs in one chain of invocations."""
_FUNCTIONS_MAX = 16
_PART = "Lineage="
_KNOWN = re.compile(r"(?:^|;)\s*Lineage=([0-9a-f:|]*)")
_ENTRY = re.compile(r"([0-9a-f]{8}):(\d{1,5})")


def advance(header: str | None, function_arn: str) -> tuple[str, int]:
    """The header with one more run of a function, and how often it ran before. `function_arn`: unqualified."""
    mark = f"{zlib.crc32(function_arn.encode()):08x}"
    found = None if header is None or _PART not in header else _KNOWN.search(header)
    if found is None:
        return f"{header};{_PART}{mark}:0" if header else f"{_PART}{mark}:0", 0
    runs = {entry[0]: int(entry[1]) for entry in _ENTRY.findall(found[1])}
    before = runs.pop(mark) + 1 if mark in runs else 0
    latest = [f"{name}:{count}" for name, count in runs.items()][1 - _FUNCTIONS_MAX :]
    lineage = "|".join([*latest, f"{mark}:{before}"])
    rest = (header or "")[: found.start()] + (header or "")[found.end() :]
    return f"{rest};{_PART}{lineage}".removeprefix(";"), before
