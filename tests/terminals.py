"""Somebody who types commands of `pilvi lambda`, and commands that go on."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from pathlib import Path
from typing import Any

import nursery
from lambda_.support import Functions
from servers import Server

Json = Any


class Person:
    """Types commands with the credentials of an account."""

    def __init__(self, server: Server, account: str, directory: Path) -> None:
        self.server = server
        self.account = account
        self.directory = directory
        self.functions = Functions(server.client("lambda", account), account)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def types(self, *words: str, fails: bool = False) -> tuple[str, str]:
        """What it says on standard output, and on standard error."""
        ran = nursery.pilvi().run(
            "lambda",
            *words,
            "--data",
            str(self.server.data),
            environment=self.environment,
            directory=self.directory,
        )
        assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
        assert "/pilvi/cli/" not in ran.stderr, "a traceback"
        return ran.stdout, ran.stderr


class Watch:
    """A command that goes on: its lines of JSON, as they come."""

    def __init__(self, person: Person, *words: str) -> None:
        self._reader, writer = os.pipe()
        self._lines = b""
        self._child = nursery.pilvi().start(
            "lambda",
            *words,
            "--json",
            "--data",
            str(person.server.data),
            environment=person.environment,
            directory=person.directory,
            outputs=(writer, 2),
        )
        os.close(writer)

    def line(self) -> Json:
        deadline = time.monotonic() + 30
        while b"\n" not in self._lines:
            ready, _, _ = select.select([self._reader], [], [], deadline - time.monotonic())
            piece = os.read(self._reader, 65536) if ready else b""
            assert piece, "it said nothing more"
            self._lines += piece
        line, _, self._lines = self._lines.partition(b"\n")
        return json.loads(line)

    def end(self) -> None:
        self._child.send_signal(signal.SIGINT)
        assert self._child.wait(30) == 0
        os.close(self._reader)
