"""Verifies that the rows of a queue's messages are what `storage/rows.py` promises. Changes nothing.

Each message is read once and says where it must lie; then the rows of each kind are counted, and looked at one by one
only where they are not as many as messages called for. So memory is flat: all that is counted by name is groups with
messages in flight, and those are bounded as messages in flight are. What does not decode is told, and taken for absent.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple, TypeVar, cast

import msgspec

from pilvi.services.sqs.records import Queue
from pilvi.services.sqs.rules import checksums
from pilvi.services.sqs.rules.messages import unpack_attributes
from pilvi.services.sqs.storage.rows import (
    FLYING,
    NEVER,
    READY,
    RECEIVED,
    Counters,
    Group,
    Message,
    Receipt,
    decode_attempt,
    decode_group,
    decode_message,
    decode_receipt,
    decode_seen,
    keys_in,
)
from pilvi.store.api import Snapshot
from pilvi.store.keys import Key, after, pack, unpack

T = TypeVar("T")

Told = Callable[[int], None]

_KINDS = {
    "r": "ready",
    "w": "waiting in a group",
    "d": "delayed",
    "f": "in flight",
    "s": "receipt",
    "e": "by age",
}


class _Row(NamedTuple):
    kind: str
    key: bytes
    value: bytes


class Verified:
    """`wrong` gives what is wrong, once."""

    def __init__(self, at: Snapshot, queue: Queue, tell: Told) -> None:
        self._at = at
        self._queue = queue
        self._keys = keys_in(queue)
        self._tell = tell
        self._rows = Counter[str]()
        self._missing = set[str]()
        self._flying = Counter[str]()
        self._last = 0
        self._oldest_ms = NEVER
        self._latest_ms = 0
        self.counters = Counters(None)

    def wrong(self) -> Iterator[str]:
        value = self._at.get(self._keys.c)
        try:
            self.counters = Counters(value)
        except struct.error:
            yield "its counters do not decode"
            return
        yield from self._messages()
        yield from self._strays()
        yield from self._groups()
        yield from self._memory("deduplication id", self._keys.u, self._keys.v, _seen_at)
        yield from self._memory("receive attempt", self._keys.a, self._keys.b, _attempt_at)
        yield from self._counts()
        yield from self._times()

    def _scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._at.scan(prefix, after(prefix))

    # --- messages, and where each lies

    def _messages(self) -> Iterator[str]:
        keys, counters = self._keys, self.counters
        before_ms = 0
        for done, (key, value) in enumerate(self._scan(keys.m)):
            if done % 1000 == 0:
                self._tell(done)
            seq = _number(key, keys.m)
            message = _decoded(decode_message, value)
            if seq is None or message is None:
                yield f"message {seq}: does not decode"
                continue
            self._last = seq
            self._oldest_ms = min(self._oldest_ms, message.sent_ms)
            self._latest_ms = max(self._latest_ms, message.sent_ms)
            if seq < counters.unsorted_from:
                if message.sent_ms < before_ms:
                    yield f"message {seq}: was sent before the one in front of it, and is not listed by age"
                before_ms = message.sent_ms
            for what in (*_sums(message), *self._placed(seq, message)):
                yield f"message {seq}: {what}"

    def _placed(self, seq: int, message: Message) -> Iterator[str]:
        """Count the rows that a message calls for, and tell which of them are not there."""
        packed = self._at.get(self._keys.s + pack((seq,)))
        receipt = None if packed is None else _decoded(decode_receipt, packed)
        if packed is not None and receipt is None:
            self._rows["s"] += 1
            yield "its receipt does not decode"
        if receipt is not None and receipt.group != message.group:
            yield f"is of group {message.group!r}, its receipt of {receipt.group!r}"
        for kind, key, value in self._places(seq, message, receipt):
            self._rows[kind] += 1
            if kind == "s":
                continue
            there = self._at.get(key)
            if there is None:
                self._missing.add(kind)
                yield f"has no row {_KINDS[kind]!r}"
            elif there != value:
                yield f"has the state {there!r} instead of {value!r} in its row {_KINDS[kind]!r}"

    def _places(self, seq: int, message: Message, receipt: Receipt | None) -> Iterator[_Row]:
        keys, packed, group = self._keys, pack((seq,)), message.group
        delayed_at = message.sent_ms if self._queue.fifo else message.due_ms
        delayed = keys.d + pack((delayed_at, seq))
        if receipt is not None:
            yield _Row("s", keys.s + packed, b"")
        if seq >= self.counters.unsorted_from:
            yield _Row("e", keys.e + pack((message.sent_ms, seq)), b"")
        state = READY if receipt is None else RECEIVED
        if receipt is not None and receipt.due_ms:
            yield _Row("f", keys.f + pack((receipt.due_ms, seq)), b"")
            if group:
                self._flying[group] += 1
            if not (group and self._queue.fifo):
                return
            state = FLYING
        elif self._at.has(delayed):
            yield _Row("d", delayed, b"")
            return
        if group:
            yield _Row("w", keys.w + pack((group, seq)), state)
        else:
            yield _Row("r", keys.r + packed, state)

    def _strays(self) -> Iterator[str]:
        """Rows that no message calls for."""
        for kind, name in _KINDS.items():
            prefix: bytes = getattr(self._keys, kind)
            count = sum(1 for _ in self._scan(prefix))
            if count == self._rows[kind] and kind not in self._missing:
                continue
            for key, _ in self._scan(prefix):
                if not self._is_called_for(kind, key, prefix):
                    yield f"a row {name!r} of no such message: {_shown(key, prefix)}"

    def _is_called_for(self, kind: str, key: bytes, prefix: bytes) -> bool:
        seq = _number(key, prefix)
        packed = b"" if seq is None else pack((seq,))
        value = self._at.get(self._keys.m + packed)
        message = None if value is None else _decoded(decode_message, value)
        if seq is None or message is None:
            return False
        if kind == "s":
            return True
        value = self._at.get(self._keys.s + packed)
        receipt = None if value is None else _decoded(decode_receipt, value)
        flying = Counter(self._flying)
        found = any(row.key == key for row in self._places(seq, message, receipt))
        self._flying = flying
        return found

    # --- groups

    def _groups(self) -> Iterator[str]:
        keys, known = self._keys, 0
        without_rows = Counter(self._flying)
        for name, rows in groupby(self._scan(keys.w), key=lambda row: _name(row[0], keys.w)):
            if name is None:
                yield "a row 'waiting in a group' has no group"
                continue
            ready, first, ahead = 0, 0, True
            for key, state in rows:
                ahead = ahead and state != FLYING
                ready += state != FLYING
                if ahead and not first:
                    first = _number(key, keys.w) or 0
            known += 1
            flying = without_rows.pop(name, 0)
            yield from self._group(name, Group(ready, flying, first=first))
        for name, flying in without_rows.items():
            known += 1
            yield from self._group(name, Group(0, flying))
        there = listed = 0
        for key, value in self._scan(keys.g):
            there += 1
            group = _decoded(decode_group, value)
            if group is None:
                yield f"group {_name(key, keys.g)!r}: does not decode"
            elif group.first:
                listed += 1
        if there != known:
            yield f"has {there} rows of groups, for {known} groups with messages"
        if there != self.counters.groups:
            yield f"counts {self.counters.groups} groups, and has {there}"
        lines = sum(1 for _ in self._scan(keys.h))
        if lines != listed:
            yield f"lists {lines} groups to receive from, and {listed} say that they are listed"

    def _group(self, name: str, expected: Group) -> Iterator[str]:
        keys = self._keys
        value = self._at.get(keys.g + pack((name,)))
        if value is None:
            yield f"group {name!r}: has messages and no row"
            return
        group = _decoded(decode_group, value)
        if group is None:
            return  # told where all of them are read
        for what in ("ready", "flying", "first"):
            told, true = getattr(group, what), getattr(expected, what)
            if told != true:
                yield f"group {name!r}: says {what} {told}, and it is {true}"
        line = keys.h + pack((group.level, group.first, name))
        if group.first and not self._at.has(line):
            yield f"group {name!r}: is not listed where it says"

    # --- what was seen

    def _memory(
        self, what: str, rows: bytes, times: bytes, at_of: Callable[[bytes], int]
    ) -> Iterator[str]:
        """Each is listed by its time, or it would stay for ever; times of older ones of the same name may remain."""
        for key, value in self._scan(rows):
            at_ms = _decoded(at_of, value)
            if at_ms is None:
                yield f"{what} {_shown(key, rows)}: does not decode"
            elif not self._at.has(times + pack((at_ms,)) + key[len(rows) :]):
                yield f"{what} {_shown(key, rows)}: is not listed by time"
        for key, _ in self._scan(times):
            parts = _parts(key, times)
            at_ms = parts[0] if parts else None
            row = self._at.get(rows + pack(parts[1:])) if isinstance(at_ms, int) else None
            known = None if row is None else _decoded(at_of, row)
            if row is None or (known is not None and cast("int", at_ms) > known):
                yield f"{what} {_shown(key, times)}: is listed by time and not there"

    # --- counters

    def _counts(self) -> Iterator[str]:
        counters = self.counters
        flying = self._rows["f"]
        in_groups = sum(self._flying.values())
        ready = self._rows["r"] + self._rows["w"] - (in_groups if self._queue.fifo else 0)
        for what, told, true in (
            ("ready", counters.ready, ready),
            ("delayed", counters.delayed, self._rows["d"]),
            ("in flight", counters.flying, flying),
            ("in flight in groups", counters.group_flying, in_groups),
        ):
            if told != true:
                yield f"counts {told} messages {what}, and has {true}"
        if self._last > counters.number:
            yield f"has message {self._last}, and the last number is {counters.number}"

    def _times(self) -> Iterator[str]:
        counters, queue = self.counters, self._queue
        shift = queue.delay_s * 1000 if queue.fifo else 0
        due_ms = min(self._first(self._keys.f), self._first(self._keys.d) + shift)
        if due_ms != NEVER and counters.next_due_ms > due_ms:
            yield f"something is due at {due_ms}, and is looked for only at {counters.next_due_ms}"
        if self._oldest_ms < counters.oldest_ms:
            yield f"its oldest message is of {self._oldest_ms}, and {counters.oldest_ms} is told"
        if self._latest_ms > counters.latest_ms:
            yield f"its latest message is of {self._latest_ms}, and {counters.latest_ms} is told"

    def _first(self, prefix: bytes) -> int:
        found = next(self._at.scan(prefix, after(prefix), limit=1), None)
        first = None if found is None else (_parts(found[0], prefix) or (None,))[0]
        return first if isinstance(first, int) else NEVER


def _sums(message: Message) -> Iterator[str]:
    """What is sealed, only its queue's key can open."""
    if message.data_key:
        return
    if checksums.of_text(message.body) != message.md5:
        yield "its body does not match its MD5"
    attributes = _decoded(unpack_attributes, message.attributes)
    if attributes is None:
        yield "its attributes do not decode"
    elif checksums.of_attributes(attributes) != message.attributes_md5:
        yield "its attributes do not match their MD5"


def _seen_at(value: bytes) -> int:
    return decode_seen(value).at_ms


def _attempt_at(value: bytes) -> int:
    return decode_attempt(value).at_ms


def _decoded(decode: Callable[[bytes], T], value: bytes) -> T | None:
    try:
        return decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _parts(key: bytes, prefix: bytes) -> Key:
    """What is behind a prefix; () for what is no key."""
    try:
        return unpack(key[len(prefix) :])
    except (ValueError, IndexError):
        return ()


def _number(key: bytes, prefix: bytes) -> int | None:
    """The last part: of all rows of messages, their number."""
    parts = _parts(key, prefix)
    return parts[-1] if parts and isinstance(parts[-1], int) else None


def _name(key: bytes, prefix: bytes) -> str | None:
    parts = _parts(key, prefix)
    return parts[0] if parts and isinstance(parts[0], str) else None


def _shown(key: bytes, prefix: bytes) -> str:
    return repr(_parts(key, prefix) or key[len(prefix) :])
