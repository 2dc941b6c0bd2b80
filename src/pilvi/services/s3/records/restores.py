"""The temporary copy of an archived object: asked for, there, or past."""

from __future__ import annotations

import msgspec


class Restore(msgspec.Struct, frozen=True, omit_defaults=True):
    """`due_ms`: when the copy will be there, and until `expires_at_ms`, which is 0 before it is. `days`: as asked."""

    requested_at_ms: int
    due_ms: int
    days: int
    tier: str
    expires_at_ms: int = 0

    @property
    def ongoing(self) -> bool:
        return not self.expires_at_ms
