"""The messages of one queue inside one transaction: appended, taken, given back, removed.

The rows and their invariants are in `rows.py`; groups are in `groups.py`. Whoever has changed something says `save`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from pilvi.contracts.jobs import Job
from pilvi.services.sqs import limits
from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.storage import groups
from pilvi.services.sqs.storage.rows import (
    FLYING,
    NEVER,
    READY,
    RECEIVED,
    Counters,
    Message,
    Receipt,
    decode_message,
    decode_receipt,
    encode,
    keys_in,
)
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.keys import after, pack, unpack

SWEEP = "sweep"

Bury = Callable[[Message, Receipt], bool]
"""Moves a message that was received too often to where it is to go; False where there is nothing such."""


class Taken(NamedTuple):
    seq: int
    message: Message
    receipt: Receipt


class Stock:
    def __init__(self, tx: Transaction, queue: Queue, now_ms: int) -> None:
        self.tx = tx
        self.queue = queue
        self.now_ms = now_ms
        self.keys = keys_in(queue)
        self._before = tx.get(self.keys.c)
        self.counters = Counters(self._before)

    @property
    def packed(self) -> bytes | None:
        """The counters as they are saved."""
        return self.tx.get(self.keys.c)

    def save(self) -> None:
        counters = self.counters
        if not counters.all:
            counters.unsorted_from = counters.oldest_ms = counters.next_due_ms = NEVER
            counters.latest_ms = 0
        packed = counters.packed()
        if packed != self._before:
            self.tx.put(self.keys.c, packed)

    def plan_sweep(self) -> None:
        """See that what is too old goes even if nobody asks for it."""
        self.counters.sweep_ms = 0
        if self.counters.all:
            queue = self.queue
            due_ms = max(self.counters.oldest_ms + queue.retention_s * 1000, self.now_ms)
            self.counters.sweep_ms = due_ms
            job = Job(
                f"sqs.{SWEEP}",
                queue.name.encode(),
                id=f"sqs.{SWEEP}/{queue.arn}",
                account=queue.account,
                region=queue.region,
            )
            self.tx.at(due_ms, job)

    # --- one message

    def find(self, seq: int) -> Message | None:
        value = self.tx.get(self.keys.m + pack((seq,)))
        return None if value is None else decode_message(value)

    def get(self, seq: int) -> Message:
        message = self.find(seq)
        assert message is not None, f"{self.queue.name}: message {seq} is not there"
        return message

    def find_receipt(self, seq: int) -> Receipt | None:
        value = self.tx.get(self.keys.s + pack((seq,)))
        return None if value is None else decode_receipt(value)

    def append(self, message: Message) -> int:
        """Number a message and put it where it belongs: it is ready, or delayed until `due_ms`."""
        counters, keys = self.counters, self.keys
        counters.number += 1
        seq = counters.number
        packed = pack((seq,))
        self.tx.put(keys.m + packed, encode(message))
        if message.sent_ms < counters.latest_ms:
            counters.unsorted_from = min(counters.unsorted_from, seq)
        else:
            counters.latest_ms = message.sent_ms
        if seq >= counters.unsorted_from:
            self.tx.put(keys.e + pack((message.sent_ms, seq)), b"")
        if message.sent_ms < counters.oldest_ms:
            counters.oldest_ms = message.sent_ms
        if message.receives:
            receipt = Receipt(message.receives, message.first_ms, 0, 0, message.group)
            self.tx.put(keys.s + packed, encode(receipt))
        if message.due_ms > self.now_ms or (self.queue.fifo and counters.delayed):
            counters.delayed += 1
            self.tx.put(keys.d + pack((self._delayed_at(message), seq)), b"")
            counters.next_due_ms = min(counters.next_due_ms, message.due_ms)
        else:
            self._add_ready(seq, message.group, received=bool(message.receives))
        if not counters.sweep_ms:
            self.plan_sweep()
        self.tx.wake(self.keys.topic)  # of a delayed one too: who waits must know until when
        return seq

    def _delayed_at(self, message: Message) -> int:
        """A change of a FIFO queue's delay holds for what is in it; so there messages lie by when they were sent."""
        return message.sent_ms if self.queue.fifo else message.due_ms

    def _add_ready(self, seq: int, group: str, *, received: bool) -> None:
        self.counters.ready += 1
        state = RECEIVED if received else READY
        if group:
            self.tx.put(self.keys.w + pack((group, seq)), state)
            groups.change(self, group, ready=1)
        else:
            self.tx.put(self.keys.r + pack((seq,)), state)

    def _drop_ready(self, seq: int, group: str) -> None:
        self.counters.ready -= 1
        if group:
            self.tx.delete(self.keys.w + pack((group, seq)))
            groups.change(self, group, ready=-1)
        else:
            self.tx.delete(self.keys.r + pack((seq,)))

    def remove(self, seq: int, message: Message) -> None:
        """Wherever it is."""
        receipt = self.find_receipt(seq)
        delayed = self.keys.d + pack((self._delayed_at(message), seq))
        if receipt is not None and receipt.due_ms:
            self._land(seq, receipt, ready=False)
        elif self.tx.has(delayed):
            self.counters.delayed -= 1
            self.tx.delete(delayed)
        else:
            self._drop_ready(seq, message.group)
        self._erase(seq, receipt)

    def remove_received(self, seq: int, receipt: Receipt) -> None:
        """As `remove`, without reading the message: one that is in flight, or ready again."""
        if receipt.due_ms:
            self._land(seq, receipt, ready=False)
        else:
            self._drop_ready(seq, receipt.group)
        self._erase(seq, receipt)

    def _erase(self, seq: int, receipt: Receipt | None) -> None:
        packed = pack((seq,))
        if seq >= self.counters.unsorted_from:
            self.tx.delete(self.keys.e + pack((self.get(seq).sent_ms, seq)))
        if receipt is not None:
            self.tx.delete(self.keys.s + packed)
        self.tx.delete(self.keys.m + packed)

    # --- in flight

    def fly(self, seq: int, receipt: Receipt) -> None:
        """Hide a ready message until `receipt.due_ms`."""
        self.counters.ready -= 1
        self.counters.flying += 1
        group = receipt.group
        if group:
            if self.queue.fifo:
                self.tx.put(self.keys.w + pack((group, seq)), FLYING)
            else:
                self.tx.delete(self.keys.w + pack((group, seq)))
            self.counters.group_flying += 1
            groups.change(self, group, ready=-1, flying=1)
        else:
            self.tx.delete(self.keys.r + pack((seq,)))
        self._hide(seq, receipt)

    def _hide(self, seq: int, receipt: Receipt) -> None:
        self.tx.put(self.keys.f + pack((receipt.due_ms, seq)), b"")
        self.tx.put(self.keys.s + pack((seq,)), encode(receipt))
        if receipt.due_ms < self.counters.next_due_ms:
            self.counters.next_due_ms = receipt.due_ms

    def prolong(self, seq: int, receipt: Receipt, until_ms: int) -> Receipt:
        """Of one that is in flight."""
        self.tx.delete(self.keys.f + pack((receipt.due_ms, seq)))
        receipt = replace(receipt, due_ms=until_ms)
        self._hide(seq, receipt)
        self.tx.wake(self.keys.topic)
        return receipt

    def land(self, seq: int, receipt: Receipt) -> None:
        """What was in flight is ready again."""
        self._land(seq, receipt, ready=True)
        self.tx.put(self.keys.s + pack((seq,)), encode(replace(receipt, due_ms=0)))
        self.tx.wake(self.keys.topic)

    def _land(self, seq: int, receipt: Receipt, *, ready: bool) -> None:
        assert receipt.due_ms, f"{self.queue.name}: {seq} is not in flight"
        counters, group = self.counters, receipt.group
        self.tx.delete(self.keys.f + pack((receipt.due_ms, seq)))
        counters.flying -= 1
        counters.ready += ready
        if not group:
            if ready:
                self.tx.put(self.keys.r + pack((seq,)), RECEIVED)
            return
        counters.group_flying -= 1
        if ready:
            self.tx.put(self.keys.w + pack((group, seq)), RECEIVED)
        elif self.queue.fifo:
            self.tx.delete(self.keys.w + pack((group, seq)))
            self.tx.wake(self.keys.topic)  # the group goes on
        groups.change(self, group, ready=int(ready), flying=-1)

    # --- what time does

    def settle(self, most: int = limits.SETTLED_AT_ONCE) -> bool:
        """Move what is due to where it belongs by now. Gives whether all of it was."""
        left = most
        if self.counters.next_due_ms <= self.now_ms:
            left = self._settle_due(left)
        if left and self.counters.oldest_ms <= self._born_ms:
            left = self._expire(left)
        return left > 0

    @property
    def _born_ms(self) -> int:
        """What was sent then, or before, is no longer kept."""
        return self.now_ms - self.queue.retention_s * 1000

    def _settle_due(self, left: int) -> int:
        flying, delayed = self.keys.f, self.keys.d
        shift = self.queue.delay_s * 1000 if self.queue.fifo else 0
        for key in self._until(flying, self.now_ms, left):
            _, seq = _tail(key, flying)
            receipt = self.find_receipt(seq)
            assert receipt is not None, f"{self.queue.name}: {seq} flies without a receipt"
            self.land(seq, receipt)
            left -= 1
        for key in self._until(delayed, self.now_ms - shift, left):
            _, seq = _tail(key, delayed)
            message = self.get(seq)
            self.tx.delete(key)
            self.counters.delayed -= 1
            self._add_ready(seq, message.group, received=bool(message.receives))
            self.tx.wake(self.keys.topic)
            left -= 1
        self.counters.next_due_ms = min(self._first(flying), self._first(delayed) + shift)
        return left

    def _until(self, prefix: bytes, last_ms: int, most: int) -> list[bytes]:
        """The keys of a line in time, up to and with this instant."""
        if most <= 0 or last_ms < 0:
            return []
        return [key for key, _ in self.tx.scan(prefix, prefix + pack((last_ms + 1,)), limit=most)]

    def _first(self, prefix: bytes) -> int:
        for key, _ in self.tx.scan(prefix, after(prefix), limit=1):
            return _tail(key, prefix)[0]
        return NEVER

    def _expire(self, left: int) -> int:
        """Remove what is older than the queue keeps, wherever it is."""
        keys, counters = self.keys, self.counters
        for key in self._until(keys.e, self._born_ms, left):
            _, seq = _tail(key, keys.e)
            self.remove(seq, self.get(seq))
            left -= 1
        oldest_ms = self._first(keys.e)
        sorted_end = keys.m + pack((min(counters.unsorted_from, counters.number + 1),))
        for key, value in self.tx.scan(keys.m, sorted_end):
            message = decode_message(value)
            if left <= 0 or message.sent_ms > self._born_ms:
                oldest_ms = min(oldest_ms, message.sent_ms)
                break
            (seq,) = _tail(key, keys.m)
            self.remove(seq, message)
            left -= 1
        counters.oldest_ms = oldest_ms
        return left

    # --- taking

    def take(self, most: int, hidden_ms: int, bury: Bury | None) -> tuple[list[Taken], bool]:
        """Receive messages, and whether there may be more to be had at once.

        `bury`: asked for those that were received too often.
        """
        taken: list[Taken] = []
        passed = 0
        while len(taken) < most and self.counters.flying < limits.IN_FLIGHT_MAX:
            turns = self._turns(most - len(taken))
            if not turns or passed >= limits.PASSED_AT_ONCE:
                return taken, bool(turns)
            passed += len(turns)
            for seq, state in turns:
                self._take(seq, state, hidden_ms, bury, taken)
        return taken, False

    def _turns(self, most: int) -> list[tuple[int, bytes]]:
        """Ready messages whose turn it is, and whether each was received before."""
        keys = self.keys
        if not self.counters.groups:
            rows = self.tx.scan(keys.r, after(keys.r), limit=most)
            return [(_tail(key, keys.r)[0], state) for key, state in rows]
        alone = next(self.tx.scan(keys.r, after(keys.r), limit=1), None)
        seq = NEVER if alone is None else _tail(alone[0], keys.r)[0]
        group = groups.first(self, before=seq)
        if group is not None:
            return groups.head(self, group, most if self.queue.fifo else 1)
        return [] if alone is None else [(seq, alone[1])]

    def first_ready(self) -> int | None:
        """The number of the message whose turn it is."""
        turns = self._turns(1)
        return turns[0][0] if turns else None

    def _take(
        self, seq: int, state: bytes, hidden_ms: int, bury: Bury | None, taken: list[Taken]
    ) -> None:
        message = self.get(seq)
        if message.sent_ms <= self._born_ms:
            self.remove(seq, message)
            return
        old = self.find_receipt(seq) if state == RECEIVED else None
        before = 0 if old is None else old.receives
        if bury is not None and before >= self.queue.receives_max:
            assert old is not None
            if bury(message, old):
                self.remove(seq, message)
                return
        first_ms = self.now_ms if old is None else old.first_ms
        due_ms = self.now_ms + hidden_ms
        receipt = Receipt(before + 1, first_ms, self.now_ms, due_ms, message.group)
        taken.append(Taken(seq, message, receipt))
        self.fly(seq, receipt)
        if not hidden_ms:
            self.tx.wake(self.keys.topic)


def _tail(key: bytes, prefix: bytes) -> tuple[int, ...]:
    """The numbers behind a prefix."""
    return unpack(key[len(prefix) :])  # pyright: ignore[reportReturnType]  # as rows.py says


def counters_of(at: Snapshot, queue: Queue) -> Counters:
    return Counters(at.get(keys_in(queue).c))
