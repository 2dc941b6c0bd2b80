"""Pages of IAM's lists: Marker and MaxItems in, IsTruncated and Marker out.

A marker names the last item of the page before; lists are sorted, so it stays true when items come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NotRequired, TypedDict, TypeVar

from pilvi.kit.paging import key_of, page_of, token_of
from pilvi.services.iam import errors, limits
from pilvi.services.iam.wire import Tag
from pilvi.store.keys import Key

T = TypeVar("T")


class More(TypedDict):
    """The members of an answer that tell of a next page."""

    IsTruncated: bool
    Marker: NotRequired[str]


def after_marker(req: Mapping[str, Any]) -> Key | None:
    """The key to continue behind. Raises: ValidationError for a marker that we did not give."""
    marker = req.get("Marker")
    if marker is None:
        return None
    try:
        return key_of(marker)
    except ValueError:
        raise errors.ValidationError(detail=f"Invalid Marker: {marker}") from None


def marker(key: Key) -> str:
    """For what continues behind `key`."""
    return token_of(key)


def cut(
    req: Mapping[str, Any], items: Iterable[T], key: Callable[[T], Key]
) -> tuple[list[T], More]:
    """One page of `items` that begin behind the marker, and the members that tell of a next page."""
    page, more = page_of(items, req.get("MaxItems", limits.PAGE_SIZE))
    told: More = {"IsTruncated": more}
    if more:
        told["Marker"] = token_of(key(page[-1]))
    return page, told


def cut_names(req: Mapping[str, Any], names: Iterable[str]) -> tuple[list[str], More]:
    """One page of texts, sorted."""
    start = after_marker(req)
    behind = sorted(name for name in names if start is None or (name,) > start)
    return cut(req, behind, lambda name: (name,))


def cut_tags(req: Mapping[str, Any], tags: Mapping[str, str]) -> tuple[list[Tag], More]:
    """One page of tags, sorted by key."""
    keys, more = cut_names(req, tags)
    return [{"Key": key, "Value": tags[key]} for key in keys], more
