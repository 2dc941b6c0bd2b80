"""The rows of a queue's messages.

All keys begin with the queue's prefix, so that a deleted or purged queue is one range. Below it, by first part:

    "c"                         counters, one row
    "m" seq                     a message, written once
    "s" seq                     its receipt: how often and until when it was received, once it was
    "r" seq                     ready, of no group (standard)
    "w" group seq               waiting in a group: ready; of a FIFO queue also those in flight
    "g" group                   a group that has messages: how many wait and fly, and where it is listed
    "h" level seq group         groups from which something can be received: their first message
    "d" due seq                 delayed; of FIFO queues by when they were sent, for their delay can change
    "f" due seq                 in flight
    "e" sent seq                messages by age, of those from `unsorted_from` on
    "u" scope id                a deduplication id that was seen (FIFO)
    "v" at scope id             the same by time
    "a" id                      a receive that can be asked for again (FIFO)
    "b" at id                   the same by time

Invariants:
1. A message is in exactly one of r/w(ready), d and f; in a FIFO queue one in f is also in w, marked.
2. Counters are exact: they change in the transaction that moves a message.
3. A group row exists while a message of the group is in w or f, and "h" has the group at most once, as its row says.
4. `next_due_ms` is no later than the first due row of d and f, `oldest_ms` no later than the oldest message was sent.
5. Messages before `unsorted_from` were sent in the order of their numbers. It is the number of the first that was older
   than the one before it: moved here from another queue, or sent while the clock was turned back.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from operator import attrgetter

import msgspec

from pilvi.base.arn import Scope
from pilvi.services.sqs.names import QueueName
from pilvi.services.sqs.records import Queue, contents
from pilvi.store.keys import pack

READY = b""
RECEIVED = b"s"
"""Ready, and received before: it has a receipt."""
FLYING = b"f"

NEVER = (1 << 62) - 1


class Message(msgspec.Struct, array_like=True, frozen=True):
    """`attributes`: name -> (type, text or bytes). `key`: the data key, encrypted, under which `body` is; then body
    and attributes are one sealed text. `receives`, `first_ms`: from the queue in which it was before."""

    id: str
    body: bytes
    md5: str
    sender: str
    sent_ms: int
    due_ms: int
    group: str = ""
    attributes: bytes = b""
    attributes_md5: str = ""
    trace: str = ""
    deduplication: str = ""
    source: str = ""
    receives: int = 0
    first_ms: int = 0
    data_key: bytes = b""


class Receipt(msgspec.Struct, array_like=True, frozen=True):
    """`due_ms`: until when it is in flight; 0 when it is not. `taken_ms`: when it was received last."""

    receives: int
    first_ms: int
    taken_ms: int
    due_ms: int
    group: str = ""


class Group(msgspec.Struct, array_like=True):
    """`level`, `first`: where it is listed; `first` is 0 when it is not."""

    ready: int = 0
    flying: int = 0
    level: int = 0
    first: int = 0

    @property
    def empty(self) -> bool:
        return not self.ready and not self.flying


class Seen(msgspec.Struct, array_like=True, frozen=True):
    """What the first message with a deduplication id was answered."""

    at_ms: int
    id: str
    seq: int
    md5: str
    attributes_md5: str
    trace_md5: str


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """What a receive gave: each message with its number of receives and when it is due."""

    at_ms: int
    given: list[tuple[int, int, int]]


_COUNTERS = struct.Struct(">11q")
_COUNTED = (
    *("number", "ready", "delayed", "flying", "group_flying", "groups", "next_due_ms"),
    *("oldest_ms", "latest_ms", "sweep_ms", "unsorted_from"),
)
_counted = attrgetter(*_COUNTED)


class Counters:
    """`number`: of the last message. `sweep_ms`: for when a job is planned that removes what is too old."""

    __slots__ = _COUNTED

    def __init__(self, value: bytes | None) -> None:
        (
            self.number,
            self.ready,
            self.delayed,
            self.flying,
            self.group_flying,
            self.groups,
            self.next_due_ms,
            self.oldest_ms,
            self.latest_ms,
            self.sweep_ms,
            self.unsorted_from,
        ) = (0,) * 6 + (NEVER, NEVER, 0, 0, NEVER) if value is None else _COUNTERS.unpack(value)

    @property
    def all(self) -> int:
        return self.ready + self.delayed + self.flying

    def packed(self) -> bytes:
        return _COUNTERS.pack(*_counted(self))


_KINDS = "abcdefghmrsuvw"


class Keys:
    """The beginnings of a queue's keys, packed; and what is woken when something happens to it."""

    __slots__ = (*_KINDS, "topic")

    a: bytes
    b: bytes
    c: bytes
    d: bytes
    e: bytes
    f: bytes
    g: bytes
    h: bytes
    m: bytes
    r: bytes
    s: bytes
    u: bytes
    v: bytes
    w: bytes

    def __init__(self, name: QueueName) -> None:
        base = contents(name)
        for kind in _KINDS:
            setattr(self, kind, pack((*base, kind)))
        self.topic = name.topic


@lru_cache(maxsize=1024)
def keys_of(name: QueueName) -> Keys:
    return Keys(name)


@lru_cache(maxsize=1024)
def _keys_at(account: str, region: str, name: str) -> Keys:
    return keys_of(QueueName(Scope(account, region), name))


def keys_in(queue: Queue) -> Keys:
    return _keys_at(queue.account, queue.region, queue.name)


encode = msgspec.msgpack.Encoder().encode
decode_message = msgspec.msgpack.Decoder(Message).decode
decode_receipt = msgspec.msgpack.Decoder(Receipt).decode
decode_group = msgspec.msgpack.Decoder(Group).decode
decode_seen = msgspec.msgpack.Decoder(Seen).decode
decode_attempt = msgspec.msgpack.Decoder(Attempt).decode
