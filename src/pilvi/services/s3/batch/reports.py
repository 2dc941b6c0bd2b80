"""What a batch job leaves in buckets: its report, and the manifest that was generated for it.

AWS: S3 User Guide, "Examples: S3 Batch Operations completion reports".
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import orjson

from pilvi.protocol.timestamps import iso8601_full
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.requests import bucket_of
from pilvi.services.s3.files import Outgoing, one_piece
from pilvi.services.s3.records import batch_jobs
from pilvi.services.s3.records.batch_jobs import BatchJob, Place, Reporting, Written
from pilvi.services.s3.rules import inventories

FILE_LINES = 100_000
"""Of a file of the report, about."""
FILE_PAGES = 200
_READ_AT_ONCE = 32
_SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
_MANIFEST_SCHEMA = "Bucket, Key, VersionId"


def wanted(job: BatchJob) -> bool:
    """Whether there is to be a report: of a job that did nothing there is none."""
    return bool(job.document["Report"].get("Enabled")) and job.succeeded + job.failed > 0


def told(job: BatchJob, *, succeeded: bool) -> bool:
    """Whether the report tells of such tasks."""
    report = job.document["Report"]
    every = report.get("ReportScope") == "AllTasks"
    return bool(report.get("Enabled")) and (every or not succeeded)


async def step(acting: Acting, job: BatchJob, now_ms: int) -> Reporting | None:
    """Write the next file of the report, under a name that tells which: writing it twice is writing it once. None when
    there is nothing left to write, and the manifest is there.

    Raises: AwsError.
    """
    at = job.reporting
    first = await _results(acting, job, at, at.number)
    if first:
        return await _file(acting, job, at)
    if not at.failed:
        return msgspec.structs.replace(at, failed=True, number=0)
    results = [
        {
            "TaskExecutionStatus": one.status,
            "Bucket": bucket_of(job.document["Report"]["Bucket"]),
            "MD5Checksum": one.md5,
            "Key": one.key,
        }
        for one in at.files
    ]
    manifest = orjson.dumps(
        {
            "Format": job.document["Report"]["Format"],
            "ReportCreationDate": iso8601_full(now_ms),
            "Results": results,
            "ReportSchema": _SCHEMA,
        }
    )
    digest = hashlib.md5(manifest, usedforsecurity=False).hexdigest()
    await _put(acting, job, f"{_place(job)}/manifest.json", one_piece(manifest))
    await _put(acting, job, f"{_place(job)}/manifest.json.md5", one_piece(digest.encode()))
    return None


async def _file(acting: Acting, job: BatchJob, at: Reporting) -> Reporting:
    reached = at.number

    async def lines() -> AsyncIterator[bytes]:
        nonlocal reached
        left = FILE_LINES
        while left > 0:
            found = await _results(acting, job, at, reached)
            if not found:
                return
            for one in found:
                reached = one.number
                left -= one.lines
                yield one.text.encode()
                if left <= 0:
                    return

    status = "failed" if at.failed else "succeeded"
    name = hashlib.sha1(f"{job.id} {status} {at.number}".encode(), usedforsecurity=False)
    key = f"{_place(job)}/results/{name.hexdigest()}.csv"
    outgoing = Outgoing()
    await _put(acting, job, key, outgoing.plain(lines()))
    written = Written(key, outgoing.size, outgoing.md5, status)
    return Reporting(at.failed, reached, (*at.files, written))


async def _results(
    acting: Acting, job: BatchJob, at: Reporting, number: int
) -> list[batch_jobs.Results]:
    return await acting.cloud.store.read(
        lambda snapshot: batch_jobs.results_after(
            snapshot, job, failed=at.failed, number=number, most=_READ_AT_ONCE
        )
    )


def _place(job: BatchJob) -> str:
    prefix: str = job.document["Report"].get("Prefix", "")
    folder = f"job-{job.id}"
    return f"{prefix.removesuffix('/')}/{folder}" if prefix else folder


async def _put(acting: Acting, job: BatchJob, key: str, body: AsyncIterator[bytes]) -> None:
    report = job.document["Report"]
    request: dict[str, Any] = {
        "Bucket": bucket_of(report["Bucket"]),
        "Key": key,
        "ServerSideEncryption": "AES256",
    }
    if "ExpectedBucketOwner" in report:
        request["ExpectedBucketOwner"] = report["ExpectedBucketOwner"]
    await acting.perform("PutObject", request, body=body)


# --- the manifest that was generated


def keeps_manifest(job: BatchJob) -> bool:
    generator = job.document.get("ManifestGenerator")
    return generator is not None and generator["S3JobManifestGenerator"]["EnableManifestOutput"]


async def manifest_step(acting: Acting, job: BatchJob, now_ms: int) -> BatchJob | None:
    """Write the next file of it, or the manifest itself. None when all is written. Raises: AwsError."""
    if job.generated is not None:
        return None
    inner = job.document["ManifestGenerator"]["S3JobManifestGenerator"]
    output = inner["ManifestOutputLocation"]
    bucket, source = bucket_of(output["Bucket"]), bucket_of(inner["SourceBucket"])
    prefix: str = output.get("ManifestPrefix", "")
    place = f"{prefix.removesuffix('/')}/job-{job.id}" if prefix else f"job-{job.id}"
    begin = job.place.writing or 0
    if begin < job.pages:
        until = min(job.pages, begin + FILE_PAGES)
        name = hashlib.sha1(f"{job.id} {begin}".encode(), usedforsecurity=False).hexdigest()
        key = f"{place}/data/{name}.csv.gz"
        outgoing = Outgoing()
        body = outgoing.gzipped(_manifest_lines(acting, job, begin, until))
        await acting.perform("PutObject", _manifest_request(output, bucket, key), body=body)
        return msgspec.structs.replace(
            job,
            place=Place(writing=until),
            manifest_files=(*job.manifest_files, Written(key, outgoing.size, outgoing.md5)),
        )
    document = orjson.dumps(
        {
            "sourceBucket": source,
            "destinationBucket": output["Bucket"],
            "version": "2021-11-30",
            "creationTimestamp": str(now_ms),
            "fileFormat": "CSV",
            "fileSchema": _MANIFEST_SCHEMA,
            "files": [
                {"key": one.key, "size": one.size, "MD5checksum": one.md5}
                for one in job.manifest_files
            ],
        }
    )
    key = f"{place}/manifest.json"
    request = _manifest_request(output, bucket, key)
    answer = await acting.perform("PutObject", request, body=one_piece(document))
    etag = answer["ETag"].strip('"')
    return msgspec.structs.replace(
        job, generated=Written(f"arn:aws:s3:::{bucket}/{key}", len(document), etag)
    )


async def _manifest_lines(
    acting: Acting, job: BatchJob, begin: int, until: int
) -> AsyncIterator[bytes]:
    for number in range(begin, until):
        page = await acting.cloud.store.read(
            lambda at, number=number: batch_jobs.find_page(at, job, number)
        )
        assert page is not None, (job.id, number)
        yield "".join(
            inventories.csv_line(task.bucket, task.key, task.version_id) for task in page.tasks
        ).encode()


def _manifest_request(output: dict[str, Any], bucket: str, key: str) -> dict[str, Any]:
    request: dict[str, Any] = {"Bucket": bucket, "Key": key}
    if "ExpectedManifestBucketOwner" in output:
        request["ExpectedBucketOwner"] = output["ExpectedManifestBucketOwner"]
    encryption = output.get("ManifestEncryption", {})
    if "SSEKMS" in encryption:
        request["ServerSideEncryption"] = "aws:kms"
        request["SSEKMSKeyId"] = encryption["SSEKMS"]["KeyId"]
    elif "SSES3" in encryption:
        request["ServerSideEncryption"] = "AES256"
    return request
