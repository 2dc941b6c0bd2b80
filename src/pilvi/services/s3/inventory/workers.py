"""Making inventories: a file of rows at each step, then the manifest.

They are delivered by S3 itself, `s3.amazonaws.com`: the policy of the bucket that they go to must let it in for the
bucket that is listed. Where it does not, nothing is delivered, the server's log and the trace of the request that
configured the inventory say why, and the next one is tried when it is due.
AWS: S3 User Guide, "Locating your inventory list", "Setting up a destination bucket policy".
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.dispatch import trace
from pilvi.dispatch.trace import Undelivered
from pilvi.identity.principal import service_itself
from pilvi.kit import execution, permission
from pilvi.kit.permission import Permission
from pilvi.protocol.timestamps import iso8601
from pilvi.services.s3.files import Outgoing, one_piece
from pilvi.services.s3.inventory import parquet, records
from pilvi.services.s3.inventory.configuring import KIND
from pilvi.services.s3.inventory.records import Due, Made, Run
from pilvi.services.s3.lifecycle import judging, telling
from pilvi.services.s3.lifecycle import records as lifecycles
from pilvi.services.s3.records import buckets, configurations, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.versions import Listed
from pilvi.services.s3.rules import inventories, names
from pilvi.services.s3.rules.inventories import From
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

FILE_ROWS = 100_000
_ATTEMPTS_MAX = 20
"""Of a step that breaks: for about an hour. Then that inventory is given up, and the next one tried when it is due."""
_READ_AT_ONCE = 250
_FILE_BYTES_READ = 256 * 1024
_OWNERS = "bucket-owner-full-control"

_log = logging.getLogger("pilvi.s3.inventory")


@dataclass(slots=True)
class _Listing:
    """One file's rows, as they are read: `key` and `rank` tell how far. `over`: that was the end of the bucket."""

    cloud: Cloud
    bucket: Bucket
    document: dict[str, Any]
    key: str
    rank: int
    over: bool = False

    async def rows(self, *, plain: bool) -> AsyncIterator[bytes]:
        left = FILE_ROWS
        while left > 0 and not self.over:
            text, looked = await self.cloud.store.read(lambda at: self._read(at, plain=plain))
            self.over = looked < _READ_AT_ONCE
            left -= looked
            if text:
                yield text

    def _read(self, at: Snapshot, *, plain: bool) -> tuple[bytes, int]:
        chosen = inventories.columns(self.document)
        prefix: str = self.document.get("Filter", {}).get("Prefix", "")
        everything = self.document["IncludedObjectVersions"] == "All"
        resumed = (self.key, -self.rank) if self.key else None
        ordered = versions.ordered_versions(at, self.bucket, resumed)
        start = ordered.behind(*resumed) if resumed is not None else ordered.at(prefix)
        of = self._from(at)
        looked, rows = 0, list[bytes]()
        last: Listed | None = None
        for one in ordered.rows(start, ordered.behind_all(prefix), _READ_AT_ONCE):
            looked, last = looked + 1, one
            if everything or (one.latest and one.object is not None):
                if plain:
                    rows.append(inventories.plain_row(of, one, chosen))
                else:
                    rows.append(inventories.csv_row(of, one, chosen).encode())
        if last is not None:
            self.key, self.rank = last.key, last.rank
        return b"".join(rows), looked

    def _from(self, at: Snapshot) -> From:
        lifecycle = lifecycles.find(at, self.bucket)
        day_ms = self.cloud.settings.lifecycle_day_ms

        def expires_ms(stored: Object) -> int | None:
            if lifecycle is None:
                return None
            step = judging.expiry(lifecycle, telling.subject_of(stored), day_ms)
            return None if step is None else step.due_ms

        return From(self.bucket, expires_ms)


@s3.job("inventory", retry=Retry(attempts_max=_ATTEMPTS_MAX))
async def step(cloud: Cloud, job: Job) -> Commit | None:
    """Begin an inventory, write its next file, or its manifest."""
    due = msgspec.msgpack.decode(job.payload, type=Due)
    bucket, document, run = await cloud.store.read(lambda at: _look(at, due))
    if bucket is None or document is None or not document["IsEnabled"]:
        return None
    now_ms = cloud.clock.now_ms()
    if run is None:
        begun = Run(due.id, now_ms, cloud.entropy.uuid())
        return lambda tx: _go_on(tx, due, begun, now_ms)
    if job.attempt == _ATTEMPTS_MAX:
        problem = "InternalError: it broke over and over"
        return _giving_up(cloud, job, bucket, document, problem, Undelivered.THROTTLED)
    try:
        if run.listed:
            await _write_manifest(cloud, bucket, document, run)
            return lambda tx: _end(tx, due, document, now_ms)
        after = await _write_file(cloud, bucket, document, run)
    except AwsError as error:
        if error.status >= 500 and error.status != 501:
            raise
        missing = error.code == "NoSuchBucket"
        reason = Undelivered.NO_SUCH_TARGET if missing else Undelivered.PERMISSION
        return _giving_up(cloud, job, bucket, document, f"{error.code}: {error.text}", reason)
    return lambda tx: _go_on(tx, due, after, now_ms)


def _giving_up(
    cloud: Cloud,
    job: Job,
    bucket: Bucket,
    document: dict[str, Any],
    problem: str,
    reason: Undelivered,
) -> Commit:
    """Say why, and leave it at that until the next one is due."""
    due = msgspec.msgpack.decode(job.payload, type=Due)
    target, now_ms = inventories.target_of(document), cloud.clock.now_ms()
    _log.warning(
        "the inventory %s of bucket %s is not delivered to %s: %s",
        *(due.id, bucket.name, target, problem),
    )
    cause = Cause(job.cause.request_id, job.id)

    def commit(tx: Transaction) -> None:
        _end(tx, due, document, now_ms)
        arn = names.bucket_arn(target)
        trace.undelivered(tx, cause, "s3", arn, reason, problem, at_ms=now_ms)

    return commit


def _look(at: Snapshot, due: Due) -> tuple[Bucket | None, dict[str, Any] | None, Run | None]:
    bucket = buckets.find_bucket(at, due.bucket)
    if bucket is None or bucket.id != due.bucket_id:
        return None, None, None
    document = configurations.find(at, bucket, KIND, due.id)
    return bucket, document, records.find(at, bucket, due.id)


def _go_on(tx: Transaction, due: Due, run: Run, now_ms: int) -> None:
    bucket, document, _ = _look(tx, due)
    if bucket is not None and document is not None:
        records.put(tx, bucket, run)
        records.schedule(tx, bucket, due.id, now_ms)


def _end(tx: Transaction, due: Due, document: dict[str, Any], now_ms: int) -> None:
    """Of a run: the next one is due some day."""
    bucket, current, _ = _look(tx, due)
    if bucket is None or current is None:
        return
    records.delete(tx, bucket, due.id)
    due_ms = inventories.next_ms(document, now_ms, first=False)
    records.schedule(tx, bucket, due.id, due_ms)


async def _write_file(cloud: Cloud, bucket: Bucket, document: dict[str, Any], run: Run) -> Run:
    listing = _Listing(cloud, bucket, document, run.key, run.rank)
    outgoing = Outgoing()
    place = f"{_place(bucket, document)}/data/{run.next_name}"
    if _destination(document)["Format"] == "CSV":
        key = f"{place}.csv.gz"
        await _put(cloud, bucket, document, key, outgoing.gzipped(listing.rows(plain=False)))
    else:
        key = f"{place}.parquet"
        with tempfile.TemporaryDirectory(prefix="inventory-") as folder:
            made = await _parquet(listing, document, Path(folder))
            await _put(cloud, bucket, document, key, outgoing.plain(_pieces(made)))
    return msgspec.structs.replace(
        run,
        next_name=cloud.entropy.uuid(),
        key=listing.key,
        rank=listing.rank,
        files=(*run.files, Made(key, outgoing.size, outgoing.md5)),
        listed=listing.over,
    )


async def _parquet(listing: _Listing, document: dict[str, Any], folder: Path) -> Path:
    lines, target = folder / "lines", folder / "rows.parquet"
    with lines.open("wb") as file:
        async for rows in listing.rows(plain=True):
            await asyncio.to_thread(file.write, rows)
    await asyncio.to_thread(parquet.write, lines, target, inventories.columns(document))
    return target


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _FILE_BYTES_READ):
            yield piece


async def _write_manifest(cloud: Cloud, bucket: Bucket, document: dict[str, Any], run: Run) -> None:
    """Hive's list, the manifest, and its checksum last: whoever sees that finds all the rest."""
    destination = _destination(document)
    place, begun = _place(bucket, document), iso8601(run.started_at_ms // 60_000 * 60_000)
    target = inventories.target_of(document)
    manifest = orjson.dumps(
        {
            "sourceBucket": bucket.name,
            "destinationBucket": destination["Bucket"],
            "version": "2016-11-30",
            "creationTimestamp": str(run.started_at_ms),
            "fileFormat": destination["Format"],
            "fileSchema": inventories.schema(document),
            "files": [
                {"key": one.key, "size": one.size, "MD5checksum": one.md5} for one in run.files
            ],
        },
        option=orjson.OPT_INDENT_2,
    )
    links = "\n".join(f"s3://{target}/{one.key}" for one in run.files).encode()
    digest = hashlib.md5(manifest, usedforsecurity=False).hexdigest().encode()
    hive = begun[:-4].replace("T", "-").replace(":", "-")
    folder = begun[:-4].replace(":", "-") + "Z"
    for key, text in (
        (f"{place}/hive/dt={hive}/symlink.txt", links),
        (f"{place}/{folder}/manifest.json", manifest),
        (f"{place}/{folder}/manifest.checksum", digest),
    ):
        await _put(cloud, bucket, document, key, one_piece(text))


def _destination(document: dict[str, Any]) -> dict[str, Any]:
    return document["Destination"]["S3BucketDestination"]


def _place(bucket: Bucket, document: dict[str, Any]) -> str:
    prefix: str = _destination(document).get("Prefix", "")
    place = f"{bucket.name}/{document['Id']}"
    return f"{prefix.removesuffix('/')}/{place}" if prefix else place


async def _put(
    cloud: Cloud, bucket: Bucket, document: dict[str, Any], key: str, body: AsyncIterator[bytes]
) -> None:
    """As S3 itself. AWS asks for s3:PutObject alone, and tells policies that the owner of the bucket gets everything.

    Raises: AwsError.
    """
    destination, target = _destination(document), inventories.target_of(document)
    operation = s3.operations["PutObject"]
    call = cloud.call(
        operation,
        scope=Scope(bucket.account, bucket.region),
        principal=service_itself("s3"),
        request_id=cloud.entropy.uuid(),
    )
    call.source_arn = bucket.arn
    params: dict[str, Any] = {"Bucket": target, "Key": key}
    if "AccountId" in destination:
        params["ExpectedBucketOwner"] = destination["AccountId"]
    encryption = destination.get("Encryption", {})
    if "SSEKMS" in encryption:
        params["ServerSideEncryption"] = "aws:kms"
        params["SSEKMSKeyId"] = encryption["SSEKMS"]["KeyId"]
    elif "SSES3" in encryption:
        params["ServerSideEncryption"] = "AES256"
    asked = Permission(
        "s3:PutObject", (names.object_arn(target, key),), told={**params, "ACL": _OWNERS}
    )
    await permission.demand(call, asked)
    await execution.handle(call, operation, {**params, "ACL": _OWNERS}, body)
