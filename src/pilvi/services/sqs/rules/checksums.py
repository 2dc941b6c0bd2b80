"""MD5 of message bodies and attributes. AWS: SQS Developer Guide, "Calculating the MD5 message digest for message
attributes"."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

Value = str | bytes
Attributes = Mapping[str, tuple[str, Value]]
"""Name -> (type, value)."""


def of_text(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def of_attributes(attributes: Attributes) -> str:
    """ "" for none."""
    if not attributes:
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        kind, value = attributes[name]
        for text in (name, kind):
            _add(digest, text.encode())
        digest.update(b"\x02" if isinstance(value, bytes) else b"\x01")
        _add(digest, value if isinstance(value, bytes) else value.encode())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, data: bytes) -> None:  # pyright: ignore[reportPrivateUsage]  # it has no other name
    digest.update(len(data).to_bytes(4))
    digest.update(data)
