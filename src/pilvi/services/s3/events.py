"""Telling what happened to a key: in the transaction in which it happened.

A configuration that wants the event gets a delivery; one that would, but for its filter, leaves a note in the
request's trace.
"""

from __future__ import annotations

from pilvi.contracts.delivery import Source
from pilvi.dispatch import trace
from pilvi.kit.call import Call
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.rules import names, notifications
from pilvi.services.s3.rules.notifications import Circumstances, Event
from pilvi.store.api import Transaction


def tell(call: Call, tx: Transaction, bucket: Bucket, event: Event) -> None:
    """Deliver the event to whoever is configured for it."""
    if not bucket.notifications:
        return
    sequence = buckets.next_sequence(tx, bucket, event.at_ms)
    circumstances = _circumstances(call, bucket, event)
    for one in bucket.notifications:
        if not notifications.wants(one, event):
            continue
        if not notifications.passes(one, event):
            trace.undelivered(
                tx,
                call.cause,
                "s3",
                one.target,
                trace.Undelivered.FILTER,
                f"notification {one.id}: {event.key!r} against prefix {one.prefix!r}, suffix {one.suffix!r}",
                at_ms=event.at_ms,
            )
            continue
        tx.deliver(
            one.target,
            notifications.record(bucket, one, event, circumstances, sequence),
            source=source_of(bucket),
        )


def _circumstances(call: Call, bucket: Bucket, event: Event) -> Circumstances:
    principal = call.principal
    if principal.service:
        if (
            event.name == "ObjectRestore:Completed"
        ):  # recorded: it is the owner's, not the service's
            owner = f"AmazonCustomer:{names.canonical_id(bucket.account)}"
            return Circumstances(owner, principal.id, call.request_id)
        return Circumstances(principal.id, principal.id, call.request_id)
    host = call.request.client_host if call.request is not None else ""
    return Circumstances(f"AWS:{principal.id}", host, call.request_id)


def source_of(bucket: Bucket) -> Source:
    """As whom S3 delivers a bucket's events."""
    return Source("s3.amazonaws.com", bucket.arn, bucket.account)
