"""What time does to keys: they rotate, imported material expires, and scheduled deletions happen.

Each timer looks at the key as it is now, and does what is due of it: a timer that was moved or cancelled, or that
runs twice, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.services.kms import deletion, imported, limits, records, renewal
from pilvi.services.kms.keyring import Keyring
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules import states
from pilvi.services.kms.service import kms
from pilvi.store.api import Transaction
from pilvi.store.sealing import Sealer

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


def _with_key(job: Job, act: Callable[[Transaction, Key], None]) -> Commit:
    """Do something with the key of a job, if it is still there."""
    scope = Scope(job.account, job.region)
    key_id = msgspec.msgpack.decode(job.payload, type=records.Due).key_id

    def commit(tx: Transaction) -> None:
        key = records.find_key(tx, scope, key_id)
        if key is not None:
            act(tx, key)

    return commit


@kms.job("rotate")
async def rotate(cloud: Cloud, job: Job) -> Commit:
    """Rotate a key that is due, once for each period that has passed, and come back for the next. A key that cannot
    be used is rotated when it can be again (EnableKey)."""
    now_ms = cloud.clock.now_ms()

    def act(tx: Transaction, key: Key) -> None:
        due_ms = key.next_rotation_ms
        if due_ms is None or key.rotation_days is None:
            return
        if due_ms > now_ms:
            records.schedule(tx, key, "rotate", due_ms=due_ms)
            return
        if states.state_of(key, now_ms) != states.ENABLED:
            return
        ring = Keyring(
            key.scope,
            who=frozenset(),
            caller="",
            now_ms=now_ms,
            sealer=cloud.ask(Sealer),
            entropy=cloud.entropy,
        )
        rotated = renewal.rotate(tx, ring, key, renewal.AUTOMATIC, due_ms)
        next_ms = due_ms + key.rotation_days * limits.DAY_MS
        records.put_key(tx, msgspec.structs.replace(rotated, next_rotation_ms=next_ms))
        records.schedule(tx, key, "rotate", due_ms=next_ms)

    return _with_key(job, act)


@kms.job("expire")
async def expire(cloud: Cloud, job: Job) -> Commit:
    """Destroy the imported material of a key that has expired."""
    now_ms = cloud.clock.now_ms()

    def act(tx: Transaction, key: Key) -> None:
        records.put_key(tx, imported.expire(tx, key, now_ms))

    return _with_key(job, act)


@kms.job("delete")
async def delete(cloud: Cloud, job: Job) -> Commit:
    """Delete a key whose waiting period is over, with all its material."""
    now_ms = cloud.clock.now_ms()

    def act(tx: Transaction, key: Key) -> None:
        if key.deletion_ms is not None and key.deletion_ms <= now_ms:
            deletion.delete(tx, key, now_ms)

    return _with_key(job, act)
