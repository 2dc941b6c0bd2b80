"""Programs as processes of their own, forked from one that has loaded them already: a start costs a tenth.

They run the same `main` with words, environment and directory of their own, in a session of their own. What differs
when Python itself starts them is seen by the servers that are wrapped or have several workers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

_START_S = 60.0


class Child:
    """As far as the tests need it, a `subprocess.Popen`."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.find_end(self.pid, 0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises: TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._nursery.find_end(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Nursery:
    def __init__(self, program: str, *loaded: str) -> None:
        """`program`: "module:function". `loaded`: modules that it would load later."""
        self._program = program
        self._loaded = loaded
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._ends: dict[int, int] = {}

    def start(
        self,
        *words: str,
        environment: dict[str, str] | None = None,
        directory: Path | None = None,
        outputs: tuple[int, int] = (1, 2),
    ) -> Child:
        """Start the program. `outputs`: descriptors for what it says on standard output and standard error."""
        request = {
            "words": ["program", *words],
            "environment": dict(os.environ) if environment is None else environment,
            "directory": str(directory or Path.cwd()),
        }
        with self._lock:
            nurse = self._nurse()
            nurse.settimeout(_START_S)
            socket.send_fds(nurse, [json.dumps(request).encode()], outputs)
            while True:
                told = json.loads(nurse.recv(65536))
                if "born" in told:
                    return Child(self, told["born"])
                self._ends[told["ended"]] = told["code"]

    def run(
        self,
        *words: str,
        environment: dict[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Start the program and wait for its end. Raises: TimeoutExpired."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            outputs = out.fileno(), err.fileno()
            child = self.start(
                *words, environment=environment, directory=directory, outputs=outputs
            )
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                raise
            said = [os.pread(output, 1 << 26, 0).decode() for output in outputs]
            return subprocess.CompletedProcess(words, code, *said)

    def find_end(self, pid: int, timeout: float | None) -> int | None:
        """How a child ended; None when it has not, in that time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if pid in self._ends:
                    return self._ends.pop(pid)
                left = 0.5 if deadline is None else min(0.5, max(0.0, deadline - time.monotonic()))
                nurse = self._nurse()
                nurse.settimeout(left)
                try:
                    told = json.loads(nurse.recv(65536))
                    self._ends[told["ended"]] = told["code"]
                    continue
                except (TimeoutError, BlockingIOError):
                    pass
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def _nurse(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            nurse = Path(__file__).with_name("nurse.py")
            command = [sys.executable, str(nurse), str(theirs.fileno())]
            subprocess.Popen(
                [*command, self._program, *self._loaded],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            theirs.close()
        return self._socket


@cache
def pilvi() -> Nursery:
    """The command `pilvi`, servers included."""
    return Nursery(
        "pilvi.cli.main:main", "pilvi.cli.up", "pilvi.cli.serve", "pilvi.cli.supervise",
        "pilvi.services.iam", "boto3.session", "pilvi.cli.lambda_",
    )  # fmt: skip


@cache
def aws() -> Nursery:
    """The AWS CLI."""
    return Nursery("awscli.clidriver:main", "awscli.customizations.s3.subcommands")
