"""Fill a bucket or a table with very much, past HTTP: through the store, while no server runs.

python -m bench.seed DATA keys BUCKET KEY COUNT    copies of the object KEY, which share its body
python -m bench.seed DATA items TABLE COUNT        items of `bench.tables`
python -m bench.seed DATA messages QUEUE COUNT     messages of `bench.queues`

Half of the bucket's keys lie under `wide/`, in a thousand folders; half six folders deep under `a/b/c/d/e/f/`,
in as many.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import orjson

from bench.queues import BODY
from bench.tables import item
from bench.tables import key as item_key
from pilvi.app import load_services
from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.kit.settings import DEFAULT_ACCOUNT, DEFAULT_REGION
from pilvi.services.dynamodb.tables import HEADER_BYTES, get_table, pack_item
from pilvi.services.dynamodb.values import measure_item
from pilvi.services.s3.records import buckets, objects
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.posting import post
from pilvi.services.sqs.records import find_queue
from pilvi.services.sqs.rules import messages
from pilvi.services.sqs.storage.stock import Stock
from pilvi.store import blob_rows
from pilvi.store.api import Snapshot, Store, Transaction
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


async def seed_keys(store: Store, name: str, key: str, count: int) -> None:
    entropy = Entropy()
    waiting = keys(count)
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


async def seed_items(store: Store, name: str, count: int) -> None:
    """In the order of their rows. The key of each stands in a copy of one stored item, at equal length."""
    scope = Scope(DEFAULT_ACCOUNT, DEFAULT_REGION)

    def rows_of(at: Snapshot) -> list[tuple[bytes, int]]:
        table = get_table(at, scope, name)
        return sorted((table.key_of(item_key(number)), number) for number in range(count))

    rows = await store.read(rows_of)
    model = item(0)
    stored = pack_item(model, measure_item(model))
    beginning, own = stored[:HEADER_BYTES], orjson.dumps(item_key(0))[:-1]
    rest = stored.removeprefix(beginning + own)
    assert len(rest) < len(stored), "an item begins with its key"
    for start in range(0, count, BATCH):

        def put(tx: Transaction, start: int = start) -> None:
            for row, number in rows[start : start + BATCH]:
                tx.put(row, beginning + orjson.dumps(item_key(number))[:-1] + rest)

        await store.write(put)


async def seed_messages(store: Store, name: str, count: int) -> None:
    entropy = Entropy()
    now_ms = Clock().now_ms()
    place = QueueName(Scope(DEFAULT_ACCOUNT, DEFAULT_REGION), name)
    for start in range(0, count, BATCH):

        def put(tx: Transaction, start: int = start) -> None:
            queue = find_queue(tx, place)
            assert queue is not None, name
            stock = Stock(tx, queue, now_ms)
            stock.counters.sweep_ms = now_ms  # there is nobody yet to run a job
            draft = messages.draft(queue, {"MessageBody": BODY})
            for _ in range(start, min(start + BATCH, count)):
                post(stock, draft, id=entropy.uuid(), sender=DEFAULT_ACCOUNT)
            stock.save()

        await store.write(put)


async def main(data: Path, what: str, *names: str) -> None:
    load_services()
    directory = DataDir.open(data)
    store = open_store(directory, "relaxed")
    try:
        seed = {"keys": seed_keys, "items": seed_items, "messages": seed_messages}[what]
        await seed(store, *names[:-1], int(names[-1]))
    finally:
        await store.close()
        directory.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
