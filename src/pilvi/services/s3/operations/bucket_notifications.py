"""Which events of a bucket are told to whom."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.kit.call import Call
from pilvi.services.s3 import access, integrity
from pilvi.services.s3.records import buckets
from pilvi.services.s3.rules import notifications
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    GetBucketNotificationConfigurationRequest,
    NotificationConfiguration,
    PutBucketNotificationConfigurationRequest,
)
from pilvi.store.api import Snapshot, Transaction


@s3.write("PutBucketNotificationConfiguration")
def put_bucket_notification_configuration(
    call: Call, tx: Transaction, req: PutBucketNotificationConfigurationRequest
) -> dict[str, Any]:
    """Replace all notifications of the bucket; an empty configuration switches them off.

    Differs: whether the function exists and lets S3 invoke it is not asked here, with or without
    SkipDestinationValidation; a delivery that fails for that leaves its reason in the trace.
    Raises: InvalidArgument, MalformedXML, NotBuilt (queues, topics, EventBridge, events without a cause here).
    AWS: PutBucketNotificationConfiguration.
    """
    bucket = access.admit(call, tx, req)
    integrity.check_document(call, req)
    req.get("SkipDestinationValidation")
    given = notifications.notifications_of(req["NotificationConfiguration"], call.entropy.uuid)
    buckets.put_bucket(tx, msgspec.structs.replace(bucket, notifications=given))
    return {}


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
