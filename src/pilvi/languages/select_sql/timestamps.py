"""Points in time as Amazon Ion has them: they know how precise they are, and may know their offset from UTC.

AWS: S3 User Guide, "Date functions" and "Data types" of S3 Select; Amazon Ion, "Timestamps".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from decimal import Decimal
from functools import total_ordering

YEAR, MONTH, DAY, MINUTE, SECOND = range(5)
"""Precisions."""

_TEXT = re.compile(
    r"(\d{4})(?:T|-(\d\d)(?:T|-(\d\d)(?:T?|T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)))",
    re.ASCII,
)
_FRACTION_DIGITS_MAX = 100
_PARTS = {
    "year": YEAR,
    "month": MONTH,
    "day": DAY,
    "hour": MINUTE,
    "minute": MINUTE,
    "second": SECOND,
}
_UNITS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Timestamp:
    """`at`: local time, whole seconds. `fraction`: the digits behind them. `offset`: minutes; None: not known."""

    at: datetime
    precision: int
    fraction: str = ""
    offset: int | None = None

    @classmethod
    def read(cls, text: str) -> Timestamp | None:
        """`2007T`, `2007-02T`, `2007-02-23`, `2007-02-23T12:14Z`, `2007-02-23T12:14:33.079-08:00`; None: it is none."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        offset = _offset(zone)
        if (offset is not None and abs(offset) >= 1440) or len(
            fraction or ""
        ) > _FRACTION_DIGITS_MAX:
            return None
        given = (year, month, day, minute, second)
        precision = max(index for index, part in enumerate(given) if part is not None)
        try:
            at = datetime(  # noqa: DTZ001 local by meaning
                int(year),
                int(month or 1),
                int(day or 1),
                int(hour or 0),
                int(minute or 0),
                int(second or 0),
            )
            return cls(at, precision, fraction or "", offset)
        except ValueError:
            return None

    @classmethod
    def of(cls, value: date | datetime) -> Timestamp:
        """Of what a library read. Without an offset it is UTC."""
        if not isinstance(value, datetime):
            return cls(datetime(value.year, value.month, value.day), DAY)  # noqa: DTZ001 as above
        away = value.utcoffset()
        fraction = f"{value.microsecond:06}".rstrip("0") if value.microsecond else ""
        minutes = 0 if away is None else round(away.total_seconds() / 60)
        return cls(value.replace(microsecond=0, tzinfo=None), SECOND, fraction, minutes)

    @classmethod
    def at_ms(cls, ms: int) -> Timestamp:
        at = datetime(1970, 1, 1) + timedelta(seconds=ms // 1000)  # noqa: DTZ001 UTC, by its offset
        return cls(at, SECOND, f"{ms % 1000:03}", 0)

    def _instant(self) -> tuple[int, str]:
        """Seconds since the year 1 in UTC, and the fraction in a form that can be compared."""
        whole = (
            self.at.toordinal() * 86_400
            + self.at.hour * 3600
            + self.at.minute * 60
            + self.at.second
        )
        return whole - (self.offset or 0) * 60, self.fraction.rstrip("0")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self._instant() == other._instant()

    def __lt__(self, other: Timestamp) -> bool:
        return self._instant() < other._instant()

    def __hash__(self) -> int:
        return hash(self._instant())

    def __str__(self) -> str:
        at = self.at
        if self.precision == YEAR:
            return f"{at.year:04}T"
        if self.precision == MONTH:
            return f"{at.year:04}-{at.month:02}T"
        day = f"{at.year:04}-{at.month:02}-{at.day:02}"
        if self.precision == DAY:
            return day
        text = f"{day}T{at.hour:02}:{at.minute:02}"
        if self.precision == SECOND:
            text += f":{at.second:02}"
            if self.fraction:
                text += f".{self.fraction}"
        return text + zone_text(
            self.offset, "XXX" if self.offset is not None else "xxx", unknown="-00:00"
        )

    def add(self, part: str, quantity: int) -> Timestamp | None:
        """As precise as the part, if it was not. None: out of the calendar."""
        precision = max(self.precision, _PARTS[part])
        try:
            if part in ("year", "month"):
                at = _months_later(self.at, quantity * 12 if part == "year" else quantity)
            else:
                at = self.at + timedelta(seconds=quantity * _UNITS[part])
        except (OverflowError, ValueError):
            return None
        return replace(self, at=at, precision=precision)

    def until(self, other: Timestamp, part: str) -> int:
        """How many whole parts lie between; negative when `other` is earlier."""
        (own, own_rest), (its, its_rest) = self._instant(), other._instant()
        if part in ("year", "month"):
            first, last, sign = (self, other, 1) if self < other else (other, self, -1)
            months = _months_between(first, last)
            return sign * (months // 12 if part == "year" else months)
        seconds = its - own
        if seconds > 0 and its_rest < own_rest:
            seconds -= 1
        elif seconds < 0 and its_rest > own_rest:
            seconds += 1
        whole = abs(seconds) // _UNITS[part]
        return whole if seconds > 0 else -whole

    def part(self, part: str) -> int | Decimal | None:
        """None: an offset that is not known."""
        if part == "timezone_hour":
            return None if self.offset is None else int(self.offset / 60)
        if part == "timezone_minute":
            return None if self.offset is None else self.offset - int(self.offset / 60) * 60
        if part == "second" and self.fraction:
            return Decimal(f"{self.at.second}.{self.fraction}")
        return int(getattr(self.at, part))


def zone_text(offset: int | None, form: str, *, unknown: str = "-00:00") -> str:
    """An offset in one of Java's forms: X hours, XX hours and minutes, XXX with a colon; x writes zero in digits."""
    if offset is None:
        return unknown
    if offset == 0 and form[0] == "X":
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    if len(form) == 1:
        return f"{sign}{hours:02}{minutes:02}" if minutes else f"{sign}{hours:02}"
    return f"{sign}{hours:02}{':' if len(form) in (3, 5) else ''}{minutes:02}"


def _offset(zone: str | None) -> int | None:
    if zone is None or zone == "-00:00":
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def _months_later(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError
    following = (
        date(year + (month == 11), (month + 1) % 12 + 1, 1)
        if (year, month) != (MAXYEAR, 11)
        else None
    )
    last = 31 if following is None else (following - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def _months_between(first: Timestamp, last: Timestamp) -> int:
    start = first.at - timedelta(minutes=first.offset or 0)
    end = last.at - timedelta(minutes=last.offset or 0)
    months = (end.year - start.year) * 12 + end.month - start.month
    if months and (end.day, end.time(), last.fraction) < (start.day, start.time(), first.fraction):
        months -= 1
    return months
