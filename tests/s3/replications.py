"""Rules, roles and buckets for tests of replication."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

import clouds
from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Delivery
from pilvi.dispatch.records import DELIVER, HOME, JobRecord, jobs
from pilvi.identity.principal import root_of
from pilvi.kit.call import Call
from pilvi.services.s3 import s3
from pilvi.services.s3.records import buckets
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.replication import replicating
from pilvi.services.s3.replication.records import JOB
from pilvi.store.api import Transaction

Rule = dict[str, Any]


def rule(destination: str, **more: Any) -> Rule:
    """A rule for everything, of the second version. `more`: members of the rule; `to`: of its destination."""
    to = more.pop("to", {})
    return {
        "ID": destination,
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}", **to},
        **more,
    }


def versioned_bucket(s3: Any, name: str, **more: Any) -> str:
    s3.create_bucket(Bucket=name, **more)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def status(s3: Any, bucket: str, key: str, version_id: str | None = None) -> str | None:
    named = {} if version_id is None else {"VersionId": version_id}
    return s3.head_object(Bucket=bucket, Key=key, **named).get("ReplicationStatus")


def versions(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """(key, version id, whether it is a delete marker) of all, newest first."""
    listed = s3.list_object_versions(Bucket=bucket)
    found = [(one, False) for one in listed.get("Versions", [])]
    found += [(one, True) for one in listed.get("DeleteMarkers", [])]
    found.sort(key=lambda pair: not pair[0]["IsLatest"])
    return [(one["Key"], one["VersionId"], marker) for one, marker in found]


Replicate = Callable[..., None]


ACCOUNT = "000000000007"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/made-up"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:told"


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


class World:
    """A cloud in the test's process, whose jobs run when the test says so. Its clock stands still.

    The role that replicates does not exist: it acts as root.
    """

    def __init__(self, path: Path) -> None:
        self.cloud = clouds.in_memory(path)
        self.cloud.clock.freeze()
        self.entropy = Entropy(seed=7)
        self.broken = 0
        """How often a job raised something."""

    async def ask(self, operation: str, body: bytes = b"", **params: Any) -> dict[str, Any]:
        return await self.cloud.perform(
            "s3",
            operation,
            params,
            scope=Scope(ACCOUNT, "us-east-1"),
            principal=root_of(ACCOUNT, ACCOUNT),
            cause=Cause("r" + self.entropy.hex(8)),
            body=_body(body),
        )

    async def bucket(self, name: str) -> str:
        await self.ask("CreateBucket", Bucket=name)
        await self.ask(
            "PutBucketVersioning", Bucket=name, VersioningConfiguration={"Status": "Enabled"}
        )
        return name

    async def replicate(self, source: str, *rules: Rule) -> None:
        configuration = {"Role": ROLE, "Rules": list(rules)}
        await self.ask(
            "PutBucketReplication", Bucket=source, ReplicationConfiguration=configuration
        )

    async def tell(self, bucket: str, *events: str) -> None:
        one = {"LambdaFunctionArn": FUNCTION, "Events": list(events)}
        await self.ask(
            "PutBucketNotificationConfiguration",
            Bucket=bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": [one]},
            SkipDestinationValidation=True,
        )

    def advance(self, seconds: float) -> None:
        self.cloud.clock.advance(int(seconds * 1000))

    async def waiting(self, kind: str) -> list[JobRecord]:
        found = await self.cloud.store.read(lambda at: list(jobs.scan(at, HOME)))
        return [record for record in found if record.job.kind == kind]

    async def run(self, *, killed: bool = False) -> None:
        """Until nothing is due. `killed`: each job runs, and its effect is lost; it is there still."""
        for _ in range(1000):
            now_ms = self.cloud.clock.now_ms()
            due = [record for record in await self.waiting(JOB) if record.due_ms <= now_ms]
            if not due:
                return
            for record in due:
                try:
                    commit = await replicating.replicate(self.cloud, record.job)
                    if not killed:
                        await self.cloud.store.write(lambda tx, r=record, c=commit: _end(tx, r, c))
                except Exception:  # noqa: BLE001 as the dispatcher, which tries again
                    self.broken += 1
                    job = msgspec.structs.replace(record.job, attempt=record.job.attempt + 1)
                    again = msgspec.structs.replace(record, job=job)
                    await self.cloud.store.write(lambda tx, r=again: jobs.put(tx, HOME, r))
            if killed:
                return
        raise AssertionError("it does not end")

    async def told(self) -> list[dict[str, Any]]:
        """The events that were told since the last time, in their order."""
        found = await self.waiting(DELIVER)
        for record in found:
            await self.cloud.store.write(lambda tx, r=record: _end(tx, r, None))
        found.sort(key=lambda record: record.job.id)  # they grow
        payloads = [msgspec.msgpack.decode(one.job.payload, type=Delivery).payload for one in found]
        return [json.loads(payload)["Records"][0] for payload in payloads]

    async def found(self, name: str) -> Bucket:
        return await self.cloud.store.read(lambda at: buckets.get_bucket(at, name))

    def call(self) -> Call:
        return self.cloud.call(
            s3.operations["PutObject"],
            scope=Scope(ACCOUNT, "us-east-1"),
            principal=root_of(ACCOUNT, ACCOUNT),
            request_id="asked",
        )


def _end(tx: Transaction, record: JobRecord, commit: Callable[[Any], None] | None) -> None:
    """As the dispatcher ends a job."""
    jobs.delete(tx, HOME, record.job.id)
    if commit is not None:
        commit(tx)
