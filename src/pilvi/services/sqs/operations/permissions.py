"""Permissions for other accounts, as statements of the queue's policy."""

from __future__ import annotations

from msgspec.structs import replace

from pilvi.kit.call import Call
from pilvi.services.sqs import errors
from pilvi.services.sqs.operations.queues import get_queue, put_changed
from pilvi.services.sqs.rules import policies
from pilvi.services.sqs.service import sqs
from pilvi.services.sqs.wire import AddPermissionRequest, RemovePermissionRequest
from pilvi.store.api import Transaction


@sqs.write("AddPermission")
def add_permission(call: Call, tx: Transaction, req: AddPermissionRequest) -> None:
    """Raises: QueueDoesNotExist, InvalidParameterValue, MissingParameter, OverLimit. AWS: AddPermission."""
    queue = get_queue(call, tx, req)
    label = req.get("Label") or ""
    accounts = list(req.get("AWSAccountIds") or ())
    actions = list(req.get("Actions") or ())
    policies.check(label, accounts, actions)
    policy = policies.added(queue.policy, queue.arn, label, accounts, actions)
    put_changed(call, tx, queue, replace(queue, policy=policy, modified_ms=call.now_ms), {})


@sqs.write("RemovePermission")
def remove_permission(call: Call, tx: Transaction, req: RemovePermissionRequest) -> None:
    """Raises: QueueDoesNotExist, InvalidParameterValue, MissingParameter. AWS: RemovePermission."""
    queue = get_queue(call, tx, req)
    label = req.get("Label")
    if not label:
        raise errors.MissingRequiredParameterException(name="Label")
    policy = policies.removed(queue.policy, label)
    put_changed(call, tx, queue, replace(queue, policy=policy, modified_ms=call.now_ms), {})
