"""botocore as the other side of the wire: its serializers ask, its parsers read our answers."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import ServiceModel as BotocoreModel
from botocore.parsers import PROTOCOL_PARSERS
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.protocol import Codec, Shape
from pilvi.protocol.model import read_model

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(value: Any) -> int:
    delta = parse_timestamp(value) - _EPOCH
    return round(delta / timedelta(milliseconds=1))


def for_botocore(shape: Shape, value: Any) -> Any:
    """Our convention to botocore's: instants become datetimes."""
    if value is None or shape.document:
        return value
    if shape.type == "structure":
        return {name: for_botocore(shape.members[name], item) for name, item in value.items()}
    if shape.type == "list":
        return [for_botocore(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: for_botocore(shape.value, item) for key, item in value.items()}
    if shape.type == "timestamp":
        return _EPOCH + timedelta(milliseconds=value)
    return value


@lru_cache(1)
def raw_model(service: str) -> dict[str, Any]:
    return read_model(service)


class Oracle:
    """botocore for one service in one protocol. `model` overrides botocore's own."""

    def __init__(self, service: str, protocol: str, model: dict[str, Any] | None = None) -> None:
        self.model = BotocoreModel(model or raw_model(service), service)
        self._serializer = create_serializer(protocol, include_validation=False)
        self._parser = PROTOCOL_PARSERS[protocol](timestamp_parser=to_ms)

    def request(self, operation: str, shape: Shape | None, params: dict[str, Any]) -> HttpRequest:
        given = {} if shape is None else for_botocore(shape, params)
        wanted = self.model.operation_model(operation)
        serialized = self._serializer.serialize_to_request(copy.deepcopy(given), wanted)
        serialized.pop("host_prefix", None)
        prepare_request_dict(serialized, "http://localhost")
        prepared = create_request_object(serialized).prepare()
        url = urlsplit(prepared.url)
        headers = {
            key.lower(): (value.decode("latin-1") if isinstance(value, bytes) else str(value))
            for key, value in prepared.headers.items()
        }
        body = prepared.body or b""
        if isinstance(body, str):
            body = body.encode()
        return HttpRequest(prepared.method, url.path, url.query, headers, bytes(body))

    def answer(self, operation: str, response: HttpResponse, *, raw: bool = False) -> Any:
        """What a client would get. `raw`: the payload is a blob, which botocore reads as a stream."""
        shape = self.model.operation_model(operation).output_shape
        assert isinstance(response.body, bytes)
        body: Any = bytearray(response.body) if raw else response.body
        parsed = self._parser.parse(self._dict(response, body), shape)
        parsed.pop("ResponseMetadata")
        return parsed

    def events(self, operation: str, response: HttpResponse, body: bytes) -> Any:
        shape = self.model.operation_model(operation).output_shape
        answer = self._dict(response, _Stream(body))
        answer["context"] = {"operation_name": operation}
        parsed = self._parser.parse(answer, shape)
        parsed.pop("ResponseMetadata")
        return parsed

    def error(self, response: HttpResponse, shape_name: str | None = None) -> Any:
        assert isinstance(response.body, bytes)
        shape = None if shape_name is None else self.model.shape_for(shape_name)
        return self._parser.parse(self._dict(response, response.body), shape)

    def _dict(self, response: HttpResponse, body: Any) -> dict[str, Any]:
        return {
            "headers": HeadersDict(response.headers),
            "body": body,
            "status_code": response.status,
            "context": {},
        }


class _Stream:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        pass


async def collect(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


def query_model(codec: Codec) -> dict[str, Any] | None:
    """SQS's query model, which botocore no longer ships: ours, in botocore's form."""
    if codec.model.name != "sqs" or codec.protocol != "query":
        return None
    raw = raw_model("sqs")
    return {
        "metadata": {**raw["metadata"], "protocol": "query"},
        "shapes": {name: codec.model.definition(name) for name in raw["shapes"]},
        "operations": {
            name: {
                **operation,
                **(
                    {"output": {**operation["output"], "resultWrapper": f"{name}Result"}}
                    if "output" in operation
                    else {}
                ),
            }
            for name, operation in raw["operations"].items()
        },
    }
