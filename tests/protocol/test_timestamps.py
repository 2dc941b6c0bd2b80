"""Instants in their three formats, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.protocol import timestamps

INSTANTS = st.integers(-2_000_000_000_000, 253_402_300_799_999)


@given(INSTANTS)
def test_what_we_write_we_read(ms: int) -> None:
    assert timestamps.from_text(timestamps.iso8601(ms)) == ms
    assert timestamps.from_text(timestamps.iso8601_full(ms)) == ms
    assert timestamps.from_number(timestamps.epoch_seconds(ms)) == ms
    assert timestamps.from_text(timestamps.rfc822(ms)) == ms - ms % 1000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-01-31T12:00:00Z", 1_706_702_400_000),
        ("2024-01-31T12:00:00.123Z", 1_706_702_400_123),
        ("2024-01-31T12:00:00.123999Z", 1_706_702_400_123),
        ("2024-01-31T14:00:00+02:00", 1_706_702_400_000),
        ("2024-01-31", 1_706_659_200_000),
        ("Wed, 31 Jan 2024 12:00:00 GMT", 1_706_702_400_000),
        ("1706702400", 1_706_702_400_000),
        ("1706702400.5", 1_706_702_400_500),
        ("1.7067024e9", 1_706_702_400_000),
        ("-1", -1000),
    ],
)
def test_what_clients_send_is_read(text: str, ms: int) -> None:
    assert timestamps.from_text(text) == ms


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "1e300", "NaN", "99999999999999999"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        timestamps.from_text(text)


def test_s3_always_writes_the_milliseconds() -> None:
    assert timestamps.iso8601(0) == "1970-01-01T00:00:00Z"
    assert timestamps.iso8601(7) == "1970-01-01T00:00:00.007Z"
    assert timestamps.iso8601_full(0) == "1970-01-01T00:00:00.000Z"
    assert timestamps.rfc822(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
