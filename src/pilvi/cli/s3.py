"""`pilvi s3`: what lifecycle rules do and will do, and what buckets take up. The running server answers."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pilvi.base.errors import PilviError
from pilvi.cli.remote import Remote, data_option, find, json_option, print_json

_POLL_S = 0.3
_DAY_MS = 24 * 60 * 60 * 1000


@click.group()
def s3() -> None:
    """Tell what lifecycle rules do and will do, and what buckets take up."""


def _pages(remote: Remote, what: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page = remote.ask("POST", f"/_pilvi/s3/{what}", {**asked, "after": after})
        yield page
        after = page["next"]
        if after is None:
            return


def _size(count: int) -> str:
    """1.5 MiB"""
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024 or unit == "PiB":
            break
        size /= 1024
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def _moment(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%Y-%m-%d %H:%M}" if at_ms % 60_000 == 0 else f"{at:%Y-%m-%d %H:%M:%S}"


# --- lifecycle


@s3.command()
@click.argument("bucket")
@click.option(
    "--dry-run", is_flag=True, help="Tell what would happen to what and when, and do nothing."
)
@click.option("--due", is_flag=True, help="With --dry-run: only what the next run would do.")
@click.option("--now", is_flag=True, help="Run the rules at once.")
@data_option
@json_option
def lifecycle(
    bucket: str, dry_run: bool, due: bool, now: bool, data: Path | None, as_json: bool
) -> None:
    """What the lifecycle rules of a BUCKET did last, will do, or shall do now."""
    if dry_run and now:
        raise PilviError("--dry-run and --now exclude each other.", "Leave one of them out.")
    if due and not dry_run:
        raise PilviError("--due goes with --dry-run only.")
    remote = find(data)
    told = remote.ask("POST", "/_pilvi/s3/lifecycle", {"bucket": bucket})
    if told["rules"] == 0 and (now or dry_run):
        raise PilviError(f"the bucket {bucket} has no lifecycle rules that are enabled.")
    if dry_run:
        _dry_run(remote, bucket, told, as_json, due=due)
        return
    if now:
        told = _run(remote, bucket)
    if as_json:
        print_json(told)
        return
    for line in _told(told):
        click.echo(line)
    if told["run"] and told["run"].get("failed"):
        sys.exit(1)


def _told(told: dict[str, Any]) -> Iterator[str]:
    if told["rules"] == 0:
        yield "no rules are enabled"
    else:
        short = "" if told["day_ms"] == _DAY_MS else f"  (a day lasts {told['day_ms'] / 1000:g} s)"
        yield f"{told['rules']} rules; the next run: {_moment(told['next_ms'])} UTC{short}"
    run = told["run"]
    if run is None:
        yield "they have not run yet"
        return
    ended = run.get("ended_at_ms")
    state = "under way" if ended is None else f"ended {_moment(ended)}"
    if run.get("failed"):
        state = f"given up: {run['failed']}"
    yield f"the last run: begun {_moment(run['started_at_ms'])} UTC, {state}"
    yield f"  {_counts(run)}"


def _counts(run: dict[str, Any]) -> str:
    said = [f"{run.get('examined', 0):,} examined", f"{run.get('deleted', 0):,} deleted"]
    if run.get("deleted_bytes"):
        said[-1] += f" ({_size(run['deleted_bytes'])})"
    for name, words in (
        ("markers", "delete markers made"),
        ("transitioned", "moved to another class"),
        ("aborted", "uploads forgotten"),
    ):
        if run.get(name):
            said.append(f"{run[name]:,} {words}")
    return ", ".join(said)


def _run(remote: Remote, bucket: str) -> dict[str, Any]:
    """Begin, and wait until it has ended."""
    asked = {"bucket": bucket}
    told = remote.ask("POST", "/_pilvi/s3/lifecycle", {**asked, "begin": True})
    with Console(stderr=True).status("beginning") as status:
        while told["run"] is not None and told["run"].get("ended_at_ms") is None:
            time.sleep(_POLL_S)
            told = remote.ask("POST", "/_pilvi/s3/lifecycle", asked)
            if told["run"] is not None:
                status.update(_counts(told["run"]))
    return told


_WHAT = {
    "delete": "deleted",
    "mark": "delete marker",
    "abort": "forgotten",
}


def _dry_run(
    remote: Remote, bucket: str, told: dict[str, Any], as_json: bool, *, due: bool
) -> None:
    examined, counts, sizes = 0, Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
    if as_json:
        click.echo('{"entries": [', nl=False)  # one document, but never all of it in memory
    for page in _pages(remote, "plan", {"bucket": bucket}):
        examined += page["examined"]
        for entry in page["entries"]:
            at_once = entry["at_ms"] <= told["next_ms"]
            if due and not at_once:
                continue
            what = entry.get("storage_class") or _WHAT[entry["what"]]
            if as_json:
                comma = "" if not counts else ",\n"
                click.echo(comma + json.dumps({**entry, "due": at_once}), nl=False)
            else:
                click.echo(_entry(entry, what))
            counts[what, at_once] += 1
            sizes[what, at_once] += entry.get("size", 0)
    if as_json:
        rest = json.dumps({"bucket": bucket, "examined": examined, **told})
        click.echo(f"], {rest[1:]}")
        return
    click.echo(f"{examined:,} versions and uploads examined; nothing was done.")
    for (what, at_once), count in sorted(counts.items(), key=lambda one: (not one[0][1], one[0])):
        when = f"in the next run, {_moment(told['next_ms'])} UTC" if at_once else "later"
        click.echo(f"  {count:>8,}  {what:<20} {_size(sizes[what, at_once]):>10}  {when}")


def _entry(entry: dict[str, Any], what: str) -> str:
    arrow = f"-> {what}" if "storage_class" in entry else what
    about = ""
    if "upload_id" in entry:
        about = f"  (upload {entry['upload_id'][:16]})"
    elif entry.get("marker"):
        about = "  (delete marker)"
    elif not entry.get("current"):
        about = f"  (version {entry['version_id']})"
    return f"{_moment(entry['at_ms'])}  {arrow:<22} {entry['key']}{about}  by {entry['rule']}"


# --- du


@s3.command()
@click.argument("place", required=False, metavar="[BUCKET[/PREFIX]]")
@data_option
@json_option
def du(place: str | None, data: Path | None, as_json: bool) -> None:
    """What objects, noncurrent versions and open uploads take up, by storage class."""
    remote = find(data)
    bucket, _, prefix = (place or "").removeprefix("s3://").partition("/")
    told: list[dict[str, Any]] = []
    with Console(stderr=True).status("counting") as status:
        for name in [bucket] if bucket else _buckets(remote):
            found = _usage(remote, name, prefix, status)
            if as_json:
                told.append(found)
            elif bucket:
                status.stop()
                for line in _details(found):
                    click.echo(line)
            else:
                click.echo(f"{_size(found['bytes']):>12}  {found['objects']:>12,} objects  {name}")
                told.append(found)
    if as_json:
        print_json(told[0] if bucket else told)
    elif not bucket:
        objects = sum(one["objects"] for one in told)
        size = _size(sum(one["bytes"] for one in told))
        click.echo(f"{size:>12}  {objects:>12,} objects  in {len(told)} buckets")


def _buckets(remote: Remote) -> Iterator[str]:
    for page in _pages(remote, "buckets", {}):
        yield from page["buckets"]


def _usage(remote: Remote, bucket: str, prefix: str, status: Any) -> dict[str, Any]:
    """`objects`: current ones; `bytes`: all there is."""
    classes: dict[str, Counter[str]] = defaultdict(Counter)
    rest = Counter[str]()
    for page in _pages(remote, "usage", {"bucket": bucket, "prefix": prefix}):
        for name, counts in page.get("classes", {}).items():
            classes[name].update(counts)
        rest.update({k: v for k, v in page.items() if k not in ("classes", "next")})
        seen = sum(one["objects"] + one["noncurrent"] for one in classes.values())
        status.update(f"{bucket}: {seen:,} versions")
    sizes = sum(one["objects_bytes"] + one["noncurrent_bytes"] for one in classes.values())
    return {
        "bucket": bucket,
        "prefix": prefix,
        "objects": sum(one["objects"] for one in classes.values()),
        "bytes": sizes + rest["parts_bytes"],
        "classes": {name: dict(one) for name, one in sorted(classes.items())},
        "markers": rest["markers"],
        "uploads": rest["uploads"],
        "parts": rest["parts"],
        "parts_bytes": rest["parts_bytes"],
    }


def _details(found: dict[str, Any]) -> Iterator[str]:
    for name, counts in found["classes"].items():
        for kind, words in (("objects", "objects"), ("noncurrent", "noncurrent versions")):
            if counts.get(kind):
                size = _size(counts[f"{kind}_bytes"])
                yield f"{size:>12}  {counts[kind]:>12,} {words:<20} {name}"
    if found["markers"]:
        yield f"{'':>12}  {found['markers']:>12,} delete markers"
    if found["uploads"]:
        parts = f"{found['uploads']:,} open uploads, {found['parts']:,} parts"
        yield f"{_size(found['parts_bytes']):>12}  {parts:>12}"
    yield f"{_size(found['bytes']):>12}  in all: {found['bucket']}/{found['prefix']}"
