"""Scrubbing: reading every stored body now and then, so that rot is found while a backup still has the bytes.

It works in turns of a few seconds; what a turn gives is saved in one transaction, so that a scrub that was killed
goes on where its last turn ended. Its phases:

1. `bodies`: every chunk of every body, in the order of their ids, compared with its checksum; no faster than asked.
2. `files`: files that no row names. Those that nobody is writing are removed.
3. `references`: every count of references (`references.py`), in one snapshot, and whose the damaged bodies are.

Nothing is repaired: a damaged body is answered with an error, and comes back from a backup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pilvi.contracts.bodies import BodyOwner
from pilvi.store import blob_rows, references
from pilvi.store.api import Snapshot, Store, SurveyTooLong, Transaction
from pilvi.store.blob_rows import CHUNK_BYTES, BlobRow
from pilvi.store.blobs import Blobs
from pilvi.store.collection import Collection
from pilvi.store.keys import Key

HOME: Key = ("scrub",)
TURN_S = 2.0
ROWS_MAX = 32
"""Rows that are read at once; small bodies lie in them."""
DAMAGES_MAX = 1000
"""Damages that are kept of one scrub. All are counted."""
RATE_BYTES = 50_000_000

BODIES, FILES, REFERENCES = "bodies", "files", "references"


class Scrub(msgspec.Struct, frozen=True):
    """How far one scrub is. `rate_bytes`: per second; 0 for as fast as it goes.

    `after`: the last body, or folder of files, that is done. `chunks`: how many of the body behind it are.
    `bodies`, `bytes`, `files`, `orphans`, `records`: what was looked at, and removed, so far.
    """

    number: int
    began_at_ms: int
    rate_bytes: int
    phase: str = BODIES
    after: str = ""
    chunks: int = 0
    bodies: int = 0
    bytes: int = 0
    files: int = 0
    orphans: int = 0
    records: int = 0
    damages: int = 0
    notes: tuple[str, ...] = ()
    ended_at_ms: int | None = None

    @property
    def share(self) -> float:
        """Of the bodies that are done, about: ids of files are random, so their order tells."""
        if self.phase != BODIES:
            return 1.0
        try:
            return int(self.after[:8].ljust(8, "0"), 16) / 2**32
        except ValueError:
            return 0.0


class Damage(msgspec.Struct, frozen=True):
    """What is wrong with one body, found by scrub `number`. `owners`: known when the scrub has ended."""

    number: int
    body: str
    size: int
    what: str
    found_at_ms: int
    owners: tuple[BodyOwner, ...] = ()


_SCRUBS = Collection("store.scrub", Scrub, key=lambda scrub: (scrub.number,))
_DAMAGES = Collection(
    "store.scrub_damage", Damage, key=lambda damage: (damage.number, damage.body, damage.what)
)


def find_latest(at: Snapshot) -> Scrub | None:
    """The one that runs, or ran last."""
    return next(_SCRUBS.scan(at, HOME, reverse=True, limit=1), None)


def begin(tx: Transaction, now_ms: int, rate_bytes: int) -> Scrub:
    """A new one; what is known of any but the last is forgotten."""
    latest = find_latest(tx)
    number = 1 if latest is None else latest.number + 1
    for old in list(_SCRUBS.scan(tx, HOME)):
        if old.number < number - 1:
            for damage in list(_DAMAGES.scan(tx, HOME, (old.number,))):
                _DAMAGES.delete(tx, HOME, *_DAMAGES.key_of(damage))
            _SCRUBS.delete(tx, HOME, old.number)
    scrub = Scrub(number, now_ms, rate_bytes)
    _SCRUBS.put(tx, HOME, scrub)
    return scrub


def save(tx: Transaction, turn: Turn) -> None:
    kept = sum(1 for _ in _DAMAGES.scan(tx, HOME, (turn.scrub.number,), limit=DAMAGES_MAX))
    for damage in turn.damages:
        known = _DAMAGES.find(tx, HOME, *_DAMAGES.key_of(damage))
        if known is not None or kept < DAMAGES_MAX:
            kept += known is None
            _DAMAGES.put(tx, HOME, damage)
    _SCRUBS.put(tx, HOME, turn.scrub)


def put_rate(tx: Transaction, scrub: Scrub, rate_bytes: int) -> None:
    _SCRUBS.put(tx, HOME, msgspec.structs.replace(scrub, rate_bytes=rate_bytes))


def damages(at: Snapshot, number: int) -> list[Damage]:
    return list(_DAMAGES.scan(at, HOME, (number,), limit=DAMAGES_MAX))


def report(at: Snapshot) -> dict[str, Any]:
    """The one that runs or ran last, and the last one that came to its end, as plain values."""
    latest = find_latest(at)
    if latest is None:
        return {"running": False, "latest": None, "finished": None}
    finished = latest if latest.ended_at_ms is not None else None
    if finished is None:
        before = _SCRUBS.find(at, HOME, latest.number - 1)
        finished = before if before is not None and before.ended_at_ms is not None else None
    return {
        "running": latest.ended_at_ms is None,
        "latest": _told(at, latest),
        "finished": None if finished is None else _told(at, finished),
    }


def _told(at: Snapshot, scrub: Scrub) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(scrub),
        "share": round(scrub.share, 4),
        "damaged": [msgspec.to_builtins(damage) for damage in damages(at, scrub.number)],
    }


@dataclass(slots=True)
class Turn:
    """What a turn gives, to be saved."""

    scrub: Scrub
    damages: list[Damage] = field(default_factory=list[Damage])


class Pace:
    """No more bytes a second than allowed, in real time."""

    def __init__(self, rate_bytes: int) -> None:
        self._rate_bytes = rate_bytes
        self._free_at_s = 0.0

    async def spend(self, size_bytes: int) -> None:
        if not self._rate_bytes:
            await asyncio.sleep(0)
            return
        now_s = asyncio.get_running_loop().time()
        self._free_at_s = max(self._free_at_s, now_s) + size_bytes / self._rate_bytes
        await asyncio.sleep(self._free_at_s - now_s)


class Scrubber:
    def __init__(self, store: Store, blobs: Blobs, know: Callable[[], None]) -> None:
        """`know`: make every collection known; without them, bodies would seem to be named by nobody."""
        self._store = store
        self._blobs = blobs
        self._know = know

    async def turn(self, scrub: Scrub, now_ms: int, *, turn_s: float = TURN_S) -> Turn:
        """Work for about so long. Raises: StoreUnavailable."""
        turn = Turn(scrub)
        until_s = asyncio.get_running_loop().time() + turn_s
        if scrub.phase == BODIES:
            await self._bodies(turn, now_ms, until_s)
        elif scrub.phase == FILES:
            await self._files(turn, until_s)
        else:
            await self._references(turn, now_ms)
        return turn

    async def _bodies(self, turn: Turn, now_ms: int, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        pace = Pace(turn.scrub.rate_bytes)
        while True:
            after = turn.scrub.after or None
            rows = await self._store.read(
                lambda at, after=after: list(blob_rows.scan(at, after, ROWS_MAX))
            )
            for row in rows:
                first = turn.scrub.chunks
                last = 1 if row.ref.inline else row.chunks
                while first < last:
                    problem = await self._blobs.problem_of(row, first)
                    size = min(CHUNK_BYTES, row.ref.size - first * CHUNK_BYTES)
                    self._set(turn, bytes=turn.scrub.bytes + size)
                    await pace.spend(size)
                    if problem and await self._still_there(row):
                        self._add(turn, row.ref.id, row.ref.size, problem, now_ms)
                    first = last if problem else first + 1
                    if loop.time() > until_s and first < last:
                        self._set(turn, chunks=first)
                        return
                self._set(turn, after=row.ref.id, chunks=0, bodies=turn.scrub.bodies + 1)
                if loop.time() > until_s:
                    return
            if len(rows) < ROWS_MAX:
                self._set(turn, phase=FILES, after="")
                return

    async def _still_there(self, row: BlobRow) -> bool:
        return await self._store.read(lambda at: blob_rows.find(at, row.ref.id)) == row

    async def _files(self, turn: Turn, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        while (found := await self._blobs.next_folder(turn.scrub.after)) is not None:
            folder, ids = found
            removed = await self._blobs.sweep_ids(ids)
            scrub = turn.scrub
            self._set(
                turn,
                after=folder,
                files=scrub.files + len(ids),
                orphans=scrub.orphans + removed,
            )
            if loop.time() > until_s:
                return
        self._set(turn, phase=REFERENCES, after="")

    async def _references(self, turn: Turn, now_ms: int) -> None:
        scrub = turn.scrub
        await asyncio.to_thread(self._know)
        before = await self._store.read(lambda at: damages(at, scrub.number))
        hurt = frozenset(damage.body for damage in before)
        try:
            found = await self._store.survey(lambda at: references.survey(at, hurt))
        except SurveyTooLong as error:
            note = f"references are not verified, and owners not known: {error}"
            self._set(turn, notes=(*scrub.notes, note), ended_at_ms=now_ms)
            return
        for body, what in found.wrong.items():
            self._add(turn, body, 0, what, now_ms)
        for text in found.undecoded:
            self._add(turn, "", 0, text, now_ms)
        turn.damages = [
            msgspec.structs.replace(damage, owners=tuple(found.owners.get(damage.body, ())))
            for damage in (*before, *turn.damages)
        ]
        self._set(turn, records=found.records, ended_at_ms=now_ms)

    def _add(self, turn: Turn, body: str, size: int, what: str, now_ms: int) -> None:
        turn.damages.append(Damage(turn.scrub.number, body, size, what, now_ms))
        self._set(turn, damages=turn.scrub.damages + 1)

    def _set(self, turn: Turn, **changes: Any) -> None:
        turn.scrub = msgspec.structs.replace(turn.scrub, **changes)


async def run(
    store: Store,
    blobs: Blobs,
    now_ms: Callable[[], int],
    rate_bytes: int | None,
    *,
    know: Callable[[], None],
    tell: Callable[[dict[str, Any]], None],
) -> None:
    """A whole scrub, or the rest of the one that was interrupted, without a server. Raises: StoreUnavailable."""
    scrubber = Scrubber(store, blobs, know)

    def start(tx: Transaction) -> Scrub:
        latest = find_latest(tx)
        if latest is None or latest.ended_at_ms is not None:
            return begin(tx, now_ms(), RATE_BYTES if rate_bytes is None else rate_bytes)
        if rate_bytes is not None:
            latest = msgspec.structs.replace(latest, rate_bytes=rate_bytes)
        return latest

    scrub = await store.write(start)
    while scrub.ended_at_ms is None:
        turn = await scrubber.turn(scrub, now_ms())
        await store.write(lambda tx, turn=turn: save(tx, turn))
        scrub = turn.scrub
        tell({**msgspec.to_builtins(scrub), "share": scrub.share})
