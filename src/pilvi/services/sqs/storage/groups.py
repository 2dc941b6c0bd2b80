"""Groups of messages in a queue: tenants of a standard queue, lines of a FIFO queue.

A group is listed under "h" with its first message as long as something can be received from it:

1. Of a FIFO queue, while that message is ready: what is behind a message in flight waits for it.
2. Of a standard queue, while any is ready. A tenant who has more than a tenth of all that is in flight, and 30 or more,
   is noisy: its level is above nought, higher the more it has, so that the messages of quiet tenants, and those of no
   group at all, go first. Levels are set when a group changes and looked at again when it is its turn, for they depend
   on others.

Differs: of AWS's two measures the second, the share of the time that consumers took lately, is not kept; and a noisy
tenant who has sent nothing for five minutes is not quiet by that.
AWS: SQS Developer Guide, "How Amazon SQS fair queues work", "FIFO queue delivery logic".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pilvi.services.sqs import limits
from pilvi.services.sqs.storage.rows import FLYING, NEVER, Group, decode_group, encode
from pilvi.store.keys import after, pack, unpack

if TYPE_CHECKING:
    from pilvi.services.sqs.storage.stock import Stock

NOISY_FLYING_MIN = 30
NOISY_SHARE = 10
"""One part in so many."""


def change(stock: Stock, name: str, *, ready: int = 0, flying: int = 0) -> None:
    """So many more are ready and in flight."""
    key = stock.keys.g + pack((name,))
    value = stock.tx.get(key)
    if value is None:
        group = Group()
        stock.counters.groups += 1
    else:
        group = decode_group(value)
    group.ready += ready
    group.flying += flying
    assert group.ready >= 0, f"{stock.queue.name}: group {name} has {group.ready} ready"
    assert group.flying >= 0, f"{stock.queue.name}: group {name} has {group.flying} in flight"
    _list(stock, name, group)
    if group.ready or group.flying:
        stock.tx.put(key, encode(group))
    else:
        stock.counters.groups -= 1
        stock.tx.delete(key)


def _list(stock: Stock, name: str, group: Group) -> None:
    found = head(stock, name, 1) if group.ready else []
    first = found[0][0] if found else 0
    level = _level(stock, group) if first else 0
    if (level, first) == (group.level, group.first):
        return
    if group.first:
        stock.tx.delete(stock.keys.h + pack((group.level, group.first, name)))
    if first:
        stock.tx.put(stock.keys.h + pack((level, first, name)), b"")
    group.level, group.first = level, first


def _level(stock: Stock, group: Group) -> int:
    if stock.queue.fifo or group.flying < NOISY_FLYING_MIN:
        return 0
    return group.flying if group.flying * NOISY_SHARE > stock.counters.flying else 0


def head(stock: Stock, name: str, most: int) -> list[tuple[int, bytes]]:
    """The first messages of a group that can be received, and whether each was received before."""
    prefix = stock.keys.w + pack((name,))
    found: list[tuple[int, bytes]] = []
    for key, state in stock.tx.scan(prefix, after(prefix), limit=most):
        if state == FLYING:
            break
        found.append((cast("int", unpack(key[len(prefix) :])[0]), state))
    return found


def first(stock: Stock, *, before: int) -> str | None:
    """The group whose turn it is; None where the turn is that of a message of no group, `before`."""
    for _ in range(limits.PASSED_AT_ONCE):
        listed = next(stock.tx.scan(stock.keys.h, after(stock.keys.h), limit=1), None)
        if listed is None:
            return None
        level, seq, name = cast("tuple[int, int, str]", unpack(listed[0][len(stock.keys.h) :]))
        if not stock.queue.fifo:
            value = stock.tx.get(stock.keys.g + pack((name,)))
            assert value is not None, f"{stock.queue.name}: group {name} is listed and not there"
            group = decode_group(value)
            if _level(stock, group) != level:
                change(stock, name)
                continue
        if (level and before != NEVER) or before < seq:
            return None
        return name
    return None
