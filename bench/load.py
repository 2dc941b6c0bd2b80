"""A load generator over raw sockets: sends requests that were signed beforehand, as fast as answers come."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

import uvloop

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds`: sorted durations of the requests that were answered with `expected` status."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    failures: int


def measure(
    url: str, requests: list[bytes], *, connections: int, seconds: float, status: int = 200
) -> Measured:
    """Send `requests` round and round over so many connections, from a process of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    arguments = (sender, url, requests, connections, seconds, status)
    process = multiprocessing.get_context("fork").Process(target=_child, args=arguments)
    process.start()
    sender.close()
    measured = receiver.recv()
    process.join()
    if isinstance(measured, str):
        raise RuntimeError(measured)
    return measured


def _child(sender, url, requests, connections, seconds, status) -> None:
    try:
        sender.send(uvloop.run(_run(url, requests, connections, seconds, status)))
    except Exception as error:  # noqa: BLE001 told to the parent, which raises it
        sender.send(f"{type(error).__name__}: {error}")


async def _run(
    url: str, requests: list[bytes], connections: int, seconds: float, status: int
) -> Measured:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    supply = cycle(requests)
    expected = f"HTTP/1.1 {status}".encode()
    end = loop.time() + seconds
    clients = []
    for _ in range(connections):
        clients.append(_Client(supply, end, expected, (parts.hostname, parts.port)))
        await clients[-1].connect()
    began = time.perf_counter()
    for client in clients:
        client.send()
    await asyncio.wait_for(asyncio.gather(*(c.done for c in clients)), seconds + PATIENCE_S)
    took = time.perf_counter() - began
    durations = sorted(d for c in clients for d in c.durations)
    failures = sum(c.failures for c in clients)
    if not durations:
        raise RuntimeError(f"no request was answered with {status}: {clients[0].sample[:300]!r}")
    return Measured(
        rate=len(durations) / took,
        p50_ms=durations[len(durations) // 2] * 1000,
        p99_ms=durations[int(len(durations) * 0.99)] * 1000,
        requests=len(durations),
        failures=failures,
    )


class _Client(asyncio.Protocol):
    """One client: sends, reads one whole answer by its Content-Length, sends again.

    A server that closes the connection after an answer (HTTP/1.0) is connected to anew.
    """

    def __init__(self, supply, end: float, expected: bytes, address: tuple[str, int]) -> None:
        self._supply = supply
        self._end = end
        self._expected = expected
        self._address = address
        self._closing = False
        self._head_only = False
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._missing = -1
        self._ok = False
        self._sent_at = 0.0
        self.done = self._loop.create_future()
        self.durations: list[float] = []
        self.failures = 0
        self.sample = b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    async def connect(self) -> None:
        await self._loop.create_connection(lambda: self, *self._address)

    def send(self) -> None:
        self._sent_at = time.perf_counter()
        request = next(self._supply)
        self._head_only = request.startswith(b"HEAD ")
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._buffer += data
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._ok = self._buffer.startswith(self._expected) or self._buffer.startswith(
                self._expected.replace(b"/1.1", b"/1.0")
            )
            if not self._ok and not self.sample:
                self.sample = bytes(self._buffer)
            fields = bytes(self._buffer[:head]).lower()
            self._closing = b"connection: close" in fields or fields.startswith(b"http/1.0")
            body = 0 if self._head_only else _length(fields)
            self._missing = body - (len(self._buffer) - head - 4)
        if self._missing > 0:
            return
        if self._ok:
            self.durations.append(time.perf_counter() - self._sent_at)
        else:
            self.failures += 1
        self._buffer.clear()
        self._missing = -1
        if self._loop.time() >= self._end:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
        elif self._closing:
            self._transport.close()
        else:
            self.send()

    def connection_lost(self, exc) -> None:
        if self.done.done():
            return
        if exc is None and self._closing:
            self._closing = False
            task = self._loop.create_task(self.connect())
            task.add_done_callback(self._reconnected)
        else:
            self.failures += 1
            self.done.set_result(None)

    def _reconnected(self, task) -> None:
        if task.exception() is not None:
            self.done.set_exception(task.exception())
        else:
            self.send()


def _length(fields: bytes) -> int:
    """Of the body, from header fields in lower case."""
    for line in fields.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
