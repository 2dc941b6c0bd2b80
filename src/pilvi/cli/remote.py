"""Talking to a running server: where it is (`<data>/run/server.json`) and its own endpoints."""

from __future__ import annotations

import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from pilvi.base.errors import PilviError

DEFAULT_DATA = Path(".pilvi")

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    envvar="PILVI_DATA",
    help="The data directory.  [default: .pilvi]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@dataclass(frozen=True, slots=True)
class Remote:
    """A running server, as its data directory describes it."""

    pid: int
    url: str
    admin_token: str
    data: Path
    ca: Path | None

    @classmethod
    def at(cls, url: str) -> Remote:
        """A server of which only the address is known: it answers to this machine in the open mode."""
        return cls(0, url.rstrip("/"), "", Path(), None)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to an own endpoint. Raises: PilviError."""
        answer = self._send(method, path, body)
        return json.loads(answer)

    def _send(self, method: str, path: str, body: object) -> bytes:
        import http.client  # with what it needs, a tenth of the start of commands that ask nobody

        parts = urlsplit(self.url)
        host = parts.hostname or "127.0.0.1"
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=60, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=60)
        try:
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={
                    "Authorization": f"Bearer {self.admin_token}",
                    "Content-Type": "application/json",
                },
            )
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise PilviError(
                f"the server at {self.url} does not answer: {error}.",
                "Start it with `pilvi up`, or look at `pilvi logs`.",
            ) from None
        finally:
            connection.close()
        if response.status >= 400:
            raise PilviError(
                f"{method} {path} answered {response.status}: {content.decode(errors='replace')[:500]}"
            )
        return content


def find(data: Path | None) -> Remote:
    """The server that uses this data directory. Raises: PilviError when none runs."""
    directory = (data or DEFAULT_DATA).absolute()
    try:
        described = json.loads((directory / "run" / "server.json").read_text())
    except FileNotFoundError:
        raise PilviError(
            f"no server runs on {directory}.",
            "Start one with `pilvi up`, or name its data directory with --data.",
        ) from None
    if not _alive(described["pid"]):
        raise PilviError(
            f"the server on {directory} (process {described['pid']}) has ended.",
            "Start it again with `pilvi up`: what it acknowledged is there.",
        )
    ca = directory / "tls" / "cert.pem"
    return Remote(
        described["pid"],
        described["url"],
        described["admin_token"],
        directory,
        ca if ca.exists() else None,
    )


def find_running(data: Path | None) -> Remote | None:
    """As `find`; None when none runs."""
    try:
        return find(data)
    except PilviError:
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, default=str))
