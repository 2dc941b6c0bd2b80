"""What time does in SQS: names become free again, and what nobody received in time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.services.sqs import records
from pilvi.services.sqs.moving import MOVE, step, step_of
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import SWEEP, Stock
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


@sqs.job("forget")
async def forget(cloud: Cloud, job: Job) -> Commit:
    """The name of a deleted queue may be used again, whether or not it is kept in mind."""
    name = job.payload.decode()

    def apply(tx: Transaction) -> None:
        records.deleted.delete(tx, (job.account, job.region), name)

    return apply


@sqs.job(SWEEP)
async def sweep(cloud: Cloud, job: Job) -> Commit:
    """Remove what is too old, some at a time; then look again when the next one will be."""
    name = QueueName(Scope(job.account, job.region), job.payload.decode())

    def apply(tx: Transaction) -> None:
        queue = records.find_queue(tx, name)
        if queue is None:
            return
        stock = Stock(tx, queue, cloud.clock.now_ms())
        stock.settle()
        stock.plan_sweep()
        stock.save()

    return apply


@sqs.job(MOVE)
async def move(cloud: Cloud, job: Job) -> Commit:
    """One step of a message move task."""
    queue_name, number = step_of(job)
    name = QueueName(Scope(job.account, job.region), queue_name)

    def apply(tx: Transaction) -> None:
        queue = records.find_queue(tx, name)
        if queue is not None:
            step(tx, queue, number, now_ms=cloud.clock.now_ms(), new_id=cloud.entropy.uuid)

    return apply
