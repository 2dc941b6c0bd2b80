"""Lines of files: cut anywhere, packed in any way, and Ion's text written and read."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.services.dynamodb.tables import pack_item
from pilvi.services.dynamodb.transfers.formats import texts
from pilvi.services.dynamodb.transfers.formats.ion import of_ion
from pilvi.services.dynamodb.transfers.formats.reading import BadItem, of_csv, of_json
from pilvi.services.dynamodb.transfers.formats.writing import item_line
from pilvi.services.dynamodb.values import measure_item

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_numbers = st.decimals(
    min_value=Decimal("-1e20"), max_value=Decimal("1e20"), allow_nan=False, places=12
).map(lambda number: {"N": str(number)})
_scalars = st.one_of(
    _texts.map(lambda text: {"S": text}),
    _numbers,
    st.sampled_from([{"N": "1E125"}, {"N": "-1E-130"}, {"N": "0"}, {"NULL": True}]),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.sampled_from([{"B": "AP8="}, {"SS": ["a", "b'"]}, {"NS": ["1", "-2.5"]}, {"BS": ["YQ=="]}]),
)
_names = _texts.filter(bool) | st.sampled_from(["true", "null", "$ion_1_0", "$10", "a b", "it's"])
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: {"L": values})
        | st.dictionaries(_names, inner, max_size=3).map(lambda members: {"M": members})
    ),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.dictionaries(_names, _values, max_size=4))
def test_ion_is_read_as_it_was_written(item: dict[str, Any]) -> None:
    size = measure_item(item)
    line = item_line("ION", pack_item(item, size))
    assert line.count(b"\n") == 1
    again = of_ion(line.rstrip(b"\n"))
    measure_item(again)
    assert again == item


def test_ion_is_written_as_aws_writes_it() -> None:
    item = {
        "Authors": {"SS": ["Author1", "Author2"]},
        "Id": {"N": "103"},
        "InPublication": {"BOOL": False},
        "PageCount": {"N": "600"},
        "Price": {"N": "1.5"},
    }
    assert item_line("ION", pack_item(item, measure_item(item))) == (
        b'$ion_1_0 {Item:{Authors:$dynamodb_SS::["Author1","Author2"],Id:103.,'
        b"InPublication:false,PageCount:6d2,Price:1.5}}\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "{Item:{a:2020-01-01T}}",
        "{Item:{a:symbol}}",
        "{Item:{a:1e0}}",
        '{Item:{a:$dynamodb_NS::["x"]}}',
        "{Item:{a:1,a:2}}",
        "{a:1}",
        "{Item:{}} {Item:{}}",
        "",
        "{Item:[",
        "[" * 5000,
    ],
)
def test_what_is_no_item_in_ion(line: str) -> None:
    with pytest.raises(BadItem):
        of_ion(line.encode())


def test_what_is_no_item_in_other_formats() -> None:
    for line in (b"{}", b'{"Item":[]}', b'{"Item":{},"x":1}', b"[" * 5000, b"\xff", b"1"):
        with pytest.raises(BadItem):
            of_json(line)
    for line in (b"a", b"a,b,c", b'"a"b,c', b'"a', b"\xff,b"):
        with pytest.raises(BadItem):
            of_csv(line, ",", ("pk", "x"), {})


def _lines_of(pieces: list[bytes], *, quoted: bool = False) -> list[tuple[bytes | None, int]]:
    async def given_pieces() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def run() -> list[tuple[bytes | None, int]]:
        return [one async for one in texts.lines(given_pieces(), quoted=quoted)]

    return asyncio.run(run())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b'"', b"bc", b"", b'""'])), st.booleans())
def test_lines_are_the_same_however_they_come(pieces: list[bytes], quoted: bool) -> None:
    """And their sizes sum up to the whole, so that reading can go on behind any of them."""
    whole = b"".join(pieces)
    found = _lines_of(pieces, quoted=quoted)
    assert found == _lines_of([whole], quoted=quoted)
    assert sum(size for _, size in found) == len(whole)
    behind = 0
    for number, (_, size) in enumerate(found):
        assert _lines_of([whole[behind:]], quoted=quoted) == found[number:]
        behind += size


def test_a_line_that_is_too_long_costs_no_memory_and_no_other_line() -> None:
    long = [b"x" * 1024 * 1024] * 6
    assert _lines_of([b"a\n", *long, b"\nb"]) == [(b"a", 2), (None, 6 * 1024 * 1024 + 1), (b"b", 1)]


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
def test_little_that_becomes_much_does_so_in_pieces(compression: str) -> None:
    much = b"\x00" * 60_000_000
    if compression == "GZIP":
        little = gzip.compress(much, 1)
    else:
        little = zstandard.ZstdCompressor().compress(much)

    async def packed() -> AsyncIterator[bytes]:
        yield little

    async def sizes() -> list[int]:
        return [len(piece) async for piece in texts.opened(packed(), compression)]

    found = asyncio.run(sizes())
    assert sum(found) == len(much)
    assert max(found) <= 16 * 1024 * 1024
