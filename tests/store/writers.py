"""Processes that the tests start, and kill: `python writers.py ROLE FOLDER ...`."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from pathlib import Path

import msgspec

from pilvi.store import wakes
from pilvi.store.api import StoreUnavailable, Transaction
from pilvi.store.blobs import BlobRef, Blobs, NewBlob
from pilvi.store.collection import Collection
from pilvi.store.sqlite import SqliteStore

PAIR = 300_000


class Upload(msgspec.Struct):
    number: int
    blob: BlobRef


UPLOADS = Collection(
    "test.upload", Upload, key=lambda upload: (upload.number,), blobs=lambda upload: (upload.blob,)
)


def say(line: str) -> None:
    print(line, flush=True)


async def ledger(folder: Path, first: str) -> None:
    """Write pairs of keys until killed; tell each number once it is acknowledged."""
    store = SqliteStore(folder / "pilvi.db")

    def pair(tx: Transaction, key: bytes) -> None:
        tx.put(b"a" + key, key)
        tx.put(b"b" + key, key)

    async def writer(number: int) -> None:
        while True:
            await store.write(lambda tx, key=b"%08d" % number: pair(tx, key))
            say(str(number))
            number += 8

    await asyncio.gather(*(writer(int(first) + lane) for lane in range(8)))


async def uploads(folder: Path, first: str) -> None:
    """Write blobs until killed; tell each number once its blob is committed."""
    store = SqliteStore(folder / "pilvi.db")
    blobs = Blobs(folder / "blobs", store)
    number = int(first)
    while True:
        new = await blobs.write(b"%08d" % number * (PAIR // 8), size_max=PAIR)

        def name(tx: Transaction, number: int = number, new: NewBlob = new) -> None:
            UPLOADS.put(tx, (), Upload(number, new.commit(tx)))

        await store.write(name)
        say(str(number))
        number += 1


async def count(folder: Path, times: str) -> None:
    """Increment one counter, many at a time."""
    store = SqliteStore(folder / "pilvi.db", durability="relaxed")

    def increment(tx: Transaction) -> None:
        tx.put(b"n", b"%d" % (int(tx.get(b"n") or 0) + 1))

    async def clerk() -> None:
        for _ in range(int(times)):
            await store.write(increment)

    await asyncio.gather(*(clerk() for _ in range(4)))
    await store.close()


async def waiter(folder: Path) -> None:
    """Wait for a key, as long polls do: look, then wait. Looking again by itself would come too late."""
    wakes.LOOK_AGAIN_S = 1_000.0
    store = SqliteStore(folder / "pilvi.db")
    told = False
    while await store.read(lambda at: at.get(b"letter")) is None:
        waiting = asyncio.ensure_future(store.wait("letters", 30))
        await asyncio.sleep(0)
        if not told:
            say("waiting")
            told = True
        await waiting
    say("seen")
    await store.close()


async def full_disk(folder: Path) -> None:
    """Fail for real: no file may grow past a bound. Then tell what the writers of the group heard."""
    store = SqliteStore(folder / "pilvi.db")
    await store.write(lambda tx: tx.put(b"before", b"1"))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
    told: list[str] = []
    aborted: list[int] = []

    def big(tx: Transaction, number: int) -> None:
        tx.after_abort(lambda: aborted.append(number))
        tx.after_commit(lambda: told.append("committed"))
        tx.put(b"big%d" % number, bytes(200_000))

    answers = await asyncio.gather(
        *(store.write(lambda tx, n=n: big(tx, n)) for n in range(4)), return_exceptions=True
    )
    assert all(isinstance(answer, StoreUnavailable) for answer in answers), answers
    assert sorted(aborted) == [0, 1, 2, 3]
    assert told == []
    assert store.in_doubt
    assert await store.read(lambda at: [key for key, _ in at.scan(b"", b"z")]) == [b"before"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        await store.write(lambda tx: tx.put(b"after", b"1"))
    except StoreUnavailable:
        say("refused")
    await store.close()
    again = SqliteStore(folder / "pilvi.db")
    await again.write(lambda tx: tx.put(b"after", b"1"))
    assert await again.read(lambda at: at.get(b"before")) == b"1"
    assert await again.read(lambda at: at.get(b"after")) == b"1"
    await again.close()
    say("recovered")


async def blob_full_disk(folder: Path) -> None:
    store = SqliteStore(folder / "pilvi.db")
    blobs = Blobs(folder / "blobs", store)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, resource.RLIM_INFINITY))
    try:
        await blobs.write(bytes(5_000_000), size_max=10_000_000)
    except StoreUnavailable:
        say("refused")
    assert [path for path in (folder / "blobs").rglob("*") if path.is_file()] == []
    await blobs.close()
    await store.close()
    say("clean")


if __name__ == "__main__":
    roles = {
        role.__name__: role for role in (ledger, uploads, count, waiter, full_disk, blob_full_disk)
    }
    asyncio.run(roles[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:]))
