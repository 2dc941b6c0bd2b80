"""Several worker processes of one server: limits hold over all of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from botocore.exceptions import ClientError

from lambda_.support import Functions
from lambda_.test_events import HOLDS

ACCOUNT = "000000000001"


def test_what_is_reserved_holds_over_all_workers(own_server: Callable[..., Any]) -> None:
    """Six callers at two workers: two are let in, wherever they came, and hold their places until told to go."""
    server = own_server("--workers", "2")
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
