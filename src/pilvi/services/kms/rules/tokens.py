"""Grant tokens: they name the key that their grant is about, and prove that whoever shows one was given it.

    account (12) | kind of id (1), id (16) | random (64)

Only the SHA-256 of a token is stored.
"""

from __future__ import annotations

import base64
import hashlib
import struct

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.kms.records import Key
from pilvi.services.kms.rules import names

_TOKEN = struct.Struct(">12s17s64s")


def make(key: Key, entropy: Entropy) -> str:
    token = _TOKEN.pack(key.account.encode(), names.packed_id(key.id), entropy.bytes(64))
    return base64.b64encode(token).decode()


def digest(token: str) -> bytes:
    """What is stored of it. Of a text that is no token it is that of nothing that exists."""
    return hashlib.sha256(token.encode()).digest()


def key_arn(token: str, here: Scope) -> str | None:
    """Of the key that it names, in the Region of the request; None for what is no token."""
    try:
        account, packed, _ = _TOKEN.unpack(base64.b64decode(token, validate=True))
        key_id = names.unpacked_id(packed)
    except (ValueError, struct.error):
        return None
    if key_id is None or not account.isdigit():
        return None
    return names.key_arn(here._replace(account=account.decode()), key_id)
