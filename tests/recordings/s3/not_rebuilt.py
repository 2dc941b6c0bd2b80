"""Recorded scenarios that are not rebuilt, one by one, and why."""

from __future__ import annotations

_BY_REASON: dict[str, tuple[str, ...]] = {
    "told to queues and topics, of which there are none here": (
        "TestS3NotificationsToSQS::test_filter_rules_case_insensitive",
        "TestS3NotificationsToSQS::test_filter_rules_empty_value",
        "TestS3NotificationsToSQS::test_notifications_with_filter",
        "TestS3NotificationsToSQS::test_xray_header",
        "TestS3NotificationsToSns::test_bucket_notifications_with_filter",
        "TestS3NotificationsToSns::test_object_created_put",
    ),
    "told to a bus, of which there is none here": (
        "TestS3NotificationsToEventBridge::test_object_created_put",
        "TestS3NotificationsToEventBridge::test_object_created_put_in_different_region",
        "TestS3NotificationsToEventBridge::test_object_created_put_versioned",
        "TestS3NotificationsToEventBridge::test_object_put_acl",
        "TestS3NotificationsToEventBridge::test_restore_object",
    ),
    "done by a function whose code is not recorded: test_notifications.py": (
        "TestS3::test_s3_lambda_integration",
    ),
    "no answer was recorded": (
        "TestS3::test_s3_batch_delete_objects_using_requests_with_acl",
        "TestS3Cors::test_cors_http_get_no_config",
        "TestS3PresignedUrl::test_put_object_with_md5_and_chunk_signature_bad_headers[s3-False]",
        "TestS3PresignedUrl::test_put_object_with_md5_and_chunk_signature_bad_headers[s3v4-False]",
        "TestS3PublicAccessBlock::test_public_access_block_exc",
    ),
}

NOT_REBUILT: dict[str, str] = {
    name: reason for reason, names in _BY_REASON.items() for name in names
}
