"""Queues: created, found, listed, emptied and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from pilvi.contracts.jobs import Job
from pilvi.contracts.principals import Principals
from pilvi.kit.call import Call
from pilvi.kit.paging import key_of, page_of, token_of
from pilvi.languages.policy import RESOURCE, principals_named
from pilvi.services.sqs import errors, limits, names, records
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import attributes, tags
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.purging import purge
from pilvi.services.sqs.wire import (
    CreateQueueRequest,
    CreateQueueResult,
    DeleteQueueRequest,
    GetQueueUrlRequest,
    GetQueueUrlResult,
    ListQueuesRequest,
    ListQueuesResult,
    PurgeQueueRequest,
)
from pilvi.store.api import Snapshot, Transaction

_SECRET_BYTES = 16


def get_queue(call: Call, at: Snapshot, req: Mapping[str, Any]) -> Queue:
    """The queue that a request names. Raises: QueueDoesNotExist, MissingParameter, InvalidAddress."""
    queue = records.find_queue(at, names.queue_asked(call, req))
    if queue is None:
        raise errors.no_queue(call)
    return queue


@sqs.write("CreateQueue")
def create_queue(call: Call, tx: Transaction, req: CreateQueueRequest) -> CreateQueueResult:
    """A queue of that name with those attributes: a new one, or the one that there is.

    Raises: QueueNameExists, QueueDeletedRecently, InvalidAttributeName, InvalidAttributeValue,
        InvalidParameterValue, MissingParameter.
    AWS: CreateQueue.
    """
    name = req.get("QueueName")
    if not name:
        raise errors.MissingRequiredParameterException(name="QueueName")
    given = dict((req.get("Attributes") or {}).items())
    tagged = dict((req.get("tags") or {}).items())
    fifo = attributes.is_fifo(given)
    names.check_name(name, fifo=fifo)
    tags.check(tagged)
    queue_name = QueueName(call.scope, name)
    there = records.find_queue(tx, queue_name)
    if there is not None:
        wrong = attributes.different(there, given)
        if wrong is not None:
            raise errors.QueueNameExists(attribute=wrong)
        return {"QueueUrl": names.url_of(call, queue_name)}
    gone = records.deleted.find(tx, records.home(call.scope), name)
    if gone is not None and gone.at_ms + limits.DELETED_MS > call.now_ms:
        raise errors.QueueDeletedRecently()
    queue = Queue(
        account=call.account,
        region=call.region,
        name=name,
        created_ms=call.now_ms,
        modified_ms=call.now_ms,
        secret=call.entropy.bytes(_SECRET_BYTES),
        fifo=fifo,
        tags=tagged,
    )
    put_changed(call, tx, queue, attributes.applied(queue, given), given)
    return {"QueueUrl": names.url_of(call, queue_name)}


def put_changed(
    call: Call, tx: Transaction, before: Queue, queue: Queue, given: Mapping[str, str]
) -> None:
    """Save a queue's new attributes. `given`: as they were asked for.

    Raises: InvalidParameterValue for a dead-letter queue that cannot be one.
    """
    if queue.redrive and queue.redrive != before.redrive:
        target = names.parse_arn(queue.dead_letters)
        assert target is not None, queue.dead_letters
        found = queue if target == queue.queue_name else records.find_queue(tx, target)
        attributes.check_dead_letters(queue, found, given["RedrivePolicy"])
    if queue.policy != before.policy:
        ids: dict[str, str] = {}
        if queue.policy:
            named = principals_named(queue.policy, RESOURCE)
            ids = call.ask(Principals).ids_of(tx, named)
        queue = replace(queue, policy_ids=ids)
    records.put_queue(tx, queue)


@sqs.read("GetQueueUrl")
def get_queue_url(call: Call, at: Snapshot, req: GetQueueUrlRequest) -> GetQueueUrlResult:
    """Raises: QueueDoesNotExist, MissingParameter. AWS: GetQueueUrl."""
    name = req.get("QueueName")
    if not name:
        raise errors.MissingRequiredParameterException(name="QueueName")
    owner = req.get("QueueOwnerAWSAccountId") or call.account
    queue_name = QueueName(call.scope._replace(account=owner), name)
    if records.find_queue(at, queue_name) is None:
        raise errors.no_queue(call)
    return {"QueueUrl": names.url_of(call, queue_name)}


@sqs.read("ListQueues")
def list_queues(call: Call, at: Snapshot, req: ListQueuesRequest) -> ListQueuesResult:
    """By name. Raises: InvalidParameterValue. AWS: ListQueues."""
    prefix = req.get("QueueNamePrefix") or ""
    most, behind = page_asked(req)
    found, more = page_of(
        takewhile(
            lambda queue: queue.name.startswith(prefix),
            records.scan_queues(at, call.scope, behind=behind, prefix=prefix),
        ),
        most,
    )
    result: ListQueuesResult = {}
    if found:
        result["QueueUrls"] = [names.url_of(call, queue.queue_name) for queue in found]
    if more and "MaxResults" in req:
        result["NextToken"] = token_of((found[-1].name,))
    return result


def page_asked(req: Mapping[str, Any]) -> tuple[int, str]:
    """How many queues at most, and behind which name. Raises: InvalidParameterValue."""
    most = req.get("MaxResults")
    if most is not None and not 1 <= most <= limits.LIST_MAX:
        reason = f"MaxResults must be an integer between 1 and {limits.LIST_MAX}."
        raise errors.BadValue(value=most, name="MaxResults", reason=reason)
    token = req.get("NextToken")
    if not token:
        return most or limits.LIST_MAX, ""
    try:
        (behind,) = key_of(token)
    except ValueError:
        behind = None
    if not isinstance(behind, str):
        raise errors.InvalidParameterValueException(detail="Invalid or expired next token.")
    return most or limits.LIST_MAX, behind


@sqs.write("DeleteQueue")
def delete_queue(call: Call, tx: Transaction, req: DeleteQueueRequest) -> None:
    """With all that is in it, at once. Raises: QueueDoesNotExist. AWS: DeleteQueue."""
    queue = get_queue(call, tx, req)
    records.delete_queue(tx, queue.queue_name, call.now_ms)
    tx.wake(queue.topic)
    job = Job(
        "sqs.forget",
        queue.name.encode(),
        id=f"sqs.forget/{queue.arn}",
        account=queue.account,
        region=queue.region,
    )
    tx.at(call.now_ms + limits.DELETED_MS, job)


@sqs.write("PurgeQueue")
def purge_queue(call: Call, tx: Transaction, req: PurgeQueueRequest) -> None:
    """All that is in it goes at once, in flight or not. Raises: QueueDoesNotExist, PurgeQueueInProgress.

    AWS: PurgeQueue.
    """
    queue = get_queue(call, tx, req)
    if queue.purged_ms and queue.purged_ms + limits.PURGED_MS > call.now_ms:
        raise errors.PurgeQueueInProgress(queue=queue.name)
    records.put_queue(tx, replace(queue, purged_ms=call.now_ms))
    purge(tx, queue)
