"""RestoreObject, and the two jobs behind it: the copy is there, and it is gone again.

1. What a version's record says decides: jobs only change it, when it says that it is time, and tell of it.
2. After its last day a copy cannot be read, whether the job that takes it away has run or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from pilvi.contracts.delivery import Commit
from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.protocol.timestamps import iso8601_full
from pilvi.services.s3 import access, asked, behalf, errors, events, integrity
from pilvi.services.s3.archive import tiers
from pilvi.services.s3.lifecycle import judging
from pilvi.services.s3.records import versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.restores import Restore
from pilvi.services.s3.rules import archives
from pilvi.services.s3.rules.notifications import Event
from pilvi.services.s3.rules.storage_classes import ARCHIVES, INTELLIGENT_TIERING
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import RestoreObjectOutput, RestoreObjectRequest
from pilvi.store.api import Snapshot, Transaction

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud


class Version(msgspec.Struct, frozen=True):
    """The payload of the jobs. `object_id`: of its content, so that another one of that id is not meant."""

    bucket: str
    bucket_id: str
    key: str
    version_id: str
    object_id: str


@s3.write("RestoreObject")
def restore_object(call: Call, tx: Transaction, req: RestoreObjectRequest) -> RestoreObjectOutput:
    """Have an archived version readable for some days, some hours from now (202).

    While it is readable, the days begin anew (200); while it is under way, a faster tier makes it faster (202).
    Raises: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), InvalidObjectState (it is not
        archived), ObjectAlreadyInActiveTierError, RestoreAlreadyInProgress, MalformedXML, InvalidRequest (the tier),
        InvalidArgument.
    AWS: RestoreObject; User Guide, "Restoring an archived object".
    """
    bucket = access.admit(call, tx, req)
    stored = asked.get_any(call, tx, bucket, req)
    integrity.check_document(call, req)
    if stored.storage_class == INTELLIGENT_TIERING:
        raise errors.ObjectAlreadyInActiveTierError()
    if stored.storage_class not in ARCHIVES:
        raise errors.InvalidObjectState(
            "", "Restore is not allowed for the object's current storage class"
        )
    wanted = tiers.wanted(req.get("RestoreRequest"))
    day_ms = call.cloud.settings.lifecycle_day_ms
    takes_ms = tiers.duration_ms(stored.storage_class, wanted.tier, day_ms)
    restore = archives.restore_of(stored, call.now_ms)
    if restore is not None and not restore.ongoing:
        until_ms = judging.due_ms(call.now_ms, wanted.days, day_ms)
        longer = msgspec.structs.replace(restore, days=wanted.days, expires_at_ms=until_ms)
        _put(tx, bucket, stored, longer)
        _schedule(tx, "s3.restore_end", bucket, stored, until_ms)
        return cast("RestoreObjectOutput", {})
    due_ms = call.now_ms + takes_ms
    if restore is None:
        restore = Restore(call.now_ms, due_ms, wanted.days, wanted.tier)
        _tell(call, tx, bucket, stored, "Post")
    elif tiers.is_faster(wanted.tier, restore.tier):
        due_ms = min(due_ms, restore.due_ms)
        restore = msgspec.structs.replace(restore, due_ms=due_ms, tier=wanted.tier)
    else:
        raise errors.RestoreAlreadyInProgress()
    _put(tx, bucket, stored, restore)
    _schedule(tx, "s3.restore", bucket, stored, due_ms)
    call.status = 202
    return cast("RestoreObjectOutput", {})


@s3.job("restore")
async def restore(cloud: Cloud, job: Job) -> Commit | None:
    """The copy is there."""
    day_ms = cloud.settings.lifecycle_day_ms

    def commit(tx: Transaction) -> None:
        bucket, stored = _find(tx, job)
        now_ms = cloud.clock.now_ms()
        if bucket is None or stored is None or stored.restore is None:
            return
        found = stored.restore
        if not found.ongoing or now_ms < found.due_ms:
            return
        until_ms = judging.due_ms(now_ms, found.days, day_ms)
        _put(tx, bucket, stored, msgspec.structs.replace(found, expires_at_ms=until_ms))
        _schedule(tx, "s3.restore_end", bucket, stored, until_ms)
        more = {
            "glacierEventData": {
                "restoreEventData": {
                    "lifecycleRestorationExpiryTime": iso8601_full(until_ms),
                    "lifecycleRestoreStorageClass": stored.storage_class,
                }
            }
        }
        _tell(behalf.acting(cloud, bucket, job, "Restore"), tx, bucket, stored, "Completed", more)

    return commit


@s3.job("restore_end")
async def end(cloud: Cloud, job: Job) -> Commit | None:
    """The copy is gone."""

    def commit(tx: Transaction) -> None:
        bucket, stored = _find(tx, job)
        if bucket is None or stored is None or stored.restore is None:
            return
        found = stored.restore
        if found.ongoing or cloud.clock.now_ms() < found.expires_at_ms:
            return
        _put(tx, bucket, stored, None)
        _tell(behalf.acting(cloud, bucket, job, "Restore"), tx, bucket, stored, "Delete")

    return commit


def _find(at: Snapshot, job: Job) -> tuple[Bucket | None, Object | None]:
    about = msgspec.msgpack.decode(job.payload, type=Version)
    bucket = behalf.find_bucket(at, about.bucket, about.bucket_id)
    if bucket is None:
        return None, None
    stored = versions.find(at, bucket, about.key, about.version_id)
    found = isinstance(stored, Object) and stored.id == about.object_id
    return bucket, stored if found and isinstance(stored, Object) else None


def _put(tx: Transaction, bucket: Bucket, stored: Object, restore: Restore | None) -> None:
    versions.put_row(tx, bucket, msgspec.structs.replace(stored, restore=restore))


def _schedule(tx: Transaction, kind: str, bucket: Bucket, stored: Object, due_ms: int) -> None:
    """A second call moves it."""
    about = Version(bucket.name, bucket.id, stored.key, stored.version_id, stored.id)
    job = Job(
        kind=kind,
        payload=msgspec.msgpack.encode(about),
        id=f"{kind}/{bucket.id}/{stored.id}",
        account=bucket.account,
        region=bucket.region,
    )
    tx.at(due_ms, job)


def _tell(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    stored: Object,
    what: str,
    more: dict[str, Any] | None = None,
) -> None:
    events.tell(
        call,
        tx,
        bucket,
        Event(
            f"ObjectRestore:{what}",
            stored.key,
            call.now_ms,
            etag=stored.etag,
            size=stored.size,
            version_id=stored.version_id,
            more=more,
        ),
    )
