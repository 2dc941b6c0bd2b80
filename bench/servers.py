"""The two servers that are compared, each started fresh and ended after."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Target:
    """A running server and the credentials to sign with."""

    name: str
    url: str
    access_key_id: str
    secret_access_key: str
    pid: int
    ready_s: float
    session_token: str | None = None

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.session_token,
        )

    def resident_mb(self) -> float:
        """Memory of the server's processes, in MB (10^6 bytes)."""
        total = 0
        for pid in [self.pid, *_children(self.pid)]:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total / 1e6

    def cpu_s(self) -> float:
        """What its processes have used of the processors, in seconds: steadier than rates where others work."""
        ticks = 0
        for pid in [self.pid, *_children(self.pid)]:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child))]
    return found


def _once_ready(process: subprocess.Popen[bytes], ready: Path) -> tuple[dict[str, Any], float]:
    """What a process that was just started writes when it serves, and how many seconds that took."""
    began = time.monotonic()
    while not ready.exists():
        if process.poll() is not None:
            sys.exit(f"{process.args} could not start")
        time.sleep(0.002)
    took = time.monotonic() - began
    return json.loads(ready.read_text()), took


@contextmanager
def pilvi(data: Path | None = None):
    """One worker, durability full, signatures verified, permissions asked: the credentials are an IAM user's.

    `data`: a data directory that is there already, and stays.
    """
    with tempfile.TemporaryDirectory(prefix="pilvi-bench-") as directory:
        ready = Path(directory) / "ready"
        command = [sys.executable, "-m", "pilvi", "up", "--quiet", "--port", "0"]
        command += ["--data", str(data or f"{directory}/data"), "--ready-file", str(ready)]
        process = subprocess.Popen(command, start_new_session=True)
        told, took = _once_ready(process, ready)
        url = told["url"]
        root = Target("pilvi", url, "000000000000", "x", process.pid, took)
        try:
            iam = root.client("iam")
            user = f"bench-{process.pid}"
            iam.create_user(UserName=user)
            administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
            iam.attach_user_policy(UserName=user, PolicyArn=administrator)
            key = iam.create_access_key(UserName=user)["AccessKey"]
            yield Target(
                "pilvi", url, key["AccessKeyId"], key["SecretAccessKey"], process.pid, took
            )
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def seeded(prepare: Callable[[Target], None], *what: str):
    """A server whose data directory `bench.seed` filled after `prepare`: with more than requests could in the time."""
    with tempfile.TemporaryDirectory(prefix="pilvi-bench-") as directory:
        data = Path(directory) / "data"
        with pilvi(data) as target:
            prepare(target)
        subprocess.run([sys.executable, "-m", "bench.seed", str(data), *what], check=True)
        with pilvi(data) as target:
            yield target


@contextmanager
def minimal():
    """pilvi's own HTTP layer, authenticator and store with nothing between them (`bench.minimal`)."""
    with tempfile.TemporaryDirectory(prefix="pilvi-bench-") as directory:
        ready = Path(directory) / "ready"
        command = [sys.executable, "-m", "bench.minimal", f"{directory}/data", str(ready)]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            told, took = _once_ready(process, ready)
            url = f"http://127.0.0.1:{told['port']}"
            yield Target("minimal", url, *told["key"], process.pid, took)
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def bare(model: Target, recorded: dict[str, bytes]):
    """A bare ASGI handler under uvicorn that answers each method with the bytes that `model` answers.

    `recorded`: for each method, a whole request to learn the answer from.
    """
    with tempfile.TemporaryDirectory(prefix="pilvi-bench-") as directory:
        answers = Path(directory) / "answers"
        learnt = {method: _answer(model, request) for method, request in recorded.items()}
        answers.write_text(json.dumps(learnt))
        port = _free_port()
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.bare", str(answers), str(port)], start_new_session=True
        )
        try:
            _until_answered(process, f"http://127.0.0.1:{port}/", "the bare handler")
            took = time.monotonic() - began
            yield Target("bare ASGI", f"http://127.0.0.1:{port}", "", "", process.pid, took)
        finally:
            process.terminate()
            process.wait(30)


def _answer(target: Target, request: bytes) -> dict:
    """Status, headers and body of the answer to a whole request."""
    host, port = target.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode())
        answer.begin()
        body = answer.read()
    if answer.status != 200:
        sys.exit(f"{target.name} answered {answer.status}: {body[:300]!r}")
    coded = base64.b64encode(body).decode()
    return {"status": 200, "headers": answer.getheaders(), "body": coded}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _until_answered(process: subprocess.Popen, url: str, name: str) -> None:
    began = time.monotonic()
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                sys.exit(f"{name} could not start")
            time.sleep(0.05)


@contextmanager
def moto():
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_CALL_RESET_API": "false"},
    )
    try:
        _until_answered(process, url + "/moto-api/", "moto's server")
        took = time.monotonic() - began
        yield Target("moto", url, "AKIAIOSFODNN7EXAMPLE", "secret", process.pid, took)
    finally:
        process.terminate()
        process.wait(30)
