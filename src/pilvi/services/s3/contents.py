"""Putting objects into buckets and taking them out, together with their bodies and whoever is told of it.

Every blob named by a row or a manifest holds one reference for that naming; here it is let go. What was current
becomes a version here, and a version becomes current again.
AWS: S3 User Guide, "How S3 Versioning works", "Deleting object versions from a versioning-enabled bucket".
"""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import events
from pilvi.services.s3.lifecycle import telling
from pilvi.services.s3.records import buckets, objects, version_ids, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object, Piece
from pilvi.services.s3.records.versions import Version
from pilvi.services.s3.replication import noting
from pilvi.services.s3.rules.notifications import Event
from pilvi.store.api import Transaction

_REMOVED = "ObjectRemoved"
_NOTHING_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def put(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    stored: Object,
    *,
    pieces: tuple[Piece, ...] | None = None,
    replaced: Object | None,
    event: str,
) -> Object:
    """Store an object whose blobs the caller has given their references, and give it as the version that it became.

    `replaced` was current before: it goes, or stays as a version.
    """
    if bucket.versioning:
        rank, version_id = _make_room(call, tx, bucket, stored.key, replaced)
        stored = msgspec.structs.replace(stored, rank=rank, version_id=version_id)
        if bucket.replicates:
            stored = noting.note(call, tx, bucket, stored)
    elif replaced is not None:
        _let_go(call, tx, bucket, replaced)
    objects.put_object(tx, bucket, stored, pieces)
    if bucket.lifecycle:
        telling.add_expiration(call, tx, bucket, stored)
    events.tell(
        call,
        tx,
        bucket,
        Event(
            event,
            stored.key,
            call.now_ms,
            etag=stored.etag,
            size=stored.size,
            version_id=stored.version_id,
        ),
    )
    return stored


def remove(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    current: Object | None,
    *,
    event: str = _REMOVED,
) -> Version | None:
    """Delete what is current. In a versioned bucket a delete marker takes its place, even that of nothing.

    `event`: the kind of events that tell of it. Only what somebody asked for is replicated.
    """
    if not bucket.versioning:
        if current is not None:
            _let_go(call, tx, bucket, current)
            objects.delete_object(tx, bucket, current)
            events.tell(call, tx, bucket, Event(f"{event}:Delete", key, call.now_ms))
        return None
    rank, version_id = _make_room(call, tx, bucket, key, current)
    if current is not None:
        objects.delete_object(tx, bucket, current)
    marker = Version(key, rank, call.now_ms, version_id)
    versions.put_marker(tx, bucket, marker)
    if bucket.replicates and event == _REMOVED:
        noting.note_marker(call, tx, bucket, marker)
    events.tell(
        call,
        tx,
        bucket,
        Event(
            f"{event}:DeleteMarkerCreated",
            key,
            call.now_ms,
            etag=_NOTHING_MD5,
            version_id=version_id,
        ),
    )
    return marker


def remove_version(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    found: Object | Version,
    *,
    event: str = _REMOVED,
) -> None:
    """Delete a version or a delete marker for good; what was before it may become current."""
    version_id = found.id if isinstance(found, Version) else found.version_id
    if isinstance(found, Object):
        _let_go(call, tx, bucket, found)
    versions.take_out(tx, bucket, found)
    events.tell(call, tx, bucket, Event(f"{event}:Delete", key, call.now_ms, version_id=version_id))


def _make_room(
    call: Call, tx: Transaction, bucket: Bucket, key: str, current: Object | None
) -> tuple[int, str]:
    """Rank and id of a new version; what was current becomes a version. Its row in `s3.object` is the caller's.

    While versioning is suspended, new versions have the id `null`, and there is never more than one of these.
    """
    rank = versions.next_rank(tx, bucket, key, current, call.now_ms)
    if bucket.versioning == buckets.ENABLED:
        if current is not None:
            versions.put_past(tx, bucket, current)
        return rank, version_ids.make(rank, call.entropy.bytes(version_ids.RANDOM_BYTES))
    if current is not None and not current.version_id:
        _let_go(call, tx, bucket, current)
        return rank, ""
    null = versions.find_past(tx, bucket, key, "")
    if null is not None:
        if null.object is not None:
            _let_go(call, tx, bucket, null.object)
        versions.delete_past(tx, bucket, key, null.rank)
    if current is not None:
        versions.put_past(tx, bucket, current)
    return rank, ""


def _let_go(call: Call, tx: Transaction, bucket: Bucket, stored: Object) -> None:
    for piece in objects.get_pieces(tx, bucket, stored):
        call.cloud.blobs.release(tx, piece.blob)
    objects.delete_manifest(tx, bucket, stored)
