"""An authenticator app: the codes that a device of this seed shows. Written after RFC 6238, not after ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct


class App:
    def __init__(self, seed: bytes) -> None:
        self._secret = base64.b32decode(seed)

    def code(self, now_ms: int, steps: int = 0) -> str:
        """What it shows `steps` times 30 s after `now_ms`."""
        counter = struct.pack(">Q", now_ms // 30_000 + steps)
        digest = hmac.new(self._secret, counter, hashlib.sha1).digest()
        start = digest[19] & 15
        (number,) = struct.unpack(">I", digest[start : start + 4])
        return str((number & 0x7FFFFFFF) % 1_000_000).zfill(6)
