"""A server that is killed in the middle of a batch job and of an inventory, and how they go on."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

from s3.batches import Control
from servers import CloudClock, Server

ACCOUNT = "000000000041"
KEYS = 240
PARTS = (0.1, 0.5)
"""How far the job is when the server is killed."""
DAY_MS = 24 * 3600 * 1000


def test_work_goes_on_where_it_stood(own_server: Callable[..., Server]) -> None:
    """Each task is in the report once. Those that were under way and not yet counted may be done twice: at most
    sixteen for each kill."""
    server = own_server()

    def clients() -> Control:
        s3, clock = server.client("s3", ACCOUNT), CloudClock(server)
        return Control(server.client("s3control", ACCOUNT), ACCOUNT, "source", s3, clock)

    one = clients()
    for name in ("source", "copies", "lists"):
        one.s3.create_bucket(Bucket=name)
    versioned = {"Status": "Enabled"}
    one.s3.put_bucket_versioning(Bucket="copies", VersioningConfiguration=versioned)
    for number in range(KEYS):
        one.s3.put_object(Bucket="source", Key=f"k{number}")
    keys = [f"k{number}" for number in range(KEYS)]
    _configure_inventory(one)
    job = one.create(
        {"S3PutObjectCopy": {"TargetResource": "arn:aws:s3:::copies"}},
        Manifest=one.manifest(*keys),
    )
    for part in PARTS:
        while one.describe(job)["ProgressSummary"]["NumberOfTasksSucceeded"] < KEYS * part:
            time.sleep(0.005)
        if part == PARTS[0]:
            one.clock.advance(seconds=(DAY_MS - one.clock.now_ms() % DAY_MS) / 1000 + 1)
        server.kill()
        server.start()
        one = clients()
    one.clock.wait_until_idle()
    described = one.describe(job)
    assert described["Status"] == "Complete", described
    progress = described["ProgressSummary"]
    assert (progress["NumberOfTasksSucceeded"], progress["NumberOfTasksFailed"]) == (KEYS, 0)
    rows = one.report(described)
    assert sorted(row[1] for row in rows["succeeded"]) == sorted(keys)
    pages = one.s3.get_paginator("list_object_versions").paginate(Bucket="copies")
    copies = Counter(found["Key"] for page in pages for found in page["Versions"])
    assert set(copies) == set(keys)
    assert copies.total() <= KEYS + 2 * 16
    listed = [found["Key"] for found in one.s3.list_objects_v2(Bucket="lists")["Contents"]]
    assert len([key for key in listed if key.endswith("/manifest.checksum")]) == 1
    assert len([key for key in listed if key.endswith(".csv.gz")]) == 1


def _configure_inventory(one: Control) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::lists/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    one.s3.put_bucket_policy(Bucket="lists", Policy=json.dumps(policy))
    document = {
        "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::lists", "Format": "CSV"}},
        "IsEnabled": True,
        "Id": "all",
        "IncludedObjectVersions": "Current",
        "Schedule": {"Frequency": "Daily"},
    }
    one.s3.put_bucket_inventory_configuration(
        Bucket="source", Id="all", InventoryConfiguration=document
    )
