"""A body as its blob holds it: segments of 64 KiB, each encrypted and authenticated by itself (AES-256-GCM).

1. Each blob has a random key that encrypts nothing else; so the number of a segment may be its nonce.
2. The nonce says too whether a segment is the last: what is cut off, or put behind, is noticed.
3. The blob's id is authenticated with each segment: what was moved, within a blob or to another, does not open.
4. An empty body is one empty segment; so there is always something to authenticate.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.entropy import Entropy
from pilvi.store.blob_rows import BlobCorrupt

SEGMENT_BYTES = 64 * 1024
TAG_BYTES = 16
KEY_BYTES = 32
_SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES
_NONCE_BYTES = 12


def count(size: int) -> int:
    """Segments of a body of so many bytes."""
    return max(1, -(-size // SEGMENT_BYTES))


def sealed_size(size: int) -> int:
    return size + TAG_BYTES * count(size)


def held(sealed_bytes: int) -> int:
    """Segments in so many bytes of a blob, from the beginning of one on."""
    return -(-sealed_bytes // _SEALED_BYTES)


def touched(low: int, high: int) -> tuple[int, int]:
    """The first segment that bytes low..high-1 lie in, and the one behind the last."""
    return low // SEGMENT_BYTES, -(-high // SEGMENT_BYTES)


def place(number: int, size: int) -> int:
    """Where a segment begins in the blob; behind the last one, where the blob ends."""
    return min(number * _SEALED_BYTES, sealed_size(size))


class Segments:
    """Encrypts and decrypts one blob."""

    __slots__ = ("_cipher", "_id")

    def __init__(self, key: bytes, blob_id: str) -> None:
        self._cipher = AESGCM(key)
        self._id = blob_id.encode()

    def seal(self, number: int, data: bytes, *, last: bool) -> bytes:
        """Segments from `number` on. `last`: the body ends with this; else it is of whole segments."""
        if len(data) <= SEGMENT_BYTES:
            return self._cipher.encrypt(_nonce(number, last=last), data, self._id)
        assert last or len(data) % SEGMENT_BYTES == 0, len(data)
        view = memoryview(data)
        behind = number + count(len(data))
        return b"".join(
            self._cipher.encrypt(
                _nonce(number + index, last=last and number + index == behind - 1),
                view[index * SEGMENT_BYTES : (index + 1) * SEGMENT_BYTES],
                self._id,
            )
            for index in range(behind - number)
        )

    def open(self, number: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Raises: BlobCorrupt."""
        pieces = held(len(sealed))
        try:
            if pieces <= 1:
                return self._cipher.decrypt(_nonce(number, last=last), sealed, self._id)
            view = memoryview(sealed)
            return b"".join(
                self._cipher.decrypt(
                    _nonce(number + index, last=last and index == pieces - 1),
                    view[index * _SEALED_BYTES : (index + 1) * _SEALED_BYTES],
                    self._id,
                )
                for index in range(pieces)
            )
        except (InvalidTag, ValueError) as error:
            raise BlobCorrupt(f"blob {self._id.decode()} does not open at {number}") from error


def _nonce(number: int, *, last: bool) -> bytes:
    return (number << 8 | last).to_bytes(_NONCE_BYTES)


def wrap(wrapping: AESGCM, key: bytes, blob_id: str, entropy: Entropy) -> bytes:
    """A blob's key, for its record."""
    nonce = entropy.id_bytes()[:_NONCE_BYTES]
    return nonce + wrapping.encrypt(nonce, key, blob_id.encode())


def unwrap(wrapping: AESGCM, wrapped: bytes, blob_id: str) -> bytes:
    """Raises: BlobCorrupt."""
    try:
        return wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], blob_id.encode())
    except (InvalidTag, ValueError) as error:
        raise BlobCorrupt(f"the key of blob {blob_id} does not open") from error
