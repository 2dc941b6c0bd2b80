"""Which recorded scenarios were rebuilt, by name: each by the function that tells it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Rebuilt(dict[str, T]):
    def named(self, *names: str) -> Callable[[T], T]:
        """What follows tells these scenarios; nobody else has told them."""

        def keep(told: T) -> T:
            for name in names:
                assert name not in self, name
                self[name] = told
            return told

        return keep
