"""S3 acting on its own behalf, in a job: nobody asked, so no policy is asked either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.identity.principal import service_itself
from pilvi.kit.call import Call
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


def acting(cloud: Cloud, bucket: Bucket, job: Job, operation: str) -> Call:
    """`operation`: what it is about, for people."""
    return Call(
        cloud=cloud,
        service="s3",
        operation=operation,
        scope=Scope(bucket.account, bucket.region),
        principal=service_itself("s3"),
        request_id=job.cause.request_id,
        now_ms=cloud.clock.now_ms(),
        parent=job.id,
    )


def find_bucket(at: Snapshot, name: str, id: str) -> Bucket | None:
    """The bucket that a job is about, if it is still that one."""
    bucket = buckets.find_bucket(at, name)
    return bucket if bucket is not None and bucket.id == id else None
