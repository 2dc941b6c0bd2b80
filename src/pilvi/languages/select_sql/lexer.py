"""A query's words: keywords, names, literals, operators.

Names without quotation marks mean any case, and may not be reserved words.
AWS: S3 User Guide, "Reserved keywords"; Amazon Ion's timestamps and numbers may stand in backquotes.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.timestamps import Timestamp
from pilvi.languages.select_sql.values import INT_MAX, MISSING

_RESERVED = """
absolute action add all allocate alter and any are as asc assertion at authorization avg bag begin
between bit bit_length blob bool boolean both by cascade cascaded case cast catalog char char_length
character character_length check clob close coalesce collate collation column commit connect
connection constraint constraints continue convert corresponding count create cross current
current_date current_time current_timestamp current_user cursor date day deallocate dec decimal
declare default deferrable deferred delete desc describe descriptor diagnostics disconnect distinct
domain double drop else end end-exec escape except exception exec execute exists external extract
false fetch first float for foreign found from full get global go goto grant group having hour
identity immediate in indicator initially inner input insensitive insert int integer intersect
interval into is isolation join key language last leading left level like limit list local lower
match max min minute missing module month names national natural nchar next no not null nullif
numeric octet_length of on only open option or order outer output overlaps pad partial pivot
position precision prepare preserve primary prior privileges procedure public read real references
relative restrict revoke right rollback rows schema scroll second section select session
session_user set sexp size smallint some space sql sqlcode sqlerror sqlstate string struct substring
sum symbol system_user table temporary then time timestamp timezone_hour timezone_minute to trailing
transaction translate translation trim true tuple union unique unknown unpivot update upper usage
user using value values varchar varying view when whenever where with work write year zone
"""
KEYWORDS = frozenset(_RESERVED.split())

KEYWORD, IDENTIFIER, QUOTED, LITERAL, OPERATOR, MARK, END = (
    "KEYWORD",
    "IDENTIFIER",
    "QUOTED_IDENTIFIER",
    "LITERAL",
    "OPERATOR",
    "MARK",
    "EOF",
)

_MARKS = {
    "(": "LEFT_PAREN",
    ")": "RIGHT_PAREN",
    "[": "LEFT_BRACKET",
    "]": "RIGHT_BRACKET",
    "{": "LEFT_CURLY",
    "}": "RIGHT_CURLY",
    ",": "COMMA",
    ".": "DOT",
    ":": "COLON",
    ";": "SEMICOLON",
    "*": "STAR",
    "@": "AT",
}

_TOKENS = re.compile(
    r"""
      (?P<space>   \s++ | --[^\n]*+ | /\*.*?\*/ )
    | (?P<number>  (?: \d++ (?: \.\d*+ )? | \.\d++ ) (?: [eE][+-]?\d++ )? )
    | (?P<word>    [^\W\d][\w$]*+ )
    | (?P<string>  '(?: [^']++ | '' )*+' )
    | (?P<quoted>  "(?: [^"]++ | "" )*+" )
    | (?P<ion>     `[^`]*+` )
    | (?P<operator> <> | != | <= | >= | \|\| | [<>=+\-/%] )
    | (?P<mark>    [()\[\]{},.:;*@] )
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """`text`: in lower case of keywords and names without quotation marks. `value`: a literal's, or a name as
    written."""

    kind: str
    text: str
    value: object
    place: tuple[int, int]

    def called(self) -> str:
        """The kind, as AWS's messages name it."""
        return _MARKS.get(self.text, self.kind) if self.kind == MARK else self.kind


def tokens(text: str) -> list[Token]:
    """Ends with a token of kind END. Raises: SelectProblem."""
    found: list[Token] = []
    at, line, line_starts = 0, 1, 0
    while at < len(text):
        place = (line, at - line_starts + 1)
        match = _TOKENS.match(text, at)
        if match is None:
            raise SelectProblem("LexerInvalidChar", place=place)
        kind, piece = match.lastgroup or "", match[0]
        at = match.end()
        if kind != "space":
            found.append(_token(kind, piece, place))
        breaks = piece.count("\n")
        if breaks:
            line += breaks
            line_starts = match.start() + piece.rindex("\n") + 1
    found.append(Token(END, "", None, (line, at - line_starts + 1)))
    return found


def _token(kind: str, piece: str, place: tuple[int, int]) -> Token:
    if kind == "word":
        lower = piece.lower()
        return Token(KEYWORD if lower in KEYWORDS else IDENTIFIER, lower, piece, place)
    if kind == "quoted":
        return Token(QUOTED, piece, piece[1:-1].replace('""', '"'), place)
    if kind == "string":
        return Token(LITERAL, piece, piece[1:-1].replace("''", "'"), place)
    if kind == "number":
        return Token(LITERAL, piece, _number(piece, place), place)
    if kind == "ion":
        return Token(LITERAL, piece, _ion(piece[1:-1].strip(), place), place)
    return Token(OPERATOR if kind == "operator" else MARK, piece, piece, place)


def _number(text: str, place: tuple[int, int]) -> int | Decimal:
    if not text.isdigit():
        return Decimal(text)
    if (
        len(text) > 30 or int(text) > INT_MAX + 1
    ):  # the least number is written with a sign of its own
        raise SelectProblem("NumberFormatError", place=place)
    return int(text)


_ION_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eEdD][+-]?\d+)?")
_ION_WORDS: dict[str, object] = {"true": True, "false": False, "null": None, "missing": MISSING}


def _ion(text: str, place: tuple[int, int]) -> object:
    stamp = Timestamp.read(text)
    if stamp is not None:
        return stamp
    if text in _ION_WORDS:
        return _ION_WORDS[text]
    if len(text) >= 2 and text[0] == text[-1] == '"' and "\\" not in text:
        return text[1:-1]
    if _ION_NUMBER.fullmatch(text):
        if text.lstrip("-").isdigit():
            return -_number(text[1:], place) if text.startswith("-") else _number(text, place)
        return Decimal(text.replace("d", "e").replace("D", "e"))
    raise SelectProblem("LexerInvalidIONLiteral", place=place)
