"""What a function says of a batch, where its mapping asks which items failed.

AWS: Lambda Developer Guide, "Implementing partial batch responses", section "Success and failure conditions".
"""

from __future__ import annotations

from typing import Any, cast

import orjson


def failed_items(payload: bytes) -> tuple[str, ...] | None:
    """The identifiers of the items that failed; None when all did, since the answer cannot be understood."""
    if not payload.strip():
        return ()
    try:
        answer: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if answer in (None, "", {}, []):  # that of a list was recorded
        return ()
    if not isinstance(answer, dict):
        return None
    failures = cast("dict[str, Any]", answer).get("batchItemFailures")
    if failures is None:
        return ()
    if not isinstance(failures, list):
        return None
    found: list[str] = []
    for one in cast("list[Any]", failures):
        identifier = (
            cast("dict[str, Any]", one).get("itemIdentifier") if isinstance(one, dict) else None
        )
        if not isinstance(identifier, str) or not identifier:
            return None
        found.append(identifier)
    return tuple(found)
