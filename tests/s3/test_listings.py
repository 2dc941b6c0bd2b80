"""Listing: order, prefixes, delimiters, pages; against a dict, and by what a page costs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pilvi.services.s3.records import listing, objects
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.objects import Checksum, Object
from pilvi.store.api import Snapshot
from pilvi.store.leaps import leap
from pilvi.store.memory import MemoryStore

# --- one page, by hand


def test_pages_of_version_two(s3: Any, bucket: str, refused: Any) -> None:
    for key in ("a", "b/1", "b/2", "c", "d/1", "e"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    first = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2, FetchOwner=True)
    assert [one["Key"] for one in first["Contents"]] == ["a"]
    assert first["CommonPrefixes"] == [{"Prefix": "b/"}]
    assert (first["KeyCount"], first["IsTruncated"], first["MaxKeys"]) == (2, True, 2)
    content = first["Contents"][0]
    assert content["Size"] == 1
    assert content["ETag"] == '"0cc175b9c0f1b6a831c399e269772661"'
    assert len(content["Owner"]["ID"]) == 64
    second = s3.list_objects_v2(
        Bucket=bucket, Delimiter="/", MaxKeys=2, ContinuationToken=first["NextContinuationToken"]
    )
    assert [one["Key"] for one in second["Contents"]] == ["c"]
    assert second["CommonPrefixes"] == [{"Prefix": "d/"}]
    assert "Owner" not in second["Contents"][0]
    third = s3.list_objects_v2(
        Bucket=bucket, Delimiter="/", MaxKeys=2, ContinuationToken=second["NextContinuationToken"]
    )
    assert [one["Key"] for one in third["Contents"]] == ["e"]
    assert third["IsTruncated"] is False
    assert "NextContinuationToken" not in third
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b/1", Delimiter="/")
    assert [one["Key"] for one in after["Contents"]] == ["c", "e"]
    assert after["CommonPrefixes"] == [{"Prefix": "d/"}], "the marker lies in b/, so b/ was told"
    assert after["StartAfter"] == "b/1"
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    refused("InvalidArgument", s3.list_objects_v2, Bucket=bucket, ContinuationToken="nonsense")
    refused("InvalidArgument", s3.list_objects_v2, Bucket=bucket, EncodingType="base64")
    refused("InvalidArgument", s3.list_objects_v2, Bucket=bucket, MaxKeys=-1)


def test_pages_of_version_one(s3: Any, bucket: str) -> None:
    for key in ("a", "b/1", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    first = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert (first["NextMarker"], first["Marker"]) == ("b/", "")
    assert len(first["Contents"][0]["Owner"]["ID"]) == 64
    rest = s3.list_objects(Bucket=bucket, Delimiter="/", Marker=first["NextMarker"])
    assert [one["Key"] for one in rest["Contents"]] == ["c"]
    plain = s3.list_objects(Bucket=bucket, MaxKeys=1)
    assert "NextMarker" not in plain, "only with a delimiter; else the last key is the marker"


def test_keys_that_xml_cannot_carry_are_encoded(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b+c%/ü\x01", Body=b"")
    page = s3.list_objects_v2(Bucket=bucket, Prefix="a b+c%", Delimiter="/")
    assert page["CommonPrefixes"] == [{"Prefix": "a b+c%/"}]
    assert page["Prefix"] == "a b+c%"


# --- many steps against a dict

LETTERS = st.text("ab/+é\U0001f600", min_size=1, max_size=5)


class Objects(RuleBasedStateMachine):
    """Model: a dict from key to body, sorted by the bytes of its keys."""

    s3: Any
    numbers = itertools.count()

    @initialize()
    def create(self) -> None:
        self.bucket = f"machine-{next(self.numbers)}-{self.s3.machine_account}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.model: dict[str, bytes] = {}

    @rule(key=LETTERS, body=st.binary(max_size=20))
    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.model[key] = body

    @rule(keys=st.lists(LETTERS, max_size=8, unique=True))
    def put_some(self, keys: list[str]) -> None:
        for key in keys:
            self.put(key, key.encode())

    @rule(data=st.data())
    def copy(self, data: st.DataObject) -> None:
        if self.model:
            source = data.draw(st.sampled_from(sorted(self.model)))
            key = data.draw(LETTERS.filter(lambda text: text != source))
            self.s3.copy_object(
                Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source}
            )
            self.model[key] = self.model[source]

    @rule(key=LETTERS)
    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.model.pop(key, None)

    @rule(key=LETTERS)
    def get(self, key: str) -> None:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            body = None
        assert body == self.model.get(key)

    @rule(
        prefix=st.sampled_from(["", "a", "a/", "/", "é"]),
        delimiter=st.sampled_from(["", "/", "b", "é", "//"]),
        size=st.sampled_from([1, 2, 3, 1000]),
        start=st.one_of(st.just(""), LETTERS),
    )
    def list_all(self, prefix: str, delimiter: str, size: int, start: str) -> None:
        """All pages together are what a dict says, whatever their size."""
        told: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.s3.list_objects_v2(
                Bucket=self.bucket, Prefix=prefix, Delimiter=delimiter, MaxKeys=size,
                StartAfter=start, **token,
            )  # fmt: skip
            here = [one["Key"] for one in page.get("Contents", [])]
            here += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
            assert len(here) == page["KeyCount"] <= size
            told += sorted(here, key=str.encode)
            if not page["IsTruncated"]:
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        assert told == list(_expected(self.model, prefix, delimiter, start))


def _expected(model: dict[str, bytes], prefix: str, delimiter: str, start: str) -> Iterator[str]:
    passed = _common(start, prefix, delimiter)
    last = None
    for key in sorted(model, key=str.encode):
        if not key.startswith(prefix) or key.encode() <= start.encode():
            continue
        common = _common(key, prefix, delimiter)
        answer = common or key
        if answer not in (last, passed):
            yield answer
        last = answer


def _common(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter or not key.startswith(prefix) or delimiter not in key[len(prefix) :]:
        return None
    head, _, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + delimiter


def test_objects_behave_like_a_dict(s3: Any, account: str) -> None:
    s3.machine_account = account
    Objects.s3 = s3
    machine: Any = Objects.TestCase
    machine.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
    machine("runTest").runTest()


# --- what a page costs


class Counting:
    """A snapshot that counts the pairs that were read."""

    def __init__(self, at: Snapshot) -> None:
        self.at = at
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self.at.get(key)

    def scan(
        self, start: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        for pair in self.at.scan(start, end, limit=limit, reverse=reverse):
            self.reads += 1
            yield pair

    def leap(
        self, start: bytes, end: bytes, *, at: int, by: bytes, limit: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        return leap(self, start, end, at=at, by=by, limit=limit)


@pytest.mark.parametrize(
    ("delimiter", "prefix", "answers", "reads_max"),
    [("/", "", 10, 12), ("/", "p3/", 1000, 1001), ("", "", 100, 101), ("/", "nope", 0, 1)],
)
def test_a_page_costs_its_answers(
    delimiter: str, prefix: str, answers: int, reads_max: int
) -> None:
    """Ten prefixes over ten thousand keys are told in about ten reads: the walk jumps over the rest."""

    async def run() -> tuple[int, int]:
        store = MemoryStore()
        bucket = Bucket("b", "id", "000000000001", "us-east-1", 0)

        def fill(tx: Any) -> None:
            for number in range(10_000):
                key = f"p{number % 10}/{number:05d}"
                checksum = Checksum("CRC32", "AAAAAA==")
                stored = Object(key, str(number), 0, "e", 0, checksum)
                objects.put_object(tx, bucket, stored, ())

        await store.write(fill)

        def look(at: Snapshot) -> tuple[int, int]:
            counting = Counting(at)
            size = 100 if not delimiter else 1000
            page = listing.walk(
                objects.ordered_objects(counting, bucket),
                prefix=prefix,
                delimiter=delimiter,
                marker=(),
                size=size,
            )
            return len(page.rows) + len(page.prefixes), counting.reads

        found = await store.read(look)
        await store.close()
        return found

    told, reads = asyncio.run(run())
    assert told == answers
    assert reads <= reads_max
