"""Which blobs the records of Lambda name: for `pilvi check`, which counts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pilvi.services.lambda_.records import Configuration, Function, LayerVersion
from pilvi.store import check
from pilvi.store.blob_rows import BlobRef


def blobs_of(collection: str, record: Any) -> Iterable[BlobRef]:
    if isinstance(record, Function):
        record = record.latest
    if isinstance(record, Configuration):
        packages = [record.package, *(use.package for use in record.layers)]
    elif isinstance(record, LayerVersion):
        packages = [record.package]
    else:
        return ()
    return [package.blob for package in packages if package.blob is not None]


check.references.append(blobs_of)
