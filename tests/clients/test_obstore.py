"""obstore, the object store of Rust's `object_store`: conditional writes, parts at once, many ranges."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from datetime import timedelta
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from persons import Person

LARGE = os.urandom(11 * 1024 * 1024)


@pytest.fixture
def store(endpoint: str, ann: Person, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=ann.keys["aws_access_key_id"],
        secret_access_key=ann.keys["aws_secret_access_key"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


# Tables over object stores (Delta, Iceberg) commit so: whoever writes the next number first has won.
def test_one_of_many_writers_creates_a_key(store: S3Store) -> None:
    async def create(number: int) -> int | None:
        try:
            await obstore.put_async(store, "log/1.json", b"%d" % number, mode="create")
        except AlreadyExistsError:
            return None
        return number

    async def race() -> list[int | None]:
        return await asyncio.gather(*(create(number) for number in range(20)))

    winners = [number for number in asyncio.run(race()) if number is not None]
    assert len(winners) == 1
    assert bytes(obstore.get(store, "log/1.json").bytes()) == b"%d" % winners[0]


def test_a_key_is_replaced_by_who_saw_it_last(store: S3Store) -> None:
    seen: Any = obstore.put(store, "state", b"1")
    obstore.put(store, "state", b"2", mode={"e_tag": seen["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, "state", b"3", mode={"e_tag": seen["e_tag"]})
    assert bytes(obstore.get(store, "state").bytes()) == b"2"


def test_large_bodies_go_in_parts_and_come_in_ranges(store: S3Store) -> None:
    obstore.put(store, "ä/large b+c", LARGE, use_multipart=True, chunk_size=5 * 1024 * 1024)
    assert bytes(obstore.get(store, "ä/large b+c").bytes()) == LARGE
    starts = [0, 5_242_870, len(LARGE) - 7]
    found = obstore.get_ranges(store, "ä/large b+c", starts=starts, lengths=[7, 20, 7])
    wanted = [LARGE[:7], LARGE[5_242_870:5_242_890], LARGE[-7:]]
    assert [bytes(one) for one in found] == wanted
    with obstore.open_writer(store, "written", buffer_size=5 * 1024 * 1024) as writer:
        writer.write(LARGE[:6_000_000])
        writer.write(LARGE[6_000_000:])
    reader = obstore.open_reader(store, "written")
    reader.seek(-5, os.SEEK_END)
    assert bytes(reader.read()) == LARGE[-5:]


def test_keys_are_listed_renamed_signed_and_deleted(store: S3Store) -> None:
    keys = ["a/1", "a/b/2", "c", "d e+f%g"]
    for key in keys:
        obstore.put(store, key, key.encode())
    listed = [one["path"] for page in obstore.list(store, chunk_size=1) for one in page]
    assert listed == keys
    level: Any = obstore.list_with_delimiter(store)
    assert level["common_prefixes"] == ["a"]
    assert [one["path"] for one in level["objects"]] == ["c", "d e+f%g"]
    obstore.rename(store, "c", "e")
    url = obstore.sign(store, "GET", "e", timedelta(minutes=5))
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"c"
    obstore.delete(store, ["a/1", "a/b/2", "d e+f%g", "e"])
    with pytest.raises(FileNotFoundError):
        obstore.head(store, "e")
    assert list(obstore.list(store)) == []
