"""Text that is not plain ASCII as headers carry it: encoded words (RFC 2047), by which S3 takes and tells metadata.

Mostly ASCII becomes Q, mostly not becomes B; what is longer than a word may be becomes several.
AWS: S3 User Guide, "Working with object metadata".
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re

_LENGTH_MAX = 63
"""Of the encoded text: with `=?UTF-8?Q?` and `?=` around it no word is longer than 75."""


_WORD = re.compile(r"=\?([\w-]+)\?([BbQq])\?([^?\s]*)\?=", re.ASCII)
_BETWEEN = re.compile(r"(?<=\?=)[ \t]+(?==\?)")
"""White space that joins the words of one text."""
_NOT_PLAIN = re.compile(r"[^\t\x20-\x7e]")


def encoded(text: str) -> str:
    beyond = len(_NOT_PLAIN.findall(text))
    if not beyond:
        return text
    return " ".join(_words(text, in_base64=beyond > len(text) - beyond))


def decoded(text: str) -> str:
    """What encoded words say; what is none stays as it is, and bytes that are no text become U+FFFD."""
    return _WORD.sub(_said, _BETWEEN.sub("", text)) if "=?" in text else text


def literal(text: str) -> str:
    """As `encoded`, for what would be taken for encoded words and is none."""
    return encoded(text) if decoded(text) == text else " ".join(_words(text, in_base64=True))


def _said(word: re.Match[str]) -> str:
    charset, how, inside = word.groups()
    try:
        if how in "Bb":
            data = base64.b64decode(inside)
        else:
            data = quopri.decodestring(inside.encode(), header=True)
        return data.decode(charset, "replace")
    except (binascii.Error, LookupError, ValueError):
        return word[0]


def _words(text: str, *, in_base64: bool) -> list[str]:
    data = text.encode("utf-8", "replace")
    shown = base64.b64encode(data).decode() if in_base64 else "".join(map(_q, data))
    if len(shown) > _LENGTH_MAX and len(text) > 1:
        half = len(text) // 2
        return [
            *_words(text[:half], in_base64=in_base64),
            *_words(text[half:], in_base64=in_base64),
        ]
    return [f"=?UTF-8?{'B' if in_base64 else 'Q'}?{shown}?="]


def _q(byte: int) -> str:
    if byte == 0x20:
        return "_"
    return chr(byte) if 33 <= byte < 127 and byte not in b"=?_" else f"={byte:02X}"
