"""The server is killed while it replicates: what was acknowledged has one replica then, and nothing is left over."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pilvi.services.s3 import s3 as _service
from pilvi.store.check import check
from s3.replications import rule, versioned_bucket
from servers import Server

ROUNDS = 3
ACCOUNT = "000000000001"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/made-up"
SIZES = (0, 100, 70_000, 300_000)
UNREACHABLE = (BotoCoreError, ClientError, OSError)


class Writer(threading.Thread):
    """Writes until the server is gone: new keys, versions, tags, delete markers."""

    def __init__(self, server: Server, name: str, seed: int) -> None:
        super().__init__()
        self._s3: Any = server.client("s3", ACCOUNT)
        self._random = random.Random(seed)
        self._name = name
        self.versions: dict[tuple[str, str], int | None] = {}
        """The size of each version that was acknowledged; None of delete markers."""

    def run(self) -> None:
        number = 0
        try:
            while True:
                number += 1
                key = f"{self._name}-{number % 5}"
                size = self._random.choice(SIZES)
                put = self._s3.put_object(Bucket="from-bucket", Key=key, Body=bytes(size))
                self.versions[key, put["VersionId"]] = size
                if number % 3 == 0:
                    tags = {"TagSet": [{"Key": "n", "Value": str(number)}]}
                    self._s3.put_object_tagging(Bucket="from-bucket", Key=key, Tagging=tags)
                if number % 4 == 0:
                    marker = self._s3.delete_object(Bucket="from-bucket", Key=key)["VersionId"]
                    self.versions[key, marker] = None
        except UNREACHABLE:
            return


def _listed(s3: Any, bucket: str) -> dict[tuple[str, str], int | None]:
    found: dict[tuple[str, str], int | None] = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            assert (one["Key"], one["VersionId"]) not in found
            found[one["Key"], one["VersionId"]] = one["Size"]
        for one in page.get("DeleteMarkers", []):
            found[one["Key"], one["VersionId"]] = None
    return found


def test_one_replica_of_everything_whenever_it_is_killed(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    assert _service.operations, "its records tell `check` which blobs they name"
    server = own_server()
    s3: Any = server.client("s3", ACCOUNT)
    for name in ("from", "to"):
        versioned_bucket(s3, f"{name}-bucket")
    s3.put_bucket_replication(
        Bucket="from-bucket",
        ReplicationConfiguration={"Role": ROLE, "Rules": [rule("to-bucket")]},
    )
    acknowledged: dict[tuple[str, str], int | None] = {}
    for number in range(ROUNDS):
        writers = [Writer(server, f"{number}-{index}", number * 10 + index) for index in range(3)]
        for writer in writers:
            writer.start()
        while sum(len(writer.versions) for writer in writers) < 10 + 20 * number:
            assert any(writer.is_alive() for writer in writers)
            time.sleep(0.005)
        server.kill()
        for writer in writers:
            writer.join()
            acknowledged |= writer.versions
        server.start()
    s3 = server.client("s3", ACCOUNT)
    assert server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})["idle"]
    there, here = _listed(s3, "to-bucket"), _listed(s3, "from-bucket")
    assert acknowledged
    assert acknowledged.items() <= here.items()
    assert there == here
    for key, id in sorted(here)[:40]:
        if here[key, id] is not None:
            named = {"Key": key, "VersionId": id}
            mine = s3.get_object(Bucket="from-bucket", **named)
            theirs = s3.get_object(Bucket="to-bucket", **named)
            assert theirs["Body"].read() == mine["Body"].read()
            assert mine["ReplicationStatus"] == "COMPLETED"
            assert theirs.get("TagCount") == mine.get("TagCount")
    assert server.stop() == 0
    assert [one for one in check(server.data) if one.severity == "damage"] == []
