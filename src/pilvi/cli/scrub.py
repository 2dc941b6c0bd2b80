"""`pilvi scrub`: read every stored body, and tell what has rotted and whose it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pilvi.base.errors import PilviError
from pilvi.cli.remote import DEFAULT_DATA, data_option, find_running, json_option, print_json

_POLL_S = 0.3
_RATE_MAX = 1_000_000


@click.command()
@data_option
@click.option(
    "--rate",
    metavar="MB/S",
    type=click.FloatRange(0, _RATE_MAX),
    help="How fast to read; 0 for as fast as it goes.  [default: 50, or the server's --scrub-rate]",
)
@click.option("--no-wait", is_flag=True, help="Let the running server do it, and do not wait.")
@click.option("--report", is_flag=True, help="Only tell what the running server found last.")
@json_option
def scrub(
    data: Path | None, rate: float | None, no_wait: bool, report: bool, as_json: bool
) -> None:
    """Read every stored body and compare it with its checksums, count references, remove orphans.

    A running server does it beside its work; without one this command does. A scrub that was interrupted goes on
    where it was. Ends with status 1 when something is damaged, and names the objects.
    """
    rate_bytes = None if rate is None else round(rate * 1_000_000)
    path = data or DEFAULT_DATA
    remote = find_running(data)
    if remote is not None:
        told = remote.ask("GET", "/_pilvi/scrub")
        if not report:
            told = remote.ask("POST", "/_pilvi/scrub", {"rate_bytes": rate_bytes})
            if no_wait:
                click.echo("The scrub has begun; `pilvi scrub --report` tells what it found.")
                return
            ask = remote.ask
            told = _wait(lambda: ask("GET", "/_pilvi/scrub"), told["latest"]["number"])
    elif no_wait:
        raise PilviError(f"no server runs on {path}.", "Leave --no-wait out: this command works.")
    else:
        told = asyncio.run(_offline(path, rate_bytes, work=not report))
    _tell(path, told, as_json)


def _wait(ask: Callable[[], dict[str, Any]], number: int) -> dict[str, Any]:
    with Console(stderr=True).status("beginning") as status:
        while True:
            told = ask()
            latest = told["latest"]
            if latest["number"] != number or latest["ended_at_ms"] is not None:
                return told
            status.update(_progress(latest))
            time.sleep(_POLL_S)


def _progress(scrub: dict[str, Any]) -> str:
    found = f"; {scrub['damages']:,} damaged" if scrub["damages"] else ""
    if scrub["phase"] == "bodies":
        read = f"{scrub['bodies']:,} bodies, {scrub['bytes'] / 1e6:,.0f} MB"
        return f"bodies: {scrub['share']:.0%} ({read}){found}"
    return f"{scrub['phase']}{found}"


async def _offline(path: Path, rate_bytes: int | None, *, work: bool) -> dict[str, Any]:
    from pilvi.app import load_services
    from pilvi.base.clock import Clock
    from pilvi.store import scrub as scrubs
    from pilvi.store.blobs import Blobs
    from pilvi.store.datadir import DataDir, open_store

    DataDir.look(path)
    directory = DataDir.open(path)
    try:
        clock = Clock(directory.clock)
        store = open_store(directory)
        blobs = Blobs(directory.blobs, store)
        try:
            if work:
                with Console(stderr=True).status("beginning") as status:
                    await scrubs.run(
                        store,
                        blobs,
                        clock.now_ms,
                        rate_bytes,
                        know=load_services,
                        tell=lambda now: status.update(_progress(now)),
                    )
            return await store.read(scrubs.report)
        finally:
            await blobs.close()
            await store.close()
    finally:
        directory.close()


def _tell(path: Path, told: dict[str, Any], as_json: bool) -> None:
    latest = told["latest"]
    if as_json:
        print_json(told)
    elif latest is None:
        click.echo(f"{path} was never scrubbed.")
    else:
        _print(path, latest)
    if latest is not None and latest["damages"]:
        raise PilviError(
            f"{path} has {latest['damages']:,} damages.",
            "What is damaged is answered with an error, never with wrong bytes. Bring it back from a backup, write"
            " the objects anew, or delete them.",
        )


def _print(path: Path, scrub: dict[str, Any]) -> None:
    for damage in scrub["damaged"]:
        click.secho("damage", fg="red", nl=False)
        owners = ", ".join(owner["what"] for owner in damage["owners"]) or "owner not known"
        body = f"body {damage['body']}: " if damage["body"] else ""
        click.echo(f"  {owners}: {body}{damage['what']}")
    for note in scrub["notes"]:
        click.secho("note", fg="yellow", nl=False)
        click.echo(f"  {note}")
    state = "so far" if scrub["ended_at_ms"] is None else "in all"
    click.echo(
        f"{path}: {scrub['bodies']:,} bodies, {scrub['bytes']:,} bytes, {scrub['files']:,} files,"
        f" {scrub['records']:,} records {state}; {scrub['orphans']:,} orphans removed;"
        f" {scrub['damages'] or 'no'} damage{'s' if scrub['damages'] > 1 else ''}."
    )
