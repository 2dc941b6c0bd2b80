"""Encrypted segments: what was changed, moved, cut off or put behind does not open."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from pilvi.base.entropy import Entropy
from pilvi.services.s3.encryption import segments
from pilvi.services.s3.encryption.segments import SEGMENT_BYTES, TAG_BYTES, Segments
from pilvi.store.blob_rows import BlobCorrupt

KEY = bytes(range(32))
SEALED = SEGMENT_BYTES + TAG_BYTES
EDGES = [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES, 200_000]


def sealed(data: bytes, blob_id: str = "a") -> bytes:
    return Segments(KEY, blob_id).seal(0, data, last=True)


def refused(data: bytes, *, last: bool = True, number: int = 0, blob_id: str = "a") -> None:
    with pytest.raises(BlobCorrupt):
        Segments(KEY, blob_id).open(number, data, last=last)


@pytest.mark.parametrize("size", EDGES)
def test_what_is_sealed_opens(size: int) -> None:
    data = os.urandom(size)
    made = sealed(data)
    assert len(made) == segments.sealed_size(size)
    assert segments.held(len(made)) == segments.count(size)
    assert Segments(KEY, "a").open(0, made, last=True) == data
    if size > 16:
        assert data[:16] not in made


@given(size=st.integers(1, 5 * SEGMENT_BYTES), at=st.data())
def test_a_range_touches_the_segments_that_it_lies_in(size: int, at: st.DataObject) -> None:
    low = at.draw(st.integers(0, size - 1))
    high = at.draw(st.integers(low + 1, size))
    first, behind = segments.touched(low, high)
    start, end = segments.place(first, size), segments.place(behind, size)
    assert first * SEGMENT_BYTES <= low
    assert high <= behind * SEGMENT_BYTES
    assert start == first * SEALED
    assert segments.held(end - start) == behind - first
    assert end <= segments.sealed_size(size)


def test_whatever_is_done_to_it_is_noticed() -> None:
    data = os.urandom(3 * SEGMENT_BYTES)
    made = sealed(data)
    one, two, three = made[:SEALED], made[SEALED : 2 * SEALED], made[2 * SEALED :]
    for position in (0, SEALED - 1, SEALED, len(made) - 1):
        changed = bytearray(made)
        changed[position] ^= 1
        refused(bytes(changed))
    refused(two + one + three)  # in another order
    refused(one + one + three)  # one of them twice
    refused(one + two)  # cut off at the edge of a segment
    refused(made[:-1])
    refused(made + three)  # more put behind
    refused(made, blob_id="b")  # of another blob
    refused(one, last=True)
    refused(three, number=2, last=False)
    refused(b"")
    assert Segments(KEY, "a").open(2, three, last=True) == data[2 * SEGMENT_BYTES :]
    with pytest.raises(BlobCorrupt):
        Segments(bytes(32), "a").open(0, made, last=True)


def test_a_wrapped_key_opens_for_its_blob_only() -> None:
    wrapping, entropy = AESGCM(bytes(32)), Entropy()
    wrapped = segments.wrap(wrapping, KEY, "a", entropy)
    assert segments.unwrap(wrapping, wrapped, "a") == KEY
    assert segments.wrap(wrapping, KEY, "a", entropy) != wrapped, "with a nonce of its own"
    for other in ((wrapping, wrapped, "b"), (AESGCM(KEY), wrapped, "a"), (wrapping, b"", "a")):
        with pytest.raises(BlobCorrupt):
            segments.unwrap(*other)
