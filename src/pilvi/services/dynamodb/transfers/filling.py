"""Importing: the steps by which a table is filled from objects in S3.

1. A step reads on from the place that the record tells, and keeps the items, the counts and the place behind them in
   one transaction: killed at any time, an import goes on behind the last item that it has kept, and counts none twice.
2. A transaction that finds the record at another place keeps nothing: somebody else goes on with it.
3. Errors are written to the log before the place behind them is kept. So each is there; after a crash perhaps twice.
4. Until the end the table is CREATING: nobody else writes to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.services.dynamodb import limits as dynamodb_limits
from pilvi.services.dynamodb import records as table_records
from pilvi.services.dynamodb.errors import SerializationException, ValidationException, invalid
from pilvi.services.dynamodb.removal import remove_table
from pilvi.services.dynamodb.service import dynamodb
from pilvi.services.dynamodb.tables import Table, find_table
from pilvi.services.dynamodb.transfers import limits
from pilvi.services.dynamodb.transfers.acting import Acting
from pilvi.services.dynamodb.transfers.errors import Failed
from pilvi.services.dynamodb.transfers.formats import reading, texts
from pilvi.services.dynamodb.transfers.formats.reading import BadItem
from pilvi.services.dynamodb.transfers.formats.texts import BadText
from pilvi.services.dynamodb.transfers.records import (
    Import,
    Named,
    Place,
    Source,
    imports,
    parts_home,
    sources,
)
from pilvi.services.dynamodb.values import Item, measure_item
from pilvi.services.dynamodb.writes import Write, perform
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

LOG_GROUP = "/aws-dynamodb/imports"
_ATTEMPTS_MAX = 12
_LIST_PAGE = 1000
_ITEMS_REFUSED = (
    "Some of the items failed validation checks and were not imported. Please check CloudWatch error"
    " logs for more details."
)
_log = logging.getLogger("pilvi.dynamodb.import")


def plan(tx: Transaction, record: Import, now_ms: int) -> None:
    """Have the next step follow."""
    named = Named(record.account, record.region, record.id)
    tx.at(
        now_ms,
        Job(
            kind="dynamodb.import",
            payload=msgspec.msgpack.encode(named),
            account=record.account,
            region=record.region,
        ),
    )


@dynamodb.job("import", retry=Retry(attempts_max=_ATTEMPTS_MAX))
async def step(cloud: Cloud, job: Job) -> Commit | None:
    """The next step of an import. One that breaks over and over fails the import."""
    named = msgspec.msgpack.decode(job.payload, type=Named)
    record = await cloud.store.read(lambda at: _find(at, named))
    if record is None or record.status != "IN_PROGRESS":
        return None
    if job.attempt == _ATTEMPTS_MAX:
        _log.warning("import %s fails: its step failed %d times", record.arn, job.attempt - 1)
        reason = "The import could not go on: an internal error occurred, over and over."
        return _failing(cloud, named, Failed("InternalServerError", reason))
    acting = Acting(cloud, record.scope, record.principal, Cause(record.request_id, parent=job.id))
    try:
        if not record.listed:
            await _list(acting, record)
        else:
            await _read(acting, record)
    except Failed as failure:
        return _failing(cloud, named, failure)
    return lambda tx: _go_on(cloud, tx, named)


@dynamodb.job("import_forget")
async def forget(cloud: Cloud, job: Job) -> Commit | None:
    """The record of an import that ended long ago."""
    named = msgspec.msgpack.decode(job.payload, type=Named)
    return lambda tx: _forget(tx, named)


def _forget(tx: Transaction, named: Named) -> None:
    imports.delete(tx, (named.account, named.region), named.id)


def _find(at: Snapshot, named: Named) -> Import | None:
    return imports.find(at, (named.account, named.region), named.id)


def _go_on(cloud: Cloud, tx: Transaction, named: Named) -> None:
    record = _find(tx, named)
    if record is None or record.status != "IN_PROGRESS":
        return
    if record.listed and record.place.file == record.files:
        _end(cloud, tx, record, None)
    else:
        plan(tx, record, cloud.clock.now_ms())


def _failing(cloud: Cloud, named: Named, failure: Failed) -> Commit:
    def commit(tx: Transaction) -> None:
        record = _find(tx, named)
        if record is not None and record.status == "IN_PROGRESS":
            _end(cloud, tx, record, failure)

    return commit


def _end(cloud: Cloud, tx: Transaction, record: Import, failure: Failed | None) -> None:
    """A table that something was read for stays, with what it has; another one goes, as on AWS."""
    now_ms = cloud.clock.now_ms()
    if failure is None and record.errors:
        failure = Failed("ItemValidationError", _ITEMS_REFUSED)
    table = _table(tx, record)
    if table is not None and (record.begun or failure is None):
        ready = msgspec.structs.replace(table.record, status="ACTIVE")
        table_records.tables.put(tx, record.home, ready)
    elif table is not None:
        remove_table(tx, table, now_ms)
    ended = msgspec.structs.replace(
        record,
        status="COMPLETED" if failure is None else "FAILED",
        ended_at_ms=now_ms,
        failure_code="" if failure is None else failure.code,
        failure_message="" if failure is None else failure.reason,
    )
    imports.put(tx, record.home, ended)
    sources.delete_all(tx, parts_home(record.scope, record.id))
    named = Named(record.account, record.region, record.id)
    tx.at(
        now_ms + limits.KEPT_MS,
        Job(
            kind="dynamodb.import_forget",
            payload=msgspec.msgpack.encode(named),
            account=record.account,
            region=record.region,
        ),
    )


def _table(at: Snapshot, record: Import) -> Table | None:
    """The table, if it is still the one that was made for this."""
    table = find_table(at, record.scope, record.table_name)
    return table if table is not None and table.record.id == record.table_id else None


def _from(record: Import) -> dict[str, Any]:
    """Members that all requests about the source have."""
    owner = record.source["S3BucketOwner"]
    return {"Bucket": record.source["S3Bucket"], "ExpectedBucketOwner": owner}


# --- the objects


async def _list(acting: Acting, record: Import) -> None:
    """Some pages of the bucket's list. Raises: Failed."""
    if record.listing is None:
        streams = {"logGroupName": LOG_GROUP}
        await acting.logs("CreateLogGroup", streams)
        for name in ("info", "error"):
            await acting.logs(
                "CreateLogStream", {**streams, "logStreamName": f"{record.id}/{name}"}
            )
    loop = asyncio.get_running_loop()
    until_s = loop.time() + limits.RUN_S
    current: Import | None = record
    while current is not None and not current.listed and loop.time() < until_s:
        request = {**_from(current), "MaxKeys": _LIST_PAGE}
        prefix: str = current.source.get("S3KeyPrefix", "")
        if prefix:
            request["Prefix"] = prefix
        if current.listing:
            request["ContinuationToken"] = current.listing
        answer = await acting.s3("ListObjectsV2", request)
        found = [(one["Key"], one["ETag"]) for one in answer.get("Contents", ()) if one["Size"] > 0]
        current = await _keep_list(acting, current, found, answer.get("NextContinuationToken"))


async def _keep_list(
    acting: Acting, seen: Import, found: list[tuple[str, str]], following: str | None
) -> Import | None:
    """None: somebody else went on. Raises: Failed."""
    files = seen.files + len(found)
    if files > limits.OBJECTS_MAX:
        raise Failed(
            "LimitExceeded", f"An import reads {limits.OBJECTS_MAX} objects of S3 at most."
        )
    if not files and following is None:
        raise Failed(
            "S3NoSuchKey",
            "The specified key does not exist: no object of the bucket that has content begins with the prefix.",
        )
    after = msgspec.structs.replace(
        seen, listing=following or "", listed=following is None, files=files
    )

    def keep(tx: Transaction) -> Import | None:
        current = imports.find(tx, seen.home, seen.id)
        if current is None or current != seen:
            return None
        for number, (key, etag) in enumerate(found, seen.files):
            sources.put(tx, parts_home(seen.scope, seen.id), Source(number, key, etag))
        imports.put(tx, seen.home, after)
        return after

    return await acting.cloud.store.write(keep, cause=acting.cause)


# --- the items


@dataclass(slots=True)
class _Lot:
    """What was read since the last transaction. `refused`: index in the file, and why."""

    place: Place
    items: list[tuple[int, Item]] = field(default_factory=list[tuple[int, Item]])
    refused: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    size: int = 0

    @property
    def full(self) -> bool:
        count = len(self.items) + len(self.refused)
        return count >= limits.STEP_ITEMS or self.size >= limits.STEP_BYTES


async def _read(acting: Acting, record: Import) -> None:
    """Some lots of items. Raises: Failed."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + limits.RUN_S
    current: Import | None = record
    while current is not None and current.place.file < current.files and loop.time() < until_s:
        seen = current
        source = await acting.cloud.store.read(
            lambda at, seen=seen: sources.find(at, parts_home(seen.scope, seen.id), seen.place.file)
        )
        table = await acting.cloud.store.read(lambda at, seen=seen: _table(at, seen))
        if source is None or table is None:
            raise Failed("InternalServerError", "The table of the import is no longer there.")
        types = table.record.types
        async with aclosing(_lots(_text(acting, seen, source), seen, types)) as lots:
            async for lot in lots:
                current = await _keep(acting, current, source, lot)
                if current is None or loop.time() > until_s:
                    break


async def _text(acting: Acting, record: Import, source: Source) -> AsyncIterator[bytes]:
    """What is left of an object. Raises: Failed, BadText."""
    request = {**_from(record), "Key": source.key, "IfMatch": source.etag}
    offset = record.place.offset
    ranged = record.compression == "NONE" and offset > 0
    if ranged:
        request["Range"] = f"bytes={offset}-"
    try:
        answer = await acting.s3("GetObject", request)
    except Failed as failure:
        if ranged and failure.code == "S3InvalidRange":
            return  # it was read to its end
        raise
    text = texts.opened(_pieces(answer["Body"]), record.compression)
    async for piece in text if ranged else texts.passed_over(text, offset):
        yield piece


async def _pieces(body: Any) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece


async def _lots(
    text: AsyncIterator[bytes], record: Import, types: dict[str, str]
) -> AsyncGenerator[_Lot]:
    """What one file has from the record's place on; the last one's place is that of the next file."""
    place = record.place
    lot = _Lot(place)
    reader = _Reader(record, types)
    try:
        async for line, size in texts.lines(text, quoted=record.format == "CSV"):
            place = msgspec.structs.replace(place, offset=place.offset + size)
            lot.size += size
            if line is None or line.strip():
                place = reader.take(lot, place, line)
            lot.place = place
            if lot.full:
                yield lot
                lot = _Lot(place)
    except BadText as problem:
        lot.refused.append((place.index, str(problem)))
    except _Unusable as problem:
        lot.refused.append((place.index, problem.reason))
    lot.place = Place(place.file + 1)
    yield lot


class _Unusable(Exception):
    """Why nothing more can be read of a file."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class _Reader:
    """From the lines of one file to its items."""

    def __init__(self, record: Import, types: dict[str, str]) -> None:
        csv: dict[str, Any] = (record.options or {}).get("Csv", {})
        self._delimiter: str = csv.get("Delimiter", ",")
        self._given = tuple(csv.get("HeaderList", ()))
        self._types = types
        self._read: Callable[[bytes], Item] | None = None
        if record.format == "ION":
            from pilvi.services.dynamodb.transfers.formats.ion import of_ion

            self._read = of_ion
        elif record.format == "DYNAMODB_JSON":
            self._read = reading.of_json

    def take(self, lot: _Lot, place: Place, line: bytes | None) -> Place:
        """The place behind a line. Raises: _Unusable."""
        if self._read is None and not self._given and not place.header:
            return msgspec.structs.replace(place, header=self._header(line))
        try:
            if line is None:
                raise BadItem("The line is too long for an item")
            lot.items.append((place.index, self._item(line, place)))
        except BadItem as problem:
            lot.refused.append((place.index, str(problem)))
        return msgspec.structs.replace(place, index=place.index + 1)

    def _header(self, line: bytes | None) -> tuple[str, ...]:
        if line is None or len(line) > limits.HEADER_BYTES_MAX:
            raise _Unusable("The header of the CSV is too long")
        try:
            return reading.header_of(line, self._delimiter)
        except BadItem as problem:
            raise _Unusable(str(problem)) from None

    def _item(self, line: bytes, place: Place) -> Item:
        if self._read is not None:
            return self._read(line)
        header = self._given or place.header
        return reading.of_csv(line, self._delimiter, header, self._types)


async def _keep(acting: Acting, seen: Import, source: Source, lot: _Lot) -> Import | None:
    """One lot, in one transaction. None: somebody else went on, or the table is gone. Raises: Failed."""
    cloud = acting.cloud
    table = await cloud.store.read(lambda at: _table(at, seen))
    if table is None:
        return None
    refused = list(lot.refused)
    written: list[Write] = []
    for index, item in lot.items:
        try:
            written.append(_write(table, item))
        except (ValidationException, SerializationException) as problem:
            refused.append((index, problem.text))
    await _tell(acting, seen, source, sorted(refused))

    def keep(tx: Transaction) -> Import | None:
        current = imports.find(tx, seen.home, seen.id)
        if current is None or current.status != "IN_PROGRESS" or current.place != seen.place:
            return None
        if _table(tx, seen) is None:
            return None
        now_ms = cloud.clock.now_ms()
        fresh = sum(perform(tx, write, now_ms).old is None for write in written)
        after = msgspec.structs.replace(
            current,
            begun=True,
            place=lot.place,
            processed=current.processed + len(written) + len(refused),
            imported=current.imported + fresh,
            errors=current.errors + len(refused),
            size=current.size + lot.size,
        )
        imports.put(tx, seen.home, after)
        return after

    return await cloud.store.write(keep, cause=acting.cause)


def _write(table: Table, item: Item) -> Write:
    """Raises: ValidationException, SerializationException."""
    size = measure_item(item)
    if size > dynamodb_limits.ITEM_BYTES_MAX:
        raise invalid("Item size has exceeded the maximum allowed size")
    key = table.item_key(item)
    if table.index_keys:
        table.check_index_keys(item)
    return Write("Put", table, key, None, {}, item, size)


async def _tell(
    acting: Acting, record: Import, source: Source, refused: list[tuple[int, str]]
) -> None:
    """Write errors to the log. Raises: Failed."""
    room = max(0, limits.LOGGED_ERRORS_MAX - record.errors)
    stream = {"logGroupName": LOG_GROUP, "logStreamName": f"{record.id}/error"}
    for start in range(0, min(room, len(refused)), limits.LOGGED_AT_ONCE):
        now_ms = acting.cloud.clock.now_ms()
        events = [
            {"timestamp": now_ms, "message": _message(record, source, index, reason)}
            for index, reason in refused[start : min(room, start + limits.LOGGED_AT_ONCE)]
        ]
        await acting.logs("PutLogEvents", {**stream, "logEvents": events})


def _message(record: Import, source: Source, index: int, reason: str) -> str:
    told = {
        "itemS3Pointer": {
            "bucket": record.source["S3Bucket"],
            "key": source.key,
            "itemIndex": index,
        },
        "importArn": record.arn,
        "errorMessages": [reason[: limits.LOGGED_TEXT_MAX]],
    }
    return orjson.dumps(told).decode()
