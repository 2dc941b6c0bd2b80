"""A pilvi server in a process of its own, as the tests start, stop and kill it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

import nursery

READY_S = 30.0


class Server:
    """A pilvi server in a process of its own; can be killed and started again on the same data."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.wrap: tuple[str, ...] = ()
        """A command that runs the server's, given behind it."""
        self.url = ""
        self.process: subprocess.Popen[bytes] | nursery.Child | None = None
        self._port = 0

    def start(self) -> Server:
        ready = self.data.parent / f"{self.data.name}.ready"
        ready.unlink(missing_ok=True)
        command = ["up", "--quiet", "--strict-members"]
        command += ["--scrub-every", "0"]  # clocks are moved by weeks
        command += ["--data", str(self.data), "--port", str(self._port)]
        command += ["--ready-file", str(ready), *self.options]
        if self.wrap:
            started = [*self.wrap, sys.executable, "-m", "pilvi", *command]
            self.process = subprocess.Popen(started, start_new_session=True)
        else:
            self.process = nursery.pilvi().start(*command)
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
        deadline = time.monotonic() + READY_S
        # A worker that is still dying holds its locks; a sandbox that is, what it was born with.
        while _lives(self.process.pid) or not _is_free(self._port):
            assert time.monotonic() < deadline, "a killed process does not end"
            time.sleep(0.005)

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
        made = boto3.client(
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
        if service == "s3control":
            made.meta.events.register("before-sign.s3-control", self._take_account_from_host)
        return made

    def _take_account_from_host(self, request: Any, **_: Any) -> None:
        """Names below localhost are not known everywhere; a header says the same."""
        parts = urlsplit(request.url)
        request.url = self.url + parts.path + (f"?{parts.query}" if parts.query else "")


def _is_free(port: int) -> bool:
    """Whether nobody listens there any more."""
    with socket.socket() as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            there.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lives(group: int) -> bool:
    """Whether a process of this group is there that has not ended."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                state, _parent, its_group = (
                    (place / "stat").read_text().rpartition(")")[2].split()[:3]
                )
                if int(its_group) == group and state not in "ZX":
                    return True
    return False


def kill_under(server: Server, enough: threading.Event, *work: Callable[[], object]) -> None:
    """Kill the server under what these do, each in a thread, once `enough` is set; they end when nobody answers."""
    threads = [threading.Thread(target=act) for act in work]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    server.kill()
    for thread in threads:
        thread.join()


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
