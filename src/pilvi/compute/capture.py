"""What a function writes, cut into log lines.

One pipe carries both: plain text from stdout and stderr, and the frames of the runtime's own loggers, which keep
a message of several lines together (big-endian: 4 bytes of type, 4 of length, 8 of time in µs, then the text).
Lines get the cloud's time, not the frame's: the sandbox knows only the machine's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from pilvi.base.clock import Clock
from pilvi.compute.api import LogLine

LINE_BYTES_MAX = 256 * 1024
TOTAL_BYTES_MAX = 4 * 1024 * 1024
"""Between two collections, that is for one invocation; what is beyond is counted and told, not kept."""

_FRAME_MARK = b"\xa5\x5a\x00"
_FRAME_HEAD = 16
_TEXT = 1
"""In the type of a frame: it holds text, not JSON."""
_READ_BYTES = 256 * 1024
_LINE_COST_BYTES = 26
"""What a line costs beside its text, as CloudWatch Logs counts it: many empty lines are much, too."""


class Capture:
    """Reads a pipe as it fills, so that a function never waits for its reader, and on demand to the last byte."""

    def __init__(self, descriptor: int, clock: Clock) -> None:
        """`descriptor`: the reading end; owned by this object from now on."""
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._clock = clock
        self._pending = b""
        self._lines: list[LogLine] = []
        self._kept_bytes = 0
        self._lost_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._open = True
        self.on_line: Callable[[int, str], None] | None = None
        """Told of each line as it is read: its time in ms, and its text."""
        self._loop.add_reader(descriptor, self._read)

    def take(self) -> list[LogLine]:
        """All lines until now; an unfinished one is given as it stands."""
        self.drain()
        if self._pending:
            self._keep(self._pending)
            self._pending = b""
        lines, self._lines = self._lines, []
        if self._lost_bytes:
            lines.append(
                (
                    self._clock.now_ms(),
                    f"pilvi: {self._lost_bytes} bytes of log were dropped here.\n",
                )
            )
        self._kept_bytes = self._lost_bytes = 0
        return lines

    def drain(self) -> None:
        """Read what has been written."""
        while self._open and self._read() == _READ_BYTES:
            pass

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)

    def _read(self) -> int:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
            return 0
        if self._kept_bytes >= TOTAL_BYTES_MAX:
            self._lost_bytes += len(self._pending) + len(data)
            self._pending = b""
        else:
            self._pending = self._split(self._pending + data if self._pending else data)
        return len(data)

    def _split(self, data: bytes) -> bytes:
        """Keep the whole lines and frames of `data`; give back the unfinished rest."""
        position, end = 0, len(data)
        mark = _find(data, _FRAME_MARK, 0)
        while position < end:
            if mark < position:
                mark = _find(data, _FRAME_MARK, position)
            newline = data.find(b"\n", position, mark)
            if newline >= 0:
                self._keep(data[position : newline + 1])
                position = newline + 1
            elif position < mark < end:
                self._keep(data[position:mark])
                position = mark
            elif mark == position:
                body = mark + _FRAME_HEAD
                length = int.from_bytes(data[mark + 4 : mark + 8])
                if end < body + min(length, LINE_BYTES_MAX):
                    break
                is_text = bool(data[mark + 3] & _TEXT)
                self._keep(data[body : body + length], verbatim=is_text)
                position = body + length
            elif end - position >= LINE_BYTES_MAX:
                self._keep(data[position : position + LINE_BYTES_MAX])
                position += LINE_BYTES_MAX
            else:
                break
        return data[position:]

    def _keep(self, line: bytes, *, verbatim: bool = False) -> None:
        """`verbatim`: as AWS tells entries of text whose end was said; any other gets an end of line."""
        room = min(LINE_BYTES_MAX, TOTAL_BYTES_MAX - self._kept_bytes)
        kept = line[:room] if room > 0 else b""
        self._lost_bytes += len(line) - len(kept)
        if kept:
            self._kept_bytes += len(kept) + _LINE_COST_BYTES
            text = kept.decode("utf-8", "replace")
            told = self._clock.now_ms(), text if verbatim or text.endswith("\n") else text + "\n"
            self._lines.append(told)
            if self.on_line is not None:
                self.on_line(*told)


def _find(data: bytes, what: bytes, begin: int) -> int:
    """Where it is next; the end of the data when nowhere."""
    found = data.find(what, begin)
    return found if found >= 0 else len(data)
