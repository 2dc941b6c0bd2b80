"""Archived objects: when they can be read, and what answers say of it.

Archived is what is in the class GLACIER or DEEP_ARCHIVE; it can be read while a copy that was restored lasts.
AWS: S3 User Guide, "Restoring an archived object"; API Reference, HeadObject (x-amz-restore).
"""

from __future__ import annotations

from typing import Any

from pilvi.protocol.timestamps import rfc822
from pilvi.services.s3 import errors
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.records.restores import Restore
from pilvi.services.s3.rules.storage_classes import ARCHIVES


def check_readable(stored: Object, now_ms: int, *, as_source: bool = False) -> None:
    """`as_source`: of a copy. Raises: InvalidObjectState."""
    if stored.storage_class in ARCHIVES and not is_restored(stored, now_ms):
        raise errors.InvalidObjectState(
            stored.storage_class,
            "Operation is not valid for the source object's storage class"
            if as_source
            else "The operation is not valid for the object's storage class",
        )


def is_restored(stored: Object, now_ms: int) -> bool:
    return stored.restore is not None and now_ms < stored.restore.expires_at_ms


def restore_of(stored: Object, now_ms: int) -> Restore | None:
    """None, too, when it is past."""
    restore = stored.restore
    if restore is None or restore.ongoing or now_ms < restore.expires_at_ms:
        return restore
    return None


def headers_of(stored: Object, now_ms: int) -> dict[str, Any]:
    """What GetObject and HeadObject say of a restore."""
    restore = restore_of(stored, now_ms)
    if restore is None:
        return {}
    if restore.ongoing:
        return {"Restore": 'ongoing-request="true"'}
    until = rfc822(restore.expires_at_ms)
    return {"Restore": f'ongoing-request="false", expiry-date="{until}"'}


def status_of(stored: Object, now_ms: int) -> dict[str, Any]:
    """What lists say of it, when they are asked."""
    restore = restore_of(stored, now_ms)
    if restore is None:
        return {}
    told: dict[str, Any] = {"IsRestoreInProgress": restore.ongoing}
    if not restore.ongoing:
        told["RestoreExpiryDate"] = restore.expires_at_ms
    return {"RestoreStatus": told}
