"""Does an event have what a branch of a pattern asks for?

An event is its leaves: the texts, numbers, truths and nulls at the end of paths. Objects and empty arrays are no
leaves, so for "exists" they are not there. The elements of an array stand at the array's own path, and what lies in
objects of an array must be of one element: of {"a": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]} no pattern finds x = 1 with
y = 4.

Most patterns meet no arrays on their way. For these a field is a few look-ups. Else the fields are asked in order,
and what is kept between them is which elements the answers were found in (`_Elements`); only arrays that a later
field goes through are kept, so the work grows with the leaves that the pattern can reach, not with their
combinations.
AWS: EventBridge User Guide, "Matching arrays in event patterns" and "Null values and empty strings".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from pilvi.languages.event_pattern.conditions import Field

_DEPTH_MAX = 200
_STATES_MAX = 50_000

_Chain = tuple[tuple[int, int], ...]
"""In which elements of which arrays a leaf lies: pairs of an array and a place in it, from the outermost inwards."""
_Elements = frozenset[tuple[int, int]]


class _Mark:
    """A value that no event can have."""


_ABSENT: Final = _Mark()
_IN_ARRAYS: Final = _Mark()


class Asked:
    """One field of a branch."""

    __slots__ = ("_joined", "_steps", "field", "name", "steps")

    def __init__(self, name: str, field: Field) -> None:
        self.name = name
        self.field = field
        self.steps = tuple(name.split("."))
        # A member's name may have dots in it: then one look-up goes several steps.
        self._steps = tuple(
            (
                step,
                tuple(".".join(self.steps[at:end]) for end in range(at + 2, len(self.steps) + 1)),
            )
            for at, step in enumerate(self.steps)
        )

    def look_up(self, event: Any) -> Any:
        """The leaf, a list of leaves, _ABSENT, or _IN_ARRAYS where more than look-ups is needed."""
        value = event
        for step, joined in self._steps:
            if value.__class__ is not dict:
                return _IN_ARRAYS if value.__class__ is list else _ABSENT
            for name in joined:
                if name in value:
                    return _IN_ARRAYS
            value = value.get(step, _ABSENT)
            if value is _ABSENT:
                return _ABSENT
        if value.__class__ is dict:
            return _ABSENT
        if value.__class__ is list:
            for element in value:
                if element.__class__ is dict or element.__class__ is list:
                    return _IN_ARRAYS
            return value or _ABSENT
        return value


class Conjunction:
    """One branch: all of its fields must be as asked."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Field]) -> None:
        asked = [Asked(name, field) for name, field in fields.items()]
        self.fields = sorted(asked, key=lambda one: one.steps)

    def refused_by(self, event: Mapping[str, Any]) -> int | None:
        """The number of the first field that is not as asked; None where all are."""
        for number, asked in enumerate(self.fields):
            value = asked.look_up(event)
            if value is _IN_ARRAYS:
                return _refused_by_elements(self.fields, event)
            if value is _ABSENT:
                if not asked.field.may_be_absent:
                    return number
            elif value.__class__ is list:
                if not any(map(asked.field.test, cast("list[Any]", value))):
                    return number
            elif not asked.field.test(value):
                return number
        return None


# --- through arrays


class _Leaves:
    """Leaves of one field, by the elements that they lie in."""

    __slots__ = ("arrays", "here")

    def __init__(self) -> None:
        self.here = False
        self.arrays: dict[int, dict[int, _Leaves]] = {}

    def add(self, chain: _Chain) -> None:
        at = self
        for array, place in chain:
            places = at.arrays.setdefault(array, {})
            at = places.setdefault(place, _Leaves())
        at.here = True

    def found_with(
        self, chosen: Mapping[int, int], needed: set[int], chain: _Chain = ()
    ) -> Iterator[_Chain]:
        """The elements, of the arrays that are needed, in which there are leaves that lie in the chosen ones.

        An array that is not needed has none inside it that are, so one leaf there stands for all.
        """
        if self.here:
            yield chain
        for array, places in self.arrays.items():
            if array in chosen:
                below = places.get(chosen[array])
                if below is not None:
                    yield from below.found_with(chosen, needed, chain)
                continue
            if array not in needed:
                yield from _first(
                    found
                    for below in places.values()
                    for found in below.found_with(chosen, needed, chain)
                )
                continue
            for place, below in places.items():
                yield from below.found_with(chosen, needed, (*chain, (array, place)))


def _first(found: Iterator[_Chain]) -> Iterator[_Chain]:
    for one in found:
        yield one
        return


def _refused_by_elements(fields: Sequence[Asked], event: Mapping[str, Any]) -> int | None:
    every: list[_Leaves] = []
    fitting: list[_Leaves] = []
    arrays_of: list[set[int]] = []
    for asked in fields:
        leaves, fits, arrays = _Leaves(), _Leaves(), set[int]()
        for value, chain in _leaves_of(event, asked.steps, ()):
            leaves.add(chain)
            arrays.update(array for array, _ in chain)
            if asked.field.test(value):
                fits.add(chain)
        every.append(leaves)
        fitting.append(fits)
        arrays_of.append(arrays)
    states: set[_Elements] = {frozenset()}
    for number, asked in enumerate(fields):
        needed = set[int]().union(*arrays_of[number + 1 :])
        after: set[_Elements] = set()
        for state in states:
            chosen = dict(state)
            kept = frozenset(pair for pair in state if pair[0] in needed)
            after.update(kept.union(chain) for chain in fitting[number].found_with(chosen, needed))
            if asked.field.may_be_absent and not any(
                True for _ in every[number].found_with(chosen, set())
            ):
                after.add(kept)
            if len(after) > _STATES_MAX:
                return number
        if not after:
            return number
        states = after
    return None


def _leaves_of(value: Any, steps: tuple[str, ...], chain: _Chain) -> Iterator[tuple[Any, _Chain]]:
    if len(chain) > _DEPTH_MAX:
        return
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        for end in range(1, len(steps) + 1):
            name = ".".join(steps[:end])
            if name in members:
                yield from _leaves_of(members[name], steps[end:], chain)
    elif isinstance(value, list):
        elements = cast("list[Any]", value)
        array = id(elements)
        for place, element in enumerate(elements):
            if isinstance(element, (dict, list)):
                yield from _leaves_of(element, steps, (*chain, (array, place)))
            elif not steps:
                yield element, chain
    elif not steps:
        yield value, chain
