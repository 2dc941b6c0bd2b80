"""Texts with `*`, which stands for any characters, none included; `\\*` and `\\\\` are the characters themselves.

A match takes one pass over the text: each piece between two stars is looked for from the left, and the first place that
is found is never given up again, which is right because a star follows.
AWS: EventBridge User Guide, "Comparison operators for use in event patterns", section "Wildcard matching".
"""

from __future__ import annotations

from collections.abc import Sequence

from pilvi.languages.event_pattern.problems import InvalidPattern

_COMPLEXITY_MAX = 25
_TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating"
    " character sequences after a wildcard character"
)


class BadWildcard(ValueError):
    """The text is no wildcard pattern; the message says why, in AWS's words."""


def read_pieces(text: str) -> tuple[str, ...]:
    """The literal pieces between the stars: n stars part n + 1 pieces. Raises: BadWildcard.

    Positions count UTF-8 bytes, with the opening quote as the first, as AWS's do.
    """
    pieces = [""]
    at = 0
    while at < len(text):
        character, following = text[at], text[at + 1 : at + 2]
        if character == "*":
            if following == "*":
                raise BadWildcard(f"Consecutive wildcard characters at pos {_position(text, at)}")
            pieces.append("")
        elif character == "\\":
            if following not in ("*", "\\"):
                raise BadWildcard(f"Invalid escape character at pos {_position(text, at)}")
            pieces[-1] += following
            at += 1
        else:
            pieces[-1] += character
        at += 1
    return tuple(pieces)


def _position(text: str, at: int) -> int:
    return len(text[:at].encode()) + 1


def matches_pieces(text: str, pieces: tuple[str, ...]) -> bool:
    """Whether the text is the pieces in order, with anything between them."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, last = pieces[0], pieces[-1]
    at, end = len(first), len(text) - len(last)
    if end < at or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in pieces[1:-1]:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def refuse_complex(patterns: Sequence[tuple[str, ...]]) -> None:
    """Bound the wildcards of one field: how many of their beginnings one text could match at the same time.

    AWS's engine follows all of them at once, and refuses rules that have it follow too many. Ours does not need the
    bound; patterns should be refused here that are refused there. Raises: InvalidPattern.
    """
    if sum(_beginnings(pieces) for pieces in patterns) >= _COMPLEXITY_MAX:
        raise InvalidPattern(_TOO_COMPLEX)


def _beginnings(pieces: tuple[str, ...]) -> int:
    """At most as many as there are stars, and for each piece behind one the longest beginning that repeats in it."""
    stars = len(pieces) - 1
    return stars + sum(_longest_repeat(piece) for piece in pieces[1:])


def _longest_repeat(piece: str) -> int:
    """How many beginnings of the piece are alive at once at worst: the longest chain of its borders."""
    borders = [0] * len(piece)
    depths = [1] * len(piece)
    for at in range(1, len(piece)):
        border = borders[at - 1]
        while border and piece[at] != piece[border]:
            border = borders[border - 1]
        if piece[at] == piece[border]:
            border += 1
        borders[at] = border
        depths[at] = 1 + (depths[border - 1] if border else 0)
    return max(depths, default=0)
