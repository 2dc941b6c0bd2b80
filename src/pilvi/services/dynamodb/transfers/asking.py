"""What requests for imports and exports have in common: their documents, how they are known again, and their lists."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeVar, cast

import orjson

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.dynamodb.errors import LimitExceededException, invalid
from pilvi.services.dynamodb.records import scope_home
from pilvi.services.dynamodb.tables import table_name
from pilvi.services.dynamodb.transfers import limits, naming
from pilvi.services.dynamodb.transfers.records import Export, Import
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

T = TypeVar("T", Import, Export)


def plain(given: Any) -> Any:
    """A copy to be kept. Members that nothing else reads count as unread all the same: so they are refused."""
    if isinstance(given, dict):
        members = dict[str, Any].items(cast("dict[str, Any]", given))
        return {name: plain(value) for name, value in members}
    if isinstance(given, list):
        return [plain(one) for one in cast("list[Any]", given)]
    return given


def token_of(call: Call, req: Mapping[str, Any]) -> str:
    """The ClientToken, or one of its own."""
    return req.get("ClientToken") or call.entropy.uuid()


def digest_of(req: Mapping[str, Any]) -> bytes:
    """By which a request is known again."""
    document = plain(req)
    document.pop("ClientToken", None)
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).digest()


def read_all(given: Any) -> None:
    """Count all members as read: a request that is answered as before was understood before."""
    if isinstance(given, dict):
        for value in cast("dict[str, Any]", given).values():
            read_all(value)
    elif isinstance(given, list):
        for value in cast("list[Any]", given):
            read_all(value)


def known(call: Call, at: Snapshot, transfers: Collection[T], token: str) -> T | None:
    """What a token stands for by now."""
    home = scope_home(call.scope)
    for found in transfers.scan_index(at, home, "token", (token,), reverse=True, limit=1):
        ended_ms = found.ended_at_ms
        if ended_ms is None or call.now_ms < ended_ms + limits.TOKEN_LIFE_MS:
            return found
    return None


def refuse_one_more(
    call: Call, at: Snapshot, transfers: Collection[T], most: int, what: str
) -> None:
    """Raises: LimitExceededException where `most` of them are under way."""
    active = transfers.scan_index(at, scope_home(call.scope), "active", limit=most)
    if sum(1 for _ in active) >= most:
        raise LimitExceededException(
            detail=f"Subscriber limit exceeded: There is a limit of {most} concurrent {what} per subscriber"
        )


def page_of(
    call: Call, at: Snapshot, transfers: Collection[T], req: Mapping[str, Any], size: int
) -> tuple[list[T], str | None]:
    """The latest first, of one table where the request names one; and the token to go on with.

    Raises: ValidationException.
    """
    home = scope_home(call.scope)
    start = None
    if "NextToken" in req:
        start = naming.id_of_token(req["NextToken"])
        if start is None:
            raise invalid("Invalid NextToken")
    if "TableArn" in req:
        name = table_name(call.scope, req["TableArn"])
        after = None if start is None else (name, start)
        found = transfers.scan_index(at, home, "table", (name,), after_entry=after, reverse=True)
    else:
        after = None if start is None else (start,)
        found = transfers.scan(at, home, after_key=after, reverse=True)
    page, more = paging.page_of(found, size)
    return page, naming.page_token(page[-1].id) if more else None
