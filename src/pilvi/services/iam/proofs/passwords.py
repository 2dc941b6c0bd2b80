"""Passwords: hashing, comparing, and what a policy says of one. Nothing here is stored, and no password is ever told.

Hashing takes a good part of a second and 32 MiB on purpose: it happens in threads of its own, of which there are few.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from pilvi.base.entropy import Entropy
from pilvi.services.iam import errors

if TYPE_CHECKING:
    from pilvi.services.iam.proofs.password_policies import PasswordPolicy

_N, _R, _P = 2**15, 8, 3
"""scrypt's cost for new hashes (RFC 7914); each hash remembers its own."""
_SALT_BYTES = 16
_DIGEST_BYTES = 32

_hashers = ThreadPoolExecutor(2, "passwords")


class PasswordHash(msgspec.Struct, frozen=True):
    salt: bytes
    digest: bytes
    n: int = _N
    r: int = _R
    p: int = _P

    def __repr__(self) -> str:
        return "PasswordHash(...)"


async def hashed(password: str, entropy: Entropy) -> PasswordHash:
    salt = entropy.bytes(_SALT_BYTES)
    loop = asyncio.get_running_loop()
    digest = await loop.run_in_executor(_hashers, _scrypt, password, salt, _N, _R, _P)
    return PasswordHash(salt, digest)


async def is_any_of(password: str, hashes: Sequence[PasswordHash]) -> bool:
    """Whether one of these hashes is of this password."""
    found = False
    for one in hashes:
        loop = asyncio.get_running_loop()
        cost = one.n, one.r, one.p
        digest = await loop.run_in_executor(_hashers, _scrypt, password, one.salt, *cost)
        found = hmac.compare_digest(digest, one.digest) or found
    return found


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    memory = 128 * r * (n + p + 2)
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=_DIGEST_BYTES
    )


# --- what a policy demands

_UPPER, _LOWER, _DIGIT = re.compile("[A-Z]"), re.compile("[a-z]"), re.compile("[0-9]")
_SYMBOL = re.compile(r"[!@#$%^&*()_+\-=\[\]{}|']")
_DEFAULT_LENGTH = 8
_DEFAULT_KINDS = 3


def check(policy: PasswordPolicy | None, password: str, account_names: Sequence[str]) -> None:
    """Without a policy of the account, AWS's own: eight characters of three kinds, and not the account's name.

    Raises: PasswordPolicyViolation.
    AWS: IAM User Guide, "Set an account password policy for IAM users".
    """
    if policy is None:
        kinds = sum(bool(kind.search(password)) for kind in (_UPPER, _LOWER, _DIGIT, _SYMBOL))
        named = password.lower() in {name.lower() for name in account_names}
        if len(password) < _DEFAULT_LENGTH or kinds < _DEFAULT_KINDS or named:
            raise errors.PasswordPolicyViolation(
                detail="Password does not conform to the account password policy."
            )
        return
    if len(password) < policy.length_min:
        raise errors.PasswordPolicyViolation(
            detail=f"Password should have a minimum length of {policy.length_min}"
        )
    for wanted, kind, name in (
        (policy.upper, _UPPER, "uppercase letter"),
        (policy.lower, _LOWER, "lowercase letter"),
        (policy.numbers, _DIGIT, "number"),
        (policy.symbols, _SYMBOL, "symbol"),
    ):
        if wanted and not kind.search(password):
            raise errors.PasswordPolicyViolation(detail=f"Password should have at least one {name}")
