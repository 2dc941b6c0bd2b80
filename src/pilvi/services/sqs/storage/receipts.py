"""Receipt handles: which receive of which message, signed with the queue's own secret.

AWS: SQS Developer Guide, "Amazon SQS queue and message identifiers", section "Receipt handle".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from typing import NamedTuple

from pilvi.services.sqs import errors

_SAID = struct.Struct(">qI")
_TAG_BYTES = 20
_BYTES = _SAID.size + _TAG_BYTES


class Handle(NamedTuple):
    """`receives`: of the message so far, this receive included."""

    seq: int
    receives: int


def write(secret: bytes, seq: int, receives: int) -> str:
    said = _SAID.pack(seq, receives)
    return base64.b64encode(said + _tag(secret, said)).decode()


def read(secret: bytes, text: str) -> Handle:
    """Raises: ReceiptHandleIsInvalid for what this queue never gave."""
    try:
        given = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise errors.ReceiptHandleIsInvalid(handle=text) from None
    said, tag = given[: _SAID.size], given[_SAID.size :]
    if len(given) != _BYTES or not hmac.compare_digest(tag, _tag(secret, said)):
        raise errors.ReceiptHandleIsInvalid(handle=text)
    return Handle(*_SAID.unpack(said))


def _tag(secret: bytes, said: bytes) -> bytes:
    return hashlib.blake2b(said, digest_size=_TAG_BYTES, key=secret).digest()
