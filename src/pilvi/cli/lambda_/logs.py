"""`pilvi lambda logs`: what a function wrote, over all its environments, in order, and what it goes on to write.

Following asks for the list of streams now and then, and reads only those that have something new.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, Cloud, asking, cloud_of
from pilvi.cli.clock import duration_ms
from pilvi.languages.log_pattern import BadPattern, Matches, compile_pattern

_POLL_S = 0.5
_LONGEST_MS = 16 * 60 * 1000
"""An invocation's lines arrive when it ends, and it may have begun so long before."""
_STREAM_PAGES_MAX = 40
_STREAMS_KEPT = 10_000

_PLATFORM = re.compile(r"(INIT_START|START|END|REPORT|RESTORE_|EXTENSION|TELEMETRY|XRAY) ?")
_ERROR = re.compile(
    r"\[(ERROR|CRITICAL|FATAL)\]|\t(ERROR|FATAL)\t|Task timed out|Traceback \(most recent|Status: (error|timeout)"
    r'|"level": ?"(ERROR|CRITICAL|FATAL)"'
)
_WARNING = re.compile(r'\[WARNING\]|\tWARN\t|"level": ?"WARN|^pilvi: ')
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|([\x00-\x08\x0b-\x1f\x7f\x80-\x9f])")
"""Colours are a function's own affair; whatever else would steer the terminal is not."""
_OPENS = re.compile(r"START RequestId: (\S+)")
_CLOSES = re.compile(r"REPORT RequestId: (\S+)")

Event = dict[str, Any]


@dataclass(slots=True)
class _Read:
    """How far a stream is read."""

    token: str | None = None
    """Another one, as soon as more is written."""
    last_ms: int = 0
    ids: set[str] = field(default_factory=set[str])
    """The events of that time."""


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is written, until Ctrl-C.")
@click.option("--since", default=None, help="How far back: 5m, 1h30m, 2d.  [default: 1h]")
@click.option("--filter", "pattern", default="", help="Only lines that match a filter pattern.")
@click.option("--request", default=None, help="Only the lines of the invocation with this id.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@asking
def logs(
    name: str,
    follow: bool,
    since: str | None,
    pattern: str,
    request: str | None,
    as_json: bool,
    data: Path | None,
    profile: str | None,
    region: str | None,
) -> None:
    """Show what the function NAME wrote, of all its environments, in order.

    A filter pattern is one of CloudWatch Logs: words that a line has, "a phrase", ?either ?or, -without, or of
    JSON lines { $.level = "ERROR" }.
    """
    try:
        matches = compile_pattern(pattern)
    except BadPattern as problem:
        raise PilviError(f"the filter {pattern!r} is no pattern: {problem}") from None
    with cloud_of(Asked(data, profile, region)) as cloud:
        group = _group(cloud, name)
        first_ms = 0
        if since is not None or request is None:
            first_ms = max(0, cloud.now_ms() - duration_ms(since or "1h"))
        reader = _Reader(cloud.client("logs"), group, first_ms)
        wanted = _Invocation(request).wants if request else _wants_all
        show = _show_json if as_json else _show
        count = _tell(reader.read(), wanted, matches, show)
        if not follow:
            if count == 0 and not as_json:
                _tell_nothing(name, since, pattern, request)
            return
        try:
            while True:
                time.sleep(_POLL_S)
                _tell(reader.read(), wanted, matches, show)
        except KeyboardInterrupt:
            return


def _group(cloud: Cloud, name: str) -> str:
    """Also of a function that was deleted: its log outlives it. Raises: PilviError."""
    function = cloud.find_function(name)
    if function is not None:
        return function["LoggingConfig"]["LogGroup"]
    group = f"/aws/lambda/{name}"
    found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=group, limit=1)
    if any(one["logGroupName"] == group for one in found["logGroups"]):
        return group
    raise cloud.no_function(name)


class _Reader:
    """Each event of a group once."""

    def __init__(self, client: Any, group: str, first_ms: int) -> None:
        self._client = client
        self._group = group
        self._first_ms = first_ms
        self._read: dict[str, _Read] = {}

    def read(self) -> Iterator[Event]:
        """What is new, in the order of time."""
        first = not self._read
        streams = list(self._changed())
        if first and streams:
            yield from map(
                self._note, self._filter(self._first_ms)
            )  # all at once: nothing is known
            return
        events: list[Event] = []
        for stream in streams:
            read = self._read[stream]
            found = self._filter(max(read.last_ms, self._first_ms), stream)
            events += [self._note(event) for event in found if event["eventId"] not in read.ids]
        yield from sorted(events, key=lambda event: event["timestamp"])

    def _changed(self) -> Iterator[str]:
        """The streams that were written to since they were read."""
        asked: dict[str, Any] = {"logGroupName": self._group, "orderBy": "LastEventTime"}
        newest_ms, first = 0, not self._read
        for _ in range(_STREAM_PAGES_MAX):
            try:
                page = self._client.describe_log_streams(**asked, descending=True)
            except self._client.exceptions.ResourceNotFoundException:
                return  # it has not written anything yet
            for stream in page["logStreams"]:
                last_ms: int = stream.get("lastEventTimestamp", 0)
                newest_ms = max(newest_ms, last_ms)
                if last_ms < (self._first_ms if first else newest_ms - _LONGEST_MS):
                    return
                name, token = stream["logStreamName"], stream.get("uploadSequenceToken", "")
                read = self._read.setdefault(name, _Read())
                if read.token != token:
                    read.token = token
                    yield name
            if "nextToken" not in page:
                return
            asked["nextToken"] = page["nextToken"]

    def _filter(self, from_ms: int, stream: str | None = None) -> Iterator[Event]:
        asked: dict[str, Any] = {"logGroupName": self._group, "startTime": from_ms}
        if stream is not None:
            asked["logStreamNames"] = [stream]
        pages = self._client.get_paginator("filter_log_events").paginate(**asked)
        try:
            for page in pages:
                yield from page["events"]
        except self._client.exceptions.ResourceNotFoundException:
            return  # it was deleted meanwhile

    def _note(self, event: Event) -> Event:
        read = self._read.pop(event["logStreamName"], None) or _Read()
        if event["timestamp"] != read.last_ms:
            read.last_ms, read.ids = event["timestamp"], set()
        read.ids.add(event["eventId"])
        self._read[event["logStreamName"]] = read  # at the end: the one that was written last
        while len(self._read) > _STREAMS_KEPT:
            del self._read[next(iter(self._read))]
        return event


def _wants_all(_event: Event) -> bool:
    return True


class _Invocation:
    """Which lines are one invocation's: from its START to its REPORT in its stream, and whatever names it."""

    def __init__(self, request_id: str) -> None:
        self._id = request_id
        self._open: str | None = None

    def wants(self, event: Event) -> bool:
        kind, request_id = _boundary(event["message"])
        if request_id == self._id:
            self._open = event["logStreamName"] if kind == "start" else None
            return True
        return self._open == event["logStreamName"] or self._id in event["message"]


def _boundary(message: str) -> tuple[str, str] | tuple[None, None]:
    if match := _OPENS.match(message):
        return "start", match[1]
    if match := _CLOSES.match(message):
        return "report", match[1]
    if message.startswith("{") and '"platform.' in message:
        try:
            told = json.loads(message)
            kind = {"platform.start": "start", "platform.report": "report"}.get(told["type"])
            if kind is not None:
                return kind, str(told["record"]["requestId"])
        except (ValueError, KeyError, TypeError):
            return None, None
    return None, None


# --- on the terminal


def _tell(
    events: Iterable[Event],
    wanted: Callable[[Event], bool],
    matches: Matches,
    show: Callable[[Event], None],
) -> int:
    count = 0
    for event in events:
        if wanted(event) and matches(event["message"]):
            show(event)
            count += 1
    return count


def _show(event: Event) -> None:
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    when = f"{at:%H:%M:%S}.{event['timestamp'] % 1000:03d}"
    where = event["logStreamName"][-4:]
    text = painted(event["message"].rstrip("\n"))
    click.echo(f"{click.style(f'{when} {where}', dim=True)}  {text}")


def painted(text: str) -> str:
    """A line of a log, or several, coloured by what it says, if the terminal shows colours."""
    text = _CONTROL.sub(lambda found: "·" if found[1] else found[0], text)
    if _ERROR.search(text):
        return click.style(text, fg="red")
    if _PLATFORM.match(text) or (text.startswith('{"time":') and '"type":"platform.' in text):
        return click.style(text, dim=True)
    if _WARNING.search(text):
        return click.style(text, fg="yellow")
    return text


def _show_json(event: Event) -> None:
    told = {
        "at_ms": event["timestamp"],
        "stream": event["logStreamName"],
        "message": event["message"],
    }
    click.echo(json.dumps(told, ensure_ascii=False))


def _tell_nothing(name: str, since: str | None, pattern: str, request: str | None) -> None:
    if request is not None:
        text = f"Nothing is written of the invocation {request}: look at `pilvi trace {request}`."
    elif pattern:
        text = "No line of that time matches."
    elif since is not None:
        text = f"{name} wrote nothing in that time."
    else:
        text = f"{name} wrote nothing in the last hour; --since goes further back."
    click.echo(text, err=True)
