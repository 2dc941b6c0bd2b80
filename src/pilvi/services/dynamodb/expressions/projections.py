"""Projections, compiled: a function of an item to the part of it that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from pilvi.services.dynamodb.expressions.nodes import Path, PathPart
from pilvi.services.dynamodb.expressions.paths import step
from pilvi.services.dynamodb.values import Item, Value

Project = Callable[[Item], Item]

_Tree = dict[PathPart, Any]
"""Below each part another tree; None where a path ends and the whole value is wanted."""


def compile_projection(paths: Iterable[Path]) -> Project:
    """Of paths that do not overlap. Elements of lists close ranks, in their order in the item."""
    tree: _Tree = {}
    for path in paths:
        branch = tree
        for part in path[:-1]:
            branch = cast("_Tree", branch.setdefault(part, {}))
        branch[path[-1]] = None
    if all(below is None for below in tree.values()):
        names = cast("list[str]", list(tree))
        return lambda item: {name: item[name] for name in names if name in item}
    return lambda item: _members(tree, {"M": item})


def _members(tree: _Tree, parent: Value) -> Item:
    found: Item = {}
    for part, below in tree.items():
        value = _part(parent, part, below)
        if value is not None:
            found[cast("str", part)] = value
    return found


def _part(parent: Value, part: PathPart, below: _Tree | None) -> Value | None:
    value = step(parent, part)
    if value is None or below is None:
        return value
    if isinstance(next(iter(below)), str):
        members = _members(below, value)
        return {"M": members} if members else None
    elements = [
        element
        for index in sorted(cast("list[int]", list(below)))
        if (element := _part(value, index, below[index])) is not None
    ]
    return {"L": elements} if elements else None
