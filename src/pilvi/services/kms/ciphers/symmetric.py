"""Ciphertexts of symmetric keys, which tell by themselves with what they were made.

    "PKMS" 01 | account (12) | kind of id (1), id (16) | material id (32) | salt (16) | nonce (12) | AES-256-GCM

Each message has a key of its own, derived from the material and a random salt by HMAC-SHA-256 (NIST SP 800-108,
counter mode, one block), so that a key may encrypt more messages than random nonces of 96 bits alone would allow.
Everything before the ciphertext, and the encryption context, is authenticated with it.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pilvi.base.entropy import Entropy
from pilvi.services.kms import errors
from pilvi.services.kms.rules import names

_MAGIC = b"PKMS\x01"
_HEADER = struct.Struct(">5s12s17s32s16s12s")
_TAG_BYTES = 16


class Made(msgspec.Struct, frozen=True):
    """With what a ciphertext was made."""

    account: str
    key_id: str
    material_id: str


def encrypt(
    secret: bytes, made: Made, plaintext: bytes, context: Mapping[str, str], entropy: Entropy
) -> bytes:
    salt, nonce = entropy.bytes(16), entropy.bytes(12)
    header = _HEADER.pack(
        _MAGIC,
        made.account.encode(),
        names.packed_id(made.key_id),
        bytes.fromhex(made.material_id),
        salt,
        nonce,
    )
    cipher = AESGCM(_message_key(secret, salt))
    return header + cipher.encrypt(nonce, plaintext, header + _encoded(context))


def read(blob: bytes) -> Made:
    """With what it says it was made. Raises: InvalidCiphertextException."""
    if len(blob) < _HEADER.size + _TAG_BYTES:
        raise errors.InvalidCiphertextException
    magic, account, packed, material_id, _, _ = _HEADER.unpack_from(blob)
    key_id = names.unpacked_id(packed)
    if magic != _MAGIC or key_id is None or not account.isdigit():
        raise errors.InvalidCiphertextException
    return Made(account.decode(), key_id, material_id.hex())


def decrypt(secret: bytes, blob: bytes, context: Mapping[str, str]) -> bytes:
    """`blob`: one that `read` took. Raises: InvalidCiphertextException."""
    *_, salt, nonce = _HEADER.unpack_from(blob)
    header = blob[: _HEADER.size]
    cipher = AESGCM(_message_key(secret, salt))
    try:
        return cipher.decrypt(nonce, blob[_HEADER.size :], header + _encoded(context))
    except InvalidTag:
        raise errors.InvalidCiphertextException from None


def _message_key(secret: bytes, salt: bytes) -> bytes:
    # SP 800-108: counter, label, 00, context, length in bits.
    block = struct.pack(">I", 1) + b"pilvi kms" + b"\x00" + salt + struct.pack(">I", 256)
    return hmac.digest(secret, block, "sha256")


def _encoded(context: Mapping[str, str]) -> bytes:
    """Pairs in the order of their bytes, each text with its length: two contexts never look alike."""
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    return b"".join(
        struct.pack(">I", len(text)) + text for name, value in pairs for text in (name, value)
    )
