"""Ids and randomness, from one source, so that a seed reproduces a run."""

from __future__ import annotations

import os
import random

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


_AHEAD_BYTES = 4096
_forks = 0


def _note_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_note_fork)


class Entropy:
    """Random bytes of the operating system; with a `seed`, a reproducible stream (tests only)."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._ahead = b""
        self._used = 0
        self._forks = _forks

    def bytes(self, size: int) -> bytes:
        return os.urandom(size) if self._random is None else self._random.randbytes(size)

    def uuid(self) -> str:
        """A version 4 UUID (RFC 9562): AWS's usual request and resource id."""
        text = self.id_bytes().hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def id_bytes(self) -> bytes:
        """16 of them, for ids and nonces, which every request needs: the system is asked for many at once. Not for
        secrets, which are never kept so. A forked process begins anew."""
        start = self._used
        if start == len(self._ahead) or self._forks != _forks:
            self._ahead, self._forks, start = self.bytes(_AHEAD_BYTES), _forks, 0
        self._used = start + 16
        return self._ahead[start : start + 16]

    def hex(self, length: int) -> str:
        return self.bytes((length + 1) // 2).hex()[:length]

    def lower(self, length: int) -> str:
        """Lower-case letters and digits: API Gateway's ids."""
        return "".join(_LOWER[byte % 36] for byte in self.bytes(length))

    def upper(self, length: int) -> str:
        """Base32 letters: the tail of IAM's unique ids and access keys."""
        return "".join(_UPPER[byte & 31] for byte in self.bytes(length))

    def secret(self, length: int) -> str:
        """Base64 letters: secret access keys."""
        return "".join(_SECRET[byte & 63] for byte in self.bytes(length))

    def below(self, limit: int) -> int:
        """A number in 0..limit-1; jitter, sampling."""
        return int.from_bytes(self.bytes(8)) % limit
