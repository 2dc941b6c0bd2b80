"""What holds for every operation of every service, whatever it does."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pilvi import app
from pilvi.kit.service import Service
from pilvi.protocol import service_model
from servers import Server
from services.requests_of import request_of


def load(name: str) -> Service:
    module, _, attribute = app.SERVICES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


SERVICES = {name: load(name) for name in sorted(app.SERVICES)}
OPERATIONS = [
    (name, operation) for name, service in SERVICES.items() for operation in service.operations
]


POWERLESS = "000000000002"


def least(client: Any, operation: str) -> tuple[str, dict[str, Any]]:
    """The method of a boto3 client for an operation, and no more arguments than it takes to send it."""
    method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
    shape = client.meta.service_model.operation_model(operation).input_shape
    arguments: dict[str, Any] = {
        member: 1 if below.type_name in ("integer", "long") else "some"
        for member, below in ({} if shape is None else shape.members).items()
        if below.serialization.get("location") == "uri"  # without these there is no URL to ask
        or below.serialization.get("hostLabel")
    }
    if operation == "CompleteMultipartUpload":
        arguments["UploadId"] = "x"  # a POST without it is no operation of S3
    if operation in ("BatchGetItem", "BatchWriteItem"):
        arguments["RequestItems"] = {}  # botocore cannot send them without
    return method, arguments


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_declares_exists(name: str) -> None:
    """A declared resource without a handler, or an accepted member that no model has, is a slip."""
    service = SERVICES[name]
    model = service_model(name)
    assert set(service.operations) <= set(model.operation_names)
    assert set(service.acts) == set(service.operations), "acts and handlers differ"
    for operation, members in service.accepted.items():
        shape = model.operation(operation).input
        assert shape is not None
        for member, reason in members.items():
            assert member.partition(".")[0] in shape.members, f"{operation}.{member}"
            assert reason, f"{operation}.{member} has no reason"


def test_every_consumer_has_a_handler() -> None:
    for fact, names in app.CONSUMERS.items():
        for name in names:
            assert f"{name}.on.{fact}" in SERVICES[name].jobs


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_an_empty_request_never_breaks_the_server(
    client: Callable[..., Any], name: str, operation: str
) -> None:
    """Required members are missing: the answer is an error of the caller's, or a success; never ours."""
    made = client(name)
    method, arguments = least(made, operation)
    status, code = 200, ""
    try:
        getattr(made, method)(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
    assert status < 500 or code == "NotImplemented"


@pytest.fixture(scope="session")
def powerless(server: Server) -> dict[str, str]:
    """The keys of a user to whom nothing is allowed."""
    iam = server.client("iam", POWERLESS)
    iam.create_user(UserName="powerless")
    key = iam.create_access_key(UserName="powerless")["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_who_may_do_nothing_is_refused_before_any_handler(
    server: Server, powerless: dict[str, str], name: str, operation: str
) -> None:
    found = SERVICES[name].operations[operation]
    if found.free:
        return
    refusals = {"AccessDenied", "AccessDeniedException", "403"}
    if found.proves is not None:
        refusals |= {"ValidationError", "InvalidIdentityToken"}  # who asks is not proven
    made = server.client(name, POWERLESS, **powerless)
    method, arguments = least(made, operation)
    if SERVICES[name].validated_first and found.proves is None:
        arguments = request_of(name, operation)
    with pytest.raises(ClientError) as caught:
        getattr(made, method)(**arguments)
    answer = caught.value.response
    if answer["ResponseMetadata"]["HTTPStatusCode"] == 403 and "Message" not in answer["Error"]:
        return  # the answer to HEAD has no body
    code = answer["Error"]["Code"]
    assert code in refusals, answer["Error"]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_nobody_in_particular_may_do_nothing(server: Server, name: str, operation: str) -> None:
    """Unsigned requests are refused before any handler runs, whatever they ask."""
    from botocore import UNSIGNED

    if service_model(name).operation(operation).traits.get("authtype") == "none":
        return
    made = server.client(name, "000000000001", signature_version=UNSIGNED)
    method, arguments = least(made, operation)
    with pytest.raises(ClientError) as caught:
        getattr(made, method)(**arguments)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert 400 <= status < 500, caught.value
