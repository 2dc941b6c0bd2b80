"""A model's patterns, which are Java's or JavaScript's, run by Python's `re`.

Unicode's character properties (`\\p{L}`), which `re` lacks, are checked by standing one character in for
each kind: a letter beyond ASCII is looked at as `a`, a digit as `0`, and so on.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import cache

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


class Pattern:
    __slots__ = ("_by_kind", "_compiled")

    def __init__(self, compiled: re.Pattern[str], *, by_kind: bool) -> None:
        self._compiled = compiled
        self._by_kind = by_kind

    def matches(self, text: str) -> bool:
        """Whether the whole text fits: Java's `matches`."""
        if self._by_kind and not text.isascii():
            text = "".join(map(_stand_in, text))
        return self._compiled.fullmatch(text) is not None


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
