"""What every test may use: a real server on a free port, and real clients with an account of their own."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import CloudClock, Server

_accounts = itertools.count(1)

gc.set_threshold(50_000, 20, 20)
"""boto's models fill a gigabyte, and to look through them took a fifth of the tests' processor time."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a test process: accounts keep them apart."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    assert running.stop() == 0, "the server did not end gracefully"


@pytest.fixture
def endpoint(server: Server) -> str:
    return server.url


@pytest.fixture
def account() -> str:
    """A fresh account: nobody else's records are in it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{int(worker) + 1:04d}{next(_accounts):08d}"


@pytest.fixture
def client(server: Server, account: str) -> Iterator[Callable[..., Any]]:
    """client("dynamodb"): a boto3 client of this test's account; further arguments go to Config."""
    opened: list[Any] = []

    def make(service: str, **config: Any) -> Any:
        opened.append(server.client(service, config.pop("account", account), **config))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def clock(server: Server) -> Iterator[CloudClock]:
    moved = CloudClock(server)
    yield moved
    moved.resume()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """own_server("--auth", "strict"): a server for this test alone, on fresh data."""
    started: list[Server] = []

    def start(*options: str, data: Path | None = None) -> Server:
        running = Server(data or tmp_path / f"data{len(started)}", *options).start()
        started.append(running)
        return running

    yield start
    for running in started:
        if running.process is not None and running.process.poll() is None:
            running.kill()
