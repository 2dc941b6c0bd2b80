"""What time does to backups and restores: they go on where they are, and a deleted table's backup ends.

A job does one step, in the transaction that completes it, and plans the next there; how far it is is in the record.
"""

from __future__ import annotations

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Retry
from pilvi.kit.cloud import Cloud
from pilvi.services.dynamodb import restoring
from pilvi.services.dynamodb.backups import copying, limits, records
from pilvi.services.dynamodb.service import dynamodb
from pilvi.store.api import Transaction

_STUBBORN = Retry(attempts_max=1000)
_WHILE_RESTORED_MS = 60 * 60 * 1000


@dynamodb.job("back-up", retry=_STUBBORN)
async def back_up(cloud: Cloud, job: Job) -> Commit:
    """Copy the next page of a backup."""
    work = msgspec.msgpack.decode(job.payload, type=copying.BackupWork)

    def step(tx: Transaction) -> None:
        backup = records.backups.find(tx, (work.account, work.region), work.table, work.id)
        if backup is not None and backup.creating:
            now_ms = cloud.clock.now_ms()
            copying.go_on(tx, backup, limits.STEP_ITEMS, limits.STEP_BYTES, now_ms)

    return step


@dynamodb.job("restore", retry=_STUBBORN)
async def restore(cloud: Cloud, job: Job) -> Commit:
    """Write the next page of a restore."""
    work = msgspec.msgpack.decode(job.payload, type=restoring.RestoreWork)

    def step(tx: Transaction) -> None:
        found = records.restores.find(tx, (work.account, work.region), work.target_id)
        if found is not None:
            now_ms = cloud.clock.now_ms()
            restoring.go_on(tx, found, limits.STEP_ITEMS, limits.STEP_BYTES, now_ms)

    return step


@dynamodb.job("expire-backup")
async def expire_backup(cloud: Cloud, job: Job) -> Commit:
    """Forget the backup of a deleted table; a restore that reads it is waited for."""
    work = msgspec.msgpack.decode(job.payload, type=copying.BackupWork)

    def step(tx: Transaction) -> None:
        backup = records.backups.find(tx, (work.account, work.region), work.table, work.id)
        if backup is None:
            return
        now_ms = cloud.clock.now_ms()
        if copying.restores_from(tx, backup):
            tx.at(now_ms + _WHILE_RESTORED_MS, copying.work_job("expire-backup", backup))
        else:
            copying.end_backup(tx, backup, now_ms)

    return step
