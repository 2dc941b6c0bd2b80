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
        before_ms, left, cleaned = group.visible_from_ms(now_ms), limits.EXPIRY_EVENTS_MAX, None
        for stream in found:
            group, removed = records.remove_events(
                tx, scope, group, stream, before_ms=before_ms, count_max=left
            )
            left -= removed
            if not left:
                break  # this stream may have more: the next run begins with it
            cleaned = stream.name
        if not left or len(found) == limits.EXPIRY_STREAMS_MAX:
            records.schedule_expiry(
                tx, scope, group.name, due_ms=now_ms, after_stream=cleaned or expiry.after_stream
            )
        else:
            records.schedule_expiry(tx, scope, group.name, due_ms=now_ms + limits.EXPIRY_PAUSE_MS)

    return clean
