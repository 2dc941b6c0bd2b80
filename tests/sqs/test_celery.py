"""Celery with SQS as its broker, through kombu: tasks arrive, are acknowledged, and come again when they are not."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from servers import Server

from .support import counts

celery = pytest.importorskip("celery")


def test_a_worker_takes_tasks_from_a_queue(server: Server, account: str, sqs: Any) -> None:
    """As its documentation says: a URL of credentials, and the endpoint among the transport's options."""
    from celery.contrib.testing.worker import start_worker

    app = celery.Celery("tasks", broker=f"sqs://{account}:secret@", backend=None)
    host = server.url.removeprefix("http://")
    app.conf.update(
        broker_url=f"sqs://{account}:secret@{host}",
        broker_transport_options={
            "region": "us-east-1",
            "is_secure": False,
            "wait_time_seconds": 0,
            "polling_interval": 0.05,
        },
        task_default_queue="celery-tasks",
        task_acks_late=True,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=False,
    )
    done: list[int] = []
    enough = threading.Event()

    @app.task(name="tasks.add")
    def add(one: int, two: int) -> None:
        done.append(one + two)
        if len(done) == 5:
            enough.set()

    with start_worker(app, perform_ping_check=False, pool="solo"):
        for number in range(5):
            add.delay(number, number)
        assert enough.wait(20), done
    assert sorted(done) == [0, 2, 4, 6, 8]
    (url,) = [url for url in sqs.list_queues()["QueueUrls"] if url.endswith("celery-tasks")]
    ready, flying, _ = counts(sqs, url)
    assert (ready, flying) == (0, 0)
