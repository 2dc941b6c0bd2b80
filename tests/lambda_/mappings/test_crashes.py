"""Pollers outlive their processes: killed in the middle of a batch, taken over, begun again with the server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

from lambda_.mappings.support import Workshop
from lambda_.workers import until_spread, workers_of
from servers import Server

ACCOUNT = "777700000002"


def test_nothing_is_lost_when_workers_and_servers_are_killed(
    own_server: Callable[..., Server],
) -> None:
    """First a worker, which may have had the pollers; then all of it, in the middle of two batches."""
    server = own_server("--workers", "2")
    workshop = _workshop(server)
    queue, slow, gate = workshop.queue(), workshop.queue("slow"), workshop.queue("gate")
    workshop.function(Timeout=20)
    workshop.function("wait", workshop.waiting, variables={"GATE": gate}, Timeout=20)
    workshop.map(queue)
    uuid = workshop.map(slow, "wait", BatchSize=1)
    until_spread(server, 1, 1)
    os.kill(workers_of(server)[0], signal.SIGKILL)
    workshop = _workshop(server)  # connections to the dead one are gone
    workshop.send(queue, "a", "b", "c")
    assert _bodies(workshop, 3) == ["a", "b", "c"]
    workshop.send(slow, "1", "2")
    workshop.noted(2)
    assert workshop.counts(slow) == (0, 2)
    server.kill()
    server.options = ()
    server.start()
    workshop = _workshop(server)
    assert workshop.counts(slow) == (0, 2)
    assert workshop.lambda_.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    workshop.send(gate, "go", "go")
    server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 31_000})
    workshop.noted(2)
    workshop.nothing_more()
    assert workshop.counts(slow) == (0, 0)
    assert workshop.counts(queue) == (0, 0)


def _workshop(server: Server) -> Workshop:
    return Workshop(server, ACCOUNT, partial(server.client, account=ACCOUNT))


def _bodies(workshop: Workshop, count: int) -> list[str]:
    """Of the next messages, in whichever batches."""
    found: list[str] = []
    while len(found) < count:
        found += workshop.bodies(1)[0]
    return sorted(found)
