"""How much memory a request's body may become: looked at before it is parsed.

A few bytes can spell a value that takes a hundred (`[],` `{},` `<a/>`), so a limit on a body's size alone does not
bound what it costs. Here the cost of a large body is reckoned from its separators, which is far cheaper than
parsing it; whatever would take more than TREE_BYTES_MAX is refused. Small bodies pass without a look.
The weights are CPython's sizes of the values, rounded up; a test measures that they hold.
"""

from __future__ import annotations

import re

from pilvi.protocol.unreadable import Unreadable

SMALL_BYTES = 256 * 1024
TREE_BYTES_MAX = 128 * 1024 * 1024
"""Enough for 2,000,000 texts in lists, 480,000 structures, or any body of few and large values."""
FORM_NODES_MAX = 200_000
XML_TAGS_MAX = 300_000
XML_QUOTES_MAX = 600_000

_ITEM = 64
_MAP = 96
_PAIR = 112
_PIECE_BYTES = 64 * 1024
_OPEN_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
_TEXT = re.compile(_OPEN_TEXT + rb'"', re.DOTALL)
_TEXT_OR_CUT = re.compile(_OPEN_TEXT + rb'"|(' + _OPEN_TEXT + rb"\\?\Z)", re.DOTALL)
"""A whole text, or one that the end of the piece cuts; each byte is looked at twice at most."""
_CBOR_MAJOR_MAP = 5
_CBOR_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_XML_STARTS = (b"<", b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([^"']*)["']""")
_XML_ENCODINGS = frozenset({b"utf-8", b"utf8", b"utf-16", b"us-ascii", b"ascii", b"iso-8859-1"})


def check_json(body: bytes) -> None:
    """Raises: Unreadable. Separators inside texts count only when the first, cheap look is not enough."""
    if len(body) > SMALL_BYTES and _json_cost(body) > TREE_BYTES_MAX:
        _look_closer(body)


def _json_cost(body: bytes) -> int:
    return (
        _ITEM * (body.count(b",") + body.count(b"["))
        + _MAP * body.count(b"{")
        + _PAIR * body.count(b":")
    )


def _look_closer(body: bytes) -> None:
    """Count without the texts, a piece at a time. A piece ends before a text that it cuts."""
    at = cost = 0
    while at < len(body):
        piece = body[at : at + _PIECE_BYTES]
        bare = _TEXT_OR_CUT.sub(rb"\1", piece)
        at += len(piece)
        cut = bare.find(b'"')
        if cut >= 0:
            at -= len(bare) - cut
            bare = bare[:cut]
            if cut == 0:  # a text longer than the piece
                whole = _TEXT.match(body, at)
                if whole is None:
                    return  # it does not end: the parser says so
                at = whole.end()
        cost += _json_cost(bare)
        if cost > TREE_BYTES_MAX:
            raise _too_many()


def check_cbor(body: bytes) -> None:
    """Raises: Unreadable. Goes from head to head, over the contents of texts and byte strings.

    What is not well-formed is the parser's to refuse.
    """
    if len(body) * (_MAP + _PAIR) <= TREE_BYTES_MAX:
        return
    at, cost, size = 0, 0, len(body)
    while at < size:
        major, info = body[at] >> 5, body[at] & 31
        at += 1
        cost += _MAP + _PAIR if major == _CBOR_MAJOR_MAP else _ITEM
        if cost > TREE_BYTES_MAX:
            raise _too_many()
        argument = info
        if info in _CBOR_ARGUMENT_BYTES:
            behind = at + _CBOR_ARGUMENT_BYTES[info]
            argument = int.from_bytes(body[at:behind])
            at = behind
        if major in (2, 3) and info != 31:
            at += argument


def check_xml(body: bytes) -> None:
    """Raises: Unreadable, for encodings in which tags could hide, too."""
    declared = _XML_ENCODING.match(body[:200].lstrip().removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() not in _XML_ENCODINGS:
        raise Unreadable("The encoding of the document is not supported.")
    if not body[:200].lstrip().startswith(_XML_STARTS):
        raise Unreadable("The document does not begin with a tag.")
    if len(body) > SMALL_BYTES and (
        body.count(b"<") > XML_TAGS_MAX or body.count(b'"') + body.count(b"'") > XML_QUOTES_MAX
    ):
        raise _too_many()


def check_form_nodes(count: int) -> None:
    """`count`: of the nodes that dotted names have made so far. Raises: Unreadable."""
    if count > FORM_NODES_MAX:
        raise _too_many()


def _too_many() -> Unreadable:
    return Unreadable("The request body holds too many values.")
