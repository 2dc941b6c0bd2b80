"""SQS as an event source: what reaches the function, and what becomes of the messages."""

from __future__ import annotations

from lambda_.mappings.support import Workshop


def test_messages_reach_the_function_and_are_deleted(workshop: Workshop) -> None:
    queue = workshop.queue()
    workshop.function()
    workshop.map(queue)
    sent = workshop.send(queue, "hello")
    (note,) = workshop.noted(1)
    (record,) = note["event"]["Records"]
    assert record["messageId"] == sent[0]
    assert record["body"] == "hello"
    workshop.nothing_more()
    assert workshop.counts(queue) == (0, 0)
