"""Waiting for messages of a queue, and sending to one: asked by those who poll queues inside the cloud and by services
that are configured to deliver to them, answered by SQS.

Receiving is no question: whoever receives does so in a role's name, through `Cloud.perform` of ReceiveMessage, so that
no permission is skipped.
"""

from __future__ import annotations

from typing import Protocol

from pilvi.contracts.delivery import Source


class QueueNotSendable(Exception):
    """`absent`: there is no such queue; `fifo`: it wants a group for each message; else its policy does not let the
    source in."""

    def __init__(self, reason: str, *, absent: bool = False, fifo: bool = False) -> None:
        self.reason = reason
        self.absent = absent
        self.fifo = fifo
        super().__init__(reason)


class Queues(Protocol):
    async def has_messages(self, queue_arn: str) -> bool:
        """Whether ReceiveMessage would give something now. False when there is no such queue."""
        ...

    async def wait_for_messages(self, queue_arn: str) -> None:
        """Wait until it may. Returns for nothing now and then, and at once when there is no such queue. Waiting makes
        no request, and costs nothing until something is sent, or becomes visible by the clock."""
        ...

    async def check_sendable(self, queue_arn: str, *, source: Source) -> None:
        """Whether a delivery to this queue would be taken now. Raises: QueueNotSendable."""
        ...
