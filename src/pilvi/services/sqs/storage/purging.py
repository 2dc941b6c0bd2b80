"""Emptying a queue. What it has seen is still known: ids of duplicates, and numbers go on."""

from __future__ import annotations

from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage.rows import NEVER, Counters, keys_in
from pilvi.store.api import Transaction
from pilvi.store.keys import after

_OF_MESSAGES = "abdefghmrsw"


def purge(tx: Transaction, queue: Queue) -> None:
    keys = keys_in(queue)
    for kind in _OF_MESSAGES:
        start: bytes = getattr(keys, kind)
        tx.delete_range(start, after(start))
    counters = Counters(tx.get(keys.c))
    counters.ready = counters.delayed = counters.flying = 0
    counters.groups = counters.group_flying = 0
    counters.oldest_ms = counters.next_due_ms = counters.unsorted_from = NEVER
    counters.latest_ms = 0
    tx.put(keys.c, counters.packed())
