"""Waiting for messages of a queue: asked by those who poll queues inside the cloud, answered by SQS.

Receiving is no question: whoever receives does so in a role's name, through `Cloud.perform` of ReceiveMessage, so that
no permission is skipped.
"""

from __future__ import annotations

from typing import Protocol


class Queues(Protocol):
    async def has_messages(self, queue_arn: str) -> bool:
        """Whether ReceiveMessage would give something now. False when there is no such queue."""
        ...

    async def wait_for_messages(self, queue_arn: str) -> None:
        """Wait until it may. Returns for nothing now and then, and at once when there is no such queue. Waiting makes
        no request, and costs nothing until something is sent, or becomes visible by the clock."""
        ...
