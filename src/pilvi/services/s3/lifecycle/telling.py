"""What answers say of lifecycle rules: when an object expires, when an upload is forgotten.

A bucket without rules costs one look at its record.
AWS: S3 API Reference, PutObject (x-amz-expiration), CreateMultipartUpload (x-amz-abort-date).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pilvi.kit.call import Call
from pilvi.protocol.timestamps import rfc822
from pilvi.services.s3.lifecycle import judging, records
from pilvi.services.s3.lifecycle.judging import Subject
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.uploads import Upload
from pilvi.store.api import Snapshot

_EXPIRATION = "x-amz-expiration"


def expiration(call: Call, at: Snapshot, bucket: Bucket, stored: Object) -> dict[str, Any]:
    """Of a current object that was asked for by its key alone; of a version by its id nothing is told."""
    told = _told(call, at, bucket, stored)
    return {} if told is None else {"Expiration": told}


def add_expiration(call: Call, at: Snapshot, bucket: Bucket, stored: Object) -> None:
    """To the answer of whatever writes an object."""
    told = _told(call, at, bucket, stored)
    call.headers[:] = [one for one in call.headers if one[0] != _EXPIRATION]
    if told is not None:
        call.headers.append((_EXPIRATION, told))


def _told(call: Call, at: Snapshot, bucket: Bucket, stored: Object) -> str | None:
    lifecycle = records.find(at, bucket)
    if lifecycle is None:
        return None
    step = judging.expiry(lifecycle, subject_of(stored), call.cloud.settings.lifecycle_day_ms)
    if step is None:
        return None
    return f'expiry-date="{rfc822(step.due_ms)}", rule-id="{quote(step.rule, safe="")}"'


def subject_of(stored: Object) -> Subject:
    """A current object."""
    return Subject(
        stored.key,
        stored.modified_at_ms,
        stored.size,
        stored.storage_class,
        stored.tags,
        lock=stored.lock,
    )


def abort(call: Call, at: Snapshot, bucket: Bucket, upload: Upload) -> dict[str, Any]:
    if not bucket.lifecycle:
        return {}
    lifecycle = records.find(at, bucket)
    if lifecycle is None:
        return {}
    day_ms = call.cloud.settings.lifecycle_day_ms
    step = judging.abort(lifecycle, upload.key, upload.initiated_at_ms, day_ms)
    return {} if step is None else {"AbortDate": step.due_ms, "AbortRuleId": step.rule}
