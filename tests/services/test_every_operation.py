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


def load(name: str) -> Service:
    module, _, attribute = app.SERVICES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


SERVICES = {name: load(name) for name in sorted(app.SERVICES)}
OPERATIONS = [
    (name, operation) for name, service in SERVICES.items() for operation in service.operations
]


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
    method = next(m for m, o in made.meta.method_to_api_mapping.items() if o == operation)
    arguments = {
        member: "x"
        for member, shape in made.meta.service_model.operation_model(
            operation
        ).input_shape.members.items()
        if shape.serialization.get("location") == "uri"  # without these there is no URL to ask
    }
    if operation in ("BatchGetItem", "BatchWriteItem"):
        arguments["RequestItems"] = {}  # botocore cannot send them without
    status, code = 200, ""
    try:
        getattr(made, method)(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
    assert status < 500 or code == "NotImplemented"


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_nobody_in_particular_may_do_nothing(server: Server, name: str, operation: str) -> None:
    """Unsigned requests are refused before any handler runs, whatever they ask."""
    from botocore import UNSIGNED

    if service_model(name).operation(operation).traits.get("authtype") == "none":
        return
    made = server.client(name, "000000000001", signature_version=UNSIGNED)
    method = next(m for m, o in made.meta.method_to_api_mapping.items() if o == operation)
    arguments = {
        member: "nobody"
        for member, shape in made.meta.service_model.operation_model(
            operation
        ).input_shape.members.items()
        if shape.serialization.get("location") == "uri"
    }
    if operation in ("BatchGetItem", "BatchWriteItem"):
        arguments["RequestItems"] = {}
    with pytest.raises(ClientError) as caught:
        getattr(made, method)(**arguments)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert 400 <= status < 500, caught.value
