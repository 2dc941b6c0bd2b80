"""What is wrong with an event that is no JSON, in the words that AWS has from its parser. Pure.

Two of them are recorded; the others are that parser's words for the mistakes that people make.
"""

from __future__ import annotations

import re

_VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_PLACE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
_SPACE = b" \t\r\n"
_TOKEN = re.compile(rb"[A-Za-z0-9_$]+")
_BEGINS_VALUE = frozenset(b'"{[-0123456789tfn')
_QUOTE, _OPEN, _CLOSE = ord('"'), frozenset(b"{["), frozenset(b"}]")
_KINDS = {ord("{"): "Object", ord("["): "Array"}


def complaint(payload: bytes) -> str:
    """`payload`: no JSON."""
    at = len(payload) - len(payload.lstrip(_SPACE))
    if at == len(payload):
        return f"No content to map due to end-of-input\n at {_place(payload, at)}"
    token = _TOKEN.match(payload, at)
    if token is not None and not (payload[at : at + 1].isdigit()) and not _is_word(token[0]):
        return _of_token(payload, at, token[0])
    if payload[at] not in _BEGINS_VALUE:
        return f"{_unexpected(payload[at])}: expected a valid value {_VALUE}\n at {_place(payload, at)}"
    return _within(payload)


def _is_word(token: bytes) -> bool:
    return token in (b"null", b"true", b"false")


def _of_token(payload: bytes, at: int, token: bytes) -> str:
    end = at + len(token)
    if end < len(payload) and payload[end] >= 0x80:
        wrong = _not_utf8(payload, end)
        if wrong is not None:
            return wrong
    name = token.decode()
    return f"Unrecognized token '{name}': was expecting {_VALUE}\n at {_place(payload, end)}"


def _not_utf8(payload: bytes, at: int) -> str | None:
    first = payload[at]
    place = _place(payload, at + 1)
    if not (0xC2 <= first <= 0xF4):
        return f"Invalid UTF-8 start byte 0x{first:x}\n at {place}"
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    for byte in payload[at + 1 : at + length]:
        if byte & 0xC0 != 0x80:
            return f"Invalid UTF-8 middle byte 0x{byte:x}\n at {place}"
    return None


def _within(payload: bytes) -> str:
    """Somewhere behind a good beginning."""
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        wrong = _not_utf8(payload, error.start)
        if wrong is not None:
            return wrong
    opened: list[int] = []
    in_text = escaped = wants_name = False
    for at, byte in enumerate(payload):
        if in_text:
            if not escaped and byte < 0x20:
                return (
                    f"Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using"
                    f" backslash to be included in string value\n at {_place(payload, at + 1)}"
                )
            in_text = escaped or byte != _QUOTE
            escaped = not escaped and byte == 0x5C
        elif wants_name and byte not in _SPACE and byte not in b'"}':
            return (
                f"{_unexpected(byte)}: was expecting double-quote to start field name"
                f"\n at {_place(payload, at)}"
            )
        elif byte == _QUOTE:
            in_text, wants_name = True, False
        elif byte in _OPEN:
            opened.append(at)
            wants_name = byte == ord("{")
        elif byte in _CLOSE and opened:
            opened.pop()
            wants_name = False
        elif byte == ord(",") and opened:
            wants_name = payload[opened[-1]] == ord("{")
    end = _place(payload, len(payload))
    if in_text:
        return f"Unexpected end-of-input: was expecting closing quote for a string value\n at {end}"
    if opened:
        kind = _KINDS[payload[opened[-1]]]
        begun = _place(payload, opened[-1])
        return (
            f"Unexpected end-of-input: expected close marker for {kind} (start marker at {begun})"
            f"\n at {end}"
        )
    return f"Unexpected character: expected a valid value {_VALUE}\n at {end}"


def _unexpected(byte: int) -> str:
    shown = f"'{chr(byte)}' (code {byte})" if 0x20 <= byte < 0x7F else f"(CTRL-CHAR, code {byte})"
    return f"Unexpected character ({shown})"


def _place(payload: bytes, at: int) -> str:
    """`at`: the byte before which the parser stands; columns begin with 1."""
    line = payload.count(b"\n", 0, at) + 1
    column = at - (payload.rfind(b"\n", 0, at) + 1) + 1
    return _PLACE.format(line, column)
