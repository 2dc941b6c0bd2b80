"""One-time codes: six digits made of a seed and the time, in steps of 30 seconds. Pure functions.

RFC 6238 over RFC 4226, with SHA-1 as virtual MFA devices use it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

STEP_MS = 30_000
_DIGITS = 6


def step_at(now_ms: int) -> int:
    return now_ms // STEP_MS


def code_of(seed: bytes, step: int) -> str:
    digest = hmac.digest(seed, step.to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


def find_step(seed: bytes, codes: tuple[str, ...], steps: Iterable[int]) -> int | None:
    """The first of `steps` from which on the device shows these codes one after another.

    All steps are looked at, whichever fits, so that the time taken tells nothing.
    """
    given = "".join(codes).encode()
    found = None
    for step in steps:
        shown = "".join(code_of(seed, step + ahead) for ahead in range(len(codes))).encode()
        if hmac.compare_digest(shown, given) and found is None:
            found = step
    return found
