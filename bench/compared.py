"""What one server reaches beside another: measured in turns, for machines are noisy."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass

from bench import queues, tables
from bench.load import measure
from bench.scenarios import SCENARIOS
from bench.servers import Target, bare, minimal, seeded

SMALL_BARS = {"GetObject 4 KiB": 8000.0, "PutObject 4 KiB": 4000.0}
ITEM_BARS = {"GetItem": 10_000.0, "PutItem": 8_000.0, "SendMessage": 8_000.0}
LEAST_SHARE = 0.7
FEW, MANY = 1_000, 1_000_000
FLAT = 1.25
FLAT_QUEUE = 1.2
"""How much more of the processor an operation may take with a thousand times as many items."""
_SPREAD = 10_000
"""Requests to a table of very many items, each for another one: else they were all in the cache."""
_ROUNDS = 3

Verdict = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Reached:
    """Medians. `cost_us`: what the server used of the processor for one request."""

    rate: float
    cost_us: float


def in_turns(*sides: tuple[Target, list[bytes]], connections: int = 16) -> list[Reached]:
    """For each side, what it reached."""
    for target, requests in sides:
        measure(target.url, requests, connections=connections, seconds=0.5)
    found: list[list[Reached]] = [[] for _ in sides]
    for _ in range(_ROUNDS):
        for (target, requests), reached in zip(sides, found, strict=True):
            before_s = target.cpu_s()
            measured = measure(target.url, requests, connections=connections, seconds=1.0)
            if measured.failures:
                raise SystemExit(f"{target.name}: {measured.failures} requests failed")
            cost_us = (target.cpu_s() - before_s) * 1e6 / measured.requests
            reached.append(Reached(measured.rate, cost_us))
    return [
        Reached(
            statistics.median(one.rate for one in reached),
            statistics.median(one.cost_us for one in reached),
        )
        for reached in found
    ]


def small_objects(target: Target) -> list[Verdict]:
    """Small objects beside a bare ASGI handler that takes in and gives out the same bytes.

    The bar is a rate, or half of the bare handler's, whichever is lower.
    """
    kinds = [s for s in SCENARIOS if s.name in SMALL_BARS]
    requests = {s.name: s.requests(target) for s in kinds}
    recorded = {s.name[:3].upper(): requests[s.name][0] for s in kinds}
    found: list[Verdict] = []
    with bare(target, recorded) as peer:
        for name, sent in requests.items():
            own, other = in_turns((target, sent), (peer, sent))
            bar = min(SMALL_BARS[name], other.rate / 2)
            found.append(_beside(name, own, other, "bare ASGI handler", bar))
    return found


def with_the_minimal(target: Target) -> list[Verdict]:
    """Items and messages beside a handler that only verifies the signature and reads or writes the store.

    The bar is a rate, or seven tenths of that handler's, whichever is lower.
    """
    found: list[Verdict] = []
    with minimal() as peer:
        for name, prepared in (
            ("GetItem", tables.get_item),
            ("PutItem", tables.put_item),
            ("SendMessage", queues.send_message),
        ):
            if name == "SendMessage":  # the peer has no queues to ask for
                sent = queues.send_to(peer, queues.url_of(target, queues.SENT))
            else:
                sent = prepared(peer)
            own, other = in_turns((target, prepared(target)), (peer, sent))
            bar = min(ITEM_BARS[name], other.rate * LEAST_SHARE)
            found.append(_beside(name, own, other, "the minimal handler", bar))
    return found


def _beside(name: str, own: Reached, other: Reached, what: str, bar: float) -> Verdict:
    text = (
        f"{name}: {own.rate:,.0f}/s; {what} {other.rate:,.0f}/s "
        f"(bar {bar:,.0f}/s; {own.cost_us:.0f} us, {other.cost_us:.0f} us)"
    )
    return text, own.rate >= bar


def few_and_many() -> list[Verdict]:
    """What an operation costs in a table of a thousand items and in one of a million, each in a store of its own."""
    found: list[Verdict] = []
    numbers = random.Random(7).sample(range(MANY), _SPREAD)
    with _with_items(FEW) as small, _with_items(MANY) as big:
        for name, prepared in (("GetItem", tables.get_items), ("PutItem", tables.put_items)):
            few, many = in_turns(
                (small, prepared(small, [number % FEW for number in numbers])),
                (big, prepared(big, numbers)),
            )
            text = (
                f"{name} of {MANY:,} items: {many.cost_us:.0f} us and {many.rate:,.0f}/s; "
                f"of {FEW:,}: {few.cost_us:.0f} us and {few.rate:,.0f}/s"
            )
            share = many.cost_us / few.cost_us
            found.append((f"{text}; {share:.2f} times (bar {FLAT})", share <= FLAT))
    return found + short_and_long()


def short_and_long() -> list[Verdict]:
    """What a message costs in a queue of a thousand and in one of a million, each in a store of its own."""
    found: list[Verdict] = []
    with _with_messages(FEW) as small, _with_messages(MANY) as big:
        few, many = in_turns((small, queues.send_message(small)), (big, queues.send_message(big)))
        found.append(_flat("SendMessage", few.cost_us, many.cost_us))
        costs = [queues.cost_of_pairs(one, queues.SENT) for one in (small, big)]
        found.append(_flat("ReceiveMessage and DeleteMessage", *costs))
    return found


def _flat(name: str, few_us: float, many_us: float) -> Verdict:
    share = many_us / few_us
    text = f"{name} with {MANY:,} messages: {many_us:.0f} us; with {FEW:,}: {few_us:.0f} us"
    return f"{text}; {share:.2f} times (bar {FLAT_QUEUE})", share <= FLAT_QUEUE


def _with_messages(count: int):
    return seeded(queues.prepare, "messages", queues.SENT, str(count))


def _with_items(count: int):
    def prepare(target: Target) -> None:
        tables.make_table(target, tables.TABLE)

    return seeded(prepare, "items", tables.TABLE, str(count))
