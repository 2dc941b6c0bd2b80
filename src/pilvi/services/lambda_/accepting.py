"""Accepting an event: from then on the function runs with it, at least once."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.lambda_ import names, records
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Accepted
from pilvi.store.api import Transaction


async def accept_event(
    call: Call,
    asked: FunctionName,
    payload: bytes,
    *,
    client_context: str | None,
    trace_id: str | None,
) -> None:
    """Let the function run with an event. Raises: FunctionNotFound."""
    name = FunctionName(asked.scope, asked.name, asked.qualifier or names.LATEST)
    # A job that invokes has the id of the request at the root of its story, which may be an invocation too.
    request_id = call.request_id if call.parent is None else call.entropy.uuid()
    event = Accepted(
        name=name.name,
        qualifier=asked.qualifier,
        payload=payload,
        request_id=request_id,
        accepted_ms=call.now_ms,
        client_context=client_context,
        trace_id=trace_id,
    )

    def accept(tx: Transaction) -> None:
        records.resolve(tx, name)
        records.accept(tx, name.scope, event, unique_id=request_id)

    await call.transact(accept)
