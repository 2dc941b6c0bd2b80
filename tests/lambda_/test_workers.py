"""Several worker processes of one server: limits hold over all of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from botocore.exceptions import ClientError

from lambda_.mappings.support import until
from lambda_.support import Functions
from lambda_.test_events import HOLDS
from lambda_.test_provisioned import TELLS
from lambda_.workers import until_spread, workers_of
from servers import Server

ACCOUNT = "000000000001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("workers") / "data", "--workers", "2").start()
    yield running
    running.kill()


def test_what_is_provisioned_is_in_every_worker(server: Server) -> None:
    """Each new connection may come to another worker."""
    functions = Functions(server.client("lambda", ACCOUNT), ACCOUNT)
    functions.create("p", TELLS, Publish=True)
    functions.client.put_provisioned_concurrency_config(
        FunctionName="p", Qualifier="1", ProvisionedConcurrentExecutions=2
    )
    server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})
    found = functions.client.get_provisioned_concurrency_config(FunctionName="p", Qualifier="1")
    assert (found["Status"], found["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
    born: set[str] = set()
    for _ in range(12):
        functions.client.close()
        kind, _, which = functions.invoke("p", Qualifier="1")
        assert kind == "provisioned-concurrency"
        born.add(which)
    assert len(born) <= 2
    functions.client.delete_function(FunctionName="p")


def test_what_is_reserved_holds_over_all_workers(server: Server) -> None:
    """Six callers at two workers: two are let in, wherever they came, and hold their places until told to go."""
    functions = Functions(server.client("lambda", ACCOUNT), ACCOUNT)
    s3 = server.client("s3", ACCOUNT)
    s3.create_bucket(Bucket="held")
    functions.create("f", HOLDS, Timeout=60, MemorySize=1769)
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)

    def call(_: int) -> str:
        try:
            functions.client.invoke(FunctionName="f", Payload=b'{"bucket": "held"}')
        except ClientError as refusal:
            return refusal.response["Reason"]
        return ""

    with ThreadPoolExecutor(6) as pool:
        waiting = {pool.submit(call, number) for number in range(6)}
        refused: list[str] = []
        while len(waiting) > 2:
            done, waiting = wait(waiting, timeout=30, return_when=FIRST_COMPLETED)
            assert done, f"{len(waiting)} were let in"
            refused += [one.result() for one in done]
        s3.put_object(Bucket="held", Key="go")
        assert [one.result() for one in waiting] == ["", ""]
    assert set(refused) == {"ReservedFunctionConcurrentInvocationLimitExceeded"}
    functions.invoke("f")


def test_residents_are_spread_again_when_a_worker_died(server: Server) -> None:
    """The one in its place has its part again, whoever had that meanwhile."""
    functions = Functions(server.client("lambda", ACCOUNT), ACCOUNT)
    functions.create("k", TELLS, Publish=True)
    functions.client.put_provisioned_concurrency_config(
        FunctionName="k", Qualifier="1", ProvisionedConcurrentExecutions=2
    )
    until_spread(server, 1, 1)
    dead = workers_of(server)[0]
    os.kill(dead, signal.SIGKILL)
    until(lambda: workers_of(server), lambda found: dead not in found)
    until_spread(server, 1, 1)
