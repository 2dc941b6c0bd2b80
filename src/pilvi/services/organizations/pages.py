"""Pages of lists: NextToken and MaxResults in, NextToken out.

A token names the last item of the page before; lists are sorted, so it stays true when items come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NotRequired, TypedDict, TypeVar

from pilvi.kit import paging
from pilvi.services.organizations import errors, limits
from pilvi.store.keys import Key

T = TypeVar("T")


class More(TypedDict):
    """The member of an answer that tells of a next page."""

    NextToken: NotRequired[str]


def after(req: Mapping[str, Any]) -> Key | None:
    """The key to continue behind. Raises: InvalidInputException."""
    token = req.get("NextToken")
    if token is None:
        return None
    try:
        return paging.key_of(token)
    except ValueError:
        raise errors.InvalidInputException(
            reason="INVALID_NEXT_TOKEN", detail="You provided an invalid next token."
        ) from None


def cut(
    req: Mapping[str, Any], items: Iterable[T], key: Callable[[T], Key]
) -> tuple[list[T], More]:
    """One page of `items` that begin behind the token, and the member that tells of a next page."""
    page, more = paging.page_of(items, req.get("MaxResults", limits.PAGE_SIZE))
    return page, {"NextToken": paging.token_of(key(page[-1]))} if more else {}
