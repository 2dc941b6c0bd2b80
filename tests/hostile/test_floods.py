"""Too much of everything: headers, connections, and bytes that mean nothing. The server refuses and goes on."""

from __future__ import annotations

import random
import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hostile.support import connect, exchange, json_headers, message, s3_headers

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({f"x-{number}": "y" for number in range(10_000)}, 431),
        ({"x": "y" * MEGABYTE}, 431),
        ({"x" * MEGABYTE: "y"}, 431),
        ({"host": "a" * 10_000}, 400),
        ({"cookie": "a=b; " * 10_000}, 200),
    ],
    ids=["many", "long value", "long name", "long host", "long cookie"],
)
def test_floods_of_headers(endpoint: str, headers: dict[str, str], status: int) -> None:
    answer = exchange(endpoint, message("GET", "/_pilvi/health", headers))
    assert answer.status == status


def test_a_head_that_never_ends(endpoint: str) -> None:
    """A hundred megabytes of one header: refused after the first hundred kilobytes."""
    pieces: Iterator[bytes] = (b"x" * MEGABYTE for _ in range(100))
    answer = exchange(endpoint, [b"GET / HTTP/1.1\r\nhost: h\r\nx: ", *pieces])
    assert answer.status == 431


def test_long_targets(endpoint: str) -> None:
    answer = exchange(endpoint, message("GET", "/" + "x" * MEGABYTE))
    assert answer.status == 414


def test_a_thousand_idle_connections(server: Any, client: Callable[..., Any]) -> None:
    """They cost little, and whoever has something to ask is served."""
    idle: list[socket.socket] = []
    try:
        for number in range(1000):
            connection = connect(server.url)
            if number % 2:
                connection.sendall(b"GET /half HTTP/1.1\r\nhost: h\r\n")
            idle.append(connection)
        client("sts").get_caller_identity()
        answers = [_ask(connection) for connection in idle[::2]]
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    finally:
        for connection in idle:
            connection.close()


def _ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /_pilvi/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return connection.recv(65536)


def test_clients_that_read_nothing(endpoint: str, client: Callable[..., Any], bucket: str) -> None:
    """Each asks for ten megabytes, thirty-two times, and takes none of it."""
    client("s3").put_object(Bucket=bucket, Key="large", Body=b"x" * 10 * MEGABYTE)
    account = bucket.removeprefix("hostile-")
    asked = message("GET", f"/{bucket}/large", {**s3_headers(account), "connection": "keep-alive"})
    lazy = [connect(endpoint) for _ in range(30)]
    for connection in lazy:
        connection.sendall(asked * 32)
    for connection in lazy:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert exchange(endpoint, message("GET", "/_pilvi/health")).status == 200
    for connection in lazy:
        connection.close()


def test_clients_that_vanish(endpoint: str, client: Callable[..., Any], bucket: str) -> None:
    """In the middle of a head, a body, an answer."""
    client("s3").put_object(Bucket=bucket, Key="large", Body=b"x" * MEGABYTE)
    account = bucket.removeprefix("hostile-")
    upload = message("PUT", f"/{bucket}/half", {**s3_headers(account), "content-length": "9999999"})
    download = message("GET", f"/{bucket}/large", s3_headers(account))
    for sent in (upload[:50], upload, upload + b"x" * 100_000, download, download * 5) * 20:
        connection = connect(endpoint)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )  # close with a reset
        connection.sendall(sent)
        connection.close()
    listed = client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [found["Key"] for found in listed] == ["large"]


def _seeds() -> list[bytes]:
    chunked = {**json_headers("1", "logs", "PutLogEvents"), "transfer-encoding": "chunked"}
    return [
        message("GET", "/_pilvi/health"),
        message("POST", "/", json_headers("1", "dynamodb", "ListTables"), b"{}"),
        message("POST", "/", chunked) + b"2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n",
        message("PUT", "/fuzz/key", {**s3_headers("1"), "expect": "100-continue"}, b"hello"),
        message("HEAD", "/fuzz/key?versionId=1", s3_headers("1")) * 2,
        message("OPTIONS", "*", {"origin": "http://localhost"}),
        message("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", {}, b""),
    ]


def _mutations(generator: random.Random, count: int) -> Iterator[bytes]:
    seeds = _seeds()
    marks = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b":",
        b" ",
        b"\xff",
        b"content-length: 5\r\n",
        b"%",
        b";",
    ]
    for number in range(count):
        if number % 10 == 0:
            yield generator.randbytes(generator.randrange(1, 2000))
            continue
        sent = bytearray(generator.choice(seeds))
        for _ in range(generator.randrange(1, 6)):
            at = generator.randrange(len(sent) + 1)
            match generator.randrange(5):
                case 0:
                    sent[at : at + 1] = generator.randbytes(1)
                case 1:
                    sent[at:at] = generator.choice(marks) * generator.choice((1, 1, 1, 300))
                case 2:
                    del sent[at : at + generator.randrange(20)]
                case 3:
                    sent[at:at] = sent[at : at + generator.randrange(200)]
                case _:
                    sent += generator.choice(seeds)
        yield bytes(sent)


def test_random_bytes(server: Any) -> None:
    """Three thousand damaged requests, fifty at a time. Whatever is answered is HTTP, and never a 500."""
    told: dict[bytes, int] = {}
    waiting = _mutations(random.Random(4566), 3000)
    for batch in iter(lambda: [sent for sent, _ in zip(waiting, range(50), strict=False)], []):
        for answer in _all_at_once(server.url, batch):
            if answer:
                line = answer.partition(b"\r\n")[0]
                assert line.startswith(b"HTTP/1.1 "), answer[:200]
                told[line[9:12]] = told.get(line[9:12], 0) + 1
                for later in answer.split(b"\r\nHTTP/1.1 ")[1:]:
                    assert later[:3].isdigit()
    assert b"500" not in told
    assert told[b"200"] > 50, told
    assert told[b"400"] > 500, told


def _all_at_once(url: str, batch: list[bytes]) -> list[bytes]:
    """Send each on a connection of its own, end our half, and read until the server ends its own."""
    answers = [b""] * len(batch)
    with selectors.DefaultSelector() as selector:
        for number, sent in enumerate(batch):
            connection = connect(url)
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was refused already
            selector.register(connection, selectors.EVENT_READ, number)
        while selector.get_map():
            ready = selector.select(30)
            assert ready, "the server neither answers nor closes"
            for key, _ in ready:
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                try:
                    received = connection.recv(65536)
                except ConnectionResetError:
                    received = b""
                answers[key.data] += received
                if not received:
                    selector.unregister(connection)
                    connection.close()
    return answers
