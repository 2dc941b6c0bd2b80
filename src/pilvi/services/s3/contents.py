"""Putting objects into buckets and taking them out, together with their bodies and whoever is told of it.

Every blob named by a row or a manifest holds one reference for that naming; here it is let go.
"""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.s3 import events
from pilvi.services.s3.records import objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.rules.notifications import Event
from pilvi.store.api import Transaction


def put(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    stored: Object,
    *,
    pieces: tuple[Piece, ...] | None = None,
    replaced: Object | None,
    event: str,
) -> None:
    """Store an object whose blobs the caller has given their references; `replaced` stood there before."""
    if replaced is not None:
        _let_go(call, tx, bucket, replaced)
    objects.put_object(tx, bucket, stored, pieces)
    events.tell(
        call,
        tx,
        bucket,
        Event(event, stored.key, call.now_ms, etag=stored.etag, size=stored.size),
    )


def remove(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> None:
    _let_go(call, tx, bucket, stored)
    objects.delete_object(tx, bucket, stored)
    events.tell(call, tx, bucket, Event("ObjectRemoved:Delete", stored.key, call.now_ms))


def _let_go(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> None:
    for piece in objects.get_pieces(tx, bucket, stored):
        call.cloud.blobs.release(tx, piece.blob)
    objects.delete_manifest(tx, bucket, stored)
