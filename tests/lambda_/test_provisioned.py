"""Provisioned concurrency: environments that are ready before anybody asks, in AWS's words as recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package

TELLS = package(
    "import os, uuid\nborn = str(uuid.uuid4())\n"
    "def handler(event, context):\n"
    "    if event.get('exit'): os._exit(1)\n"
    "    return [os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], context.function_version, born]\n"
)


@pytest.fixture
def published(functions: Functions) -> Functions:
    """A function with two versions, and an alias of the first."""
    functions.create("f", TELLS, Publish=True)
    functions.client.update_function_configuration(FunctionName="f", Description="two")
    functions.client.get_waiter("function_updated_v2").wait(FunctionName="f")
    functions.client.publish_version(FunctionName="f")
    functions.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return functions


def put(functions: Functions, qualifier: str, count: int) -> Any:
    return functions.client.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def standing(functions: Functions, qualifier: str) -> tuple[int, int, str, str]:
    found = functions.client.get_provisioned_concurrency_config(
        FunctionName="f", Qualifier=qualifier
    )
    return (
        found["RequestedProvisionedConcurrentExecutions"],
        found["AllocatedProvisionedConcurrentExecutions"],
        found["Status"],
        found.get("StatusReason", ""),
    )


def refused(operation: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        operation(FunctionName="f", **request)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def test_environments_are_ready_and_made_again(published: Functions, clock: Any) -> None:
    asked = put(published, "1", 2)
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert asked["LastModified"].endswith("+0000")
    assert (asked["Status"], asked["AllocatedProvisionedConcurrentExecutions"]) == (
        "IN_PROGRESS",
        0,
    )
    clock.wait_until_idle()
    assert standing(published, "1") == (2, 2, "READY", "")
    kind, version, born = published.invoke("f", Qualifier="1")
    assert (kind, version) == ("provisioned-concurrency", "1")
    assert published.invoke("f", Qualifier="1")[2] == born
    assert published.invoke("f")[0] == "on-demand"
    for _ in range(2):  # both of them end
        published.client.invoke(FunctionName="f", Qualifier="1", Payload=b'{"exit": true}')
    clock.wait_until_idle()
    kind, _, other = published.invoke("f", Qualifier="1")
    assert kind == "provisioned-concurrency"
    assert other != born


def test_they_follow_their_alias_and_go_with_it(published: Functions, clock: Any) -> None:
    put(published, "live", 1)
    clock.wait_until_idle()
    assert published.invoke("f", Qualifier="live")[:2] == ["provisioned-concurrency", "1"]
    published.client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert published.client.list_provisioned_concurrency_configs(FunctionName="f")[
        "ProvisionedConcurrencyConfigs"
    ][0]["FunctionArn"].endswith(":function:f:live")
    clock.wait_until_idle()
    assert standing(published, "live") == (1, 1, "READY", "")
    assert published.invoke("f", Qualifier="live")[:2] == ["provisioned-concurrency", "2"]
    published.client.delete_alias(FunctionName="f", Name="live")
    get = published.client.get_provisioned_concurrency_config
    assert refused(get, Qualifier="live")[1].startswith("Cannot find alias arn: arn:aws:lambda:")
    listed = published.client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []


def test_a_version_that_does_not_begin(functions: Functions, clock: Any) -> None:
    functions.create("f", package("raise ValueError('no')"), Publish=True)
    put(functions, "1", 1)
    clock.wait_until_idle()
    assert standing(functions, "1") == (1, 0, "FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    functions.client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")


def test_what_it_may_not_be_asked_for(published: Functions) -> None:
    lambda_ = published.client
    put_, get = (
        lambda_.put_provisioned_concurrency_config,
        lambda_.get_provisioned_concurrency_config,
    )
    missing = "No Provisioned Concurrency Config found for this function"
    assert refused(get, Qualifier="1") == (
        "ProvisionedConcurrencyConfigNotFoundException",
        missing,
    )
    assert refused(put_, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)[1] == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    assert refused(get, Qualifier="$LATEST")[1] == (
        "The function resource provided must be an alias or a published version."
    )
    assert refused(put_, Qualifier="9", ProvisionedConcurrentExecutions=1)[1].startswith(
        "Function not found: arn:aws:lambda:"
    )
    assert refused(put_, Qualifier="1", ProvisionedConcurrentExecutions=1001) == (
        "InvalidParameterValueException",
        "Specified ConcurrentExecutions for function is greater than account's unreserved"
        " concurrency [1000].",
    )
    assert refused(put_, Qualifier="1", ProvisionedConcurrentExecutions=901)[1] == (
        "Specified ConcurrentExecutions for function decreases account's"
        " UnreservedConcurrentExecution below its minimum value of [100]."
    )
    put(published, "1", 1)
    assert refused(put_, Qualifier="live", ProvisionedConcurrentExecutions=1)[1] == (
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned"
        " version"
    )
    lambda_.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    put(published, "live", 1)
    assert refused(put_, Qualifier="1", ProvisionedConcurrentExecutions=1) == (
        "ResourceConflictException",
        "Version is pointed by a Provisioned Concurrency alias",
    )
    lambda_.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="live")


def test_what_is_reserved_is_shared_with_what_is_provisioned(
    published: Functions, clock: Any
) -> None:
    """As recorded: all that is reserved may be provisioned, and then there is nothing left for the others."""
    put(published, "1", 2)
    clock.wait_until_idle()
    reserve = published.client.put_function_concurrency
    assert refused(reserve, ReservedConcurrentExecutions=1) == (
        "InvalidParameterValueException",
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned"
        " concurrency [2].",
    )
    reserve(FunctionName="f", ReservedConcurrentExecutions=2)
    with pytest.raises(ClientError) as refusal:
        published.client.invoke(FunctionName="f")
    assert refusal.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert published.invoke("f", Qualifier="1")[0] == "provisioned-concurrency"
    too_many = "Requested Provisioned Concurrency should not be greater than the"
    for qualifier in ("1", "2"):
        operation = published.client.put_provisioned_concurrency_config
        told = refused(operation, Qualifier=qualifier, ProvisionedConcurrentExecutions=3)
        assert told[1] == f"{too_many} reservedConcurrentExecution for function"


def test_they_are_there_again_after_a_crash(own_server: Callable[..., Any]) -> None:
    server = own_server()
    functions = Functions(server.client("lambda", "000000000001"), "000000000001")
    functions.create("f", TELLS, Publish=True)
    put(functions, "1", 1)
    server.kill()
    server.start()
    server.ask("POST", "/_pilvi/idle", {"timeout_s": 60})
    assert standing(functions, "1") == (1, 1, "READY", "")
    assert functions.invoke("f", Qualifier="1")[0] == "provisioned-concurrency"
