"""Writing log lines: asked by Lambda and API Gateway, answered by CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pilvi.base.arn import Scope


class LogSink(Protocol):
    async def append_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """Append (timestamp_ms, message) lines; creates the group and the stream where they are missing.

        Returns once they are durable, and all that was posted before them.
        """
        ...

    async def post_lines(
        self, scope: Scope, group: str, stream: str, lines: Sequence[tuple[int, str]]
    ) -> None:
        """As `append_lines`, but soon: this process's readers of logs find the lines from now on; they are durable
        with a commit that has begun, some milliseconds later, and a process that is killed before loses them.

        Waits, and raises as `append_lines`, only while too much is posted or the last commit has failed.
        """
        ...

    async def flush(self) -> None:
        """Returns once all that was posted until now is durable."""
        ...
