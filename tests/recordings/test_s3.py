"""S3 as AWS answered when it was recorded: each scenario that was rebuilt from its name, label by label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recordings.s3 import (
    access,
    browsers,
    buckets,
    conditions,
    configurations,
    control,
    copies,
    customers,
    encryption,
    events,
    forms,
    keys,
    listings,
    locks,
    objects,
    presigned,
    rules,
    sums,
    uploads,
    versions,
    websites,
    wire,
)
from recordings.s3.not_rebuilt import NOT_REBUILT
from recordings.s3.scenarios import SCENARIOS
from recordings.s3.story import Story, differences
from servers import CloudClock

RECORDED: dict[str, dict[str, Any]] = {
    line["name"]: line["answers"]
    for line in map(
        json.loads, (Path(__file__).parent / "s3" / "answers.jsonl").read_text().splitlines()
    )
}
TOLD_IN = (
    *(access, browsers, buckets, conditions, configurations, control, copies, customers),
    *(encryption, events, forms, keys),
    *(listings, locks, objects, presigned, rules, sums, uploads, versions, websites, wire),
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
    "TestS3NotificationsToSns::test_invalid_topic_arn": {
        "skip_destination_validation": "there are no topics here, and none is kept by name",
    },
    "TestS3::test_create_bucket_head_bucket": {
        "create_bucket_location_constraint": "buckets have the host that was asked, with a path behind it",
    },
    "TestS3::test_complete_multipart_parts_order": {
        "complete-multipart-ordered": "of bodies that are not recorded",
        "complete-multipart-with-step-2": "of bodies that are not recorded",
    },
}
"""What is otherwise here, and why."""


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_it_is_as_it_was_recorded(
    client: Callable[..., Any], account: str, clock: CloudClock, tmp_path: Path, name: str
) -> None:
    story = Story(client, account, name, clock, tmp_path)
    SCENARIOS[name](story)
    otherwise = DIFFERS.get(name, {})
    answers = json.loads(json.dumps(RECORDED[name]).replace("111111111111", account))
    recorded = {label: told for label, told in answers.items() if label not in otherwise}
    assert differences(recorded, story.said, story.unknown) == []


# What is written down as different must not have become equal unnoticed, nor be a slip of the pen.
def test_what_differs_is_recorded() -> None:
    for name, labels in DIFFERS.items():
        assert labels.keys() <= RECORDED[name].keys(), name
    assert len(TOLD_IN) == 22
    assert RECORDED.keys() == SCENARIOS.keys()
    assert not RECORDED.keys() & NOT_REBUILT.keys()
