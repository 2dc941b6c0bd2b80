"""Telemetry on its way to those who subscribed: buffered, sent into the sandbox, dropped when nobody takes it.

A batch is sent over a socket that was made inside the sandbox's network, so it reaches the port that the subscriber
listens at and nothing else. AWS: Lambda Developer Guide, "Accessing real-time telemetry data for extensions using the
Telemetry API".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson

from pilvi.compute import events, report
from pilvi.compute.extensions.subscribing import Subscription

Stream = Literal["platform", "function", "extension"]
SUBSCRIPTIONS_MAX = 10
_SEND_S_MAX = 10.0
_RETRY_FIRST_S = 0.05
_RETRY_S_MAX = 1.0
_BATCHES_KEPT = 4
"""How many full buffers one subscriber may be behind; what is beyond is dropped, and told."""

Connect = Callable[[int], Awaitable[socket.socket]]
"""A connection to a port inside the sandbox. Raises: OSError."""


class Feed:
    """One subscriber. `awake`: set while the sandbox is not frozen."""

    def __init__(
        self, to: Subscription, connect: Connect, awake: asyncio.Event, *, json_logs: bool
    ) -> None:
        self.to = to
        self._json_logs = json_logs
        self._last_ms = 0
        """The time of the last record; the sandbox's clock is the cloud's."""
        self._connect = connect
        self._awake = awake
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._dropped, self._dropped_bytes = 0, 0
        self._stream: socket.socket | None = None
        self._due: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sender = asyncio.create_task(self._run())

    def publish(self, event: events.Event, at_ms: int) -> None:
        if "platform" not in self.to.types:
            return
        old = self.to.kind == "logs"
        record = _old(event, at_ms, self.to.schema) if old else event.document(at_ms)
        if record is not None:
            self._add(record, at_ms)

    def line(self, stream: Stream, at_ms: int, text: str) -> None:
        """A record is an object where the function logs in JSON and the subscriber knows such."""
        if stream not in self.to.types:
            return
        record: Any = text
        if self._json_logs and self.to.schema >= "2022-12-13" and text.startswith("{"):
            try:
                record = orjson.loads(text)
            except orjson.JSONDecodeError:
                record = text
        told = {"time": report.instant(at_ms), "type": stream, "record": record}
        self._add(orjson.dumps(told), at_ms)

    def _add(self, record: bytes, at_ms: int) -> None:
        self._last_ms = at_ms
        if self._pending_bytes + len(record) > self.to.bytes_max * _BATCHES_KEPT or (
            len(self._pending) >= self.to.items_max * _BATCHES_KEPT
        ):
            self._dropped += 1
            self._dropped_bytes += len(record)
            return
        self._pending.append(record)
        self._pending_bytes += len(record)
        self._empty.clear()
        if len(self._pending) >= self.to.items_max or self._pending_bytes >= self.to.bytes_max:
            self._wake.set()
        elif self._due is None:
            self._due = self._loop.call_later(self.to.timeout_s, self._wake.set)

    async def flush(self) -> None:
        """Send what there is, now; returns when it is sent."""
        if self._pending:
            self._wake.set()
            await self._empty.wait()

    def close(self) -> None:
        self._sender.cancel()
        if self._due is not None:
            self._due.cancel()
        if self._stream is not None:
            self._stream.close()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._due is not None:
                self._due.cancel()
                self._due = None
            while self._pending:
                await self._send_batch()
            self._empty.set()

    async def _send_batch(self) -> None:
        batch, size = self._next_batch()
        pause_s = _RETRY_FIRST_S
        while True:
            await self._awake.wait()
            try:
                await asyncio.wait_for(self._send(batch), _SEND_S_MAX)
                break
            except (OSError, TimeoutError):
                if self._stream is not None:
                    self._stream.close()
                    self._stream = None
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _RETRY_S_MAX)
        del self._pending[: len(batch)]
        self._pending_bytes -= size
        if self._dropped and "platform" in self.to.types:
            told = events.logs_dropped(self._dropped, self._dropped_bytes)
            self._dropped = self._dropped_bytes = 0
            self._add(told.document(self._last_ms), self._last_ms)

    def _next_batch(self) -> tuple[list[bytes], int]:
        batch: list[bytes] = []
        size = 0
        for record in self._pending[: self.to.items_max]:
            if batch and size + len(record) > self.to.bytes_max:
                break
            batch.append(record)
            size += len(record)
        return batch, size

    async def _send(self, batch: list[bytes]) -> None:
        if self.to.path is None:
            if self._stream is None:
                self._stream = await self._connect(self.to.port)
            await self._loop.sock_sendall(self._stream, b"\n".join(batch) + b"\n")
            return
        body = b"[" + b",".join(batch) + b"]"
        head = (
            f"{self.to.method} {self.to.path} HTTP/1.1\r\n"
            f"Host: sandbox.localdomain:{self.to.port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with await self._connect(self.to.port) as connection:
            await self._loop.sock_sendall(connection, head.encode() + body)
            answer = b""
            while b"\r\n" not in answer and len(answer) < 256:
                piece = await self._loop.sock_recv(connection, 256)
                if not piece:
                    break
                answer += piece
        words = answer.split(b" ", 2)
        if len(words) < 2 or not words[1].startswith(b"2"):
            raise OSError(f"the subscriber answered {answer[:64]!r}")


class Telemetry:
    """All subscribers of one environment."""

    def __init__(self, connect: Connect, *, json_logs: bool) -> None:
        self._connect = connect
        self._json_logs = json_logs
        self._awake = asyncio.Event()
        self._awake.set()
        self.feeds: list[Feed] = []

    def subscribe(self, to: Subscription) -> Feed:
        """Who subscribes twice is subscribed once, as asked last."""
        for feed in [one for one in self.feeds if one.to.name == to.name]:
            feed.close()
            self.feeds.remove(feed)
        made = Feed(to, self._connect, self._awake, json_logs=self._json_logs)
        self.feeds.append(made)
        return made

    def publish(self, event: events.Event, at_ms: int) -> None:
        for feed in self.feeds:
            feed.publish(event, at_ms)

    def line(self, stream: Stream, at_ms: int, text: str) -> None:
        """What the function or an extension wrote."""
        for feed in self.feeds:
            feed.line(stream, at_ms, text)

    def sleep(self) -> None:
        self._awake.clear()

    def wake(self) -> None:
        self._awake.set()

    async def flush(self) -> None:
        await asyncio.gather(*(feed.flush() for feed in self.feeds))

    def close(self) -> None:
        for feed in self.feeds:
            feed.close()


_OLD_TYPES = {"start", "end", "report", "fault", "extension", "logsSubscription", "logsDropped"}


def _old(event: events.Event, at_ms: int, schema: str) -> bytes | None:
    """As the Logs API has it; None for what it does not know."""
    record: dict[str, Any] = event.record
    match event.type:
        case "start" | "end":
            record = {"requestId": record["requestId"]}
        case "report":
            record = {"requestId": record["requestId"], "metrics": record["metrics"]}
        case "runtimeDone" if schema == "2021-03-18":
            status = "failure" if record["status"] == "error" else record["status"]
            record = {"requestId": record["requestId"], "status": status}
        case kind if kind not in _OLD_TYPES:
            return None
        case _:
            pass
    kind = f"platform.{event.type}"
    return orjson.dumps({"time": report.instant(at_ms), "type": kind, "record": record})
