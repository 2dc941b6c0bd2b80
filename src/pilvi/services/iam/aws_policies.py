"""Policies that AWS manages, and finding a managed policy whoever manages it.

`aws_policies.jsonl` holds them, one to a line; it is indexed when one is first asked for, and a document is read when
it is needed. Whoever lacks one adds a directory of JSON files (`pilvi up --aws-policies DIR`): each a policy document,
or what `aws iam get-policy-version` prints, named after the policy; a subfolder is its path, as in
`service-role/MyOwn.json`. A file there stands before AWS's policy of the same name.

Differs: the ids are made of the names; descriptions, and versions other than the default, are not known.

AWS: AWS Managed Policy Reference Guide.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import PilviError
from pilvi.languages.policy import IDENTITY, PolicyError, parse
from pilvi.services.iam import errors, records, rules
from pilvi.services.iam.records import Policy, Version
from pilvi.store.api import Snapshot

_FILE = Path(__file__).with_name("aws_policies.jsonl")
_ADDED_MAX = 5000


class _Told(msgspec.Struct):
    """A line of the file without its document."""

    name: str
    path: str
    version: int
    created_at_ms: int
    updated_at_ms: int


class _Document(msgspec.Struct):
    document: msgspec.Raw


class _Place(NamedTuple):
    """Where a policy's document is: a line of the file, or the text itself."""

    told: _Told
    offset: int
    length: int
    text: str = ""


_added: dict[str, _Place] = {}
"""From the directory that this process was given, by path and name. Set once, at the start."""


def add_directory(directory: Path) -> None:
    """Know the policies of a directory, too. Raises: PilviError, naming the first file that is none."""
    found: dict[str, _Place] = {}
    for file in sorted(directory.rglob("*.json")):
        folder = file.relative_to(directory).parent.as_posix()
        path = "/" if folder == "." else f"/{folder}/"
        found[f"{path}{file.stem}"] = _Place(_Told(file.stem, path, 1, 0, 0), 0, 0, _text_in(file))
        if len(found) > _ADDED_MAX:
            raise PilviError(
                f"{directory} holds more than {_ADDED_MAX} JSON files.",
                "Give --aws-policies a folder with policies only.",
            )
    if not found:
        raise PilviError(
            f"{directory} holds no policies.",
            "Put a JSON file for each policy there, named after it: MyPolicy.json.",
        )
    _added.clear()
    _added.update(found)
    _sorted.cache_clear()


def _text_in(file: Path) -> str:
    try:
        given: Any = json.loads(file.read_text(encoding="utf-8"))
        given = given.get("PolicyVersion", given)
        text = json.dumps(given.get("Document", given), ensure_ascii=False)
        parse(text, IDENTITY)
    except (OSError, ValueError, AttributeError, PolicyError) as wrong:
        raise PilviError(
            f"{file} holds no policy: {wrong}.",
            "Write the policy document there, or what `aws iam get-policy-version` prints.",
        ) from None
    return text


def find_policy(at: Snapshot, scope: Scope, arn: str) -> Policy | None:
    """A managed policy of AWS or of this account."""
    if is_aws_managed(arn):
        place = _find(scope.partition, arn)
        return None if place is None else _policy(scope.partition, place, _document(place))
    return records.find_local_policy(at, scope, arn)


def is_aws_managed(arn: str) -> bool:
    return arn.split(":", 5)[4] == "aws"


def get_policy(at: Snapshot, scope: Scope, arn: str) -> Policy:
    """Raises: ValidationError (no ARN), NoSuchEntity."""
    rules.check_arn(arn)
    policy = find_policy(at, scope, arn)
    if policy is None:
        raise errors.NoSuchEntity(detail=f"Policy {arn} was not found.")
    return policy


def get_own_policy(at: Snapshot, scope: Scope, arn: str) -> Policy:
    """A policy that this account may change. Raises: ValidationError, NoSuchEntity, AccessDenied."""
    policy = get_policy(at, scope, arn)
    if is_aws_managed(arn):
        raise errors.AccessDenied(detail=f"{arn} is managed by AWS and cannot be changed.")
    return policy


def all_policies(partition: str, *, after: tuple[str, str] = ("", "")) -> Iterator[Policy]:
    """AWS's own without their documents, sorted by name without regard to case and by path: those behind `after`."""
    places = _sorted()
    for place in places[bisect_right(places, after, key=_order) :]:
        yield _policy(partition, place)


def _order(place: _Place) -> tuple[str, str]:
    return place.told.name.lower(), place.told.path


@cache
def _sorted() -> list[_Place]:
    return sorted({**_index(), **_added}.values(), key=_order)


def _find(partition: str, arn: str) -> _Place | None:
    name = arn.removeprefix(f"arn:{partition}:iam::aws:policy")
    return _added.get(name) or _index().get(name)


@cache
def _index() -> Mapping[str, _Place]:
    """By path and name. Some milliseconds, once for each process."""
    decode = msgspec.json.Decoder(_Told).decode
    found: dict[str, _Place] = {}
    offset = 0
    with _FILE.open("rb") as lines:
        for line in lines:
            told = decode(line)
            found[f"{told.path}{told.name}"] = _Place(told, offset, len(line))
            offset += len(line)
    return found


def _document(place: _Place) -> str:
    if place.text:
        return place.text
    with _FILE.open("rb") as lines:
        lines.seek(place.offset)
        line = lines.read(place.length)
    return bytes(msgspec.json.decode(line, type=_Document).document).decode()


def _policy(partition: str, place: _Place, document: str | None = None) -> Policy:
    told = place.told
    version = Version(
        number=told.version, document=document or "", created_at_ms=told.updated_at_ms
    )
    return Policy(
        arn=f"arn:{partition}:iam::aws:policy{told.path}{told.name}",
        name=told.name,
        path=told.path,
        id=_id(told.name),
        description=None,
        created_at_ms=told.created_at_ms,
        updated_at_ms=told.updated_at_ms,
        default_version=told.version,
        last_version=told.version,
        versions=[] if document is None else [version],
    )


def _id(name: str) -> str:
    return "ANPA" + base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:17]
