"""What is configured on a bucket and no other request has to know: one record each, by kind and id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pilvi.services.s3.records.buckets import Bucket
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection


class Configuration(msgspec.Struct, frozen=True):
    """`kind`: "website", "metrics", ...; `id`: "" where a bucket has one at most. `document`: as it is told again."""

    kind: str
    id: str
    document: dict[str, Any]


_CONFIGURATIONS = Collection(
    "s3.configuration", Configuration, key=lambda stored: (stored.kind, stored.id)
)


def find(at: Snapshot, bucket: Bucket, kind: str, id: str = "") -> dict[str, Any] | None:
    stored = _CONFIGURATIONS.find(at, bucket.home, kind, id)
    return None if stored is None else stored.document


def put(tx: Transaction, bucket: Bucket, kind: str, document: dict[str, Any], id: str = "") -> None:
    _CONFIGURATIONS.put(tx, bucket.home, Configuration(kind, id, document))


def delete(tx: Transaction, bucket: Bucket, kind: str, id: str = "") -> bool:
    """Whether there was one."""
    return _CONFIGURATIONS.delete(tx, bucket.home, kind, id) is not None


def count(at: Snapshot, bucket: Bucket, kind: str) -> int:
    return _CONFIGURATIONS.count(at, bucket.home, (kind,))


def scan(
    at: Snapshot, bucket: Bucket, kind: str, *, after_id: str | None = None
) -> Iterator[Configuration]:
    """Those of a kind, by id."""
    after = None if after_id is None else (kind, after_id)
    return _CONFIGURATIONS.scan(at, bucket.home, (kind,), after_key=after)
