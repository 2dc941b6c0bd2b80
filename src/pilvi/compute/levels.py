"""The levels of what a function logs in JSON, and which lines they let through.

AWS: Lambda Developer Guide, "Log-level filtering": a line that is an object with a `level` has it; every other line has
INFO. AWS's runtimes hold their own loggers to the level themselves, by AWS_LAMBDA_LOG_LEVEL.
"""

from __future__ import annotations

from typing import cast

import orjson

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_OTHER_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def is_admitted(line: str, least: str) -> bool:
    return LEVELS.index(level_of(line)) >= LEVELS.index(least)


def level_of(line: str) -> str:
    if not line.startswith("{"):
        return "INFO"
    try:
        document: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "INFO"
    found: object = (
        cast("dict[str, object]", document).get("level") if isinstance(document, dict) else None
    )
    name = found.upper() if isinstance(found, str) else "INFO"
    name = _OTHER_NAMES.get(name, name)
    return name if name in LEVELS else "INFO"
