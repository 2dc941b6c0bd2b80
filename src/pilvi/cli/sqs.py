"""`pilvi sqs`: queues on the terminal, a look at messages that nobody receives by it, and dead letters sent back.

The running server answers, and asks for the permissions that the same would need elsewhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, Cloud, asking, cloud_of
from pilvi.cli.remote import json_option, print_json

_PEEK = "x-pilvi-peek"
_PAGE = 10
_BODY_WIDTH = 60
_POLL_S = 0.3
_LISTED_MAX = 1000

_COUNTS = {
    "ready": "ApproximateNumberOfMessages",
    "in flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}

queue_argument = click.argument("queue")


@click.group()
def sqs() -> None:
    """Show queues and what is in them, and send dead letters back.

    A queue is told by its name, its URL or its ARN. The credentials of the environment are asked for; without any, an
    open server takes the default account.
    """


def _url(cloud: Cloud, queue: str) -> str:
    """Raises: ClientError."""
    if "://" in queue:
        return queue
    asked = {"QueueName": queue}
    if queue.startswith("arn:"):
        account, name = queue.split(":")[-2:]
        asked = {"QueueName": name, "QueueOwnerAWSAccountId": account}
    return cloud.client("sqs").get_queue_url(**asked)["QueueUrl"]


def _attributes(cloud: Cloud, url: str) -> dict[str, str]:
    got = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return got["Attributes"]


def _arn(cloud: Cloud, queue: str) -> str:
    if queue.startswith("arn:"):
        return queue
    return _attributes(cloud, _url(cloud, queue))["QueueArn"]


# --- list


@sqs.command("list")
@click.option("--prefix", default="", help="What the names begin with.")
@asking
@json_option
def list_queues(
    prefix: str, data: Path | None, profile: str | None, region: str | None, as_json: bool
) -> None:
    """List queues with how many messages they hold."""
    with cloud_of(Asked(data, profile, region)) as cloud:
        asked = {"QueueNamePrefix": prefix} if prefix else {}
        pages = cloud.client("sqs").get_paginator("list_queues").paginate(**asked)
        urls = (url for page in pages for url in page.get("QueueUrls", ()))
        found = list(islice(urls, _LISTED_MAX + 1))
        queues = [_told(url, _attributes(cloud, url)) for url in found[:_LISTED_MAX]]
    if as_json:
        print_json(queues)
        return
    shown = Table("queue", *_COUNTS, "dead letters to", header_style="bold")
    for queue in queues:
        counts = (f"{queue[name]:,}" for name in _COUNTS)
        shown.add_row(queue["name"], *counts, queue["dead letters to"])
    Console().print(shown)
    if len(found) > _LISTED_MAX:
        click.echo("there are more: --prefix")


def _told(url: str, attributes: dict[str, str]) -> dict[str, Any]:
    redrive: dict[str, Any] = json.loads(attributes.get("RedrivePolicy", "{}"))
    return {
        "name": attributes["QueueArn"].rpartition(":")[2],
        "url": url,
        **{name: int(attributes[asked]) for name, asked in _COUNTS.items()},
        "dead letters to": redrive.get("deadLetterTargetArn", "").rpartition(":")[2],
    }


# --- peek


@sqs.command()
@queue_argument
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Where the last look ended.")
@asking
@json_option
def peek(
    queue: str,
    limit: int,
    after: int,
    data: Path | None,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Look at messages of a QUEUE, the oldest first, without receiving them.

    It needs the permission to receive them. They stay as they are: visible, in flight or delayed.
    """
    with cloud_of(Asked(data, profile, region)) as cloud:
        found, following = _peek(cloud, _url(cloud, queue), limit, after)
    if as_json:
        print_json({"messages": found, "after": following})
        return
    shown = Table("message", "sent", "received", "state", "body", header_style="bold")
    for message in found:
        told = message["Attributes"]
        shown.add_row(
            message["MessageId"][:8],
            _instant(told["SentTimestamp"]),
            f"{told['ApproximateReceiveCount']}×",
            _state(told),
            _brief(message["Body"]),
        )
    Console().print(shown)
    if following:
        click.echo(f"there are more: --after {following}")


def _peek(cloud: Cloud, url: str, limit: int, after: int) -> tuple[list[dict[str, Any]], int]:
    client = cloud.client("sqs")
    behind = after

    def ask_to_look(request: Any, **_: Any) -> None:
        request.headers[_PEEK] = str(behind)

    client.meta.events.register("before-sign.sqs.ReceiveMessage", ask_to_look)
    found: list[dict[str, Any]] = []
    while True:
        got = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(_PAGE, limit - len(found)),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found += got.get("Messages", ())
        behind = int(got["ResponseMetadata"]["HTTPHeaders"].get(_PEEK, 0))
        if not behind or len(found) == limit:
            return found, behind


def _instant(ms: str) -> str:
    return datetime.fromtimestamp(int(ms) / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state(told: dict[str, str]) -> str:
    visible_at = told.get("PilviVisibleAt")
    until = f" until {_instant(visible_at)}" if visible_at else ""
    group = f", group {told['MessageGroupId']}" if "MessageGroupId" in told else ""
    return _plain(f"{told['PilviState']}{until}{group}")


def _brief(text: str) -> str:
    line = _plain(text[: _BODY_WIDTH + 1])
    return line if len(text) <= _BODY_WIDTH else line[: _BODY_WIDTH - 1] + "…"


def _plain(text: str) -> str:
    """For a terminal: nothing in it is obeyed."""
    return "".join(sign if sign.isprintable() else "·" for sign in text).replace("[", r"\[")


# --- redrive


@sqs.command()
@queue_argument
@click.option("--to", help="Where to.  [default: the queues that they came from]")
@click.option("--rate", type=click.IntRange(1, 500), help="Messages in a second.  [default: all]")
@click.option("--no-wait", is_flag=True, help="Begin, and do not wait for the end.")
@click.option("--cancel", is_flag=True, help="Stop the one that runs.")
@asking
@json_option
def redrive(
    queue: str,
    to: str | None,
    rate: int | None,
    no_wait: bool,
    cancel: bool,
    data: Path | None,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Send what is in a dead-letter QUEUE back, as new messages.

    An end of this command is not the end of the task: --cancel is.
    """
    with cloud_of(Asked(data, profile, region)) as cloud:
        client, source = cloud.client("sqs"), _arn(cloud, queue)
        if cancel:
            task = next(_tasks(client, source))
            if task["Status"] != "RUNNING":
                raise PilviError(f"nothing is sent back from {queue}.")
            client.cancel_message_move_task(TaskHandle=task["TaskHandle"])
        else:
            asked: dict[str, Any] = {"SourceArn": source}
            if to is not None:
                asked["DestinationArn"] = _arn(cloud, to)
            if rate is not None:
                asked["MaxNumberOfMessagesPerSecond"] = rate
            client.start_message_move_task(**asked)
        task = _end(client, source) if not no_wait else next(_tasks(client, source))
    moved, all_of_them = (
        task.get(f"ApproximateNumberOfMessages{what}", 0) for what in ("Moved", "ToMove")
    )
    if as_json:
        print_json(task)
    else:
        click.echo(f"{task['Status'].lower()}: {moved:,} of {all_of_them:,} messages")
    if task["Status"] == "FAILED":
        raise PilviError(
            f"not all of {queue} was sent back: {task['FailureReason']}.",
            "What came there directly has no queue to go back to: name one with --to."
            if task["FailureReason"] == "CouldNotDetermineMessageSource"
            else "",
        )


def _tasks(client: Any, source: str) -> Iterator[dict[str, Any]]:
    """The latest, as often as it is asked for. Raises: PilviError where there is none."""
    while True:
        found = client.list_message_move_tasks(SourceArn=source).get("Results")
        if not found:
            raise PilviError(f"nothing was ever sent back from {source.rpartition(':')[2]}.")
        yield found[0]


def _end(client: Any, source: str) -> dict[str, Any]:
    with Console(stderr=True).status("beginning") as status:
        for task in _tasks(client, source):
            if task["Status"] != "RUNNING":
                return task
            moved = task.get("ApproximateNumberOfMessagesMoved", 0)
            status.update(f"{moved:,} of {task['ApproximateNumberOfMessagesToMove']:,} messages")
            time.sleep(_POLL_S)
    raise AssertionError("there is always a latest task")
