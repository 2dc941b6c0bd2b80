"""What time does in IAM and STS: old observations, sessions that ended long ago and deleted keys are forgotten.

And what takes its time: credential reports, the deletion of service-linked roles.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.contracts.observations import Observations
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import credential_report, limits, records
from pilvi.services.iam.credential_report import CREDENTIAL_REPORTS
from pilvi.services.iam.observed import records as observed
from pilvi.services.iam.observed import reports
from pilvi.services.iam.records import USERS, User
from pilvi.services.iam.service import iam, sts
from pilvi.services.iam.service_linked_roles import DELETIONS, find_deletion
from pilvi.store.api import Snapshot, Transaction


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


def _give_up(job: Job, reason: str) -> Commit:
    """A report that could not be made is forgotten, so that another one can be asked for."""
    scope = Scope(job.account, job.region)

    def forget(tx: Transaction) -> None:
        begun = credential_report.find(tx, scope)
        if begun is not None and begun.id == msgspec.msgpack.decode(job.payload):
            CREDENTIAL_REPORTS.delete(tx, records.home_of(scope))

    return forget


@iam.job("report", bury=_give_up)
async def report(cloud: Cloud, job: Job) -> Commit:
    """Make an account's credential report, a batch of users at a time. Running it twice makes the same report."""
    scope = Scope(job.account, job.region)
    await cloud.ask(Observations).flush()
    rows = [await cloud.store.read(lambda at: credential_report.root_row(at, scope))]
    last: User | None = None
    while True:

        def batch(at: Snapshot, behind: User | None = last) -> list[tuple[User, list[str]]]:
            after = None if behind is None else USERS.key_of(behind)
            found = USERS.scan(
                at, records.home_of(scope), after_key=after, limit=limits.REPORT_BATCH
            )
            return [(user, credential_report.user_row(at, scope, user)) for user in found]

        read = await cloud.store.read(batch)
        rows += [row for _, row in read]
        if len(read) < limits.REPORT_BATCH:
            break
        last = read[-1][0]
    content, now_ms = credential_report.as_csv(rows), cloud.clock.now_ms()

    def keep(tx: Transaction) -> None:
        begun = credential_report.find(tx, scope)
        if begun is not None and begun.id == msgspec.msgpack.decode(job.payload):
            begun.content, begun.made_at_ms = content, now_ms
            CREDENTIAL_REPORTS.put(tx, records.home_of(scope), begun)

    return keep


@iam.job("delete_service_linked_role")
async def delete_service_linked_role(cloud: Cloud, job: Job) -> Commit:
    """Delete the role that a task is about, if it is still the same one. Run again, it finds the task over."""
    scope, task_id = Scope(job.account, job.region), msgspec.msgpack.decode(job.payload, type=str)

    def commit(tx: Transaction) -> None:
        task = find_deletion(tx, scope, task_id)
        if task is None or task.over:
            return
        role = records.find_role(tx, scope, task.role)
        if role is not None and role.id == task.role_id:
            for arn in role.attached:
                records.delete_attachment(tx, scope, "role", role, arn)
            records.ROLES.delete(tx, records.home_of(scope), role.name.lower())
        task.status = "SUCCEEDED"
        DELETIONS.put(tx, records.home_of(scope), task)

    return commit


@iam.job("forget_service_linked_role")
async def forget_service_linked_role(cloud: Cloud, job: Job) -> Commit:
    """Forget a task that was over long ago."""
    scope, task_id = Scope(job.account, job.region), msgspec.msgpack.decode(job.payload, type=str)

    def commit(tx: Transaction) -> None:
        task = find_deletion(tx, scope, task_id)
        if task is not None and task.over:
            DELETIONS.delete(tx, records.home_of(scope), *DELETIONS.key_of(task))

    return commit
