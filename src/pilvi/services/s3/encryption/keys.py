"""Keys that bodies' keys are wrapped with: where they come from, and who may have them.

The bucket's own key is for whoever may read or write the object. A key of KMS is asked for in the name of the caller,
who needs kms:GenerateDataKey to write and kms:Decrypt to read. A customer's key comes with each request.
AWS: S3 User Guide, "Protecting data with encryption", "Using server-side encryption with AWS KMS keys (SSE-KMS)",
"Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys", "Using server-side encryption with customer-provided keys".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pilvi.contracts.keys import KeyNotUsable, Keys, KeyUser, caller_through
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.data_keys import KeptDataKeys
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.encryption import segments
from pilvi.services.s3.records import buckets, encryption
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import (
    SSE_C,
    SSE_KMS,
    SSE_S3,
    BucketKey,
    DefaultEncryption,
    Encryption,
    Sealed,
)
from pilvi.services.s3.rules import names
from pilvi.services.s3.rules.encryption import Asked, CustomerKey
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blob_rows import BlobGone, BlobRef
from pilvi.store.sealing import Sealer

T = TypeVar("T")

OWN_KEY = "alias/aws/s3"
_ARN = "aws:s3:arn"
_SALT_BYTES = 16
_TRIES = 8


class Locked(Exception):
    """Something is encrypted with a key of KMS, which was not asked for yet."""

    def __init__(self, bucket: Bucket, how: Encryption) -> None:
        self.bucket = bucket
        self.how = how
        super().__init__(how.key_arn)


class Keyring:
    """The keys that this process has at hand for one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._sealer = cloud.ask(Sealer)
        self._entropy = cloud.entropy
        self._of_buckets: dict[str, AESGCM] = {}
        self.of_kms: KeptDataKeys[tuple[AESGCM, Encryption]] = KeptDataKeys(cloud.clock)
        self.opened: KeptDataKeys[AESGCM] = KeptDataKeys(cloud.clock)

    def find_of_bucket(self, at: Snapshot, bucket: Bucket) -> AESGCM | None:
        """None when nothing was ever encrypted with it. Not for transactions: what they read may never be committed.

        Raises: SecretsUnavailable, SealBroken.
        """
        key = self._of_buckets.get(bucket.id)
        if key is None:
            key = self._open(at, bucket)
            if key is not None:
                self._keep(bucket, key)
        return key

    def of_bucket(self, tx: Transaction, bucket: Bucket) -> AESGCM:
        """Made when it is first needed. Raises: SecretsUnavailable, SealBroken."""
        known = self._of_buckets.get(bucket.id)
        if known is not None:
            return known
        key = self._open(tx, bucket)
        if key is None:
            secret = self._entropy.bytes(segments.KEY_BYTES)
            identity = encryption.bucket_key_identity(bucket.home)
            sealed = self._sealer.seal(tx, identity, secret)
            encryption.put_bucket_key(tx, bucket.home, BucketKey(sealed))
            key = AESGCM(secret)
        tx.after_commit(lambda: self._keep(bucket, key))
        return key

    def _open(self, at: Snapshot, bucket: Bucket) -> AESGCM | None:
        stored = encryption.find_bucket_key(at, bucket.home)
        if stored is None:
            return None
        identity = encryption.bucket_key_identity(bucket.home)
        return AESGCM(self._sealer.open(at, identity, stored.sealed))

    def _keep(self, bucket: Bucket, key: AESGCM) -> None:
        """A bucket's id is random, and its key never changes: what is kept is never wrong."""
        while len(self._of_buckets) >= limits.BUCKETS_KEPT:
            self._of_buckets.pop(next(iter(self._of_buckets)))
        self._of_buckets[bucket.id] = key


_KEYRINGS: WeakKeyDictionary[Cloud, Keyring] = WeakKeyDictionary()


def keyring(cloud: Cloud) -> Keyring:
    found = _KEYRINGS.get(cloud)
    if found is None:
        found = _KEYRINGS[cloud] = Keyring(cloud)
    return found


# --- writing


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a new body's key is wrapped with. `key`: None for the bucket's own, which is had inside the transaction."""

    how: Encryption
    key: AESGCM | None = None

    def wrapping(self, cloud: Cloud, tx: Transaction, bucket: Bucket) -> AESGCM:
        return self.key or keyring(cloud).of_bucket(tx, bucket)

    def etag(self, call: Call, md5: bytes) -> str:
        """The MD5 of what anybody could compute who has the body; with keys of KMS and customers it is not told."""
        return md5.hex() if self.how.kind == SSE_S3 else call.entropy.hex(32)

    def shares(self, how: Encryption | None) -> bool:
        """Whether what is encrypted so need not be encrypted anew: its key is of the same kind, and of KMS the same."""
        mine = self.how
        return how is not None and mine.kind == how.kind != SSE_C and mine.key_arn == how.key_arn


_OWN = Envelope(Encryption())


async def envelope_for(
    call: Call, name: str, key: str, asked: Asked, admit: Callable[[Snapshot], Bucket]
) -> Envelope:
    """What a new object is encrypted with: as its writer asks, else as the bucket does by default.

    `name`: of the bucket, which `admit` looks at before anything is asked of KMS.
    Raises: AccessDenied (also for a kind that the bucket blocks), KmsError, what `admit` raises.
    """
    default = await call.cloud.kept(_default_of, most=limits.BUCKETS_KEPT).get(name)
    if default is _OF_NO_BUCKET:  # but perhaps of an access point
        default = (await call.view(admit)).encryption or DefaultEncryption()
    customer = asked.customer
    if customer is not None:
        if SSE_C in default.blocked:
            await call.view(admit)
            raise errors.AccessDenied(
                "The bucket has blocked upload requests that specify Server Side Encryption with Customer"
                " provided keys (SSE-C). Please specify a different server-side encryption type"
            )
        return _customers(call, customer)
    if (asked.algorithm or default.algorithm) != SSE_KMS:
        return _OWN
    bucket = await call.view(admit)
    by_default = asked.algorithm is None
    return await _of_kms(
        call,
        bucket,
        key,
        asked,
        kms_key=(default.key if by_default else asked.kms_key) or OWN_KEY,
        bucket_key=(by_default and default.bucket_key)
        if asked.bucket_key is None
        else asked.bucket_key,
    )


async def envelope_of_kms(
    call: Call, bucket: Bucket, key: str, *, kms_key: str, bucket_key: bool
) -> Envelope:
    """For an object that is there and is to have another key. Raises: AccessDenied, KmsError."""
    asked = Asked(SSE_KMS)
    return await _of_kms(call, bucket, key, asked, kms_key=kms_key, bucket_key=bucket_key)


async def envelope_of_part(
    call: Call, bucket: Bucket, how: Encryption | None, customer: CustomerKey | None
) -> Envelope:
    """What a part is encrypted with: as its upload began. Raises: InvalidRequest, AccessDenied, KmsError."""
    if (how is not None and how.kind == SSE_C) != (customer is not None):
        raise errors.InvalidRequest(
            detail="The multipart upload initiate requested encryption. Subsequent part requests must include the"
            " appropriate encryption parameters."
        )
    if how is None or how.kind == SSE_S3:
        return _OWN
    if customer is None:
        return Envelope(how, await unlocked(call, bucket, how))
    if not recognises(how, customer):
        raise errors.InvalidRequest(
            detail="The provided encryption parameters did not match the ones used originally."
        )
    return Envelope(how, _derived(customer, how.salt))


def _default_of(at: Snapshot, name: str) -> DefaultEncryption:
    bucket = buckets.find_bucket(at, name)
    if bucket is None:
        return _OF_NO_BUCKET
    return bucket.encryption or DefaultEncryption()


_OF_NO_BUCKET = DefaultEncryption()


def _customers(call: Call, customer: CustomerKey) -> Envelope:
    salt = call.entropy.bytes(_SALT_BYTES)
    how = Encryption(SSE_C, salt=salt, check=_check_of(customer, salt))
    return Envelope(how, _derived(customer, salt))


def _check_of(customer: CustomerKey, salt: bytes) -> bytes:
    """By this a key is recognised, and nothing is learned of it."""
    return hmac.digest(customer.key, b"pilvi s3 customer key 1 " + salt, "sha256")


def _derived(customer: CustomerKey, salt: bytes) -> AESGCM:
    derivation = HKDF(SHA256(), segments.KEY_BYTES, salt, b"pilvi s3 customer key 1 wrapping")
    return AESGCM(derivation.derive(customer.key))


async def _of_kms(
    call: Call, bucket: Bucket, key: str, asked: Asked, *, kms_key: str, bucket_key: bool
) -> Envelope:
    arn = bucket.arn if bucket_key else names.object_arn(bucket.name, key)
    if asked.context.get(_ARN, arn) != arn:
        raise errors.InvalidArgument(
            f"The encryption context must not name another {_ARN}.",
            "x-amz-server-side-encryption-context",
        )
    context = {**asked.context, _ARN: arn}
    by = _asker(call, bucket)

    async def generate() -> tuple[AESGCM, Encryption]:
        try:
            made = await call.ask(Keys).generate_data_key(kms_key, context, by=by)
        except KeyNotUsable as error:
            raise errors.of_kms(error.code, error.reason) from error
        how = Encryption(SSE_KMS, made.key_arn, made.ciphertext, context, bucket_key)
        return AESGCM(made.plaintext), how

    if not bucket_key:
        wrapping, how = await generate()
        return Envelope(how, wrapping)
    name = (*_requester(call), "generate", bucket.id, kms_key, *_flat(context))
    wrapping, how = await keyring(call.cloud).of_kms.get(name, generate)
    return Envelope(how, wrapping)


def _asker(call: Call, bucket: Bucket) -> KeyUser:
    """The caller, in the bucket's region. Raises: InvalidArgument for one who is nobody."""
    if not call.principal.authenticated:
        raise errors.InvalidArgument(
            "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
            "Authorization",
            "null",
        )
    return caller_through(call, "s3", scope=call.scope._replace(region=bucket.region))


def _requester(call: Call) -> tuple[str, ...]:
    principal = call.principal
    return (principal.account, principal.arn, principal.id, principal.access_key_id)


def _flat(context: dict[str, str]) -> tuple[str, ...]:
    return tuple(text for pair in sorted(context.items()) for text in pair)


# --- reading


class Unlocked:
    """The keys of what one request reads."""

    def __init__(self, call: Call, customer: CustomerKey | None = None) -> None:
        self.customer = customer
        self._call = call
        self._had: dict[bytes, AESGCM] = {}

    def key(self, at: Snapshot, bucket: Bucket, how: Encryption | None) -> AESGCM | None:
        """`how`: None for what is as old as not to be encrypted.

        Raises: Locked; InvalidRequest, AccessDenied (of a customer's key).
        """
        if self.customer is None and (how is None or how.kind == SSE_S3):
            return keyring(self._call.cloud).find_of_bucket(at, bucket)
        check_customer(how, self.customer)
        assert how is not None, "a customer's key is not for what is not encrypted"
        if how.kind == SSE_C:
            assert self.customer is not None, "checked just before"
            return _derived(self.customer, how.salt)
        had = self._had.get(how.data_key)
        if had is None:
            raise Locked(bucket, how)
        return had

    def key_again(self, tx: Transaction, bucket: Bucket, how: Encryption) -> AESGCM:
        """What `key` gave before, inside a transaction."""
        if how.kind == SSE_S3:
            return keyring(self._call.cloud).of_bucket(tx, bucket)
        return self._had[how.data_key]

    async def unlock(self, locked: Locked) -> None:
        """Raises: AccessDenied, KmsError."""
        self._had[locked.how.data_key] = await unlocked(self._call, locked.bucket, locked.how)

    async def view(self, look: Callable[[Snapshot], T]) -> T:
        """Read until what a snapshot names is still there, and the keys to it are at hand: others may delete or
        replace it in between."""
        for _ in range(_TRIES - 1):
            try:
                return await self._call.view(look)
            except BlobGone:
                continue
            except Locked as locked:
                await self.unlock(locked)
        return await self._call.view(look)


async def unlocked(call: Call, bucket: Bucket, how: Encryption) -> AESGCM:
    """A key that KMS must decrypt. Raises: AccessDenied, KmsError."""
    by = _asker(call, bucket)

    async def decrypt() -> AESGCM:
        return AESGCM(await decrypted(call.ask(Keys), how, by))

    if not how.bucket_key:
        return await decrypt()
    name = (*_requester(call), "decrypt", how.key_arn, how.data_key.hex(), *_flat(how.context))
    return await keyring(call.cloud).opened.get(name, decrypt)


async def decrypted(keys: Keys, how: Encryption, by: KeyUser) -> bytes:
    """Raises: AccessDenied, KmsError."""
    try:
        found = await keys.decrypt(how.data_key, how.context, by=by, key=how.key_arn)
    except KeyNotUsable as error:
        raise errors.of_kms(error.code, error.reason) from error
    return found.plaintext


def rewrapped(call: Call, ref: BlobRef, sealed: Sealed, of: AESGCM, envelope: AESGCM) -> Sealed:
    """A blob's key under another one, for a copy that shares the blob. Raises: BlobCorrupt."""
    key = segments.unwrap(of, sealed.key, ref.id)
    wrapped = segments.wrap(envelope, key, ref.id, call.entropy)
    return Sealed(wrapped, sealed.size, sealed.crc64nvme)


def check_customer(how: Encryption | None, customer: CustomerKey | None) -> None:
    """Whether a request has the key that the object needs, and none that it does not. Raises: InvalidRequest,
    AccessDenied."""
    if how is None or how.kind != SSE_C:
        if customer is not None:
            raise errors.InvalidRequest(
                detail="The encryption parameters are not applicable to this object."
            )
        return
    if customer is None:
        raise errors.InvalidRequest(
            detail="The object was stored using a form of Server Side Encryption. The correct parameters must be"
            " provided to retrieve the object."
        )
    if not recognises(how, customer):
        raise errors.AccessDenied(
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct"
            " secret key."
        )


def recognises(how: Encryption, customer: CustomerKey) -> bool:
    """Whether it is the customer's key that something was encrypted with."""
    return hmac.compare_digest(how.check, _check_of(customer, how.salt))
