"""What every test may use: a real server on a free port, and real clients with an account of their own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

READY_S = 30.0
_accounts = itertools.count(1)


class Server:
    """A pilvi server in a process of its own; can be killed and started again on the same data."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def start(self) -> Server:
        ready = self.data.parent / f"{self.data.name}.ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pilvi", "up", "--quiet", "--strict-members"]
        command += ["--data", str(self.data), "--port", str(self._port)]
        command += ["--ready-file", str(ready), *self.options]
        self.process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + READY_S
        while not ready.exists():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.01)
        self.url = json.loads(ready.read_text())["url"]
        self._port = int(self.url.rpartition(":")[2])
        return self

    def kill(self) -> None:
        """Kill the whole process tree at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it gracefully; gives its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to an own endpoint."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def client(self, service: str, account: str, **config: Any) -> Any:
        """A boto3 client whose mistakes reach the server and whose failures are not retried."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=config.pop("region_name", "us-east-1"),
            aws_access_key_id=config.pop("aws_access_key_id", account),
            aws_secret_access_key=config.pop("aws_secret_access_key", "secret"),
            aws_session_token=config.pop("aws_session_token", None),
            config=Config(
                parameter_validation=config.pop("parameter_validation", False),
                retries={"total_max_attempts": 1},
                **config,
            ),
        )


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


class CloudClock:
    """Moves the server's clock; it runs on from where it stands after the test."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def now_ms(self) -> int:
        return self._server.ask("GET", "/_pilvi/clock")["now_ms"]

    def freeze(self) -> None:
        self._server.ask("POST", "/_pilvi/clock", {"action": "freeze"})

    def advance(self, *, seconds: float) -> None:
        self._server.ask(
            "POST", "/_pilvi/clock", {"action": "advance", "by_ms": int(seconds * 1000)}
        )

    def resume(self) -> None:
        self._server.ask("POST", "/_pilvi/clock", {"action": "resume"})

    def wait_until_idle(self) -> None:
        """Until nothing is due now and nothing runs."""
        assert self._server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]


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
