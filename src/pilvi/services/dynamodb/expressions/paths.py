"""Following a document path through an item."""

from __future__ import annotations

from collections.abc import Callable

from pilvi.services.dynamodb.expressions.nodes import Path, PathPart
from pilvi.services.dynamodb.values import Item, Value


def step(value: Value, part: PathPart) -> Value | None:
    """One step down; None where there is nothing, or nothing of that kind."""
    if isinstance(part, str):
        members: Item | None = value.get("M")
        return None if members is None else members.get(part)
    elements: list[Value] | None = value.get("L")
    if elements is None or part >= len(elements):
        return None
    return elements[part]


def finder(path: Path) -> Callable[[Item], Value | None]:
    """A function that finds the value at `path` in an item, or None."""
    name = str(path[0])
    if len(path) == 1:
        return lambda item: item.get(name)
    below = path[1:]

    def find(item: Item) -> Value | None:
        value = item.get(name)
        for part in below:
            if value is None:
                return None
            value = step(value, part)
        return value

    return find
