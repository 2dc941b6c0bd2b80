"""What time does to log groups: expired events are removed.

Readers already hide what has expired, so this only frees space; it may run late, and twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.services.logs import limits, records
from pilvi.services.logs.service import logs
from pilvi.store.api import Transaction
from pilvi.store.keys import pack

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


@logs.job("expire")
async def expire(cloud: Cloud, job: Job) -> Commit:
    """Remove the expired events of one group, and come back when the next ones expire."""
    expiry = msgspec.msgpack.decode(job.payload, type=records.Expiry)
    scope = Scope(job.account, job.region)
    now_ms = cloud.clock.now_ms()

    def clean(tx: Transaction) -> None:
        group = records.groups.find(tx, records.groups_home(scope), expiry.group)
        if group is None or group.retention_days is None:
            return  # deleted, or without a policy by now: nothing expires any more
        home = records.group_home(scope, group.name)
        after = None if expiry.after_stream is None else (expiry.after_stream,)
        found = list(
            records.streams.scan(tx, home, after_key=after, limit=limits.EXPIRY_STREAMS_MAX)
        )
        for stream in found:
            _clean_stream(tx, scope, group.name, stream, group.visible_from_ms(now_ms))
        if len(found) == limits.EXPIRY_STREAMS_MAX:
            records.schedule_expiry(
                tx, scope, group.name, due_ms=now_ms, after_stream=found[-1].name
            )
        else:
            records.schedule_expiry(tx, scope, group.name, due_ms=now_ms + limits.EXPIRY_PAUSE_MS)

    return clean


def _clean_stream(
    tx: Transaction, scope: Scope, group: str, stream: records.LogStream, before_ms: int
) -> None:
    if stream.first_event_ms is None or stream.first_event_ms >= before_ms:
        return
    home = records.stream_home(scope, group, stream.name)
    first = pack((*home, records.events.name, "r"))
    tx.delete_range(first, pack((*home, records.events.name, "r", before_ms)))
    oldest = next(iter(records.events.scan(tx, home, limit=1)), None)
    left = msgspec.structs.replace(
        stream, first_event_ms=None if oldest is None else oldest.timestamp_ms
    )
    records.streams.put(tx, records.group_home(scope, group), left)
