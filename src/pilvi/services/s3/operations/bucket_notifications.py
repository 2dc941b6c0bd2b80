"""Which events of a bucket are told to whom."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.base.http import Body
from pilvi.contracts.functions import FunctionNotInvocable, Functions
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

    Unless SkipDestinationValidation says otherwise, each function must exist, and its policy must let S3 invoke
    it for this bucket. Both may change later; a delivery that fails for it leaves its reason in the trace.
    Queues and topics there are none: they are refused as AWS refuses what does not exist.
    Raises: InvalidArgument, MalformedXML, InvalidDestinations, NotBuilt (EventBridge; a queue or topic that shall not
        be looked for).
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

    def commit(tx: Transaction) -> None:
        found = access.admit(call, tx, req)
        buckets.put_bucket(tx, msgspec.structs.replace(found, notifications=given))

    await call.transact(commit)
    return {}


async def _check_targets(
    call: Call, bucket: Bucket, given: tuple[Notification, ...], absent: list[tuple[str, str]]
) -> None:
    """Raises: InvalidDestinations naming all that cannot be told."""
    functions = call.ask(Functions)
    refused: list[tuple[str, str]] = []
    for target in dict.fromkeys(one.target for one in given):
        try:
            await functions.check_invocable(target, source=events.source_of(bucket))
        except FunctionNotInvocable:
            refused.append((f"{target}, null", f"Not authorized to invoke function [{target}]"))
    refused += absent
    if refused:
        raise errors.InvalidDestinations(refused)


@s3.read("GetBucketNotificationConfiguration")
def get_bucket_notification_configuration(
    call: Call, at: Snapshot, req: GetBucketNotificationConfigurationRequest
) -> NotificationConfiguration:
    """AWS: GetBucketNotificationConfiguration."""
    bucket = access.admit(call, at, req)
    if not bucket.notifications:
        return {}
    return {
        "LambdaFunctionConfigurations": [
            notifications.described(one) for one in bucket.notifications
        ]
    }
