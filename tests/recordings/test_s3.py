"""S3 as AWS answered when it was recorded: each scenario that was rebuilt from its name, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import CloudClock
from recordings.s3 import (
    access,
    buckets,
    conditions,
    configurations,
    control,
    copies,
    keys,
    listings,
    locks,
    objects,
    rules,
    sums,
    uploads,
    versions,
)
from recordings.s3.scenarios import SCENARIOS
from recordings.s3.story import Story, differences

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads, (Path(__file__).parent / "s3" / "answers.jsonl").read_text().splitlines()
    )
}
TOLD_IN = (
    *(access, buckets, conditions, configurations, control, copies, keys),
    *(listings, locks, objects, rules, sums, uploads, versions),
)

DIFFERS: dict[str, dict[str, str]] = {
    "TestS3BucketEncryption::test_s3_default_bucket_encryption": {
        "get-bucket-no-encryption": "the documentation says that deleting resets to SSE-S3, and that this is told"
    },
    "TestS3ListMultipartUploads::test_list_multipart_uploads_marker_common_prefixes": {
        "list-multiparts-start": "AWS names no key to go on from, so that a page could not follow; we do"
    },
    "TestS3BucketObjectTagging::test_create_bucket_with_tags_exc": {
        "tags-key-aws-duplicated-key": "AWS answered with an internal error"
    },
    "TestS3ListBuckets::test_list_buckets_region_validation": {
        "bad-region": "AWS knows its regions; here a region is whatever is named like one",
    },
    "TestS3ObjectLockRetention::test_s3_object_retention_exc": {
        "update-retention-past-date": "AWS tells the time in the zone of its machines; here it is UTC",
    },
    "TestS3::test_complete_multipart_parts_order": {
        "complete-multipart-ordered": "of bodies that are not recorded",
        "complete-multipart-with-step-2": "of bodies that are not recorded",
    },
}
"""What is otherwise here, and why."""

NOT_REBUILT = {
    "TestS3Notifications*": "to queues, topics and buses; of functions: test_notifications.py",
    "TestS3BucketLifecycle, TestS3DeepArchive, test_*expiry*": "in the tests of lifecycle and archives",
    "TestS3BucketReplication": "in the tests of replication",
    "test_s3_inventory*": "in the tests of inventories",
    "TestS3Presigned*, TestS3PresignedPost": "in test_signature_version2.py, test_forms.py, tests/identity",
    "TestS3StaticWebsiteHosting (pages), TestS3Cors (headers)": "of raw HTTP: test_websites.py, test_configurations.py",
    "TestS3SSECEncryption, *kms*, *sse*": "in test_encryption_customers.py and test_encryption_kms.py",
    "test_s3_batch_delete_*requests*, test_*vhost*, test_set_external_hostname": "of raw HTTP and its host names",
    "bodies that were random, or of which nothing but a digest is recorded": "nothing to compare",
    "TestS3TerraformRawRequests, TestS3Routing": "about the recorder's own server",
}
"""Groups of recorded scenarios that are not here, and why."""


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_it_is_as_it_was_recorded(
    client: Callable[..., Any], account: str, clock: CloudClock, name: str
) -> None:
    story = Story(client, account, name, clock)
    SCENARIOS[name](story)
    otherwise = DIFFERS.get(name, {})
    answers = json.loads(json.dumps(RECORDED[name]).replace("111111111111", account))
    recorded = {label: told for label, told in answers.items() if label not in otherwise}
    assert differences(recorded, story.said, story.unknown) == []


# What is written down as different must not have become equal unnoticed, nor be a slip of the pen.
def test_what_differs_is_recorded() -> None:
    for name, labels in DIFFERS.items():
        assert labels.keys() <= RECORDED[name].keys(), name
    assert len(TOLD_IN) == 14
    assert RECORDED.keys() == SCENARIOS.keys()
