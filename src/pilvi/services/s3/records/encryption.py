"""What is kept of how bodies are encrypted: of an object, of a blob, of a bucket. No key is in here in clear.

A blob has a random key of its own. That key is wrapped with the object's key, which is one of three:

- AES256 (SSE-S3): the bucket's key, random, sealed under the root key (`store/sealing.py`). It goes with the bucket.
- aws:kms: a data key that KMS made and KMS decrypts again, if it lets the reader.
- SSE-C: derived from the customer's key, which is never stored, and a random salt.
"""

from __future__ import annotations

import msgspec

from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

SSE_S3 = "AES256"
SSE_KMS = "aws:kms"
SSE_C = "SSE-C"


class Encryption(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an object is encrypted.

    `key_arn`, `data_key`, `context`: of KMS: its key, the data key that it encrypted, and the whole encryption
    context that it did so with. `bucket_key`: the data key serves the bucket, for a while, rather than the object.
    `salt`: of the key that is derived from the customer's; `check`: what that key is recognised by.
    """

    kind: str = SSE_S3
    key_arn: str = ""
    data_key: bytes = b""
    context: dict[str, str] = {}
    bucket_key: bool = False
    salt: bytes = b""
    check: bytes = b""


class Sealed(msgspec.Struct, frozen=True):
    """A blob that holds a body encrypted. `key`: the blob's own, wrapped. `size`, `crc64nvme`: of the body in clear."""

    key: bytes
    size: int
    crc64nvme: int


class DefaultEncryption(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a bucket does to objects whose writers ask for nothing. `key`: of KMS, as it was put; "" for `aws/s3`.
    `blocked`: kinds that nobody may ask for."""

    algorithm: str = SSE_S3
    key: str = ""
    bucket_key: bool = False
    blocked: tuple[str, ...] = ()


class BucketKey(msgspec.Struct, frozen=True):
    """`sealed`: for `bucket_key_identity`."""

    sealed: bytes


_KEYS = Collection("s3.bucket_key", BucketKey, key=lambda _key: ())


def bucket_key_identity(home: Key) -> Key:
    return (*home, _KEYS.name)


def find_bucket_key(at: Snapshot, home: Key) -> BucketKey | None:
    return _KEYS.find(at, home)


def put_bucket_key(tx: Transaction, home: Key, key: BucketKey) -> None:
    """Once for a bucket: what is wrapped with it has no other."""
    assert find_bucket_key(tx, home) is None, home
    _KEYS.put(tx, home, key)
