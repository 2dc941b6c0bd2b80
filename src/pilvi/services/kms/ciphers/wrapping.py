"""Key material on its way in: wrapped by the customer under a public key that was made for it.

AWS: KMS Developer Guide, "Importing key material", "Step 3: Encrypt the key material".
"""

from __future__ import annotations

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from pilvi.services.kms import errors
from pilvi.services.kms.ciphers import pairs

ALGORITHMS = frozenset(
    {
        *("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
        *("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"),
    }
)
_AES_BYTES = (16, 24, 32)


def unwrap(private: bytes, spec: str, algorithm: str, wrapped: bytes) -> bytes:
    """`spec`: of the wrapping key. With RSA_AES_KEY_WRAP the first part is an AES key under RSA, the rest the material
    under that key (RFC 5649). Raises: InvalidCiphertextException."""
    if not algorithm.startswith("RSA_AES"):
        return pairs.decrypt(private, algorithm, wrapped)
    size = int(spec.rpartition("_")[2]) // 8
    aes = pairs.decrypt(private, f"RSAES_OAEP_SHA_{algorithm.rpartition('_')[2]}", wrapped[:size])
    if len(aes) not in _AES_BYTES:
        raise errors.InvalidCiphertextException
    try:
        return aes_key_unwrap_with_padding(aes, wrapped[size:])
    except (InvalidUnwrap, ValueError):
        raise errors.InvalidCiphertextException from None
