"""How long a restore takes, and what a request for one says. Pure.

AWS tells ranges; here it is always the same: `_HOURS`. Where days are short (`--lifecycle-day`), so are these hours.
AWS: S3 User Guide, "Understanding archive retrieval options".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.services.s3 import errors
from pilvi.services.s3.lifecycle.judging import DAY_MS
from pilvi.services.s3.rules.storage_classes import DEEP_ARCHIVE, GLACIER

_TIERS = ("Bulk", "Standard", "Expedited")
"""The slowest first."""
_HOURS = {
    (GLACIER, "Expedited"): 5 / 60,
    (GLACIER, "Standard"): 4,
    (GLACIER, "Bulk"): 12,
    (DEEP_ARCHIVE, "Standard"): 12,
    (DEEP_ARCHIVE, "Bulk"): 48,
}
_SELECT_UNBUILT = ("Type", "SelectParameters", "OutputLocation")
_DAYS_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    days: int
    tier: str


def wanted(document: Mapping[str, Any] | None) -> Wanted:
    """A RestoreRequest. Raises: MalformedXML, InvalidArgument, NotBuilt."""
    if document is None:
        raise errors.MalformedXML()
    for name in _SELECT_UNBUILT:
        if document.get(name) is not None:
            raise NotBuilt(what=f"selecting from archived objects (RestoreRequest.{name})")
    document.get("Description")  # of selections
    parameters: Mapping[str, Any] = document.get("GlacierJobParameters") or {}
    tier: str = parameters.get("Tier") or document.get("Tier") or "Standard"
    days: int | None = document.get("Days")
    if tier not in _TIERS or days is None:
        raise errors.MalformedXML()
    if not 1 <= days <= _DAYS_MAX:
        raise errors.InvalidArgument("Restoration days should be at least 1", "Days", str(days))
    return Wanted(days, tier)


def duration_ms(storage_class: str, tier: str, day_ms: int) -> int:
    """Raises: InvalidRequest."""
    hours = _HOURS.get((storage_class, tier))
    if hours is None:
        raise errors.InvalidRequest(
            detail="Retrieval option is not supported by this storage class"
        )
    return round(hours * DAY_MS / 24 * day_ms / DAY_MS)


def is_faster(tier: str, than: str) -> bool:
    return _TIERS.index(tier) > _TIERS.index(than)
