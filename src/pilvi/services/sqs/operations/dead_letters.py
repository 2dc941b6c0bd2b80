"""Dead-letter queues: which queues send theirs to one."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.kit.paging import page_of, token_of
from pilvi.services.sqs import names, records
from pilvi.services.sqs.operations.queues import get_queue, page_asked
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.wire import (
    ListDeadLetterSourceQueuesRequest,
    ListDeadLetterSourceQueuesResult,
)
from pilvi.store.api import Snapshot


@sqs.read("ListDeadLetterSourceQueues")
def list_dead_letter_source_queues(
    call: Call, at: Snapshot, req: ListDeadLetterSourceQueuesRequest
) -> ListDeadLetterSourceQueuesResult:
    """Raises: QueueDoesNotExist, InvalidParameterValue. AWS: ListDeadLetterSourceQueues."""
    queue = get_queue(call, at, req)
    most, behind = page_asked(req)
    there = records.scan_queues(at, queue.queue_name.scope, behind=behind)
    sources = (one for one in there if one.dead_letters == queue.arn)
    found, more = page_of(sources, most)
    result: ListDeadLetterSourceQueuesResult = {
        "queueUrls": [names.url_of(call, one.queue_name) for one in found]
    }
    if more and "MaxResults" in req:
        result["NextToken"] = token_of((found[-1].name,))
    return result
