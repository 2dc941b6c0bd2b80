"""The answer of one invocation as it is made: pieces from the runtime, and somebody who reads them.

Back-pressure both ways: a reader that is slow stops the runtime's connection, and a runtime that is slow lets the
reader wait. A reader that goes away stops nothing: the function runs on, and what it still says is dropped.
AWS: Lambda Developer Guide, "Response streaming for Lambda functions", "Building a custom runtime for AWS Lambda".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

STREAM_BYTES_MAX = 200 * 1024 * 1024
_HELD_BYTES_MAX = 256 * 1024
_PIECE_BYTES_MAX = 1024 * 1024
"""A runtime may send more at once than a frame, or a reader, should have."""


class Source(Protocol):
    """The connection that pieces come over."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class ResponseStream:
    """Made for one invocation. `content_type`: what the runtime says, once it has `begun`."""

    def __init__(self, *, bytes_max: int = STREAM_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self.content_type: str | None = None
        self.begun = asyncio.Event()
        """Set by the first piece of a streamed answer; never by an answer that comes at once."""
        self.too_large = False
        self._pieces: deque[bytes] = deque()
        self._held_bytes = 0
        self._bytes = 0
        self._stirred = asyncio.Event()
        self._ended = False
        self._deserted = False
        self._paused: Source | None = None

    # --- for the runtime's side

    def begin(self, content_type: str) -> None:
        self.content_type = content_type
        self.begun.set()

    def feed(self, piece: bytes, source: Source) -> None:
        self._bytes += len(piece)
        if self._bytes > self._bytes_max:
            self.too_large = True
        if self.too_large or self._deserted or self._ended:
            return
        self._pieces.append(piece)
        self._held_bytes += len(piece)
        self._stirred.set()
        if self._held_bytes > _HELD_BYTES_MAX and self._paused is None:
            self._paused = source
            source.pause_reading()

    def end(self) -> None:
        """Nothing more comes: the invocation is over, whatever became of it."""
        self._ended = True
        self.begun.set()
        self._stirred.set()
        self._resume()

    # --- for the reader's side

    async def pieces(self) -> AsyncIterator[bytes]:
        """All pieces, until the invocation is over. Whoever leaves early leaves the rest to nobody."""
        try:
            while True:
                while self._pieces:
                    piece = self._pieces.popleft()
                    self._held_bytes -= len(piece)
                    if self._held_bytes <= _HELD_BYTES_MAX // 2:
                        self._resume()
                    for begin in range(0, len(piece), _PIECE_BYTES_MAX):
                        yield piece[begin : begin + _PIECE_BYTES_MAX]
                if self._ended:
                    return
                self._stirred.clear()
                await self._stirred.wait()
        finally:
            self.desert()

    def desert(self) -> None:
        """Nobody reads on."""
        self._deserted = True
        self._pieces.clear()
        self._held_bytes = 0
        self._resume()

    def _resume(self) -> None:
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.resume_reading()
