"""Object lock: which retention a version gets, who may change it, and what may be deleted.

By the clock of the call. Retention in governance mode can be shortened or passed by with a permission and a header, in
compliance mode by nobody; a legal hold stands until it is taken off.
AWS: S3 User Guide, "Locking objects with Object Lock", "Object Lock considerations".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pilvi.base.errors import NotBuilt
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.locks import COMPLIANCE, GOVERNANCE, BucketLock, Lock

_MODES = (GOVERNANCE, COMPLIANCE)
_HOLDS = {"ON": True, "OFF": False}
_DAY_MS = 24 * 60 * 60 * 1000
_YEAR_DAYS = 365
_PAST = "The retain until date must be in the future!"


# --- what writes say of it


def asked(req: Mapping[str, Any], now_ms: int) -> Lock | None:
    """The x-amz-object-lock- headers of a write. Raises: InvalidArgument."""
    mode: str | None = req.get("ObjectLockMode")
    until_ms: int | None = req.get("ObjectLockRetainUntilDate")
    hold: str | None = req.get("ObjectLockLegalHoldStatus")
    if mode is None and until_ms is None and hold is None:
        return None
    if mode is not None and mode not in _MODES:
        raise errors.InvalidArgument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    if (mode is None) != (until_ms is None):
        raise errors.InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            "x-amz-object-lock-mode" if mode is None else "x-amz-object-lock-retain-until-date",
        )
    if hold is not None and hold not in _HOLDS:
        raise errors.InvalidArgument(
            "Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold
        )
    if until_ms is not None:
        _check_future(until_ms, "x-amz-object-lock-retain-until-date", now_ms)
    return Lock(mode, until_ms, None if hold is None else _HOLDS[hold])


def of_new(bucket: Bucket, given: Lock | None, now_ms: int) -> Lock | None:
    """What protects a new version: its own retention, else the bucket's. Raises: InvalidRequest."""
    if bucket.lock is None:
        if given is not None:
            raise errors.MissingObjectLockConfiguration()
        return None
    default = bucket.lock
    if default.mode is None or (given is not None and given.mode is not None):
        return given
    days = default.days or (default.years or 0) * _YEAR_DAYS
    return Lock(default.mode, now_ms + days * _DAY_MS, None if given is None else given.held)


def check_digest(lock: Lock | None, *, promised: bool, what: str) -> None:
    """What is locked must have been checked on its way. `what`: "Put Object". Raises: InvalidRequest."""
    if lock is not None and not promised:
        raise errors.InvalidRequest(
            detail=f"Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock"
            " parameters"
        )


# --- what is forbidden


def check_removable(lock: Lock | None, now_ms: int, *, bypass: bool) -> None:
    """`bypass`: the caller may pass governance by, and says so. Raises: AccessDenied."""
    if lock is None:
        return
    if lock.held or (_retained(lock, now_ms) and not (bypass and lock.mode == GOVERNANCE)):
        raise errors.ObjectLocked()


def is_protected(lock: Lock | None, now_ms: int) -> bool:
    """Whether anything stands on a version, bypass or not."""
    return lock is not None and (bool(lock.held) or _retained(lock, now_ms))


def check_change(lock: Lock | None, wanted: Lock, now_ms: int, *, bypass: bool) -> None:
    """Retention that stands may be made longer; the rest needs governance and `bypass`. Raises: AccessDenied."""
    if lock is None or not _retained(lock, now_ms):
        return
    assert lock.until_ms is not None
    longer = wanted.until_ms is not None and wanted.until_ms >= lock.until_ms
    if wanted.mode == lock.mode and longer:
        return
    if lock.mode == COMPLIANCE or not bypass:
        raise errors.ObjectLocked()


def _retained(lock: Lock, now_ms: int) -> bool:
    return lock.until_ms is not None and now_ms < lock.until_ms


def _check_future(until_ms: int, argument: str, now_ms: int) -> None:
    if until_ms <= now_ms:
        at = datetime.fromtimestamp(until_ms / 1000, tz=UTC)
        raise errors.InvalidArgument(_PAST, argument, f"{at:%a %b %d %H:%M:%S UTC %Y}")


# --- documents


def bucket_lock(document: Mapping[str, Any] | None) -> BucketLock:
    """An ObjectLockConfiguration. Raises: MalformedXML, InvalidArgument, NotBuilt."""
    if not document or document.get("ObjectLockEnabled") != "Enabled":
        raise errors.MalformedXML()
    if "Rule" not in document:
        return BucketLock()
    rule: Mapping[str, Any] = document["Rule"] or {}
    retention: Mapping[str, Any] = rule.get("DefaultRetention") or {}
    if "DefaultEventHold" in retention:
        raise NotBuilt(what="event holds (DefaultRetention.DefaultEventHold)")
    mode: str | None = retention.get("Mode")
    days: int | None = retention.get("Days")
    years: int | None = retention.get("Years")
    if mode not in _MODES or (days is None) == (years is None):
        raise errors.MalformedXML()
    _check_period(days, "Days", limits.RETENTION_DAYS_MAX)
    _check_period(years, "Years", limits.RETENTION_YEARS_MAX)
    return BucketLock(mode, days, years)


def _check_period(period: int | None, name: str, period_max: int) -> None:
    if period is None:
        return
    if period <= 0:
        raise errors.InvalidArgument(
            "Default retention period must be a positive integer value.", name, str(period)
        )
    if period > period_max:
        raise errors.InvalidArgument("Default retention period is too large", name, str(period))


def described(lock: BucketLock) -> dict[str, Any]:
    told: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if lock.mode is not None:
        period = {"Days": lock.days} if lock.days is not None else {"Years": lock.years}
        told["Rule"] = {"DefaultRetention": {"Mode": lock.mode, **period}}
    return told


def retention(document: Mapping[str, Any] | None, now_ms: int) -> Lock:
    """An ObjectLockRetention; an empty one takes the retention off. Raises: MalformedXML, InvalidArgument."""
    if document is None:
        raise errors.MalformedXML()
    mode, until_ms = document.get("Mode"), document.get("RetainUntilDate")
    if mode is None and until_ms is None:
        return Lock()
    if mode not in _MODES or until_ms is None:
        raise errors.MalformedXML()
    _check_future(until_ms, "RetainUntilDate", now_ms)
    return Lock(mode, until_ms)


def hold(document: Mapping[str, Any] | None) -> bool:
    """An ObjectLockLegalHold. Raises: MalformedXML."""
    status = None if document is None else document.get("Status")
    if status not in _HOLDS:
        raise errors.MalformedXML()
    return _HOLDS[status]


def hold_told(held: bool) -> str:
    return "ON" if held else "OFF"


def headers_of(lock: Lock) -> dict[str, Any]:
    """What GetObject and HeadObject say of it."""
    told: dict[str, Any] = {}
    if lock.mode is not None:
        told["ObjectLockMode"] = lock.mode
        told["ObjectLockRetainUntilDate"] = lock.until_ms
    if lock.held is not None:
        told["ObjectLockLegalHoldStatus"] = hold_told(lock.held)
    return told
