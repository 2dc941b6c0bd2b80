"""Which events of a bucket are told to whom."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.base.http import Body
from pilvi.contracts.functions import FunctionNotInvocable, Functions
from pilvi.contracts.queues import QueueNotSendable, Queues
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, events, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket, Notification
from pilvi.services.s3.rules import notifications
from pilvi.services.s3.service import refuse_unread, s3
from pilvi.services.s3.wire import (
    GetBucketNotificationConfigurationRequest,
    NotificationConfiguration,
    PutBucketNotificationConfigurationRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.stream("PutBucketNotificationConfiguration")
async def put_bucket_notification_configuration(
    call: Call, req: PutBucketNotificationConfigurationRequest, body: Body
) -> dict[str, Any]:
    """Replace all notifications of the bucket; an empty configuration switches them off.

    Unless SkipDestinationValidation says otherwise, each function and queue must exist, and its policy must let S3
    invoke it, or send to it, for this bucket; queues get a test event. Both may change later; a delivery that fails for
    it leaves its reason in the trace. Topics there are none: they are refused as AWS refuses what does not exist.
    Raises: InvalidArgument, MalformedXML, InvalidDestinations, NotBuilt (EventBridge; a topic that shall not be looked
        for).
    AWS: PutBucketNotificationConfiguration; User Guide, "Granting permissions to publish event notification
    messages to a destination".
    """
    bucket = await call.view(lambda at: access.admit(call, at, req))
    integrity.check_document(call, req)
    configuration = req["NotificationConfiguration"]
    absent = notifications.absent_destinations(configuration, call.entropy.uuid)
    given = notifications.notifications_of(configuration, call.entropy.uuid)
    skipped = req.get("SkipDestinationValidation", False)
    refuse_unread("PutBucketNotificationConfiguration", req)
    if skipped:
        notifications.refuse_unbuilt(configuration)
    else:
        await _check_targets(call, bucket, given, absent)
    notifications.check_apart(given)

    def commit(tx: Transaction) -> None:
        found = access.admit(call, tx, req)
        buckets.put_bucket(tx, msgspec.structs.replace(found, notifications=given))
        if skipped:
            return
        for target in dict.fromkeys(one.target for one in given if notifications.is_to_queue(one)):
            payload = notifications.trial(found, call.now_ms, call.request_id)
            tx.deliver(target, payload, source=events.source_of(found))

    await call.transact(commit)
    return {}


async def _check_targets(
    call: Call, bucket: Bucket, given: tuple[Notification, ...], absent: list[tuple[str, str]]
) -> None:
    """Raises: InvalidDestinations naming all that cannot be told."""
    source = events.source_of(bucket)
    refused: list[tuple[str, str]] = []
    for target, one in {one.target: one for one in given}.items():
        if notifications.is_to_queue(one):
            try:
                await call.ask(Queues).check_sendable(target, source=source)
            except QueueNotSendable as wrong:
                refused.append((target, _why_not(wrong)))
            continue
        try:
            await call.ask(Functions).check_invocable(target, source=source)
        except FunctionNotInvocable:
            refused.append((f"{target}, null", f"Not authorized to invoke function [{target}]"))
    refused += absent
    if refused:
        raise errors.InvalidDestinations(refused)


def _why_not(wrong: QueueNotSendable) -> str:
    if wrong.absent:
        return "The destination queue does not exist"
    if wrong.fifo:
        return "FIFO SQS queues are not supported."
    return (
        "Permissions on the destination queue do not allow S3 to publish notifications from this"
        " bucket"
    )


@s3.read("GetBucketNotificationConfiguration")
def get_bucket_notification_configuration(
    call: Call, at: Snapshot, req: GetBucketNotificationConfigurationRequest
) -> NotificationConfiguration:
    """AWS: GetBucketNotificationConfiguration."""
    bucket = access.admit(call, at, req)
    if not bucket.notifications:
        return {}
    return notifications.described(bucket.notifications)
