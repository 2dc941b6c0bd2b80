"""Fill a bucket with very many keys, past HTTP: through the store, while no server runs.

python -m bench.seed DATA BUCKET KEY COUNT    copies of the object KEY, which share its body

Half of the keys lie under `wide/`, in a thousand folders; half six folders deep under `a/b/c/d/e/f/`, in as many.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from pilvi.app import load_services
from pilvi.base.entropy import Entropy
from pilvi.services.s3.records import buckets, objects
from pilvi.store import blob_rows
from pilvi.store.api import Transaction
from pilvi.store.datadir import DataDir, open_store

BATCH = 5_000
FOLDERS = 1_000
WIDE, DEEP = "wide/", "a/b/c/d/e/f/"


def keys(count: int) -> Iterator[str]:
    """In order, so that pages of the database are filled well."""
    each = count // (2 * FOLDERS)
    for beginning in (DEEP, WIDE):
        for folder in range(FOLDERS):
            for number in range(each):
                yield f"{beginning}{folder:04d}/object-{number:06d}"


async def seed(data: Path, name: str, key: str, count: int) -> None:
    load_services()
    directory = DataDir.open(data)
    store = open_store(directory, "relaxed")
    entropy = Entropy()
    waiting = keys(count)
    try:
        while batch := list(islice(waiting, BATCH)):

            def put(tx: Transaction, batch: list[str] = batch) -> None:
                bucket = buckets.get_bucket(tx, name)
                model = objects.get_object(tx, bucket, key)
                assert model.blob is not None, "its body is one blob"
                for one in batch:
                    id = entropy.hex(32)
                    copy = msgspec.structs.replace(model, key=one, id=id, version_id="", rank=0)
                    objects.put_object(tx, bucket, copy)
                blob_rows.retain(tx, model.blob, len(batch))

            await store.write(put)
    finally:
        await store.close()
        directory.close()


if __name__ == "__main__":
    asyncio.run(seed(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
