"""`pilvi dynamodb`: items of a table on the terminal, and in and out as JSON lines. The running server answers.

A line is an item as AWS's own exports have it, `{"Item": {"pk": {"S": "a"}}}`, or the item alone.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import click
from rich.console import Console
from rich.table import Table

from pilvi.base.errors import PilviError
from pilvi.cli.remote import data_option, find, json_option, print_json
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION

_BATCH = 25
_BATCH_BYTES = 8 * 1024 * 1024
_TRIES = 10
_FIRST_WAIT_S = 0.05
_LINE_MAX = 4 * 1024 * 1024
_COLUMN_WIDTH = 40
_COLUMN_ROOM = 14
"""Characters of the terminal for each column, when it is decided how many are shown."""

Item = dict[str, dict[str, Any]]

region_option = click.option(
    "--region", default=None, help=f"The region.  [default: the profile's, or {DEFAULT_REGION}]"
)
profile_option = click.option("--profile", default=None, help="A profile of the AWS configuration.")


@click.group()
def dynamodb() -> None:
    """Show the items of tables, and copy them out or in as JSON lines.

    The credentials of the environment are asked for; without any, an open server takes the default account.
    """


@contextmanager
def _client(data: Path | None, profile: str | None, region: str | None) -> Generator[Any]:
    """Refusals of the server become sentences. Raises: PilviError."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    remote = find(data)
    try:
        session: Any = boto3.Session(profile_name=profile)
        keys: dict[str, str] = {}
        if session.get_credentials() is None:
            keys = {"aws_access_key_id": DEFAULT_ACCOUNT, "aws_secret_access_key": "pilvi"}
        yield session.client(
            "dynamodb",
            endpoint_url=remote.url,
            region_name=region or session.region_name or DEFAULT_REGION,
            verify=str(remote.ca) if remote.ca else None,
            config=Config(retries={"mode": "standard"}),
            **keys,
        )
    except (BotoCoreError, ClientError) as error:
        raise PilviError(f"{remote.url}: {error}") from None


# --- scan


@dynamodb.command()
@click.argument("table")
@click.option("--index", default=None, help="A secondary index to read instead.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--columns", default=None, help="Attributes to show, separated by commas.")
@click.option("--after", default=None, help="The key to go on behind, as the last page told it.")
@profile_option
@region_option
@data_option
@json_option
def scan(
    table: str,
    index: str | None,
    limit: int,
    columns: str | None,
    after: str | None,
    profile: str | None,
    region: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show items of a TABLE, a page of them."""
    asked: dict[str, Any] = {"TableName": table, "Limit": limit}
    if index is not None:
        asked["IndexName"] = index
    if after is not None:
        asked["ExclusiveStartKey"] = _item(after, "--after")
    with _client(data, profile, region) as client:
        described = client.describe_table(TableName=table)["Table"]
        items: list[Item] = []
        following: Item | None = None
        for page in client.get_paginator("scan").paginate(**asked):
            items += page["Items"]
            following = page.get("LastEvaluatedKey")
            if len(items) >= limit:
                break
        del items[limit:]
        if following is not None and len(items) == limit and index is None:
            following = {name: items[-1][name] for name in _keys(described)}
    if as_json:
        told = None if following is None else _plain(following)
        print_json({"items": [_plain(item) for item in items], "after": told})
        return
    console = Console()
    names = _columns(items, _keys(described), columns, console.width)
    shown = Table(*names, header_style="bold", expand=False)
    for item in items:
        shown.add_row(*(_cell(item.get(name)) for name in names))
    if names:
        console.print(shown)
    others = len({name for item in items for name in item} - set(names))
    about = f"; {others} more attributes (--columns)" if others else ""
    click.echo(f"{len(items)} items{about}")
    if following is not None:
        click.echo(f"there are more: --after '{json.dumps(_plain(following))}'")


def _keys(described: Mapping[str, Any]) -> list[str]:
    return [element["AttributeName"] for element in described["KeySchema"]]


def _columns(items: list[Item], keys: list[str], asked: str | None, width: int) -> list[str]:
    """The keys, then what most items have, as many as there is room for."""
    if asked is not None:
        return [name.strip() for name in asked.split(",") if name.strip()]
    if not items:
        return []
    counts = Counter(name for item in items for name in item if name not in keys)
    others = sorted(counts, key=lambda name: (-counts[name], name))
    return [*keys, *others][: max(len(keys), width // _COLUMN_ROOM)]


def _cell(value: dict[str, Any] | None) -> str:
    if value is None:
        return ""
    text = _brief(value).replace("[", r"\[")
    return text if len(text) <= _COLUMN_WIDTH else text[: _COLUMN_WIDTH - 1] + "…"


def _brief(value: dict[str, Any]) -> str:
    ((kind, inner),) = value.items()
    if kind in ("S", "N"):
        return "".join(sign if sign.isprintable() else "·" for sign in inner[:200])
    if kind == "B":
        return f"<{len(inner)} bytes>"
    if kind == "NULL":
        return "null"
    if kind == "BOOL":
        return str(inner).lower()
    return json.dumps(_plain({"": {kind: inner}})[""][kind], ensure_ascii=False)[:200]


# --- export


@dynamodb.command("export")
@click.argument("table")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file.  [default: -]"
)
@profile_option
@region_option
@data_option
def export_table(
    table: str, output: Path | None, profile: str | None, region: str | None, data: Path | None
) -> None:
    """Write all items of a TABLE as JSON lines, also while it is written to."""
    with _client(data, profile, region) as client, _progress() as tell:
        pages = client.get_paginator("scan").paginate(TableName=table)
        if output is None:
            count = _write(pages, click.echo, tell)
        else:
            with output.open("w", encoding="utf-8") as file:
                count = _write(pages, lambda line: file.write(line + "\n"), tell)
    click.echo(f"{count:,} items", err=True)


def _write(pages: Any, write: Callable[[str], Any], tell: Callable[[int], None]) -> int:
    count = 0
    for page in pages:
        for item in page["Items"]:
            line = json.dumps({"Item": _plain(item)}, ensure_ascii=False, separators=(",", ":"))
            write(line)
        count += len(page["Items"])
        tell(count)
    return count


# --- import


@dynamodb.command("import")
@click.argument("table")
@click.argument("file", type=click.File("rb"))
@profile_option
@region_option
@data_option
def import_table(
    table: str, file: IO[bytes], profile: str | None, region: str | None, data: Path | None
) -> None:
    """Put the items of a FILE of JSON lines ("-" for standard input) into a TABLE, over those of the same keys."""
    count = 0
    with _client(data, profile, region) as client, _progress() as tell:
        keys = _keys(client.describe_table(TableName=table)["Table"])
        try:
            for batch in _batches(file, keys):
                _put(client, table, batch)
                count += len(batch)
                tell(count)
        except PilviError as error:
            raise PilviError(
                error.problem, f"{count:,} items before it are in the table."
            ) from None
    click.echo(f"{count:,} items", err=True)


def _batches(file: IO[bytes], keys: list[str]) -> Iterator[list[Item]]:
    """As many lines as one request may have, and no key twice, since the later line is to stay. Raises: PilviError."""
    batch: dict[str, Item] = {}
    size = number = 0
    while line := file.readline(_LINE_MAX):
        number += 1
        if len(line) == _LINE_MAX:
            raise PilviError(f"line {number} is longer than any item.")
        if not line.strip():
            continue
        item = _item(line, f"line {number}")
        key = json.dumps([_plain({name: item[name]}) for name in keys if name in item])
        if batch and (len(batch) == _BATCH or key in batch or size + len(line) > _BATCH_BYTES):
            yield list(batch.values())
            batch, size = {}, 0
        batch[key] = item
        size += len(line)
    if batch:
        yield list(batch.values())


def _put(client: Any, table: str, batch: list[Item]) -> None:
    """What is left unprocessed is put again, later each time. Raises: PilviError."""
    left: list[Any] = [{"PutRequest": {"Item": item}} for item in batch]
    wait_s = _FIRST_WAIT_S
    for _ in range(_TRIES):
        answer = client.batch_write_item(RequestItems={table: left})
        left = [one for some in answer.get("UnprocessedItems", {}).values() for one in some]
        if not left:
            return
        time.sleep(wait_s)
        wait_s *= 2
    raise PilviError(f"{len(left)} items were not taken in {_TRIES} tries: the table is too busy.")


@contextmanager
def _progress() -> Generator[Callable[[int], None]]:
    with Console(stderr=True).status("beginning") as status:
        yield lambda count: status.update(f"{count:,} items")


# --- items as JSON


def _item(line: str | bytes, where: str) -> Item:
    """Raises: PilviError."""
    try:
        given: Any = json.loads(line)
        if set(given) == {"Item"} and _wraps(given["Item"]):
            given = given["Item"]
        return {name: _binary(value) for name, value in given.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise PilviError(f"{where} is no item in DynamoDB's JSON.") from None


def _wraps(inner: Any) -> bool:
    """Whether it is an item, and not the value of an attribute that is called Item."""
    return isinstance(inner, dict) and all(
        isinstance(value, dict) for value in cast("dict[str, Any]", inner).values()
    )


def _binary(value: Any) -> dict[str, Any]:
    """With bytes where JSON has base64. Raises: ValueError, TypeError."""
    ((kind, inner),) = value.items()
    match kind:
        case "B":
            inner = base64.b64decode(inner, validate=True)
        case "BS":
            inner = [base64.b64decode(one, validate=True) for one in inner]
        case "L":
            inner = [_binary(one) for one in inner]
        case "M":
            inner = {name: _binary(one) for name, one in inner.items()}
        case _:
            pass
    return {kind: inner}


def _plain(item: Item) -> Item:
    """With base64 where boto3 has bytes."""
    return {name: _text(value) for name, value in item.items()}


def _text(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, inner),) = value.items()
    match kind:
        case "B":
            inner = base64.b64encode(inner).decode()
        case "BS":
            inner = [base64.b64encode(one).decode() for one in inner]
        case "L":
            inner = [_text(one) for one in inner]
        case "M":
            inner = {name: _text(one) for name, one in inner.items()}
        case _:
            pass
    return {kind: inner}
