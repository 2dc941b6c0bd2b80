"""A request while it is received: the pieces of its body that have come and that nobody has read yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest

PIECE_OVERHEAD = 64
"""What a piece costs beside its bytes: a body in pieces of one byte must not cost forty times its size."""


class RequestTooLarge(AwsError):
    code = "RequestEntityTooLargeException"
    message = "Request must be smaller than {limit} bytes for this operation"
    status = 413


class OperationTooLarge(RequestTooLarge):
    """In the words of Lambda, where the operation is known."""

    message = "Request must be smaller than {limit} bytes for the {operation} operation"


class IncompleteBody(AwsError):
    """The client went away, or sent what is no body, in the middle of a body."""

    code = "IncompleteBody"
    message = "The request body terminated unexpectedly"


class RequestTimeout(AwsError):
    """The client fell silent in the middle of a body."""

    code = "RequestTimeout"
    message = (
        "Your socket connection to the server was not read from or written to within the timeout "
        "period. Idle connections will be closed."
    )


class Overloaded(AwsError):
    """So many bodies are held by requests under way that no more can be taken in."""

    code = "ServiceUnavailable"
    message = "Please reduce your request rate."
    status = 503


class Source(Protocol):
    """The connection that a body comes from."""

    def want(self, incoming: Incoming) -> None:
        """Somebody waits for more of this body."""
        ...

    def keep(self, size: int) -> None:
        """So many bytes are held until the answer is sent. Raises: Overloaded."""
        ...

    def took(self, size: int) -> None:
        """So many bytes of what waited are no longer held here."""
        ...


class Incoming:
    __slots__ = (
        "_chunks",
        "_error",
        "_source",
        "_waiter",
        "complete",
        "expects_continue",
        "head_size",
        "keep_alive",
        "request",
        "version",
    )

    def __init__(
        self,
        request: HttpRequest,
        source: Source,
        *,
        head_size: int,
        version: str,
        keep_alive: bool,
    ) -> None:
        self.request = request
        self.head_size = head_size
        self.version = version
        self.keep_alive = keep_alive
        self.complete = False
        self.expects_continue = (
            version == "1.1" and request.headers.get("expect", "").lower() == "100-continue"
        )
        """Whether the client still waits for being told to send its body."""
        self._source = source
        self._chunks: deque[bytes] = deque()
        self._error: AwsError | None = None
        self._waiter: asyncio.Future[None] | None = None

    # --- for the connection

    def add(self, piece: bytes) -> int:
        """Keep a piece; gives what that costs."""
        self._chunks.append(piece)
        self.expects_continue = False
        self._wake()
        return len(piece) + PIECE_OVERHEAD

    def finish(self) -> None:
        self.complete = True
        self._wake()

    def fail(self, error: AwsError) -> None:
        """No more of the body will come: whoever reads it is told, after what has come."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def hand_over(self) -> None:
        """Give the request its body, whole if it is here, else as what can be read."""
        request, chunks = self.request, self._chunks
        size = self.head_size
        if not self.complete:
            request.stream = self.pieces()
            request.read = self.read
        elif len(chunks) == 1:
            request.body = chunks.pop()
            size += len(request.body) + PIECE_OVERHEAD
        elif chunks:
            request.body = b"".join(chunks)
            self.discard()
        self._source.took(size)

    def discard(self) -> None:
        """Forget what has come."""
        if self._chunks:
            self._source.took(sum(len(piece) + PIECE_OVERHEAD for piece in self._chunks))
            self._chunks.clear()

    # --- for the application

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises: IncompleteBody, RequestTimeout."""
        while True:
            while self._chunks:
                piece = self._chunks.popleft()
                self._source.took(len(piece) + PIECE_OVERHEAD)
                yield piece
            if self.complete:
                return
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            self._source.want(self)
            await self._waiter

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises: RequestTooLarge before more than `limit` bytes are held; Overloaded; as `pieces`.
        """
        announced = self.request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise RequestTooLarge(limit=limit)
        body = bytearray()
        async for piece in self.pieces():
            if len(body) + len(piece) > limit:
                raise RequestTooLarge(limit=limit)
            self._source.keep(len(piece))
            body += piece
        return bytes(body)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
