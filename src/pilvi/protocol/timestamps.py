"""Instants on the wire: epoch milliseconds inside, three formats outside."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LAST_MS = 253_402_300_799_999
_FIRST_MS = -62_135_596_800_000


def _ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def from_number(seconds: float) -> int:
    """Raises: ValueError outside the years 1 to 9999."""
    if not math.isfinite(seconds):
        raise ValueError(f"not an instant: {seconds}")
    ms = seconds * 1000 if type(seconds) is int else round(seconds * 1000)
    if not _FIRST_MS <= ms <= _LAST_MS:
        raise ValueError(f"not an instant: {seconds}")
    return ms


def from_text(text: str) -> int:
    """Any of the three formats; AWS's own parsers are as lenient. Raises: ValueError."""
    if _NUMBER.fullmatch(text):
        return from_number(int(text) if text.lstrip("-").isdecimal() else float(text))
    try:
        return _ms(datetime.fromisoformat(text))
    except ValueError:
        return _ms(parsedate_to_datetime(text))


def iso8601(ms: int) -> str:
    """`2024-01-31T12:00:00Z`, with milliseconds only where there are any."""
    rest = ms % 1000
    text = _to_the_second(ms // 1000)
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def _to_the_second(seconds: int) -> str:
    day, seconds = divmod(seconds, 86_400)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day(day)}T{hours:02d}:{minutes:02d}:{seconds:02d}"


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).strftime("%Y-%m-%d").rjust(10, "0")


def iso8601_full(ms: int) -> str:
    """`2024-01-31T12:00:00.000Z`: S3 always writes the milliseconds."""
    return f"{_to_the_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def rfc822(ms: int) -> str:
    """`Wed, 31 Jan 2024 12:00:00 GMT`; the fraction is dropped, as HTTP dates have none."""
    return formatdate(ms // 1000, usegmt=True)


def epoch_seconds(ms: int) -> int | float:
    return ms / 1000 if ms % 1000 else ms // 1000
