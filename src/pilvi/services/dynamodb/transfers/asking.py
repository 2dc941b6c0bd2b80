"""What requests for imports and exports have in common: their documents, and how they are known again."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import orjson

from pilvi.kit.call import Call


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
