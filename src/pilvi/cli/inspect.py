"""Commands that look at a running server, empty it, or hand out what clients need to know."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pilvi.cli.remote import data_option, find, json_option, print_json
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION


@click.command()
@data_option
@json_option
def status(data: Path | None, as_json: bool) -> None:
    """Tell whether the server runs, where, and with what."""
    remote = find(data)
    told = remote.ask("GET", "/_pilvi/status")
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        click.echo(f"{name:<14}{_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)


@click.command()
@data_option
@json_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(data: Path | None, as_json: bool, yes: bool) -> None:
    """Erase everything the cloud holds: objects, tables, functions, users, logs."""
    remote = find(data)
    if not yes:
        click.confirm(f"Erase everything in {remote.data}?", abort=True)
    told = remote.ask("POST", "/_pilvi/reset")
    if as_json:
        print_json(told)
    else:
        click.echo("Erased. The cloud is empty.")


@click.command()
@data_option
@json_option
def env(data: Path | None, as_json: bool) -> None:
    """Print export lines for AWS clients: eval "$(pilvi env)"."""
    remote = find(data)
    variables = {
        "AWS_ENDPOINT_URL": remote.url,
        "AWS_ACCESS_KEY_ID": DEFAULT_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "pilvi",
        "AWS_REGION": DEFAULT_REGION,  # for the SDKs
        "AWS_DEFAULT_REGION": DEFAULT_REGION,  # for boto3 and the AWS CLI
    }
    if remote.ask("GET", "/_pilvi/status")["auth"] == "strict":
        # Only keys that this cloud issued work: the person has one, and it is not ours to print.
        del variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]
    if remote.ca is not None:
        variables["AWS_CA_BUNDLE"] = str(remote.ca)
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        click.echo(f"export {name}={value}")


@click.command()
@json_option
def runtimes(as_json: bool) -> None:
    """List the interpreters of this machine that run functions."""
    from pilvi.compute.runtimes import Runtimes

    found = asyncio.run(Runtimes.discover()).interpreters
    if as_json:
        print_json([{"label": f.label, "path": str(f.executable)} for f in found])
        return
    for interpreter in found:
        click.echo(f"{interpreter.label:<18}{interpreter.executable}")
        lacking = interpreter.lacking
        if lacking is not None:
            click.echo(f"{'':<18}{lacking}")


@click.command()
@click.argument("request_id")
@data_option
@json_option
def trace(request_id: str, data: Path | None, as_json: bool) -> None:
    """Tell the story of a request through all services: what it caused, what was delivered, and why not."""
    told = find(data).ask("GET", f"/_pilvi/trace/{request_id}")
    if as_json:
        print_json(told)
        return
    if not told["entries"]:
        click.echo(
            f"Nothing is recorded of {request_id}: it caused nothing later, or it is long ago."
        )
    for entry in told["entries"]:
        at = datetime.fromtimestamp(entry["at_ms"] / 1000, UTC)
        click.echo(f"{at:%H:%M:%S}.{entry['at_ms'] % 1000:03d}  {_line(entry)}")


def _line(entry: dict[str, Any]) -> str:
    told = " ".join(
        str(entry[name]) for name in ("service", "what", "outcome", "detail") if entry.get(name)
    )
    return told or str(entry)
