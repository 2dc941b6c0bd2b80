"""What time does in IAM and STS: old observations, sessions that ended long ago and deleted keys are forgotten."""

from __future__ import annotations

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import limits, records
from pilvi.services.iam.observed import records as observed
from pilvi.services.iam.observed import reports
from pilvi.services.iam.service import iam, sts
from pilvi.store.api import Transaction


@sts.job("sweep")
async def sweep(cloud: Cloud, job: Job) -> Commit:
    """Forget a batch of old sessions and keys; the next batch follows at once. Running it twice is harmless."""
    now_ms = cloud.clock.now_ms()

    def forget(tx: Transaction) -> None:
        until_ms = now_ms - limits.EXPIRED_KEPT_MS
        old = records.expired(tx, until_ms, limits.SWEEP_BATCH)
        for access_key_id in old:
            records.delete_issued(tx, access_key_id)
        if len(old) == limits.SWEEP_BATCH:
            tx.at(now_ms, Job(kind="sts.sweep", payload=b""))

    return forget


@iam.job("forget")
async def forget(cloud: Cloud, job: Job) -> Commit:
    """Forget a batch of what was observed long ago; as above."""
    now_ms = cloud.clock.now_ms()

    def old(tx: Transaction) -> None:
        if observed.forget(tx, now_ms):
            tx.at(now_ms, Job(kind="iam.forget", payload=b""))

    return old


@iam.job("forget_report")
async def forget_report(cloud: Cloud, job: Job) -> Commit:
    """A report on last accessed services has been kept for long enough."""
    return lambda tx: reports.delete(tx, job.account, job.payload.decode())
