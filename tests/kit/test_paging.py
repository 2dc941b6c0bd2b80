"""Tokens come back as the keys they were made of; made-up ones are refused; a page knows whether more follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.kit.paging import key_of, page_of, token_of

PARTS = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
)


@given(st.lists(PARTS, max_size=5).map(tuple))
def test_a_token_comes_back_as_its_key(key: tuple[str | int | bytes | None, ...]) -> None:
    token = token_of(key)
    assert key_of(token) == key
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=30))
def test_a_made_up_token_is_a_key_or_refused(token: str) -> None:
    try:
        key = key_of(token)
    except ValueError:
        return
    assert isinstance(key, tuple)


@pytest.mark.parametrize(
    ("count", "size", "more"), [(0, 3, False), (2, 3, False), (3, 3, False), (4, 3, True)]
)
def test_a_page_knows_whether_more_follow(count: int, size: int, *, more: bool) -> None:
    assert page_of(range(count), size) == (list(range(min(count, size))), more)


def test_a_page_reads_no_further_than_it_must() -> None:
    read: list[int] = []
    page_of((read.append(number) or number for number in range(100)), 3)
    assert read == [0, 1, 2, 3]
