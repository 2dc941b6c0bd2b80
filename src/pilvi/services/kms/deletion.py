"""The end of a key: its waiting period, and what is done when that is over.

The material goes first and at once; grants, of which there may be many, go in batches; the key itself last. A key
whose time has come is found by nobody any more (`Keyring`), so nothing shows of the time in between.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from pilvi.services.kms import limits, records
from pilvi.services.kms.records import Family, Key
from pilvi.store.api import Transaction


def schedule(tx: Transaction, key: Key, days: int, now_ms: int) -> Key:
    """Begin the waiting period, or wait for the replicas first. Gives the key as it then is."""
    family = records.find_family(tx, key)
    waits = family is not None and family.primary == key.region and bool(family.replicas)
    due_ms = None if waits else now_ms + days * limits.DAY_MS
    key = msgspec.structs.replace(key, deletion_ms=due_ms, pending_days=days, awaits_replicas=waits)
    records.put_key(tx, key)
    if due_ms is not None:
        records.schedule(tx, key, "delete", due_ms=due_ms)
    return key


def delete(tx: Transaction, key: Key, now_ms: int) -> None:
    """Delete a key whose time has come; comes back when there are grants left."""
    records.delete_materials(tx, key)
    batch = list(islice(records.grants_of(tx, key), limits.GRANTS_REMOVED_AT_ONCE))
    for grant in batch:
        records.delete_grant(tx, key, grant)
    if len(batch) == limits.GRANTS_REMOVED_AT_ONCE:
        records.schedule(tx, key, "delete", due_ms=now_ms)
        return
    family = records.find_family(tx, key)
    records.delete_key(tx, key)
    if family is not None:
        _leave(tx, key, family, now_ms)


def _leave(tx: Transaction, key: Key, family: Family, now_ms: int) -> None:
    """Take a key out of its family; the last replica lets a waiting primary go."""
    if key.region == family.primary:
        records.delete_family(tx, key)
        return
    left = tuple(region for region in family.replicas if region != key.region)
    records.put_family(tx, key.scope, msgspec.structs.replace(family, replicas=left))
    primary = records.find_key(tx, key.scope._replace(region=family.primary), key.id)
    if not left and primary is not None and primary.awaits_replicas:
        days = primary.pending_days or limits.PENDING_DAYS
        schedule(tx, msgspec.structs.replace(primary, awaits_replicas=False), days, now_ms)
