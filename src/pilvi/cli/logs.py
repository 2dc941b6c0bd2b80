"""`pilvi logs`: the server's own log, from the data directory, also after it has ended."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pilvi.base.errors import PilviError
from pilvi.cli.remote import DEFAULT_DATA, data_option

_POLL_S = 0.2


@click.command()
@data_option
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines to begin with.")
def logs(data: Path | None, follow: bool, lines: int) -> None:
    """Show the server's log: requests, warnings, and the tracebacks of failures."""
    path = (data or DEFAULT_DATA) / "logs" / "pilvi.log"
    if not path.exists():
        raise PilviError(f"there is no log at {path}.", "Start the server with `pilvi up`.")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in _last(file.readlines(), lines):
            click.echo(line, nl=False)
        if follow:
            _follow(path)


def _last(lines: list[str], count: int) -> list[str]:
    return lines[-count:] if count > 0 else []


def _follow(path: Path) -> None:
    """Print what is appended, across rotation, until interrupted."""
    file = path.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    try:
        while True:
            line = file.readline()
            if line:
                click.echo(line, nl=False)
                continue
            if path.exists() and path.stat().st_ino != _inode(file):
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
                continue
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        pass
    finally:
        file.close()


def _inode(file: object) -> int:
    import os

    return os.fstat(file.fileno()).st_ino  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]
