"""What happens later to service-linked roles: they are deleted, and the tasks that did it are forgotten."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import records
from pilvi.services.iam.service import iam
from pilvi.services.iam.service_linked_roles import DELETIONS, find_deletion
from pilvi.store.api import Transaction


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
