"""A model's patterns, which are Java's or JavaScript's, run by Python's `re`.

Unicode's character properties (`\\p{L}`), which `re` lacks, are checked by standing one character in for
each kind: a letter beyond ASCII is looked at as `a`, a digit as `0`, and so on.

`re` backtracks: repeats beside each other can take it a time that is polynomial in the text's length,
a repeat inside a repeat one that is exponential, and several of AWS's patterns are such
(`([ \\t]+[ -~]+)*`). So there are limits to what a pattern looks at; a longer text passes here and is
the service's own to check.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
import warnings
from functools import cache
from typing import Any

_PROPERTIES = {
    "L": "a-zA-Z",
    "Z": " ",
    "N": "0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}\x03",
    "M": r"\x04",
    "S": r"$+<=>\^`|~\x05",
    "Print": r"\x20-\x7e",
    "ASCII": r"\x00-\x7f",
}
_STAND_INS = {"L": "a", "Z": " ", "N": "0", "P": "\x03", "M": "\x04", "S": "\x05"}
_NOTHING = "\x06"
_PROPERTY = re.compile(r"\\p\{(\w+)\}")
_SHORTHAND_RANGE = re.compile(r"(\\[wds])-(?!\])")

_ONE_MAX, _SEVERAL_MAX, _NESTED_MAX = 1024 * 1024, 1024, 12
"""Characters that a pattern looks at, by how its repeats of varying length lie to each other."""
_parser: Any = importlib.import_module("re._parser")  # no public way to see a pattern's structure


class Pattern:
    __slots__ = ("_by_kind", "_characters_max", "_compiled")

    def __init__(self, compiled: re.Pattern[str], *, by_kind: bool) -> None:
        self._compiled = compiled
        self._by_kind = by_kind
        count, depth = _repeats(_parser.parse(compiled.pattern))
        self._characters_max = _NESTED_MAX if depth > 1 else _SEVERAL_MAX if count > 1 else _ONE_MAX

    def matches(self, text: str) -> bool:
        """Whether the whole text fits (Java's `matches`), or is too long to be looked at."""
        if len(text) > self._characters_max:
            return True
        if self._by_kind and not text.isascii():
            text = "".join(map(_stand_in, text))
        return self._compiled.fullmatch(text) is not None


def _repeats(tree: Any, *, depth: int = 0) -> tuple[int, int]:
    """How many repeats of varying length there are, and how deep they nest; `tree` is `re`'s own."""
    count, deepest = 0, depth
    for operator, argument in tree:
        name = str(operator)
        below: list[tuple[Any, int]] = []
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, body = argument
            varies = high > low and high > 1
            count += varies
            below = [(body, depth + varies)]
        elif name == "BRANCH":
            below = [(branch, depth) for branch in argument[1]]
        elif name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
            below = [(argument[-1], depth)]
        for body, level in below:
            inner = _repeats(body, depth=level)
            count, deepest = count + inner[0], max(deepest, inner[1])
    return count, deepest


def _stand_in(character: str) -> str:
    if character < "\x80":
        return character
    return _STAND_INS.get(unicodedata.category(character)[0], _NOTHING)


def _property(match: re.Match[str]) -> str:
    inside = _PROPERTIES[match[1]]
    before = match.string[: match.start()]
    opened = before.rfind("[") > before.rfind("]")
    return inside if opened else f"[{inside}]"


@cache
def compile_pattern(pattern: str) -> Pattern | None:
    """None where Python cannot read the pattern; such a one is not checked."""
    try:
        translated = _PROPERTY.sub(_property, pattern)
        translated = _SHORTHAND_RANGE.sub(r"\1\\-", translated)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compiled = re.compile(translated, re.ASCII)
    except (KeyError, re.error, FutureWarning, DeprecationWarning, OverflowError):
        return None
    return Pattern(compiled, by_kind=_PROPERTY.search(pattern) is not None)
