"""Which members of a request did the handler read?

The commonest defect of systems like this one is a member that is parsed and then dropped. So a request
knows what was read of it: a member that was sent, that nothing read, and that the service does not
declare as accepted without effect, is refused by name, and nothing is changed. The outermost members are
watched always; in strict mode (tests) those of nested structures too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


class WatchedRequest(dict[str, Any]):
    """The parsed request; remembers the members that were asked for, or found by iterating."""

    __slots__ = ("_read", "_read_all")

    def __init__(self, params: dict[str, Any], *, deep: bool = False) -> None:
        super().__init__(_watch_inside(params) if deep else params)
        self._read: set[str] = set()
        self._read_all = False

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._read_all = True
        return super().__iter__()

    def keys(self) -> Any:
        self._read_all = True
        return super().keys()

    def values(self) -> Any:
        self._read_all = True
        return super().values()

    def items(self) -> Any:
        self._read_all = True
        return super().items()

    def unread(self) -> list[str]:
        """Paths of the members that were sent and not read, sorted: `Tags`, `Code.ImageUri`."""
        return sorted(self._unread(""))

    def _unread(self, prefix: str) -> Iterator[str]:
        for name, value in super().items():
            if not self._read_all and name not in self._read:
                yield prefix + name
            else:
                yield from _unread_inside(value, f"{prefix}{name}.")


def _watch_inside(params: dict[str, Any]) -> dict[str, Any]:
    return {name: _watch(value) for name, value in params.items()}


def _watch(value: Any) -> Any:
    if type(value) is dict:
        return WatchedRequest(value, deep=True)  # pyright: ignore[reportUnknownArgumentType]
    if type(value) is list:
        return [_watch(element) for element in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _unread_inside(value: object, prefix: str) -> Iterable[str]:
    if isinstance(value, WatchedRequest):
        yield from value._unread(prefix)  # pyright: ignore[reportPrivateUsage]
    elif isinstance(value, list):
        for element in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _unread_inside(element, prefix)  # pyright: ignore[reportUnknownArgumentType]
