"""Writing log lines: asked by Lambda and API Gateway, answered by CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pilvi.base.arn import Scope


class LogSink(Protocol):
    async def append_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """Append (timestamp_ms, message) lines; creates the group and the stream where they are missing."""
        ...
