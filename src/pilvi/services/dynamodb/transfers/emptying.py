"""Exporting: the steps by which a table's items, or what became of them, go into files in S3.

1. A step writes one file, of the items behind the place that the record tells, and keeps its entry in the manifest and
   the place behind it in the transaction that completes it. A file's name tells its number: written twice, it is one.
2. The table is read as of an instant that is held until the end: so all files show it as it was at one moment, however
   long they take, and even when it is deleted meanwhile.
3. What a step that was killed had begun to upload is taken back by the next one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.services.dynamodb.changelog import Instant
from pilvi.services.dynamodb.history import keeping
from pilvi.services.dynamodb.history.reading import changes_between, page_as_of
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, size_of
from pilvi.services.dynamodb.transfers import limits, manifests
from pilvi.services.dynamodb.transfers.acting import Acting
from pilvi.services.dynamodb.transfers.errors import Failed
from pilvi.services.dynamodb.transfers.filters import Filter
from pilvi.services.dynamodb.transfers.formats.writing import change_line, item_line
from pilvi.services.dynamodb.transfers.records import (
    DataFile,
    Export,
    Named,
    Span,
    data_files,
    exports,
    parts_home,
)
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

_ATTEMPTS_MAX = 12
_NAME_LENGTH = 26
_log = logging.getLogger("pilvi.dynamodb.export")


def readers_of(id: str) -> tuple[str, str]:
    """The names of the holds that an export may have."""
    return f"export/{id}", f"export/{id}/since"


def plan(tx: Transaction, record: Export, now_ms: int) -> None:
    """Have the next step follow."""
    tx.at(now_ms, _job("dynamodb.export", record))


def _job(kind: str, record: Export) -> Job:
    scope = record.scope
    named = Named(scope.account, scope.region, record.id)
    return Job(
        kind=kind,
        payload=msgspec.msgpack.encode(named),
        account=scope.account,
        region=scope.region,
    )


@dynamodb.job("export", retry=Retry(attempts_max=_ATTEMPTS_MAX))
async def step(cloud: Cloud, job: Job) -> Commit | None:
    """The next step of an export. One that breaks over and over fails the export."""
    named = msgspec.msgpack.decode(job.payload, type=Named)
    record = await cloud.store.read(lambda at: _find(at, named))
    if record is None or record.status != "IN_PROGRESS":
        return None
    acting = Acting(cloud, record.scope, record.principal, Cause(record.request_id, parent=job.id))
    try:
        if job.attempt == _ATTEMPTS_MAX:
            _log.warning("export %s fails: its step failed %d times", record.arn, job.attempt - 1)
            reason = "The export could not go on: an internal error occurred, over and over."
            raise Failed("InternalServerError", reason)
        if not record.begun:
            return await _begin(acting, record)
        if not record.read:
            return await _write_file(acting, record)
        await manifests.write(acting, record, cloud.clock.now_ms())
    except Failed as failure:
        current = await cloud.store.read(lambda at: _find(at, named))
        await _take_back(acting, current or record)
        return _ending(cloud, record, failure)
    return _ending(cloud, record, None)


@dynamodb.job("export_forget")
async def forget(cloud: Cloud, job: Job) -> Commit | None:
    """The record of an export that ended long ago."""
    named = msgspec.msgpack.decode(job.payload, type=Named)

    def commit(tx: Transaction) -> None:
        exports.delete(tx, (named.account, named.region), named.id)

    return commit


def _find(at: Snapshot, named: Named) -> Export | None:
    return exports.find(at, (named.account, named.region), named.id)


def _ending(cloud: Cloud, seen: Export, failure: Failed | None) -> Commit:
    def commit(tx: Transaction) -> None:
        record = exports.find(tx, seen.home, seen.id)
        if record is None or record.status != "IN_PROGRESS":
            return
        now_ms = cloud.clock.now_ms()
        ended = msgspec.structs.replace(
            record,
            status="COMPLETED" if failure is None else "FAILED",
            ended_at_ms=now_ms,
            failure_code="" if failure is None else failure.code,
            failure_message="" if failure is None else failure.reason,
            upload=None,
        )
        exports.put(tx, record.home, ended)
        for reader in readers_of(record.id):
            keeping.release(tx, record.table, reader, now_ms)
        data_files.delete_all(tx, parts_home(record.scope, record.id))
        tx.at(now_ms + limits.KEPT_MS, _job("dynamodb.export_forget", record))

    return commit


async def _begin(acting: Acting, record: Export) -> Commit:
    """Whether the bucket can be written to is known by a file that says nothing. Raises: Failed."""
    key = f"{record.folder}/{record.id}/_started"
    await acting.s3("PutObject", manifests.target(record, key), manifests.one_piece(b""))

    def commit(tx: Transaction) -> None:
        current = exports.find(tx, record.home, record.id)
        if current == record:
            exports.put(tx, record.home, msgspec.structs.replace(record, begun=True))
            plan(tx, record, acting.cloud.clock.now_ms())

    return commit


# --- data files


async def _write_file(acting: Acting, record: Export) -> Commit:
    """Raises: Failed."""
    await _take_back(acting, record)
    store, key = acting.cloud.store, _key_of(record)
    about_to = msgspec.structs.replace(record, upload=(key, ""))
    if not await store.write(lambda tx: _replace(tx, record, about_to), cause=acting.cause):
        return lambda tx: None  # somebody else goes on with it
    begun = await acting.s3("CreateMultipartUpload", manifests.target(record, key))
    upload: str = begun["UploadId"]
    seen = msgspec.structs.replace(record, upload=(key, upload))
    if not await store.write(lambda tx: _replace(tx, about_to, seen), cause=acting.cause):
        await _take_back(acting, seen)
        return lambda tx: None
    pages = _Pages(acting, seen)
    named: dict[str, Any] = {**manifests.place(record, key), "UploadId": upload}
    part = await acting.s3("UploadPart", {**named, "PartNumber": 1}, pages.packed())
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    whole = await acting.s3("CompleteMultipartUpload", {**named, "MultipartUpload": parts})
    file = DataFile(seen.files, key, pages.items, pages.md5, whole["ETag"].strip('"'))
    after = msgspec.structs.replace(
        seen,
        upload=None,
        place=pages.next,
        read=pages.next is None,
        files=seen.files + 1,
        items=seen.items + pages.items,
        size=seen.size + pages.size,
    )

    def commit(tx: Transaction) -> None:
        if _replace(tx, seen, after):
            data_files.put(tx, parts_home(seen.scope, seen.id), file)
            plan(tx, after, acting.cloud.clock.now_ms())

    return commit


def _replace(tx: Transaction, seen: Export, after: Export) -> bool:
    if exports.find(tx, seen.home, seen.id) != seen:
        return False
    exports.put(tx, seen.home, after)
    return True


async def _take_back(acting: Acting, record: Export) -> None:
    """End an upload that a step before this one left; one that cannot be ended is not in the way.

    Only where the step ended before it could keep the upload's id, the bucket is asked for it.
    """
    if record.upload is None:
        return
    key, upload = record.upload
    try:
        uploads = [upload] if upload else await _uploads(acting, record, key)
        for one in uploads:
            request = {**manifests.place(record, key), "UploadId": one}
            await acting.ask("s3", "AbortMultipartUpload", request)
    except AwsError as error:
        if error.code != "NoSuchUpload":
            _log.info("an upload of %s may stay: %s", key, error)


async def _uploads(acting: Acting, record: Export, key: str) -> list[str]:
    """The ids of those of one key, which nobody else would make."""
    request = manifests.place(record, key)
    request["Prefix"] = request.pop("Key")
    answer = await acting.ask("s3", "ListMultipartUploads", request)
    return [one["UploadId"] for one in answer.get("Uploads", ()) if one["Key"] == key]


def _key_of(record: Export) -> str:
    digest = hashlib.sha256(f"{record.id} {record.files}".encode()).digest()
    name = base64.b32encode(digest).decode().lower()[:_NAME_LENGTH]
    folder = record.folder if record.span is not None else f"{record.folder}/{record.id}"
    return f"{folder}/data/{name}.{'ion' if record.format == 'ION' else 'json'}.gz"


class _Pages:
    """One file's lines, and what was written of them so far. `next`: behind which item the next file begins; `md5`
    and `next` hold once `packed` has ended."""

    def __init__(self, acting: Acting, record: Export) -> None:
        self._acting = acting
        self._record = record
        self._filter: Filter | None = None
        if record.filter is not None:
            self._filter = Filter(record.filter, Table(record.table))
        self._digest = hashlib.md5(usedforsecurity=False)
        self._looked_at = 0
        self.next = record.place
        self.items = 0
        self.size = 0

    @property
    def md5(self) -> str:
        return base64.b64encode(self._digest.digest()).decode()

    async def packed(self) -> AsyncIterator[bytes]:
        packer = zlib.compressobj(6, wbits=31)
        async for text in self._texts():
            packed = await asyncio.to_thread(packer.compress, text)
            if packed:
                self._digest.update(packed)
                yield packed
        packed = packer.flush()
        self._digest.update(packed)
        yield packed

    async def _texts(self) -> AsyncIterator[bytes]:
        read = 0
        while True:
            lines, self.next = await self._acting.cloud.store.read(self._page)
            self.items += len(lines)
            text = b"".join(lines)
            read += len(text)
            if text:
                yield text
            full = read >= limits.FILE_BYTES or self._looked_at >= limits.READ_BYTES
            if self.next is None or full:
                return

    def _page(self, at: Snapshot) -> tuple[list[bytes], bytes | None]:
        record = self._record
        until = Instant(*record.instant)
        if record.span is not None:
            return self._changes(at, record.span, until)
        page = page_as_of(at, record.table, until, start_after=self.next)
        lines: list[bytes] = []
        for place, stored in page.items:
            self.size += size_of(stored)
            self._looked_at += len(stored)
            told = stored if self._filter is None else self._filter.apply(place, stored)
            if told is not None:
                lines.append(item_line(record.format, told))
        return lines, page.next

    def _changes(
        self, at: Snapshot, span: Span, until: Instant
    ) -> tuple[list[bytes], bytes | None]:
        """What came and went in between is not told."""
        record = self._record
        since = Instant(*span.since)
        page = changes_between(at, record.table, since, until, start_after=self.next)
        told = [change for change in page.changes if change.old or change.new]
        for change in told:
            self.size += sum(size_of(one) for one in (change.old, change.new) if one)
        old = span.view == "NEW_AND_OLD_IMAGES"
        return [change_line(record.format, change, old=old) for change in told], page.next
