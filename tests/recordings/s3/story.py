"""One scenario: requests with labels, and the comparison of what came with what was recorded."""

from __future__ import annotations

import datetime
import itertools
import json
import re
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

Make = Callable[..., Any]

LATER = frozenset(
    {
        *("BucketArn", "BucketRegion", "ChecksumAlgorithm", "ChecksumCRC32", "ChecksumCRC64NVME"),
        *("ChecksumType", "ServerSideEncryption", "TransitionDefaultMinimumObjectSize"),
    }
)
"""Members that AWS tells today and did not when some of the scenarios were recorded."""
GONE = frozenset({"DisplayName"})
"""Members that AWS tells no more."""

FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})

_PLACEHOLDER = re.compile(r"<[^<>]+>")
_numbers = itertools.count(1)


class Story:
    """story("label", "put_object", Bucket=...): asks, and keeps the answer under its label."""

    def __init__(self, make: Make, account: str, name: str, clock: Any, files: Path) -> None:
        self.name = name
        self.clock = clock
        self.files = files
        """A folder for what is uploaded from files."""
        self.make = make
        self.account = account
        self.s3 = make("s3")
        self.said: dict[str, Any] = {}
        self.unknown: set[str] = set()
        """Members that follow from bytes nobody knows: of these only that they were told is compared."""

    def __call__(self, label: str, operation: str, **params: Any) -> Any:
        return self.of(self.s3, label, operation, **params)

    def of(self, client: Any, label: str, operation: str, **params: Any) -> Any:
        try:
            answer = getattr(client, operation)(**params)
        except ClientError as error:
            answer = error.response
        answer = cast("dict[str, Any]", answer)
        for name, value in answer.items():
            if isinstance(value, StreamingBody):
                answer[name] = value.read().decode(errors="replace")
        self.said[label] = answer
        return answer

    def do(self, operation: str, **params: Any) -> Any:
        return getattr(self.s3, operation)(**params)

    def bucket(self, *, acls: bool = False, **more: Any) -> str:
        """A new bucket; `acls`: one whose access control lists count, those for everybody too."""
        name = f"recorded-{self.account}-{next(_numbers)}"
        self.do("create_bucket", Bucket=name, **more)
        if acls:
            rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
            self.do("put_bucket_ownership_controls", Bucket=name, OwnershipControls=rules)
            self.do("delete_public_access_block", Bucket=name)
        return name

    def after(self, **later: int) -> datetime.datetime:
        """So much later than it is, by the server's clock."""
        now = datetime.datetime.fromtimestamp(self.clock.now_ms() / 1000, datetime.UTC)
        return now + datetime.timedelta(**later)

    def of_unknown_bytes(self, *sums: str) -> None:
        """The bodies of this scenario are not recorded, at most their sizes: their digests are not compared."""
        self.unknown.update(("ETag", *sums))

    def versioned(self, bucket: str, status: str = "Enabled") -> None:
        how = {"Status": status}
        self.do("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=how)


def differences(
    recorded: dict[str, Any], said: dict[str, Any], unknown: Set[str] = frozenset()
) -> list[str]:
    """What of the answers is not as it was recorded, label by label."""
    found: list[str] = []
    bound: dict[str, str] = {}
    for label, answer in recorded.items():
        if label not in said:
            found.append(f"{label}: was not asked")
        else:
            wanted = _without(_framed(answer), unknown)
            came = _without(_framed(_plain(said[label])), unknown)
            _compare(wanted, came, label, bound, found)
    return found


def _framed(answer: Any) -> Any:
    """Headers have names in any case, and those of a refusal do not frame it: AWS sends it in chunks."""
    if not isinstance(answer, dict) or "Headers" not in answer:
        return answer
    told = cast("dict[str, Any]", answer)
    headers = {name.lower(): value for name, value in told["Headers"].items()}
    if told["StatusCode"] >= 300:
        headers = {name: value for name, value in headers.items() if name not in FRAMING}
    return {**told, "Headers": headers}


def _without(value: Any, unknown: Set[str]) -> Any:
    """With the same word for each unknown member."""
    if not unknown:
        return value
    if isinstance(value, list):
        return [_without(one, unknown) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value).items()
    return {key: "unknown" if key in unknown else _without(one, unknown) for key, one in members}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return "datetime"
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    told = {key: _plain(one) for key, one in cast("dict[str, Any]", value).items()}
    told.pop("RequestId", None)
    told.pop("HostId", None)
    if "ResponseMetadata" in told:
        status = told["ResponseMetadata"]["HTTPStatusCode"]
        told["ResponseMetadata"] = {"HTTPStatusCode": status}
    return told


def _compare(wanted: Any, came: Any, place: str, bound: dict[str, str], found: list[str]) -> None:
    if isinstance(wanted, dict) and isinstance(came, dict):
        _compare_members(wanted, came, place, bound, found)
    elif isinstance(wanted, list) and isinstance(came, list):
        if len(wanted) != len(came):
            found.append(f"{place}: {len(wanted)} recorded, {len(came)} came")
        for number, (one, other) in enumerate(zip(wanted, came, strict=False)):
            _compare(one, other, f"{place}[{number}]", bound, found)
    elif not _same(wanted, came, bound):
        found.append(f"{place}: {wanted!r} recorded, {came!r} came")


def _compare_members(
    wanted: dict[str, Any],
    came: dict[str, Any],
    place: str,
    bound: dict[str, str],
    found: list[str],
) -> None:
    for key in wanted.keys() | came.keys():
        if key in ("RequestId", "HostId") or (key == "HTTPHeaders" and not wanted.get(key)):
            continue
        if key not in came:
            if key not in GONE:
                found.append(f"{place}.{key}: {wanted[key]!r} recorded, nothing came")
        elif key not in wanted:
            if key not in LATER:
                found.append(f"{place}.{key}: nothing recorded, {came[key]!r} came")
        elif (
            key == "Body" and isinstance(came[key], str) and isinstance(wanted[key], dict)
        ):  # of JSON, which was recorded as what it says
            _compare(wanted[key], json.loads(came[key]), f"{place}.{key}", bound, found)
        elif not (key == "Body" and wanted[key] == ""):  # read before it was recorded
            _compare(wanted[key], came[key], f"{place}.{key}", bound, found)


def _same(wanted: Any, came: Any, bound: dict[str, str]) -> bool:
    """Placeholders stand for anything; the same one for the same thing, wherever it appears in a scenario."""
    if isinstance(wanted, str) and wanted.startswith("<html>"):
        return wanted == came  # its tags are no placeholders
    if isinstance(wanted, str) and "<" in wanted and _PLACEHOLDER.search(wanted):
        names = _PLACEHOLDER.findall(wanted)
        if wanted == names[0] and isinstance(came, dict | list):
            return True
        literal = [re.escape(part) for part in _PLACEHOLDER.split(wanted)]
        pattern = "(.*)".join(literal)
        match = re.fullmatch(pattern, str(came), re.DOTALL)
        if match is None:
            return False
        return all(
            bound.setdefault(name, part) == part
            for name, part in zip(names, match.groups(), strict=True)
            if ":" in name
        )
    if isinstance(wanted, str) and wanted in _INSTEAD:
        return True
    return wanted == came


_INSTEAD = frozenset(
    {
        *("bucket", "owner-id", "display-name", "i-d", "datetime", "date", "last-modified"),
        *("copy-etag", "etag", "role", "dest-bucket", "id", "host-id", "request-id"),
        *("last--modified", "server", "id-2", "x-amz-id-2", "x-amz-request-id"),
        *("continuation-token", "next-continuation-token"),
        *("amz-id", "amz-request-id", "sequencer", "version-id"),
    }
)
"""Words that stand for something else wherever they appear."""
