"""Packed keys sort as their tuples do, and come back whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.store.keys import Key, pack, span, unpack

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=4) | st.sampled_from(
    ["", "\x00", "a\x00", "a\x00b", "a", "\xff"]
)
DATA = st.binary(max_size=4) | st.sampled_from([b"\x00", b"\x00\xff", b"\xff", b"\x00\x00"])
INTEGERS = st.integers(-(2**64) + 1, 2**64 - 1) | st.sampled_from(
    [0, 1, -1, 255, 256, -255, -256, 65535, 65536]
)
KEYS = st.lists(st.none() | TEXT | DATA | INTEGERS, max_size=4).map(tuple)


def rank(key: Key) -> list[tuple]:
    """Tuples of comparable things: None < bytes < str < int."""

    def part(value):
        if value is None:
            return (0,)
        if isinstance(value, bytes):
            return (1, value)
        if isinstance(value, str):
            return (2, value.encode("utf-8", "surrogatepass"))
        return (3, value)

    return [part(value) for value in key]


@given(KEYS, KEYS)
def test_order_is_kept(one: Key, other: Key) -> None:
    assert (pack(one) < pack(other)) == (rank(one) < rank(other))


@given(KEYS)
def test_keys_come_back(key: Key) -> None:
    assert unpack(pack(key)) == key


@given(KEYS, KEYS)
def test_a_span_holds_what_lies_below(prefix: Key, key: Key) -> None:
    start, end = span(prefix)
    assert (start <= pack(key) < end) == (key[: len(prefix)] == prefix)
    assert start <= pack((*prefix, *key)) < end


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        pack((2**64,))
    with pytest.raises(TypeError):
        pack((1.5,))  # pyright: ignore
    with pytest.raises(ValueError, match="not a packed key"):
        unpack(b"\x7f")
