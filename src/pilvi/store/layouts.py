"""Layouts: rows that a service keeps outside collections, so that `pilvi check` can verify them all the same.

What belongs together lies under one home, a prefix of so many parts, and is verified as a whole: no row of it tells by
itself whether it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pilvi.store.api import Snapshot
from pilvi.store.keys import Key

Tell = Callable[[str, int], None]
"""(what is being verified, how many are done)."""


class Wrong(NamedTuple):
    where: str
    what: str


Verify = Callable[[Snapshot, Key, Tell], Iterator[Wrong]]
"""Gives what is wrong under one home. Damaged rows are told, never raised."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`mark`: the parts that its keys have from the part number `at` on. `depth`: how many parts a home has."""

    name: str
    mark: Key
    at: int
    depth: int
    verify: Verify


REGISTRY: dict[str, Layout] = {}
"""Every layout by name."""


def register(layout: Layout) -> None:
    assert layout.name not in REGISTRY, f"two layouts are called {layout.name}"
    assert layout.at + len(layout.mark) <= layout.depth, layout
    REGISTRY[layout.name] = layout


def find(key: Key) -> tuple[Layout, Key] | None:
    """The layout that a key is of, and its home."""
    for layout in REGISTRY.values():
        if key[layout.at : layout.at + len(layout.mark)] == layout.mark and len(key) > layout.depth:
            return layout, key[: layout.depth]
    return None
