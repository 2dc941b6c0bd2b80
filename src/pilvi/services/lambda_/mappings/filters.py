"""Filter criteria of event source mappings: which records reach the function.

A record passes when one of the patterns matches it. What a queue's message says stands in its body, as text; a
pattern that asks for members of the body is asked of messages whose body is JSON, one that asks for the body's text
of all others, and what is of the other kind is left out.

Mappings know less of the language than rules of EventBridge: no wildcards, and "anything-but" of values only.
AWS: Lambda Developer Guide, "Control which events Lambda sends to your function"; "Using event filtering with an
Amazon SQS event source", section "Properly filtering Amazon SQS messages".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import orjson

from pilvi.languages import event_pattern
from pilvi.languages.event_pattern import InvalidPattern, Pattern
from pilvi.services.lambda_ import errors

_INVALID = "Invalid filter pattern definition."
_COMPILED_MAX = 1024


def check(patterns: Sequence[str]) -> None:
    """Raises: InvalidParameterValueException when one is no pattern, or asks for what mappings do not know."""
    for text in patterns:
        try:
            event_pattern.compile(text)
            known = not _asks_for_more(orjson.loads(text), condition=False)
        except (InvalidPattern, orjson.JSONDecodeError):
            known = False
        if not known:
            raise errors.InvalidParameterValueException(detail=_INVALID)


def _asks_for_more(part: Any, *, condition: bool) -> bool:
    """`condition`: whether it stands in an array, where the names of members are those of conditions."""
    if isinstance(part, list):
        return any(_asks_for_more(one, condition=True) for one in cast("list[Any]", part))
    if not isinstance(part, dict):
        return False
    members = cast("dict[str, Any]", part)
    if condition and ("wildcard" in members or isinstance(members.get("anything-but"), dict)):
        return True
    return any(_asks_for_more(one, condition=False) for one in members.values())


@lru_cache(maxsize=_COMPILED_MAX)
def compile_filters(patterns: tuple[str, ...], text_member: str | None = None) -> Filters:
    """Of patterns that have been checked. `text_member`: of records, whose text may be JSON ("body" of messages)."""
    return Filters(patterns, text_member)


class Filters:
    """Says of records, as they are in the function's event, whether the function gets them."""

    def __init__(self, patterns: Sequence[str], text_member: str | None) -> None:
        self._text_member = text_member
        self._all: list[Pattern] = []
        self._of_json: list[Pattern] = []
        self._of_text: list[Pattern] = []
        for text in patterns:
            asked = orjson.loads(text).get(text_member)
            pattern = event_pattern.compile(text)
            kind = self._all if asked is None else self._of_json
            (self._of_text if isinstance(asked, list) else kind).append(pattern)

    def takes(self, record: Mapping[str, Any]) -> bool:
        if any(pattern.matches(record) for pattern in self._all):
            return True
        if self._text_member is None or not (self._of_json or self._of_text):
            return False
        value = _as_json(record[self._text_member])
        if value is None:
            return any(pattern.matches(record) for pattern in self._of_text)
        opened = {**record, self._text_member: value}
        return any(pattern.matches(opened) for pattern in self._of_json)


def _as_json(text: str) -> Any:
    """The object or the array that a text spells; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
