"""How far a mapping has come in its stream: one record for each shard, under the mapping's home.

Invariants:
1. Of a lane's records, those up to `handled` have had their outcome: the function took them, a filter left them out, or
   they were given up and that is told in the transaction that moved `handled`. Behind it nothing has.
2. `ranges` cut what follows `handled` into batches that are tried again, in order and without a gap.
3. A shard has a record from the moment when its records may be read: when all of its parent's were handled, or at the
   beginning. It is `done` when all of its own are, in the transaction that gives its children theirs.
"""

from __future__ import annotations

import msgspec

from pilvi.store.collection import Collection

BEGUN = ""
"""The id of a record that says no more than that the stream was looked at once."""


class Range(msgspec.Struct, frozen=True):
    """A batch to be tried again. `until`: its last sequence number. `attempts`: how often the function failed on it.
    `pauses`: how often in a row it was put off, for whatever reason: pauses grow."""

    until: str
    attempts: int = 0
    pauses: int = 0


class Window(msgspec.Struct, frozen=True):
    """A tumbling window that is open. `state`: what the function gave back last, JSON. `full`: it is to end early."""

    start_ms: int
    state: bytes = b"{}"
    full: bool = False
    attempts: int = 0
    pauses: int = 0


class Lane(msgspec.Struct, frozen=True):
    """What is handled one batch after the other: a shard, or one of the parts that parallelization divides it into.

    `due_ms`: nothing of it is taken before; 0: at once.
    """

    handled: str = ""
    due_ms: int = 0
    ranges: tuple[Range, ...] = ()
    window: Window | None = None


class ShardProgress(msgspec.Struct, frozen=True):
    """`former`: how far the lanes of other divisions had come, where the present ones have not passed all of them.
    `read`: how far it was read while some lane waits for its time; "" while none does. `ended`: that was its end."""

    id: str
    lanes: tuple[Lane, ...]
    former: tuple[tuple[str, ...], ...] = ()
    read: str = ""
    ended: bool = False
    done: bool = False


shards = Collection("lambda.mapping-shard", ShardProgress, key=lambda one: (one.id,))
"""Home: the mapping's."""
