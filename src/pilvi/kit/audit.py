"""Which members of a request did the handler read?

The commonest defect of systems like this one is a member that is parsed and then dropped. So a request
knows what was read of it: a member that was sent, that nothing read, and that the service does not
declare as accepted without effect, is refused by name, and nothing is changed. The outermost members are
watched always; in strict mode (tests) those of nested structures too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

_getitem: Callable[[dict[str, Any], str], Any] = dict[str, Any].__getitem__
_get: Callable[[dict[str, Any], str, Any], Any] = dict[str, Any].get
_contains: Callable[[dict[str, Any], object], bool] = dict[str, Any].__contains__


class WatchedRequest(dict[str, Any]):
    """The parsed request; remembers the members that were asked for, or found by iterating.

    Handlers ask dozens of times, and `super()` costs as much again as what it is asked for.
    """

    __slots__ = ("_deep", "_read", "_read_all")

    def __init__(self, params: dict[str, Any], *, deep: bool = False) -> None:
        super().__init__(_watch_inside(params) if deep else params)
        self._deep = deep
        self._read: set[str] = set()
        self._read_all = False

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return _getitem(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return _get(self, name, default)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return _contains(self, name)

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
        if not self._deep and (self._read_all or self._read.issuperset(super().keys())):
            return []
        return sorted(self._unread())

    def _unread(self) -> Iterator[str]:
        waiting: list[tuple[str, object]] = [("", self)]
        while waiting:
            prefix, inside = waiting.pop()
            if isinstance(inside, list):
                waiting += [(prefix, element) for element in cast("list[object]", inside)]
            elif isinstance(inside, WatchedRequest):
                for name, value in super(WatchedRequest, inside).items():
                    if not inside._read_all and name not in inside._read:
                        yield f"{prefix}{name}"
                    else:
                        waiting.append((f"{prefix}{name}.", value))


def _watch_inside(params: dict[str, Any]) -> dict[str, Any]:
    """A copy in which all dictionaries are watched. No recursion: callers nest as deep as they like."""
    outer: dict[str, Any] = {}
    waiting: list[tuple[Any, Any]] = [(params, outer)]

    def watched(value: Any) -> Any:
        made: Any
        kind = cast("type[Any]", type(value))
        if kind is dict:
            made = WatchedRequest({})
        elif kind is list:
            made = list[Any]()
        else:
            return value
        waiting.append((value, made))
        return made

    while waiting:
        source, target = waiting.pop()
        if type(source) is list:
            target += map(watched, cast("list[Any]", source))
        else:
            members = cast("dict[str, Any]", source)
            target.update({name: watched(value) for name, value in members.items()})
    return outer
