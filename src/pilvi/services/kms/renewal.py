"""New material for a key. What was encrypted before still decrypts: old material stays as long as the key."""

from __future__ import annotations

import msgspec

from pilvi.services.kms import records
from pilvi.services.kms.keyring import Keyring, retire_current
from pilvi.services.kms.records import Key
from pilvi.store.api import Transaction

AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


def rotate(tx: Transaction, ring: Keyring, key: Key, rotation: str, at_ms: int) -> Key:
    """Give a key that makes its own material a new one, and its replicas the same. Stores the key; gives it as it
    then is."""
    secret, material_id = ring.entropy.bytes(32), ring.entropy.hex(64)
    rotated = key
    for one in (key, *records.relatives(tx, key)):
        changed = ring.add_material(
            tx, one, secret, material_id=material_id, rotated_ms=at_ms, rotation=rotation
        )
        records.put_key(tx, changed)
        if one is key:
            rotated = changed
    return rotated


def use_pending(tx: Transaction, key: Key, material: records.Material, at_ms: int) -> Key:
    """Make imported material that waits for it the current one. Gives the key, which the caller stores."""
    retire_current(tx, key)
    current = msgspec.structs.replace(
        material, state=records.CURRENT, rotated_ms=at_ms, rotation=ON_DEMAND
    )
    records.put_material(tx, key, current)
    return msgspec.structs.replace(key, material_id=material.id)
