"""Reading a manifest that was given, as the job's role: what is to be done, some tasks at a time.

A CSV is read on from the byte where the last step ended. A compressed file of an inventory is read from its beginning,
and what is known of it passed over; it is held to the MD5 that the inventory tells.
AWS: S3 User Guide, "Specifying a manifest".
"""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote_plus

import orjson

from pilvi.base.errors import AwsError
from pilvi.base.http import Body
from pilvi.services.s3.batch import requests
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.records.batch_jobs import Place, Task

PAGE_TASKS = 500
_LINE_BYTES_MAX = 16 * 1024
_DOCUMENT_BYTES_MAX = 16 * 1024**2
_FILES_MAX = 100_000


class Unreadable(Exception):
    """Why a manifest cannot be used: `code` and `reason` are told of the job."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _File:
    key: str
    md5: str = ""
    compressed: bool = False
    version_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """`columns`: where the bucket, the key and the version are; None for no version. `width`: of a row."""

    bucket: str
    files: Sequence[_File]
    columns: tuple[int, int, int | None]
    width: int


async def opened(acting: Acting, document: Mapping[str, Any]) -> Manifest:
    """Raises: Unreadable."""
    spec, location = document["Spec"], document["Location"]
    bucket, key = requests.object_of(location["ObjectArn"])
    version_id: str | None = location.get("ObjectVersionId")
    etag: str = location["ETag"].strip('"')
    if spec["Format"] == requests.CSV:
        file = _File(key, version_id=version_id, etag=etag)
        return Manifest(bucket, (file,), _columns(spec["Fields"]), len(spec["Fields"]))
    text = bytearray()
    _, body = await _get(acting, bucket, _File(key, version_id=version_id, etag=etag), 0)
    async for piece in body:
        text += piece
        if len(text) > _DOCUMENT_BYTES_MAX:
            raise Unreadable("InvalidManifest", "The manifest of the inventory is too large")
    return _inventory(bytes(text))


def _inventory(text: bytes) -> Manifest:
    try:
        told: dict[str, Any] = orjson.loads(text)
        fields = [one.strip() for one in told["fileSchema"].split(",")]
        files = [
            _File(one["key"], one.get("MD5checksum", ""), compressed=True)
            for one in cast("list[dict[str, str]]", told["files"])
        ]
        bucket = requests.bucket_of(told["destinationBucket"])
        file_format = told["fileFormat"]
    except (orjson.JSONDecodeError, AwsError, AttributeError, KeyError, TypeError) as problem:
        raise Unreadable(
            "InvalidManifest", f"The manifest is no inventory report: {problem}"
        ) from None
    if file_format != "CSV":
        raise Unreadable("InvalidManifest", f"The inventory report is {file_format}, not CSV")
    if len(files) > _FILES_MAX:
        raise Unreadable("InvalidManifest", "The inventory report has too many files")
    return Manifest(bucket, files, _columns(fields), len(fields))


def _columns(fields: Sequence[str]) -> tuple[int, int, int | None]:
    places = {name: place for place, name in enumerate(fields)}
    if "Bucket" not in places or "Key" not in places:
        raise Unreadable("InvalidManifest", "The manifest has no fields Bucket and Key")
    return places["Bucket"], places["Key"], places.get("VersionId")


async def tasks(
    acting: Acting, manifest: Manifest, place: Place
) -> AsyncIterator[tuple[list[Task], Place]]:
    """A file's tasks from `place` on, and the place behind them; the last place is that of the next file.

    Raises: Unreadable.
    """
    file = manifest.files[place.file]
    if file.compressed:
        body = _passed_over(_decompressed(acting, manifest.bucket, file), place.offset)
        position = place.offset
    else:
        _, body = await _get(acting, manifest.bucket, file, place.offset)
        position = place.offset
    found: list[bytes] = []
    async for line in body if file.compressed else _lines(body):
        found.append(line)
        position += 1 if file.compressed else len(line)
        if len(found) == PAGE_TASKS:
            yield _parsed(manifest, found), Place(place.file, position)
            found = []
    yield _parsed(manifest, found), Place(place.file + 1, 0)


def _parsed(manifest: Manifest, lines: Sequence[bytes]) -> list[Task]:
    bucket, key, version = manifest.columns
    found: list[Task] = []
    try:
        for row in csv.reader(line.decode() for line in lines):
            if not row:
                continue
            if len(row) != manifest.width:
                raise Unreadable(
                    "InvalidManifest",
                    f"A row of the manifest has {len(row)} fields where it should have {manifest.width}",
                )
            if not row[bucket] or not row[key]:
                raise Unreadable("InvalidManifest", "A row of the manifest names no object")
            version_id = "" if version is None else row[version]
            found.append(Task(row[bucket], unquote_plus(row[key], errors="strict"), version_id))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise Unreadable("InvalidManifest", f"The manifest is no CSV: {problem}") from None
    return found


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """With their ends."""
    rest = b""
    async for piece in body:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(rest) > _LINE_BYTES_MAX:
            raise Unreadable("InvalidManifest", "A line of the manifest is too long")
    if rest:
        yield rest


async def _passed_over(body: AsyncIterator[bytes], lines: int) -> AsyncIterator[bytes]:
    passed = 0
    async for line in _lines(body):
        if passed < lines:
            passed += 1
            continue
        yield line


async def _decompressed(acting: Acting, bucket: str, file: _File) -> AsyncIterator[bytes]:
    opener = zlib.decompressobj(wbits=31)
    digest = hashlib.md5(usedforsecurity=False)
    _, body = await _get(acting, bucket, file, 0)
    try:
        async for piece in body:
            digest.update(piece)
            while piece:
                yield opener.decompress(piece, 1 << 20)
                piece = opener.unconsumed_tail
        yield opener.flush()
    except zlib.error as problem:
        raise Unreadable("InvalidManifest", f"{file.key} is no gzip: {problem}") from None
    if file.md5 and digest.hexdigest() != file.md5:
        raise Unreadable("InvalidManifest", f"The MD5 checksum of {file.key} is another one")


async def _get(
    acting: Acting, bucket: str, file: _File, offset: int
) -> tuple[dict[str, Any], AsyncIterator[bytes]]:
    request: dict[str, Any] = {"Bucket": bucket, "Key": file.key}
    if file.version_id is not None:
        request["VersionId"] = file.version_id
    if file.etag is not None:
        request["IfMatch"] = file.etag
    if offset:
        request["Range"] = f"bytes={offset}-"
    try:
        answer = await acting.perform("GetObject", request)
    except AwsError as error:
        if error.status >= 500:
            raise
        if error.code == "InvalidRange" and offset:
            return {}, _pieces(b"")
        if error.code == "PreconditionFailed":
            raise Unreadable(
                "ManifestChanged",
                f"The ETag of the manifest {file.key} is not the one that the job was made with",
            ) from None
        raise Unreadable(
            error.code, f"Reading the manifest {bucket}/{file.key} failed: {error.text}"
        ) from None
    return answer, _pieces(answer["Body"])


async def _pieces(body: bytes | Body) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
