"""Telling a mapping's destination of records that were given up, in the transaction that passes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pilvi.services.lambda_ import names
from pilvi.services.lambda_.destinations.parcels import Parcel, send_later
from pilvi.services.lambda_.mappings.changes.documents import Change, Ran, event_of, notice_of
from pilvi.services.lambda_.mappings.source import Polling
from pilvi.store.api import Transaction


class Notice(NamedTuple):
    """`attempts`: how often the function got the records. `ran`, `request_id`: of the last time, if there was one."""

    condition: str
    changes: Sequence[Change]
    attempts: int
    shard_id: str
    ran: Ran | None = None
    request_id: str | None = None


async def parcel(polling: Polling, notice: Notice) -> Parcel | None:
    """What is to be sent; None where nobody wants to know. Raises: RoleNotAssumed."""
    mapping, cloud = polling.mapping, polling.cloud
    destination = mapping.settings.on_failure
    if not destination:
        return None
    role = (await polling.principal()).role_arn
    assert role is not None, "whoever polls has assumed a role"
    now_ms = cloud.clock.now_ms()
    of_bucket = destination.split(":")[2] == "s3"
    body = notice_of(
        notice.changes,
        condition=notice.condition,
        attempts=notice.attempts,
        ran=notice.ran,
        request_id=notice.request_id or cloud.entropy.uuid(),
        function_arn=mapping.function_arn,
        shard_id=notice.shard_id,
        stream_arn=mapping.source_arn,
        now_ms=now_ms,
        payload=event_of(notice.changes) if of_bucket else None,
    )
    return Parcel(
        arn=destination,
        body=body,
        function_arn=names.parse_function(polling.scope, mapping.function_arn).arn,
        role=role,
        name=cloud.entropy.uuid(),
        at_ms=now_ms,
        folder=f"aws/lambda/{mapping.uuid}/{notice.shard_id}",
    )


def send(tx: Transaction, polling: Polling, sent: Parcel) -> None:
    send_later(tx, sent, unique_id=f"{polling.mapping.uuid}/{sent.name}")
