"""What every test may use: a real server on a free port, and real clients with an account of their own."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.crt.auth
import pytest

from servers import CloudClock, Server

_accounts = itertools.count(1)


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
def client(server: Server, account: str) -> Callable[..., Any]:
    """client("dynamodb"): a boto3 client of this test's account; further arguments go to Config."""

    def make(service: str, **config: Any) -> Any:
        return server.client(service, config.pop("account", account), **config)

    return make


@pytest.fixture
def clock(server: Server) -> Iterator[CloudClock]:
    moved = CloudClock(server)
    yield moved
    moved.leave()


@pytest.fixture(autouse=True, scope="session")
def signed_after_moves() -> Iterator[None]:
    """Dates what is signed in the second in which another test left the clock by that clock."""
    told = botocore.auth.get_current_datetime

    def now(*arguments: Any, **options: Any) -> datetime:
        left_now = int(time.time()) <= CloudClock.left_at_s
        return told(*arguments, **options) + (CloudClock.ahead if left_now else timedelta())

    with pytest.MonkeyPatch.context() as patch:
        for signer in (botocore.auth, botocore.crt.auth):
            patch.setattr(signer, "get_current_datetime", now)
        yield


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
