"""Pages of KMS's lists: Limit and Marker in, Truncated and NextMarker out.

A marker names the last item of the page before; lists are sorted, so it stays true when items come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, TypeVar

from pilvi.kit.paging import key_of, page_of, token_of
from pilvi.services.kms import errors
from pilvi.store.keys import Key, pack

T = TypeVar("T")


class More(TypedDict, total=False):
    """The members of an answer that tell of a next page."""

    Truncated: bool
    NextMarker: str


def after_marker(req: Mapping[str, Any]) -> Key | None:
    """The key to continue behind. Raises: InvalidMarkerException for a marker that we did not give."""
    marker = req.get("Marker")
    if marker is None:
        return None
    try:
        return key_of(marker)
    except (ValueError, IndexError):
        raise errors.InvalidMarkerException(marker=marker) from None


def cut(
    req: Mapping[str, Any],
    items: Iterable[T],
    key: Callable[[T], Key],
    *,
    default: int,
    most: int,
) -> tuple[list[T], More]:
    """One page of `items` that begin behind the marker, and the members that tell of a next page."""
    page, more = page_of(items, min(req.get("Limit", default), most))
    return page, {"Truncated": True, "NextMarker": token_of(key(page[-1]))} if more else {
        "Truncated": False
    }


def cut_sorted(
    req: Mapping[str, Any], items: Iterable[T], key: Callable[[T], Key], *, default: int, most: int
) -> tuple[list[T], More]:
    """Of a short list that is sorted by its keys."""
    start = after_marker(req)
    behind = (item for item in items if start is None or _below(start, key(item)))
    return cut(req, behind, key, default=default, most=most)


def _below(start: Key, key: Key) -> bool:
    return pack(start) < pack(key)
