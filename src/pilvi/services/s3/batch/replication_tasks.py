"""Tasks that replicate what is there already: noted as if it had been written now, and looked at until it has come.

AWS: S3 User Guide, "Replicating existing objects with Batch Replication".
"""

from __future__ import annotations

from pilvi.services.s3 import asked as asked_for
from pilvi.services.s3 import errors
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.outcomes import Outcome, succeeded
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.batch_jobs import Task
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.replication import FAILED, PENDING
from pilvi.services.s3.replication import NotEligible, enqueue
from pilvi.services.s3.rules import names
from pilvi.store.api import Snapshot, Transaction

_WAITS = Outcome(
    ok=False, code="ReplicationPending", message="It is not replicated yet", again=True
)


async def replicate(acting: Acting, task: Task, attempt: int) -> Outcome:
    """Raises: AwsError (not permitted, no such version)."""
    await acting.demand("s3:InitiateReplication", names.object_arn(task.bucket, task.key))
    store = acting.cloud.store
    if attempt > 1:
        _, stored = await store.read(lambda at: _find(at, task))
        return _outcome(stored)
    call = acting.call()

    def note(tx: Transaction) -> None:
        bucket, stored = _find(tx, task)
        enqueue(call, tx, bucket, stored)

    try:
        await store.write(note, cause=call.cause)
    except NotEligible as refused:
        message = "The object is not eligible for replication"
        return Outcome(ok=False, status=400, code=refused.reason, message=message)
    return _WAITS


def _outcome(stored: Object) -> Outcome:
    state = stored.replication
    status = PENDING if state is None else state.told
    if state is not None and status == FAILED:
        message = "The object could not be replicated"
        return Outcome(ok=False, status=400, code=state.reason, message=message)
    return _WAITS if status == PENDING else succeeded()


def _find(at: Snapshot, task: Task) -> tuple[Bucket, Object]:
    """Raises: NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
    bucket = buckets.get_bucket(at, task.bucket)
    found = asked_for.find(at, bucket, task.key, task.version_id or None)
    if found is None:
        if task.version_id:
            raise errors.NoSuchVersion(task.key, task.version_id)
        raise errors.NoSuchKey(task.key)
    if not isinstance(found, Object):
        raise errors.MethodNotAllowed()
    return bucket, found
