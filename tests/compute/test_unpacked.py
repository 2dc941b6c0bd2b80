"""Unpacked packages: one directory for one content, whole or not there, thrown away with the boot."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from pilvi.base.entropy import Entropy
from pilvi.compute.unpacked import Unpacked
from pilvi.compute.unzipping import BadPackage, PackageTooLarge

SIZE_MAX = 1000
DAY_S = 86_400


def zip_of(**files: str) -> tuple[str, bytes]:
    """Its hash and its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return hashlib.sha256(buffer.getvalue()).hexdigest(), buffer.getvalue()


def cache(tmp_path: Path) -> Unpacked:
    return Unpacked(tmp_path / "cache", Entropy(), size_max=SIZE_MAX)


async def unread() -> bytes:
    raise AssertionError("it lay there already")


def test_a_package_is_read_once_however_many_ask(tmp_path: Path) -> None:
    digest, zipped = zip_of(a="1")
    reads = 0

    async def read() -> bytes:
        nonlocal reads
        reads += 1
        return zipped

    async def body() -> None:
        one, other = cache(tmp_path), cache(tmp_path)
        asked = [made.directory(digest, read) for made in (one, one, other)]
        places = await asyncio.gather(*asked)
        assert {*places, await one.directory(digest, unread)} == {places[0]}
        assert (places[0] / "a").read_text() == "1"
        assert [entry.name for entry in places[0].parent.iterdir()] == [digest]

    asyncio.run(body())
    assert reads == 2, "once in each process"


@pytest.mark.parametrize(
    ("zipped", "problem"),
    [(b"none", BadPackage), (zip_of(a="x" * (SIZE_MAX + 1))[1], PackageTooLarge)],
)
def test_nothing_is_left_of_a_bad_package(
    tmp_path: Path, zipped: bytes, problem: type[Exception]
) -> None:
    async def body() -> None:
        with pytest.raises(problem):
            await cache(tmp_path).add("digest", zipped)

    asyncio.run(body())
    assert [place for place in tmp_path.rglob("*") if "digest" in place.name] == []


def test_of_two_layers_the_later_one_wins(tmp_path: Path) -> None:
    async def body() -> None:
        made = cache(tmp_path)
        sources = [await made.add(*zip_of(a="1", b="1")), await made.add(*zip_of(b="2"))]
        assert await made.merged([]) == ()
        assert await made.merged(sources[:1]) == (sources[0],)
        (both,) = await made.merged(sources)
        assert ((both / "a").read_text(), (both / "b").read_text()) == ("1", "2")
        assert await made.merged(sources) == (both,)
        assert await made.merged(sources[::-1]) != (both,), "the order counts"

    asyncio.run(body())


def test_what_was_not_used_for_a_day_and_earlier_boots_go(tmp_path: Path) -> None:
    earlier = tmp_path / "cache" / "earlier-boot" / "code" / "x"
    earlier.mkdir(parents=True)

    async def body() -> None:
        made = cache(tmp_path)
        unused = await made.add(*zip_of(a="unused"))
        used_digest, used_bytes = zip_of(a="used")
        used = await made.add(used_digest, used_bytes)
        for place in (unused, used):
            before_s = place.stat().st_ctime - 2 * DAY_S
            os.utime(place, (before_s, before_s))
        await made.directory(used_digest, unread)
        await made.add(*zip_of(a="new"))
        assert not unused.exists()
        assert used.exists()

    asyncio.run(body())
    assert not earlier.exists()
