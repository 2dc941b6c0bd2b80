"""The generator of `wire.py` files: what it writes, and that it writes the same every time."""

from __future__ import annotations

import importlib.util
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pilvi.kit.service import Acts, Service, everything
from pilvi.protocol import service_model

_PATH = Path(__file__).parents[2] / "tools" / "generate_wire.py"


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate_wire", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generate(names: list[str], operations: list[str], opaque: frozenset[str] = frozenset()) -> str:
    """The operations go to the first of the services that has them."""
    known = {name: set(service_model(name).operation_names) for name in names}
    services = [
        Service(
            name,
            acts={
                operation: Acts(everything)
                for operation in operations
                if operation in known[name] or not any(operation in of for of in known.values())
            },
            opaque=opaque,
        )
        for name in names
    ]
    return _generator().generate(services)


def _read_types(source: str) -> dict[str, Any]:
    """The shapes as a reader of types sees them."""
    namespace: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(typing, "TYPE_CHECKING", True)
        exec(source, namespace)
    return namespace


def test_requests_and_answers_and_what_they_reach_become_typed_dicts() -> None:
    source = generate(["dynamodb"], ["GetItem"], frozenset({"AttributeValue"}))
    assert "AttributeValue = Any" in source
    members = "        TableName: Required[str]\n        Key: Required[dict[str, AttributeValue]]"
    assert members in source
    assert "class GetItemOutput(TypedDict, total=False):" in source
    assert "class ConsumedCapacity(TypedDict, total=False):" in source
    assert "class PutItemInput" not in source


def test_streams_instants_and_names_that_python_cannot_spell() -> None:
    source = generate(["s3"], ["PutObject", "GetObject"])
    request = source.partition("class PutObjectRequest(")[2].partition("class ")[0]
    assert "    Body:" not in request
    assert "    Body: bytes | AsyncIterator[bytes]" in source
    assert "    LastModified: EpochMs" in source
    stream = generate(["s3"], ["SelectObjectContent"])
    assert "    Payload: AsyncIterator[SelectObjectContentEventStream]" in stream
    odd = generate(["glue"], ["CreateJob"])
    assert "CreateJobRequest" in _read_types(odd)


def test_two_services_share_what_is_the_same() -> None:
    source = generate(["dynamodb", "dynamodbstreams"], ["PutItem", "GetRecords"])
    assert source.count("class AttributeValue(") == 1
    assert "class GetRecordsOutput(" in source


def test_it_writes_the_same_every_time_and_python_reads_it() -> None:
    names = ["SendMessage", "ReceiveMessage"]
    source = generate(["sqs"], names)
    assert source == generate(["sqs"], list(reversed(names)))
    shape = _read_types(source)["SendMessageRequest"]
    assert shape.__annotations__.keys() >= {"QueueUrl", "MessageBody"}


def test_what_runs_names_the_shapes_and_makes_none() -> None:
    module = ModuleType("wire")
    exec(generate(["sqs"], ["SendMessage"]), module.__dict__)
    assert "SendMessageRequest" not in module.__dict__
    assert module.SendMessageRequest is dict


def test_an_operation_that_no_service_has_is_refused() -> None:
    with pytest.raises(KeyError, match="Fly"):
        generate(["sqs"], ["Fly"])
