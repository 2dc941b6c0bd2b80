"""Tasks that compute a checksum of what is stored, and change nothing: the report has the value.

AWS: S3 User Guide, "Compute checksums".
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson

from pilvi.base.errors import NotBuilt
from pilvi.base.http import Body
from pilvi.protocol.checksums import Hasher, hasher
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.outcomes import Outcome, succeeded
from pilvi.services.s3.records.batch_jobs import Task

_FULL, _COMPOSITE = "FULL_OBJECT", "COMPOSITE"
_DEFAULT = "CRC64NVME"
_WHOLE_ONLY = frozenset({"CRC64NVME", "MD5"})


async def compute(acting: Acting, asked: dict[str, Any], task: Task, task_id: str) -> Outcome:
    """A composite one is the checksum of the parts' checksums, and says of how many parts.

    Raises: AwsError (the object cannot be read).
    """
    algorithm = asked.get("ChecksumAlgorithm", _DEFAULT)
    kind = asked.get("ChecksumType", _FULL)
    if kind == _COMPOSITE and algorithm in _WHOLE_ONLY:
        raise NotBuilt(what=f"composite checksums by {algorithm}")
    request = {"Bucket": task.bucket, "Key": task.key}
    if task.version_id:
        request["VersionId"] = task.version_id
    if kind == _FULL:
        answer = await acting.perform("GetObject", request)
        digest = await _digest(answer["Body"], hasher(algorithm))
        return _told(digest, answer["ETag"], algorithm, kind, "")
    whole = hasher(algorithm)
    number = count = 1
    etag = ""
    while number <= count:
        answer = await acting.perform("GetObject", {**request, "PartNumber": number})
        count, etag = answer.get("PartsCount", 1), answer["ETag"]
        request["IfMatch"] = etag
        whole.update(await _digest(answer["Body"], hasher(algorithm)))
        number += 1
    return _told(whole.digest(), etag, algorithm, kind, f"-{count}")


async def _digest(body: bytes | Body, one: Hasher) -> bytes:
    if isinstance(body, bytes):
        one.update(body)
    else:
        async for piece in body:
            await asyncio.to_thread(one.update, piece)
    return one.digest()


def _told(digest: bytes, etag: str, algorithm: str, kind: str, parts: str) -> Outcome:
    told = {
        "checksum_base64": base64.b64encode(digest).decode() + parts,
        "etag": etag.strip('"'),
        "checksumAlgorithm": algorithm,
        "checksumType": kind,
        "checksum_hex": digest.hex().upper() + parts,
    }
    return succeeded(orjson.dumps(told).decode())
