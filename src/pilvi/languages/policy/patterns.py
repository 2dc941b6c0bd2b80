"""Patterns with `*` and `?`, matched without backtracking.

A pattern is a tuple of parts: literal texts and wildcards. Whatever a policy's author writes, a match costs at most
the length of the text times the length of the pattern: either one pass of an expression whose groups never give
back what they took, or, where a wildcard must not reach beyond a colon and where a pattern is long, a walk with a set
of positions.
AWS: IAM User Guide, "IAM JSON policy elements: Resource", section "Using wildcards in resource ARNs".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from functools import lru_cache

_MATCHERS_MAX = 2048
_PARTS_MAX = 8


class Wild(Enum):
    ANY = "any number of characters"
    ONE = "one character"
    ANY_INSIDE = "any number of characters, none of them a colon"
    ONE_INSIDE = "one character, which is no colon"


Part = str | Wild
Parts = tuple[Part, ...]
Matcher = Callable[[str], bool]

_WILD = re.compile(r"([*?])")
_SIGNS = {"*": Wild.ANY, "?": Wild.ONE}


def read_wildcards(text: str) -> Parts:
    """`*` and `?` as wildcards, everything else as it stands."""
    return tuple(_SIGNS.get(piece, piece) for piece in _WILD.split(text) if piece)


def joined(parts: Iterable[Part]) -> Parts:
    """The same pattern with neighbouring literals made one, and no empty ones."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return tuple(found)


@lru_cache(maxsize=_MATCHERS_MAX)
def matcher(parts: Parts) -> Matcher:
    """Says of a whole text whether the pattern matches it. `parts` as `joined` gives them."""
    if not parts:
        return "".__eq__
    if all(part is Wild.ANY for part in parts):
        return _always
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0].__eq__
    if len(parts) == 2 and isinstance(parts[0], str) and parts[1] is Wild.ANY:
        return _Prefix(parts[0]).matches
    if Wild.ANY_INSIDE in parts or _is_costly(parts):
        return _Positions(parts).matches
    expression = re.compile(_expression(parts), re.DOTALL)
    return _Expression(expression).matches


def _is_costly(parts: Parts) -> bool:
    """Whether an expression would take milliseconds to make, or longer than a walk to search with."""
    return len(parts) > _PARTS_MAX or sum(len(one) for one in parts if isinstance(one, str)) > 512


def _always(text: str) -> bool:
    return True


class _Prefix:
    def __init__(self, start: str) -> None:
        self._start = start

    def matches(self, text: str) -> bool:
        return text.startswith(self._start)


class _Expression:
    def __init__(self, expression: re.Pattern[str]) -> None:
        self._fullmatch = expression.fullmatch

    def matches(self, text: str) -> bool:
        return self._fullmatch(text) is not None


def _expression(parts: Parts) -> str:
    """What stands between two stars has a fixed length: its first place is as good as any later one, so each is
    found in an atomic group, and the search never comes back to it."""
    chunks = list(_chunks(parts))
    head, *rest = ("".join(_one(part) for part in chunk) for chunk in chunks)
    if not rest:
        return head
    *middle, tail = rest
    return head + "".join(f"(?>.*?{chunk})" for chunk in middle if chunk) + f".*{tail}"


def _chunks(parts: Parts) -> Iterator[Sequence[Part]]:
    chunk: list[Part] = []
    for part in parts:
        if part is Wild.ANY:
            yield chunk
            chunk = []
        else:
            chunk.append(part)
    yield chunk


def _one(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    return "[^:]" if part is Wild.ONE_INSIDE else "."


class _Positions:
    """The pattern as positions, one bit each; a text is read once while the set of positions moves along."""

    def __init__(self, parts: Parts) -> None:
        signs: list[Part] = []
        for part in parts:
            if isinstance(part, str):
                signs.extend(part)
            elif part in (Wild.ANY, Wild.ANY_INSIDE) and signs and signs[-1] in _STARS:
                signs[-1] = Wild.ANY if Wild.ANY in (part, signs[-1]) else Wild.ANY_INSIDE
            else:
                signs.append(part)
        self._end = 1 << len(signs)
        self._stars = _bits(signs, *_STARS)
        self._stars_at_colon = _bits(signs, Wild.ANY)
        self._ones = _bits(signs, Wild.ONE, Wild.ONE_INSIDE)
        self._ones_at_colon = _bits(signs, Wild.ONE)
        self._literals: dict[str, int] = {}
        for at, sign in enumerate(signs):
            if isinstance(sign, str):
                self._literals[sign] = self._literals.get(sign, 0) | 1 << at

    def matches(self, text: str) -> bool:
        places = 1 | ((1 & self._stars) << 1)
        for character in text:
            at_colon = character == ":"
            stay = self._stars_at_colon if at_colon else self._stars
            step = self._ones_at_colon if at_colon else self._ones
            places = (places & stay) | ((places & (step | self._literals.get(character, 0))) << 1)
            places |= (places & self._stars) << 1
            if not places:
                return False
        return bool(places & self._end)


_STARS = (Wild.ANY, Wild.ANY_INSIDE)


def _bits(signs: Sequence[Part], *wanted: Part) -> int:
    return sum(1 << at for at, sign in enumerate(signs) if sign in wanted)
