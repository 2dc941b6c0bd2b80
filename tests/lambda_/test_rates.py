"""AWS's quotas of rates, for those who start pilvi with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from lambda_.support import Functions, package
from servers import CloudClock, Server


def test_rates_that_were_set(own_server: Callable[..., Server]) -> None:
    """A function gets so many environments in ten seconds, and what somebody waits for is so many a second."""
    server = own_server("--lambda-scaling-rate", "1", "--lambda-request-rate", "2")
    clock = CloudClock(server)
    clock.freeze()
    functions = Functions(server.client("lambda", "000100000001"), "000100000001")

    def reason() -> str | None:
        try:
            functions.invoke("f")
        except ClientError as error:
            response: Any = error.response
            assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
            assert response["Error"]["Code"] == "TooManyRequestsException"
            assert response["Error"]["Message"] == "Rate Exceeded."
            return response["Reason"]
        return None

    functions.create("f", package("def handler(event, context): pass"))
    assert reason() is None
    functions.client.update_function_configuration(FunctionName="f", MemorySize=256)
    assert reason() == "ConcurrentInvocationLimitExceeded"
    clock.advance(seconds=10)
    assert reason() is None
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    assert [reason() for _ in range(3)] == [
        *(None, None, "ReservedFunctionInvocationRateLimitExceeded")
    ]
    clock.advance(seconds=0.5)
    assert [reason() for _ in range(2)] == [None, "ReservedFunctionInvocationRateLimitExceeded"]
    event = functions.client.invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
    assert event["StatusCode"] == 202
