"""Three buckets that replicate into each other against a model of a few lines, attempts that are killed included.

From `one` everything goes to `two` and `three`; from `two` to `one`, changes of replicas too. Nothing goes round, no
version is there twice, and versions stand in the order in which they were written, wherever.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple
from hypothesis.stateful import rule as step

from pilvi.base.errors import AwsError
from s3.replications import World, rule

BUCKETS = ("one", "two", "three")
ROUTES = {"one": ("two", "three"), "two": ("one",), "three": ()}
KEYS = st.sampled_from(["k", "l"])
BODIES = st.sampled_from([b"", b"x", b"z" * 70_000])  # the last is a file of its own


@dataclass
class Version:
    """`body`: None for a delete marker. `to`: how far it is, by bucket."""

    number: int
    body: bytes | None
    tag: str = ""
    replica: bool = False
    to: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def status(self) -> str | None:
        for status in ("FAILED", "PENDING"):
            if status in self.to.values():
                return status
        return "REPLICA" if self.replica else "COMPLETED" if self.to else None


class Replication(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.path = tempfile.TemporaryDirectory()
        self.numbers = itertools.count()
        self.model: dict[str, dict[tuple[str, str], Version]] = {name: {} for name in BUCKETS}
        self.tasks: dict[tuple[str, str, str, str], str] = {}
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        self.world = World(Path(self.path.name))
        for name in BUCKETS:
            await self.world.bucket(name)
        await self.world.replicate("one", rule("two"), rule("three", Priority=2))
        modified = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
        await self.world.replicate("two", rule("one", **modified))

    def teardown(self) -> None:
        self.runner.close()
        self.path.cleanup()

    def ask(self, operation: str, body: bytes = b"", **params: Any) -> dict[str, Any]:
        self.world.advance(0.001)
        return self.runner.run(self.world.ask(operation, body, **params))

    def _note(self, bucket: str, key: str, id: str, to: str, what: str) -> None:
        waiting = self.tasks.get((bucket, key, id, to))
        self.tasks[bucket, key, id, to] = "content" if "content" in (waiting, what) else what

    # --- steps

    @step(target=ids, bucket=st.sampled_from(BUCKETS), key=KEYS, body=BODIES)
    def put(self, bucket: str, key: str, body: bytes) -> Any:
        id = self.ask("PutObject", body, Bucket=bucket, Key=key)["VersionId"]
        version = Version(next(self.numbers), body)
        self.model[bucket][key, id] = version
        for to in ROUTES[bucket]:
            version.to[to] = "PENDING"
            self._note(bucket, key, id, to, "content")
        return multiple((key, id))

    @step(target=ids, bucket=st.sampled_from(BUCKETS), key=KEYS)
    def delete(self, bucket: str, key: str) -> Any:
        id = self.ask("DeleteObject", Bucket=bucket, Key=key)["VersionId"]
        self.model[bucket][key, id] = Version(next(self.numbers), None)
        for to in ROUTES[bucket]:
            self._note(bucket, key, id, to, "marker")
        return multiple((key, id))

    @step(bucket=st.sampled_from(BUCKETS), named=ids)
    def delete_version(self, bucket: str, named: tuple[str, str]) -> None:
        key, id = named
        self.ask("DeleteObject", Bucket=bucket, Key=key, VersionId=id)
        self.model[bucket].pop(named, None)

    @step(bucket=st.sampled_from(BUCKETS), named=ids, tag=st.sampled_from("abc"))
    def tag(self, bucket: str, named: tuple[str, str], tag: str) -> None:
        key, id = named
        version = self.model[bucket].get(named)
        tags = {"TagSet": [{"Key": "t", "Value": tag}]}
        asked = {"Bucket": bucket, "Key": key, "VersionId": id, "Tagging": tags}
        if version is None or version.body is None:
            try:
                self.ask("PutObjectTagging", **asked)
            except AwsError as error:
                assert error.code in ("NoSuchVersion", "MethodNotAllowed")  # noqa: PT017 it may be either
                return
            raise AssertionError("there is nothing that has tags")
        self.ask("PutObjectTagging", **asked)
        version.tag = tag
        going = version.replica and bucket == "two"
        for to in ROUTES[bucket]:
            if going or version.to.get(to) in ("PENDING", "COMPLETED"):
                version.to[to] = "PENDING"
                self._note(bucket, key, id, to, "metadata")

    @step()
    def killed(self) -> None:
        self.runner.run(self.world.run(killed=True))

    @step()
    def run(self) -> None:
        self.runner.run(self.world.run())
        for (bucket, key, id, to), what in self.tasks.items():
            version = self.model[bucket].get((key, id))
            if version is None:
                continue
            there = self.model[to].get((key, id))
            if there is not None:
                there.tag = version.tag
            elif what == "metadata":
                version.to[to] = "FAILED"
                continue
            else:
                replica = version.body is not None
                self.model[to][key, id] = Version(
                    version.number, version.body, version.tag, replica=replica
                )
            if version.body is not None:
                version.to[to] = "COMPLETED"
        self.tasks.clear()

    # --- what holds

    @invariant()
    def all_is_where_it_should_be(self) -> None:
        for bucket, model in self.model.items():
            listed = self.ask("ListObjectVersions", Bucket=bucket)
            rows = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
            assert {(one["Key"], one["VersionId"]) for one in rows} == model.keys()
            assert len(rows) == len(model)
            for key in {key for key, _ in model}:
                newest = max((v.number, id) for (k, id), v in model.items() if k == key)[1]
                latest = [one["VersionId"] for one in rows if one["Key"] == key and one["IsLatest"]]
                assert latest == [newest]
            ordered = sorted(
                (
                    (key, -version.number, id)
                    for (key, id), version in model.items()
                    if version.body is not None
                )
            )
            told = [(one["Key"], one["VersionId"]) for one in listed.get("Versions", [])]
            assert told == [(key, id) for key, _, id in ordered]

    @invariant()
    def versions_say_how_far_they_are(self) -> None:
        for bucket, model in self.model.items():
            for (key, id), version in model.items():
                if version.body is None:
                    continue
                head = self.ask("HeadObject", Bucket=bucket, Key=key, VersionId=id)
                assert head.get("ReplicationStatus") == version.status
                assert head.get("TagCount", 0) == (1 if version.tag else 0)
                assert head["ContentLength"] == len(version.body)


def test_what_is_where() -> None:
    machine = Replication.TestCase
    machine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
    machine().runTest()
