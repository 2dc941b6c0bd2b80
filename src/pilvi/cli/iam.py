"""`pilvi iam`: why a request was denied, and what would be. From the server's log, also after it has ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from pilvi.base.errors import PilviError
from pilvi.cli.remote import DEFAULT_DATA, data_option, json_option, print_json

_DENIAL = re.compile(r"pilvi\.iam: request (\S+) (is|would be) denied: (.*)")


@click.group()
def iam() -> None:
    """Tell why a request was denied, and what policies lack."""


@iam.command()
@click.argument("request_id")
@data_option
@json_option
def explain(request_id: str, data: Path | None, as_json: bool) -> None:
    """Which statement denied a request, or what nothing allows, and what nearly did."""
    found = [told for asked, _, told in _denials(data) if asked == request_id]
    if as_json:
        print_json([told.split("; ") for told in found])
    for told in () if as_json else found:
        first, *reasons = told.split("; ")
        click.echo(first)
        for reason in reasons:
            click.echo(f"  {reason}")
    if not found and not as_json:
        click.echo(f"No denial of {request_id} is in the log: it was allowed, or it is long ago.")


@iam.command()
@data_option
@json_option
def report(data: Path | None, as_json: bool) -> None:
    """What `pilvi up --iam audit` let pass and policies would deny, the most frequent first."""
    counts = Counter(told.split("; ")[0] for _, how, told in _denials(data) if how == "would be")
    if as_json:
        print_json([{"what": what, "count": count} for what, count in counts.most_common()])
        return
    for what, count in counts.most_common():
        click.echo(f"{count:>6}  {what}")
    if not counts:
        click.echo("The log tells of nothing that would be denied.")


def _denials(data: Path | None) -> Iterator[tuple[str, str, str]]:
    """(request id, "is" or "would be", what was told), the oldest first. Raises: PilviError."""
    folder = (data or DEFAULT_DATA) / "logs"
    files = sorted(folder.glob("pilvi*.log*"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise PilviError(f"there is no log in {folder}.", "Start the server with `pilvi up`.")
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                match = _DENIAL.search(line)
                if match is not None:
                    yield match[1], match[2], match[3]
