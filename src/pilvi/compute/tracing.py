"""The X-Ray header of an invocation: what comes in, what the function sees.

AWS: X-Ray Developer Guide, "Tracing header"; Lambda Developer Guide, "Visualize Lambda function invocations using AWS
X-Ray". Every invocation has a trace id, whether or not it is sampled. Pure functions.
"""

from __future__ import annotations

from pilvi.compute.events import Trace

_RANDOM_DIGITS = 40
"""Hexadecimal digits that `trace` needs: 24 of a root, 16 of a segment."""


def trace(incoming: str | None, *, active: bool, now_ms: int, random: str) -> Trace:
    """The trace of one invocation. `active`: the function is traced itself. `random`: 40 hexadecimal digits.

    What others have decided stays: the root, and whether it is sampled; a lineage is passed on. A function that
    only passes traces through names the parent that it was given.
    """
    assert len(random) >= _RANDOM_DIGITS
    parts: dict[str, str] = {}
    if incoming:
        for part in incoming.split(";"):
            name, _, value = part.strip().partition("=")
            parts[name] = value
    root = parts.get("Root") or f"1-{now_ms // 1000:08x}-{random[:24]}"
    segment_id = random[24:_RANDOM_DIGITS]
    if not active and parts.get("Parent"):
        segment_id = parts["Parent"]
    sampled = parts.get("Sampled")
    if sampled not in ("0", "1"):
        sampled = "1" if active else "0"
    header = f"Root={root};Parent={segment_id};Sampled={sampled}"
    if parts.get("Lineage"):
        header += f";Lineage={parts['Lineage']}"
    return Trace(header, root, segment_id, sampled == "1")
