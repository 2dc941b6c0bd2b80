"""pilvi's own endpoints about stored objects: `/_pilvi/s3/...`. Whoever comes here was let in by `own.py`.

| request | body | answer |
| `POST buckets` | `after` | a page of names |
| `POST plan` | `bucket`, `after` | a page of what lifecycle rules will do |
| `POST lifecycle` | `bucket`, `begin` | the last run of its rules, or the one under way |
| `POST usage` | `bucket`, `prefix`, `after` | a page of what it takes up |
"""

from __future__ import annotations

from typing import Any

from pilvi.base.errors import AwsError
from pilvi.contracts.storage import Storage
from pilvi.kit.cloud import Cloud

PREFIX = "/_pilvi/s3/"


class BadS3Request(AwsError):
    code = "BadRequestException"
    message = "{detail}"


async def answer(cloud: Cloud, what: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """`what`: the path behind PREFIX. None: there is no such endpoint. Raises: BadS3Request, NoSuchBucket."""
    after = _text(asked, "after") if asked.get("after") is not None else None
    match what:
        case "buckets":
            return await cloud.ask(Storage).buckets(after)
        case "plan":
            return await cloud.ask(Storage).plan(_text(asked, "bucket"), after)
        case "lifecycle":
            begin = asked.get("begin") is True
            return await cloud.ask(Storage).run(_text(asked, "bucket"), begin=begin)
        case "usage":
            prefix = _text(asked, "prefix") if asked.get("prefix") else ""
            return await cloud.ask(Storage).usage(_text(asked, "bucket"), prefix, after)
        case _:
            return None


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise BadS3Request(detail=f"{name} is a text.")
    return value
