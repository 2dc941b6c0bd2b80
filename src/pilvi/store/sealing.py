"""Small secrets at rest: what is sealed here can be read back only with the root key, which is not in the store.

The root key is, in this order: `PILVI_ROOT_KEY` (32 bytes in base64), `PILVI_ROOT_PASSPHRASE` (of which scrypt makes
the key, with the store's salt), or a file beside the data directory, `<data>.key`, of mode 0600, which is made
when the first secret is sealed. A backup or a copy of the data directory holds no root key: keep it elsewhere.

Each store has a random salt and a check value. Keys for sealing are derived from root key and salt, so:

1. A secret opens only in the store that sealed it, and only under the identity it was sealed for; a record that
   was copied to another place, or changed in one bit, does not open.
2. A root key that is missing or is another one is noticed at the start (`verify`), before anything is served.
3. Without the root key nothing but the length of a secret can be learned. Records themselves stay readable, so
   `pilvi check` and `pilvi backup` need no root key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pilvi.base.entropy import Entropy
from pilvi.base.errors import PilviError, ServiceUnavailable
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, pack
from pilvi.store.sqlite_file import sync_folder

KEY_VARIABLE = "PILVI_ROOT_KEY"
PASSPHRASE_VARIABLE = "PILVI_ROOT_PASSPHRASE"

SECRET_BYTES_MAX = 64 * 1024
"""Larger things are encrypted under a data key, and that is sealed."""

_KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE_BYTES = 12
_VERSION = b"\x01"
_SCRYPT_COST = {"n": 2**15, "r": 8, "p": 3}
"""32 MiB and some 0.3 s, once for each process."""
_FILE_BYTES_MAX = 1024


class SecretsUnavailable(ServiceUnavailable):
    """A secret is to be sealed or opened, and there is no root key to do it with. Nothing was changed."""

    message = "The root key cannot be used: {reason}"


class SealBroken(Exception):
    """A sealed secret was changed, or belongs to another record or another store."""


class Mark(msgspec.Struct, frozen=True):
    """What a store tells of its root key: nothing by which a key could be found but by trying all."""

    salt: bytes
    check: bytes


marks = Collection("store.root_key", Mark, key=lambda _mark: ())
_HOME: Key = ("sealing",)


@dataclass(frozen=True, slots=True)
class RootKeySource:
    """Where the root key is to be had. `file`: None keeps it in memory, for a store that is not kept either."""

    file: Path | None
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    @classmethod
    def of_environment(cls, file: Path | None, environment: Mapping[str, str]) -> RootKeySource:
        """Raises: PilviError when the environment names two root keys."""
        key = environment.get(KEY_VARIABLE, "")
        passphrase = environment.get(PASSPHRASE_VARIABLE, "")
        if key and passphrase:
            raise PilviError(
                f"{KEY_VARIABLE} and {PASSPHRASE_VARIABLE} are both set.", "Leave one of them out."
            )
        return cls(file, key, passphrase)


class Sealer:
    """Seals and opens the secrets of one store; one for each process."""

    def __init__(self, source: RootKeySource, entropy: Entropy) -> None:
        self._source = source
        self._entropy = entropy
        self._in_memory = entropy.bytes(_KEY_BYTES) if source.file is None else b""
        self._opened: tuple[bytes, AESGCM] | None = None
        """The store's salt, and the sealing key derived with it."""

    def verify(self, at: Snapshot) -> None:
        """Whether the secrets of this store could be opened. Nothing is asked of a store that has none.

        Raises: PilviError (no root key, or another one).
        """
        mark = marks.find(at, _HOME)
        if mark is not None:
            self._cipher(mark)
        elif self._source.key:
            _decode(self._source.key, KEY_VARIABLE)

    def seal(self, tx: Transaction, identity: Key, secret: bytes) -> bytes:
        """`identity`: of the record that will hold it, home and all; `open` must be told the same.

        Raises: SecretsUnavailable.
        """
        assert len(secret) <= SECRET_BYTES_MAX, len(secret)
        mark = marks.find(tx, _HOME)
        try:
            if mark is None:
                mark = self._first_mark()
                marks.put(tx, _HOME, mark)
            cipher = self._cipher(mark)
        except PilviError as error:
            raise SecretsUnavailable(reason=str(error)) from error
        nonce = self._entropy.bytes(_NONCE_BYTES)
        return _VERSION + nonce + cipher.encrypt(nonce, secret, pack(identity))

    def open(self, at: Snapshot, identity: Key, sealed: bytes) -> bytes:
        """Raises: SecretsUnavailable; SealBroken."""
        mark = marks.find(at, _HOME)
        if mark is None or sealed[:1] != _VERSION:
            raise SealBroken(f"{identity!r} was not sealed by this store")
        try:
            cipher = self._cipher(mark)
        except PilviError as error:
            raise SecretsUnavailable(reason=str(error)) from error
        nonce, secret = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, secret, pack(identity))
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"{identity!r} was changed, or sealed for another record") from error

    def _first_mark(self) -> Mark:
        salt = self._entropy.bytes(_SALT_BYTES)
        return Mark(salt, _derive(self._root(salt, make=True), salt, b"check"))

    def _cipher(self, mark: Mark) -> AESGCM:
        """Raises: PilviError."""
        if self._opened is not None and self._opened[0] == mark.salt:
            return self._opened[1]
        root = self._root(mark.salt, make=False)
        if not hmac.compare_digest(_derive(root, mark.salt, b"check"), mark.check):
            raise PilviError(
                f"the secrets in the store are sealed under another root key than {self._named()}.",
                f"Give the one they were sealed under: the file beside the data directory, {KEY_VARIABLE} or"
                f" {PASSPHRASE_VARIABLE}.",
            )
        cipher = AESGCM(_derive(root, mark.salt, b"seal"))
        self._opened = (mark.salt, cipher)
        return cipher

    def _named(self) -> str:
        if self._source.key:
            return KEY_VARIABLE
        if self._source.passphrase:
            return f"that of {PASSPHRASE_VARIABLE}"
        return str(self._source.file or "the one in memory")

    def _root(self, salt: bytes, *, make: bool) -> bytes:
        """`make`: the file may be made, because nothing is sealed yet. Raises: PilviError."""
        if self._source.key:
            return _decode(self._source.key, KEY_VARIABLE)
        if self._source.passphrase:
            scrypt = Scrypt(salt=salt, length=_KEY_BYTES, **_SCRYPT_COST)
            return scrypt.derive(self._source.passphrase.encode())
        if self._source.file is None:
            return self._in_memory
        found = _read(self._source.file)
        if found is None and make:
            _make(self._source.file, self._entropy)
            found = _read(self._source.file)
        if found is None:
            raise PilviError(
                f"the secrets in the store are sealed, and their root key, {self._source.file}, is not here.",
                f"Put that file back beside the data directory, or give the key as {KEY_VARIABLE}"
                f" (or {PASSPHRASE_VARIABLE}, if it was one).",
            )
        return found


def _derive(root: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt, b"pilvi sealing 1 " + purpose).derive(root)


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise PilviError(
            f"{where} is no root key.",
            "It is 32 random bytes in base64; `openssl rand -base64 32` makes one.",
        )
    return key


def _read(file: Path) -> bytes | None:
    """Raises: PilviError (unreadable, readable by others, not a key)."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PilviError(f"the root key {file} cannot be read: {error.strerror}.") from error
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            raise PilviError(
                f"the root key {file} can be read by other users.", f"Run: chmod 600 {file}"
            )
        text = os.read(descriptor, _FILE_BYTES_MAX)
    finally:
        os.close(descriptor)
    return _decode(text.decode("ascii", "replace"), str(file))


def _make(file: Path, entropy: Entropy) -> None:
    """Durable before it is there; when two processes make it at once, one of them wins. Raises: PilviError."""
    new = file.with_name(f"{file.name}.{entropy.hex(16)}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, base64.b64encode(entropy.bytes(_KEY_BYTES)) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(new, file)
        except FileExistsError:
            pass  # another process was first: its key is the one
        finally:
            os.unlink(new)
        sync_folder(file.parent)
    except OSError as error:
        raise PilviError(
            f"the root key {file} cannot be made: {error.strerror}.",
            f"Let the server write there, or give a root key as {KEY_VARIABLE}.",
        ) from error
