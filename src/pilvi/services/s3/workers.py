"""Access logs: a line for each request on a bucket that is logged, and their delivery some minutes later.

A line is kept after its request was done and before it is answered; a crash in between loses it, as AWS's logs, too,
are for best effort. What was kept is delivered at least once. Where the target does not let it in, it is dropped, and
the server's own log says why.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.identity.principal import service_itself
from pilvi.kit import execution
from pilvi.services.s3 import access
from pilvi.services.s3.records import buckets, logs
from pilvi.services.s3.records.buckets import Bucket, Logging
from pilvi.services.s3.records.logs import Due, Line
from pilvi.services.s3.rules import access_logs
from pilvi.services.s3.service import s3
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud
    from pilvi.kit.service import Answered

_log = logging.getLogger("pilvi.s3.logs")


async def note(cloud: Cloud, answered: Answered) -> None:
    """Keep a line of a request, where its bucket is logged."""
    name = answered.request.path.lstrip("/").partition("/")[0]
    if "%" in name:
        name = unquote(name)
    found = (
        await access.logged(cloud, name, lambda: _signed_region(answered.request)) if name else None
    )
    if found is None:
        return
    name, point = found

    def keep(tx: Transaction) -> bool:
        bucket = buckets.find_bucket(tx, name)
        if bucket is None or bucket.logging is None:
            return True
        text = access_logs.line(bucket, answered, point)
        return logs.append(tx, bucket, Line(answered.at_ms, answered.request_id, text))

    if not await cloud.store.write(keep):
        _log.warning("too many lines of the log of bucket %s wait: one is lost", name)


_SIGNED_FOR = re.compile(r"Credential=[^/&%]+(?:/|%2F)\d{8}(?:/|%2F)([a-z0-9-]+)")


def _signed_region(request: HttpRequest) -> str:
    found = _SIGNED_FOR.search(request.headers.get("authorization") or request.query)
    return "" if found is None else found[1]


s3.note = note


@s3.job("deliver_logs")
async def deliver_logs(cloud: Cloud, job: Job) -> Commit | None:
    """Put the lines that wait into the target bucket, as one object, as AWS's log delivery."""
    due = msgspec.msgpack.decode(job.payload, type=Due)

    def look(at: Snapshot) -> tuple[Bucket | None, list[Line]]:
        bucket = buckets.find_bucket(at, due.bucket)
        if bucket is None or bucket.id != due.id:
            return None, []
        return bucket, logs.batch(at, bucket)

    bucket, lines = await cloud.store.read(look)
    if bucket is None or not lines:
        return None
    if bucket.logging is not None:
        try:
            await _put(cloud, bucket, bucket.logging, lines)
        except AwsError as error:
            if error.status >= 500:
                raise
            _log.warning(
                "%d lines of the log of bucket %s are not delivered to %s: %s",
                len(lines),
                bucket.name,
                bucket.logging.target,
                error.code,
            )
    now_ms = cloud.clock.now_ms()

    def commit(tx: Transaction) -> None:
        current = buckets.find_bucket(tx, due.bucket)
        if current is not None and current.id == due.id:
            logs.take_out(tx, current, lines, now_ms)

    return commit


async def _put(cloud: Cloud, bucket: Bucket, logging: Logging, lines: list[Line]) -> None:
    ids = [line.request_id for line in lines]
    key = access_logs.key_of(bucket, logging, ids, lines[-1].at_ms, lines[0].at_ms)
    body = "".join(f"{line.text}\n" for line in lines).encode()
    operation = s3.operations["PutObject"]
    call = cloud.call(
        operation,
        scope=Scope(bucket.account, bucket.region),
        principal=service_itself("logging.s3"),
        request_id=cloud.entropy.uuid(),
    )
    call.source_arn = bucket.arn
    params = {
        "Bucket": logging.target,
        "Key": key,
        "ContentType": "text/plain",
        "ExpectedBucketOwner": bucket.account,
    }
    await execution.perform(call, operation, params, _pieces(body))


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body
