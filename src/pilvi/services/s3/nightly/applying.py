"""Doing to a version or an upload what its rules say, in the transaction that judged it."""

from __future__ import annotations

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import contents, events
from pilvi.services.s3.lifecycle.judging import DELETE, MARK, TRANSITION, Step
from pilvi.services.s3.lifecycle.records import Run
from pilvi.services.s3.lifecycle.walking import Judged
from pilvi.services.s3.operations import multipart
from pilvi.services.s3.records import logs, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.logs import Line
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.uploads import Upload
from pilvi.services.s3.records.versions import Listed, Version
from pilvi.services.s3.rules import access_logs
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.rules.storage_classes import (
    DEEP_ARCHIVE,
    GLACIER,
    GLACIER_IR,
    INTELLIGENT_TIERING,
    ONEZONE_IA,
    STANDARD_IA,
)
from pilvi.store.api import Transaction

_EVENT = "LifecycleExpiration"
_LOGGED = {
    STANDARD_IA: "_SIA",
    ONEZONE_IA: "_ZIA",
    INTELLIGENT_TIERING: "_INT",
    GLACIER_IR: "_GIR",
    GLACIER: "",
    DEEP_ARCHIVE: "_GDA",
}
"""What access logs call transitions to these classes."""


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
        _log(call, tx, bucket, "S3.DELETE.UPLOAD", found.key)
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
        marker = contents.remove(call, tx, bucket, stored.key, stored, event=_EVENT)
        version = "" if marker is None else marker.id
        _log(call, tx, bucket, "S3.CREATE.DELETEMARKER", stored.key, version=version)
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
    _log(call, tx, bucket, "S3.EXPIRE.OBJECT", found.key, size=size, version=found.id)
    return msgspec.structs.replace(
        run, deleted=run.deleted + 1, deleted_bytes=run.deleted_bytes + size
    )


def _move(
    call: Call, tx: Transaction, bucket: Bucket, stored: Object, storage_class: str
) -> Object:
    """Nothing of a version changes but its class: not even when it was modified."""
    moved = msgspec.structs.replace(stored, storage_class=storage_class)
    versions.put_row(tx, bucket, moved)
    _log(
        call,
        tx,
        bucket,
        f"S3.TRANSITION{_LOGGED[storage_class]}.OBJECT",
        stored.key,
        size=stored.size,
        version=stored.version_id,
    )
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


def _log(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    operation: str,
    key: str,
    *,
    size: int = 0,
    version: str = "",
) -> None:
    """A line of the bucket's access log, where it has one; when too many wait, none."""
    if bucket.logging is not None:
        text = access_logs.line_of_itself(
            bucket, call.now_ms, call.request_id, operation, key, size, version
        )
        logs.append(tx, bucket, Line(call.now_ms, call.request_id, text))
