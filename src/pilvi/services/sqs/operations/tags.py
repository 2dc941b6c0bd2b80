"""Tags of queues."""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.kit.call import Call
from pilvi.services.sqs import errors, records
from pilvi.services.sqs.operations.queues import get_queue
from pilvi.services.sqs.rules import tags
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.wire import (
    ListQueueTagsRequest,
    ListQueueTagsResult,
    TagQueueRequest,
    UntagQueueRequest,
)
from pilvi.store.api import Snapshot, Transaction


@sqs.write("TagQueue")
def tag_queue(call: Call, tx: Transaction, req: TagQueueRequest) -> None:
    """A tag of the same key is replaced. Raises: QueueDoesNotExist, InvalidParameterValue. AWS: TagQueue."""
    queue = get_queue(call, tx, req)
    given = dict((req.get("Tags") or {}).items())
    if not given:
        raise errors.MissingRequiredParameterException(name="Tags")
    merged = {**queue.tags, **given}
    tags.check(merged)
    records.put_queue(tx, replace(queue, tags=merged))


@sqs.write("UntagQueue")
def untag_queue(call: Call, tx: Transaction, req: UntagQueueRequest) -> None:
    """Keys that are not there are no error. Raises: QueueDoesNotExist. AWS: UntagQueue."""
    queue = get_queue(call, tx, req)
    gone = list(req.get("TagKeys") or ())
    if not gone:
        raise errors.InvalidParameterValueException(detail="Tag keys can't be empty.")
    left = {key: value for key, value in queue.tags.items() if key not in gone}
    records.put_queue(tx, replace(queue, tags=left))


@sqs.read("ListQueueTags")
def list_queue_tags(call: Call, at: Snapshot, req: ListQueueTagsRequest) -> ListQueueTagsResult:
    """Raises: QueueDoesNotExist. AWS: ListQueueTags."""
    queue = get_queue(call, at, req)
    return {"Tags": dict(queue.tags)} if queue.tags else {}
