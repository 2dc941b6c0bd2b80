"""`pilvi clock`: move the whole cloud through time."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pilvi.base.errors import PilviError
from pilvi.cli.remote import data_option, find, json_option, print_json

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def duration_ms(text: str) -> int:
    """`90s`, `1h30m`, `2d`: milliseconds. Raises: PilviError."""
    pieces = re.findall(r"(\d+)(ms|[smhdw])", text)
    if not pieces or "".join(a + b for a, b in pieces) != text:
        raise PilviError(f"{text!r} is no duration.", "Write for example 90s, 1h30m or 2d.")
    return sum(int(amount) * _UNITS_MS[unit] for amount, unit in pieces)


@click.group()
def clock() -> None:
    """Freeze, advance or resume the cloud's clock.

    Everything follows it: due jobs, retries, expiries of presigned URLs and sessions, retention.
    """


def _say(now: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(now)
        return
    at = datetime.fromtimestamp(now["now_ms"] / 1000, UTC)
    state = "stands still" if now["frozen"] else "runs"
    click.echo(f"{at:%Y-%m-%d %H:%M:%S} UTC; the clock {state}")


@clock.command()
@data_option
@json_option
def show(data: Path | None, as_json: bool) -> None:
    """Tell the cloud's time."""
    _say(find(data).ask("GET", "/_pilvi/clock"), as_json)


@clock.command()
@data_option
@json_option
def freeze(data: Path | None, as_json: bool) -> None:
    """Stop the clock where it is."""
    _say(find(data).ask("POST", "/_pilvi/clock", {"action": "freeze"}), as_json)


@clock.command()
@click.argument("duration")
@data_option
@json_option
def advance(duration: str, data: Path | None, as_json: bool) -> None:
    """Move the clock ahead, for example by 1h30m; what becomes due runs."""
    asked = {"action": "advance", "by_ms": duration_ms(duration)}
    _say(find(data).ask("POST", "/_pilvi/clock", asked), as_json)


@clock.command()
@data_option
@json_option
def resume(data: Path | None, as_json: bool) -> None:
    """Let the clock run on from where it stands."""
    _say(find(data).ask("POST", "/_pilvi/clock", {"action": "resume"}), as_json)
