"""Object lock: what protects a version, and what a bucket gives to new ones."""

from __future__ import annotations

import msgspec

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"


class Lock(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a version. `mode` and `until_ms` come together: its retention. `held`: its legal hold; None: never put."""

    mode: str | None = None
    until_ms: int | None = None
    held: bool | None = None


class BucketLock(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a bucket with object lock: the retention of versions that bring none, of `days` or else of `years`."""

    mode: str | None = None
    days: int | None = None
    years: int | None = None
