"""The life of a mapping's poller: a resident of the dispatcher, there for as long as the mapping is not Disabled.

It alone ends the passing states, so that Enabled means that it polls, Disabled that nothing runs any more, and that a
mapping is gone means that its last batch was settled.

Invariants: 1 of `records.py`. So whoever changes a mapping that is Disabled plans its resident, and whoever changes
any other wakes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job, Stay
from pilvi.services.lambda_.mappings import records
from pilvi.services.lambda_.mappings.kinds import kind_of
from pilvi.services.lambda_.mappings.poller import Poller
from pilvi.services.lambda_.mappings.records import Mapping
from pilvi.services.lambda_.service import lambda_
from pilvi.store.api import Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


def plan(tx: Transaction, scope: Scope, uuid: str, now_ms: int) -> None:
    """Let the resident of a mapping begin that has none."""
    job = Job(
        "lambda.poll",
        uuid.encode(),
        id=f"lambda.poll/{uuid}",
        account=scope.account,
        region=scope.region,
        resident=True,
    )
    tx.at(now_ms, job)


async def _pending(cloud: Cloud, job: Job) -> bool:
    """Whether the mapping's state is to change, or there is something that its poller would take."""
    scope, uuid = Scope(job.account, job.region), job.payload.decode()
    mapping = await cloud.store.read(lambda at: records.find_mapping(at, scope, uuid))
    if mapping is None:
        return False
    if mapping.state != records.ENABLED:
        return True
    progress = await cloud.store.read(lambda at: records.find_progress(at, scope, uuid))
    if cloud.clock.now_ms() < progress.resting_until_ms:
        return False
    return await kind_of(mapping.source_arn).pending(cloud, scope, mapping)


@lambda_.resident("poll", pending=_pending)
async def reside(cloud: Cloud, job: Job, stay: Stay) -> Commit | None:
    """Poll for one mapping until it is disabled or deleted."""
    scope, uuid = Scope(job.account, job.region), job.payload.decode()
    while not stay.leaving:
        mapping = await cloud.store.read(lambda at: records.find_mapping(at, scope, uuid))
        if mapping is None or mapping.state == records.DELETING:
            return lambda tx: records.delete_mapping(tx, scope, uuid)
        if not mapping.enabled:
            return _disabling(cloud, scope, mapping)
        await Poller(cloud, scope, mapping, stay, job.cause).run()
    return None


def _disabling(cloud: Cloud, scope: Scope, seen: Mapping) -> Commit:
    now_ms = cloud.clock.now_ms()

    def commit(tx: Transaction) -> None:
        mapping = records.find_mapping(tx, scope, seen.uuid)
        if mapping is None:
            return
        if mapping.version != seen.version:
            plan(tx, scope, mapping.uuid, now_ms)  # something else is wanted by now
            return
        records.put_mapping(
            tx,
            scope,
            msgspec.structs.replace(mapping, state=records.DISABLED, modified_ms=now_ms),
        )

    return commit
