"""The life of a server: it takes the data directory, starts its workers, and ends them.

With one worker that worker is this process. With more, each is a process of its own that accepts on the
same listening socket; nothing but the store is shared. Rules:

1. This process holds the data directory's lock and each worker a share of its own, so a second server is
   refused as long as any of them lives.
2. Workers die with this process, even when it is killed (`worker.py` asks the kernel for it).
3. A worker that ends by itself is started again, after a growing pause.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click

from pilvi import __version__
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.base.errors import PilviError
from pilvi.compute.weaknesses import weaknesses
from pilvi.kit.settings import Settings
from pilvi.store.datadir import DataDir

_STOP_S = 20.0
_RESTART_FIRST_S = 0.5
_RESTART_MAX_S = 30.0
_UNISOLATED = (
    "WARNING: --backend process runs functions WITHOUT isolation. Each of them can do all that this user can: read and"
    " change pilvi's data, other functions, your files and networks. Run only code that you trust as your own."
)
"""Said even under --quiet."""


def supervise(
    settings: Settings,
    listener: socket.socket,
    *,
    ready_file: Path | None,
    quiet: bool,
    then: Callable[[], None],
) -> int:
    """Serve until stopped; gives the exit status. `then`: called when it answers.

    Raises: PilviError when it cannot begin.
    """
    began = time.monotonic()
    if settings.backend == "process":
        click.secho(_UNISOLATED, fg="red", bold=True, err=True)
    directory = DataDir.open(settings.data)
    try:
        token = _describe(settings)

        def ready(first_key: tuple[str, str] | None) -> None:
            _greet(settings, time.monotonic() - began, first_key, quiet=quiet)
            if ready_file is not None:
                _write_json(ready_file, {"url": settings.external_url, "pid": os.getpid()})
            then()

        if settings.workers == 1:
            from pilvi.cli.serve import serve

            serve(settings, directory, listener, admin_token=token, number=0, ready=ready)
            return 0
        return _Workers(settings, directory, listener, token).run(ready)
    finally:
        (directory.run / "server.json").unlink(missing_ok=True)
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        directory.close()


def _describe(settings: Settings) -> str:
    """Write run/server.json for the command line; gives the admin token."""
    token = Entropy().hex(40)
    _write_json(
        settings.data / "run" / "server.json",
        {
            "pid": os.getpid(),
            "url": settings.external_url,
            "admin_token": token,
            "version": __version__,
            "started_at_ms": Clock().now_ms(),
        },
    )
    return token


def _write_json(path: Path, value: object) -> None:
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
    temporary.replace(path)


def _greet(
    settings: Settings, seconds: float, first_key: tuple[str, str] | None, *, quiet: bool
) -> None:
    if first_key is not None:
        click.echo(
            "The first administrator's access key, shown once (lost? `pilvi iam admin-key`):"
        )
        click.echo(f"  AWS_ACCESS_KEY_ID={first_key[0]}\n  AWS_SECRET_ACCESS_KEY={first_key[1]}")
    if quiet:
        return
    kept = "nothing is kept" if settings.ephemeral else str(settings.data)
    who = {
        "open": "open: any credentials act as root, on this machine only",
        "strict": "strict: only credentials that this cloud issued",
    }[settings.auth]
    click.secho(f"pilvi {__version__} is ready after {seconds:.2f} s", bold=True)
    click.echo(f"  endpoint   {settings.external_url}")
    click.echo(f"  data       {kept}")
    click.echo(f"  auth       {who}")
    if settings.backend != "process":
        for weakness in weaknesses():
            click.secho(f"  functions  {weakness}", fg="yellow")
    click.echo('Use it:  eval "$(pilvi env)"; aws s3 ls      Stop it: Ctrl-C')


class _Workers:
    def __init__(
        self, settings: Settings, directory: DataDir, listener: socket.socket, token: str
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._listener = listener
        self._token = token
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self, ready: Callable[[tuple[str, str] | None], None]) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        pipes = [self._start(number) for number in range(self._settings.workers)]
        first_key: tuple[str, str] | None = None
        for pipe in pipes:
            said = _read_ready(pipe)
            if said is None:
                self._end_all()
                raise PilviError("a worker could not start.", "`pilvi logs` tells why.")
            first_key = first_key or said.first_key
        ready(first_key)
        pause_s = _RESTART_FIRST_S
        while not self._stopping:
            ended = [n for n, process in self._running.items() if process.poll() is not None]
            for number in ended:
                if self._stopping:
                    break
                status = self._running[number].returncode
                click.secho(
                    f"worker {number} ended with {status}; it is started again", fg="red", err=True
                )
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, _RESTART_MAX_S)
                os.close(self._start(number))
            time.sleep(0.1)
        self._end_all()
        return 0

    def _start(self, number: int) -> int:
        """Start a worker; gives the end of the pipe on which it says that it is ready."""
        readable, writable = os.pipe()
        passed = (self._listener.fileno(), writable)
        described = {
            "settings": asdict(self._settings),
            "listener": passed[0],
            "token": self._directory.token,
            "ready": writable,
            "admin_token": self._token,
            "number": number,
            "parent": os.getpid(),
        }
        self._running[number] = subprocess.Popen(
            [sys.executable, "-m", "pilvi.cli.worker"],
            stdin=subprocess.PIPE,
            pass_fds=passed,
        )
        stdin = self._running[number].stdin
        assert stdin is not None
        stdin.write(json.dumps(described, default=str).encode())
        stdin.close()
        os.close(writable)
        return readable

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class _Said(NamedTuple):
    first_key: tuple[str, str] | None


def _read_ready(pipe: int) -> _Said | None:
    """What a worker says when it is ready; None when it ended instead."""
    with os.fdopen(pipe, "rb") as file:
        told = file.read(4096)
    if not told:
        return None
    key = json.loads(told)["first_key"]
    return _Said(tuple(key) if key else None)
