"""The access log: one line for each request, and never more memory than its buffer."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pilvi.gateway import access_log
from pilvi.gateway.access_log import AccessLog


def test_what_does_not_fit_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(access_log, "BUFFER_MAX", 2)

    async def run() -> AccessLog:
        kept = AccessLog()
        for number in range(5):
            kept.record(1_767_225_600_123, 200, "s3", "GetObject", 0.0012, f"id{number}", "::1")
        kept.flush()
        return kept

    with caplog.at_level(logging.INFO, "pilvi.requests"):
        kept = asyncio.run(run())
    lines, left_out = (record.getMessage() for record in caplog.records)
    assert lines.splitlines() == [
        f"2026-01-01T00:00:00.123Z 200 s3.GetObject 1.2ms id{number} ::1" for number in range(2)
    ]
    assert left_out.startswith("3 requests ")
    assert kept.requests["s3", "GetObject", 200] == 5
