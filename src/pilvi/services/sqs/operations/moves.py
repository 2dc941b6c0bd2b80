"""Tasks that move messages out of a dead-letter queue."""

from __future__ import annotations

from typing import cast

from pilvi.base.http import Body
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.execution import refuse_unread
from pilvi.kit.permission import Permission, check
from pilvi.services.sqs import errors, limits, moving, names, records
from pilvi.services.sqs.moving import MoveTask
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import tasks
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.storage.stock import Stock
from pilvi.services.sqs.wire import (
    CancelMessageMoveTaskRequest,
    CancelMessageMoveTaskResult,
    ListMessageMoveTasksRequest,
    ListMessageMoveTasksResult,
    ListMessageMoveTasksResultEntry,
    StartMessageMoveTaskRequest,
    StartMessageMoveTaskResult,
)
from pilvi.store.api import Snapshot, Transaction


@sqs.stream("StartMessageMoveTask")
async def start_message_move_task(
    call: Call, req: StartMessageMoveTaskRequest, body: Body
) -> StartMessageMoveTaskResult:
    """Who names no destination must be allowed to send to each queue whose dead letters they may be.

    Raises: ResourceNotFoundException, InvalidParameterValue, MissingParameter, AccessDenied.
    AWS: StartMessageMoveTask; Developer Guide, "Configuring queue permissions for dead-letter queue redrive".
    """
    if not req.get("DestinationArn"):
        for arn in await call.view(lambda at: _sent_from(at, req.get("SourceArn") or "")):
            await check(call, Permission("sqs:SendMessage", (arn,)))

    def start(tx: Transaction) -> StartMessageMoveTaskResult:
        result = _start(call, tx, req)
        refuse_unread(sqs.operations["StartMessageMoveTask"], cast("WatchedRequest", req))
        return result

    return await call.transact(start)


def _sent_from(at: Snapshot, source_arn: str) -> list[str]:
    """The ARNs of the queues that send their dead letters to one."""
    name = names.parse_arn(source_arn)
    if name is None:
        return []
    there = records.scan_queues(at, name.scope)
    return [one.arn for one in there if one.dead_letters == name.arn]


def _start(
    call: Call, tx: Transaction, req: StartMessageMoveTaskRequest
) -> StartMessageMoveTaskResult:
    queue = _source(call, tx, req.get("SourceArn"))
    rate = req.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= limits.MOVED_PER_SECOND_MAX:
        reason = f"Must be between 1 and {limits.MOVED_PER_SECOND_MAX}, if provided."
        raise errors.BadValue(value=rate, name="MaxNumberOfMessagesPerSecond", reason=reason)
    there = records.scan_queues(tx, queue.queue_name.scope)
    if not any(one.dead_letters == queue.arn for one in there):
        raise errors.InvalidParameterValueException(
            detail="Source queue must be configured as a Dead Letter Queue."
        )
    destination = req.get("DestinationArn") or ""
    if destination:
        _check_destination(tx, queue, destination)
    latest = moving.latest(tx, queue.queue_name, 1)
    if latest and latest[0].status == moving.RUNNING:
        raise errors.InvalidParameterValueException(
            detail="There is already a task running. Only one active task is allowed for a source"
            " queue arn at a given time."
        )
    stock = Stock(tx, queue, call.now_ms)
    stock.settle()
    task = moving.begin(tx, stock, id=call.entropy.uuid(), destination=destination, rate=rate or 0)
    stock.save()
    return {"TaskHandle": tasks.handle_of(task.id, queue.arn)}


def _source(call: Call, at: Snapshot, arn: str | None) -> Queue:
    """Raises: MissingParameter, InvalidParameterValue, ResourceNotFoundException."""
    if not arn:
        raise errors.MissingRequiredParameterException(name="SourceArn")
    return _get(at, _parsed(arn, "SourceArn"), "SourceArn")


def _parsed(arn: str, parameter: str) -> QueueName:
    name = names.parse_arn(arn)
    if name is None:
        raise errors.InvalidParameterValueException(
            detail=f"You must use this format to specify the {parameter}:"
            " arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
    return name


def _get(at: Snapshot, name: QueueName, parameter: str) -> Queue:
    queue = records.find_queue(at, name)
    if queue is None:
        raise errors.NoSuchResource(parameter=parameter)
    return queue


def _check_destination(at: Snapshot, source: Queue, arn: str) -> None:
    """Raises: ResourceNotFoundException, InvalidParameterValue."""
    target = _get(at, _parsed(arn, "DestinationArn"), "DestinationArn")
    if target.arn == source.arn:
        raise errors.InvalidParameterValueException(
            detail="Source queue arn and destination queue arn must be different."
        )
    if target.fifo != source.fifo:
        raise errors.InvalidParameterValueException(
            detail="Source queue and destination queue must be of the same type."
        )


@sqs.write("CancelMessageMoveTask")
def cancel_message_move_task(
    call: Call, tx: Transaction, req: CancelMessageMoveTaskRequest
) -> CancelMessageMoveTaskResult:
    """What was moved stays moved. Raises: ResourceNotFoundException, InvalidParameterValue, MissingParameter,
    UnsupportedOperation. AWS: CancelMessageMoveTask."""
    handle = req.get("TaskHandle")
    if not handle:
        raise errors.MissingRequiredParameterException(name="TaskHandle")
    found = tasks.parse(handle)
    if found is None:
        raise errors.InvalidParameterValueException(
            detail="Value for parameter TaskHandle is invalid."
        )
    id, source_arn = found
    queue = _source(call, tx, source_arn)
    name = queue.queue_name
    for task in moving.latest(tx, name, limits.MOVE_TASKS_LISTED_MAX):
        if task.id == id:
            if task.status != moving.RUNNING:
                raise errors.UnsupportedOperation(
                    detail="Only a task whose status is RUNNING can be cancelled."
                )
            moving.cancel(tx, name, task)
            return {"ApproximateNumberOfMessagesMoved": task.moved}
    raise errors.ResourceNotFoundException(detail="Task does not exist.")


@sqs.read("ListMessageMoveTasks")
def list_message_move_tasks(
    call: Call, at: Snapshot, req: ListMessageMoveTasksRequest
) -> ListMessageMoveTasksResult:
    """The latest first. Raises: ResourceNotFoundException, InvalidParameterValue, MissingParameter.

    AWS: ListMessageMoveTasks.
    """
    queue = _source(call, at, req.get("SourceArn"))
    most = req.get("MaxResults")
    if most is not None and not 1 <= most <= limits.MOVE_TASKS_LISTED_MAX:
        reason = f"Must be between 1 and {limits.MOVE_TASKS_LISTED_MAX}, if provided."
        raise errors.BadValue(value=most, name="MaxResults", reason=reason)
    found = moving.latest(at, queue.queue_name, most or 1)
    return {"Results": [_told(queue, task) for task in found]} if found else {}


def _told(queue: Queue, task: MoveTask) -> ListMessageMoveTasksResultEntry:
    told: ListMessageMoveTasksResultEntry = {
        "Status": task.status,
        "SourceArn": queue.arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_ms,
    }
    if task.status == moving.RUNNING:
        told["TaskHandle"] = tasks.handle_of(task.id, queue.arn)
    if task.destination:
        told["DestinationArn"] = task.destination
    if task.rate:
        told["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.failure:
        told["FailureReason"] = task.failure
    return told
