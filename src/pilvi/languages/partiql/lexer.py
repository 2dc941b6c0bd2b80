"""A statement's words: keywords, names, literals, marks."""

from __future__ import annotations

import re
from typing import NamedTuple

from pilvi.languages.partiql.problems import Place, malformed
from pilvi.languages.select_sql.lexer import KEYWORDS as SQL_KEYWORDS

KEYWORDS = SQL_KEYWORDS | frozenset(
    ("missing", "remove", "returning", "bag", "list", "struct", "tuple")
)

WORD, KEYWORD, NAME, STRING, NUMBER, MARK, END = (
    "word",
    "keyword",
    "name",
    "string",
    "number",
    "mark",
    "end",
)
"""A word without quotation marks may be a keyword; a name has quotation marks."""

_EXPONENT_MAX = 2**31 - 1

_TOKENS = re.compile(
    r"""
      (?P<space>  \s++ | --[^\n]*+ | /\*.*?\*/ )
    | (?P<number> (?: \d++ (?: \.\d*+ )? | \.\d++ ) (?: [eE][+-]?\d++ )? )
    | (?P<word>   [^\W\d][\w$]*+ )
    | (?P<string> '(?: [^']++ | '' )*+' )
    | (?P<name>   "(?: [^"]++ | "" )*+" )
    | (?P<mark>   << | >> | <> | != | <= | >= | [<>=+\-()\[\]{},.:;*?] )
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """`text`: of keywords in lower case, of names and strings what is inside their quotation marks."""

    kind: str
    text: str
    place: Place


def tokens(text: str) -> list[Token]:
    """Ends with a token of kind END. Raises: PartiqlProblem."""
    found: list[Token] = []
    at, line, line_start = 0, 1, 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise malformed()
        kind, piece = match.lastgroup or "", match[0]
        if kind != "space":
            found.append(_token(kind, piece, Place(line, at - line_start + 1, len(piece))))
        at = match.end()
        breaks = piece.count("\n")
        if breaks:
            line += breaks
            line_start = match.start() + piece.rindex("\n") + 1
    found.append(Token(END, "", Place(line, at - line_start + 1, 0)))
    return found


def _token(kind: str, piece: str, place: Place) -> Token:
    if kind == WORD and piece.lower() in KEYWORDS:
        return Token(KEYWORD, piece.lower(), place)
    if kind == STRING:
        return Token(kind, piece[1:-1].replace("''", "'"), place)
    if kind == NAME:
        return Token(kind, piece[1:-1].replace('""', '"'), place)
    if kind == NUMBER:
        _refuse_exponent(piece)
    return Token(kind, "<>" if piece == "!=" else piece, place)


def _refuse_exponent(piece: str) -> None:
    """Raises: PartiqlProblem for a number whose scale has no room in 32 bits."""
    digits, _, exponent = piece.lower().partition("e")
    if not exponent:
        return
    fraction = len(digits.partition(".")[2])
    if len(exponent) > 12 or not -_EXPONENT_MAX <= fraction - int(exponent) <= _EXPONENT_MAX:
        raise malformed()
