"""Tags as condition keys: those that a request would put on, those that a resource has.

A service says in its `Acts` where the tags of a request are (`listed`, `mapped`, `named`), and tells those of its
resources when a policy asks for them (`Tells`, `of_resource`).
AWS: IAM User Guide, "Controlling access to AWS resources using tags"; "AWS global condition context keys", sections
"aws:RequestTag/tag-key", "aws:TagKeys", "aws:ResourceTag/tag-key".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

Keys = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case."""

TagsOf = Callable[[Mapping[str, Any]], Iterable[tuple[str, str | None]]]
"""Gives the tags that a request names, before it was validated; None for the value where it takes tags off."""

TAG_KEYS = "aws:tagkeys"


def listed(member: str, key: str = "Key", value: str = "Value") -> TagsOf:
    """A list of objects: `[{"Key": ..., "Value": ...}]`."""

    def tags(req: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
        given = req.get(member)
        for one in cast("list[object]", given) if isinstance(given, list) else ():
            if isinstance(one, dict):
                pair = cast("dict[str, object]", one)
                yield str(pair.get(key, "")), str(pair.get(value) or "")

    return tags


def mapped(member: str) -> TagsOf:
    """An object: `{"key": "value"}`."""

    def tags(req: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
        given = req.get(member)
        for key, value in cast(
            "dict[object, object]", given if isinstance(given, dict) else {}
        ).items():
            yield str(key), str(value)

    return tags


def named(member: str) -> TagsOf:
    """A list of the keys that are to be taken off."""

    def tags(req: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
        given = req.get(member)
        for key in cast("list[object]", given) if isinstance(given, list) else ():
            yield str(key), None

    return tags


def of_request(
    tags: Iterable[tuple[str, str | None]], family: str = "aws:requesttag/", keys: str = TAG_KEYS
) -> dict[str, tuple[str, ...]]:
    """`aws:tagkeys` is told of every request that could have tags, if only as nothing: so it is known to be absent."""
    told: dict[str, list[str]] = {keys: []}  # of very many perhaps: nothing was refused yet
    for key, value in tags:
        told[keys].append(key)
        if value is not None:
            _add(told, family, key, value)
    return _fixed(told)


def of_resource(tags: Mapping[str, str], *families: str) -> dict[str, tuple[str, ...]]:
    """`families`: "aws:resourcetag/", and others by which the service tells the same."""
    told: dict[str, list[str]] = {}
    for family in families or ("aws:resourcetag/",):
        for key, value in tags.items():
            _add(told, family, key, value)
    return _fixed(told)


def _add(told: dict[str, list[str]], family: str, key: str, value: str) -> None:
    """Keys of tags that differ by case alone are one condition key with several values: then an Allow needs all of
    them to be right, a Deny one."""
    told.setdefault(family + key.lower(), []).append(value)


def _fixed(told: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(values) for key, values in told.items()}
