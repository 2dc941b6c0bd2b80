"""Doing to a version or an upload what its rules say, in the transaction that judged it."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import contents, events
from pilvi.services.s3.lifecycle.judging import DELETE, MARK, TRANSITION, Step
from pilvi.services.s3.lifecycle.records import Run
from pilvi.services.s3.lifecycle.walking import Judged
from pilvi.services.s3.operations import multipart
from pilvi.services.s3.records import versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.uploads import Upload
from pilvi.services.s3.records.versions import Listed, Version
from pilvi.services.s3.rules.notifications import Event
from pilvi.store.api import Transaction

_EVENT = "LifecycleExpiration"


def cost(judged: Judged) -> int:
    """About how many rows it takes."""
    if isinstance(judged.found, Upload):
        return 100  # its parts are not known yet
    stored = judged.found.object
    return 1 if stored is None else 1 + stored.parts


def apply(
    call: Call, tx: Transaction, bucket: Bucket, judged: Judged, due: list[Step], run: Run
) -> Run:
    """`due`: those of its steps whose time has come, in order. Gives the run with this counted."""
    found = judged.found
    if isinstance(found, Upload):
        multipart.forget(call, tx, bucket, found)
        return msgspec.structs.replace(run, aborted=run.aborted + 1)
    last = due[-1]
    if last.what == DELETE:
        return _delete(call, tx, bucket, found, run)
    assert found.object is not None, found.key
    stored = found.object
    moves = [step for step in due if step.what == TRANSITION]
    if moves:
        stored = _move(call, tx, bucket, stored, moves[-1].storage_class)
        run = msgspec.structs.replace(run, transitioned=run.transitioned + 1)
    if last.what == MARK:
        contents.remove(call, tx, bucket, stored.key, stored, event=_EVENT)
        run = msgspec.structs.replace(run, markers=run.markers + 1)
    return run


def _delete(call: Call, tx: Transaction, bucket: Bucket, found: Listed, run: Run) -> Run:
    stored = found.object
    if stored is not None and not bucket.versioning:
        contents.remove(call, tx, bucket, found.key, stored, event=_EVENT)
    else:
        gone = stored or Version(found.key, found.rank, found.modified_at_ms, found.id)
        contents.remove_version(call, tx, bucket, found.key, gone, event=_EVENT)
    size = 0 if stored is None else stored.size
    return msgspec.structs.replace(
        run, deleted=run.deleted + 1, deleted_bytes=run.deleted_bytes + size
    )


def _move(
    call: Call, tx: Transaction, bucket: Bucket, stored: Object, storage_class: str
) -> Object:
    """Nothing of a version changes but its class: not even when it was modified."""
    moved = msgspec.structs.replace(stored, storage_class=storage_class)
    versions.put_row(tx, bucket, moved)
    events.tell(
        call,
        tx,
        bucket,
        Event(
            "LifecycleTransition",
            stored.key,
            call.now_ms,
            etag=stored.etag,
            size=stored.size,
            version_id=stored.version_id,
            more={
                "lifecycleEventData": {
                    "transitionEventData": {"destinationStorageClass": storage_class}
                }
            },
        ),
    )
    return moved
