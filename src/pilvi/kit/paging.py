"""Paging: opaque tokens that carry the key to continue behind, and lists cut to a page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from pilvi.store.keys import Key, pack, unpack

T = TypeVar("T")


def token_of(key: Key) -> str:
    """A token for `key`; URL-safe, and the same for the same key."""
    return base64.urlsafe_b64encode(pack(key)).rstrip(b"=").decode()


def key_of(token: str) -> Key:
    """Raises: ValueError for a text that `token_of` did not make."""
    padded = token + "=" * (-len(token) % 4)
    return unpack(base64.b64decode(padded, altchars=b"-_", validate=True))


def page_of(items: Iterable[T], size: int) -> tuple[list[T], bool]:
    """The first `size` items, and whether there are more."""
    found = list(islice(items, size + 1))
    return found[:size], len(found) > size
