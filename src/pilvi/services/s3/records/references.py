"""Which blobs the records of S3 name: for `pilvi check`, which counts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pilvi.services.s3.records.objects import Manifest, Object
from pilvi.services.s3.records.uploads import Part
from pilvi.store import check
from pilvi.store.blob_rows import BlobRef


def blobs_of(collection: str, record: Any) -> Iterable[BlobRef]:
    if isinstance(record, Manifest):
        return [piece.blob for piece in record.pieces]
    if isinstance(record, Object | Part) and record.blob is not None:
        return [record.blob]
    return ()


check.references.append(blobs_of)
