"""Commands that care for a data directory: check, backup, restore. They need no running server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from pilvi.base.errors import PilviError
from pilvi.cli.remote import DEFAULT_DATA, data_option, json_option, print_json

Progress = Callable[[str, int], None]


@contextmanager
def _progress() -> Generator[Progress]:
    """A line on the terminal that tells how far it is; silent where no terminal is."""
    console = Console(stderr=True)
    with console.status("beginning") as status:
        yield lambda what, done: status.update(f"{what}: {done:,}")


def _load_services() -> None:
    """What a record must look like is known to its service."""
    from pilvi.app import load_services

    load_services()


@click.command()
@data_option
@json_option
def check(data: Path | None, as_json: bool) -> None:
    """Verify every record, index entry and body of a data directory.

    Ends with status 1 when something is damaged. The server may run meanwhile.
    """
    from pilvi.store.check import check as verify

    _load_services()
    path = data or DEFAULT_DATA
    with _progress() as progress:
        findings = list(verify(path, progress=progress))
    damage = [finding for finding in findings if finding.severity == "damage"]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            colour = "red" if finding.severity == "damage" else "yellow"
            click.secho(finding.severity, fg=colour, nl=False)
            click.echo(f"  {finding.where}: {finding.what}")
        if not damage:
            click.echo(f"{path}: no damage.")
    if damage:
        raise PilviError(
            f"{path} has {len(damage)} damages.",
            "Restore a backup with `pilvi restore`, or keep the directory and report this.",
        )


@click.command()
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@data_option
@json_option
def backup(target: Path, data: Path | None, as_json: bool) -> None:
    """Copy a data directory to TARGET: one consistent moment of it, also while the server runs.

    The root key (the file beside the directory, or what you gave instead) is not copied, and without it neither secrets
    nor objects can be read: keep it too, elsewhere.
    """
    from pilvi.store.backup import backup as copy

    _load_services()
    source = data or DEFAULT_DATA
    with _progress() as progress:
        copied = copy(source, target, progress=progress)
    _tell(copied.blobs, copied.database_bytes + copied.blob_bytes, target, as_json)
    key = source.absolute().with_name(f"{source.absolute().name}.key")
    if key.exists():
        click.echo(
            f"Keep {key} as well, elsewhere: without it nothing sealed can be read.", err=True
        )


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@data_option
@json_option
def restore(source: Path, data: Path | None, as_json: bool) -> None:
    """Make a data directory of the backup SOURCE. The directory must not hold anything yet."""
    from pilvi.store.backup import restore as copy

    _load_services()
    target = data or DEFAULT_DATA
    with _progress() as progress:
        copied = copy(source, target, progress=progress)
    _tell(copied.blobs, copied.database_bytes + copied.blob_bytes, target, as_json)


def _tell(bodies: int, size: int, target: Path, as_json: bool) -> None:
    if as_json:
        print_json({"blobs": bodies, "bytes": size, "target": str(target)})
    else:
        click.echo(f"{size:,} bytes, {bodies:,} large bodies, verified: {target}")
