"""Imported material in a key: which is there, what that makes of the key, and when it expires."""

from __future__ import annotations

import msgspec

from pilvi.services.kms import records
from pilvi.services.kms.records import Key, Material
from pilvi.store.api import Snapshot, Transaction


def find_pending(at: Snapshot, key: Key) -> Material | None:
    """Material that a rotation on demand would make the current one."""
    found = (one for one in records.list_materials(at, key) if one.state == records.PENDING)
    return next(found, None)


def is_known_to_primary(at: Snapshot, key: Key, material_id: str) -> bool:
    """A replica takes no material that its primary key does not have; other keys have no primary to ask."""
    family = records.find_family(at, key)
    if family is None or family.primary == key.region:
        return True
    primary = records.find_key(at, key.scope._replace(region=family.primary), key.id)
    return primary is not None and records.find_material(at, primary, material_id) is not None


def settled(tx: Transaction, key: Key) -> Key:
    """The key as its material now makes it; moves the timer of its next expiry. The caller stores it."""
    used = [one for one in records.list_materials(tx, key) if one.state != records.PENDING]
    waiting = find_pending(tx, key)
    whole = bool(used) and all(one.sealed is not None for one in used)
    expiries = [one.valid_to_ms for one in used if one.valid_to_ms is not None]
    timers = [*expiries, *([] if waiting is None else [waiting.valid_to_ms])]
    due = [at_ms for at_ms in timers if at_ms is not None]
    if due:
        records.schedule(tx, key, "expire", due_ms=min(due))
    return msgspec.structs.replace(
        key, has_material=whole, expires_at_ms=min(expiries) if whole and expiries else None
    )


def forget(tx: Transaction, key: Key, material: Material) -> None:
    """Destroy the secret; that there was such material is remembered, so that only the same can come back. What
    was never used is forgotten altogether."""
    if material.state == records.PENDING:
        records.materials.delete(tx, records.key_home(key.scope, key.id), material.id)
        return
    gone = msgspec.structs.replace(material, sealed=None, valid_to_ms=None)
    records.put_material(tx, key, gone)


def expire(tx: Transaction, key: Key, now_ms: int) -> Key:
    """Destroy what has expired. Gives the key, which the caller stores."""
    for material in records.list_materials(tx, key):
        if material.valid_to_ms is not None and material.valid_to_ms <= now_ms:
            forget(tx, key, material)
    return settled(tx, key)
