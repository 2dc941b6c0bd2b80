"""A service's model, as botocore ships it: shapes and operations, resolved when first asked for.

A shape that is reached through a member carries the member's traits over its own, which is how
botocore's serializers see it too. Nothing here knows a wire format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, cast

Raw = dict[str, Any]

_SQS_LISTS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
_SQS_MAPS = {
    "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
    "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
    "QueueAttributeMap": ("Attribute", "Name", "Value"),
    "TagMap": ("Tag", "Key", "Value"),
}


class Shape:
    """One type of a model, with the traits of the member through which it was reached."""

    __slots__ = ("_element", "_members", "model", "name", "traits", "type")

    def __init__(self, model: ServiceModel, reference: Raw) -> None:
        self.model = model
        self.name: str = reference["shape"]
        definition = model.definition(self.name)
        self.traits: Raw = {**definition, **reference} if len(reference) > 1 else definition
        self.type: str = definition["type"]
        self._members: dict[str, Shape] | None = None
        self._element: dict[str, Shape] = {}

    @property
    def members(self) -> dict[str, Shape]:
        if self._members is None:
            references: dict[str, Raw] = self.traits.get("members", {})
            self._members = {
                name: Shape(self.model, reference) for name, reference in references.items()
            }
        return self._members

    def _part(self, role: str) -> Shape:
        part = self._element.get(role)
        if part is None:
            part = self._element[role] = Shape(self.model, self.traits[role])
        return part

    @property
    def member(self) -> Shape:
        """What a list holds."""
        return self._part("member")

    @property
    def key(self) -> Shape:
        return self._part("key")

    @property
    def value(self) -> Shape:
        return self._part("value")

    @property
    def required(self) -> list[str]:
        return self.traits.get("required", [])

    @property
    def location(self) -> str | None:
        """`uri`, `querystring`, `header`, `headers` or `statusCode`; None is the body."""
        return self.traits.get("location")

    @property
    def location_name(self) -> str | None:
        return self.traits.get("locationName")

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened"))

    @property
    def document(self) -> bool:
        """Free JSON: anything goes."""
        return bool(self.traits.get("document"))

    @property
    def streaming(self) -> bool:
        return bool(self.traits.get("streaming"))

    @property
    def event_stream(self) -> bool:
        return bool(self.traits.get("eventstream"))

    @property
    def timestamp_format(self) -> str | None:
        return self.traits.get("timestampFormat")

    @property
    def namespace(self) -> Raw | None:
        """`uri` and perhaps `prefix` of the element's XML namespace."""
        found = self.traits.get("xmlNamespace")
        return {"uri": found} if isinstance(found, str) else found

    @property
    def event_stream_member(self) -> str | None:
        for name, member in self.members.items():
            if member.event_stream:
                return name
        return None


class Operation:
    __slots__ = ("_input", "_output", "model", "name", "traits")

    def __init__(self, model: ServiceModel, name: str, traits: Raw) -> None:
        self.model = model
        self.name = name
        self.traits = traits
        self._input: Shape | None = None
        self._output: Shape | None = None

    @property
    def method(self) -> str:
        return self.traits["http"].get("method", "POST")

    @property
    def uri(self) -> str:
        return self.traits["http"].get("requestUri", "/")

    @property
    def status(self) -> int:
        return self.traits["http"].get("responseCode", 200)

    @property
    def deprecated(self) -> bool:
        return bool(self.traits.get("deprecated"))

    @property
    def input(self) -> Shape | None:
        if self._input is None and "input" in self.traits:
            self._input = Shape(self.model, self.traits["input"])
        return self._input

    @property
    def output(self) -> Shape | None:
        if self._output is None and "output" in self.traits:
            self._output = Shape(self.model, self.traits["output"])
        return self._output


class ServiceModel:
    def __init__(self, name: str, raw: Raw) -> None:
        self.name = name
        self.metadata: Raw = raw["metadata"]
        self._shapes: dict[str, Raw] = raw["shapes"]
        self._raw_operations: dict[str, Raw] = raw["operations"]
        self._operations: dict[str, Operation] = {}
        self._exceptions: dict[str, Shape] | None = None

    @property
    def protocol(self) -> str:
        return self.metadata["protocol"]

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        """Every protocol the service answers, its own first."""
        listed: list[str] = list(self.metadata.get("protocols", ()))
        more = ["query"] if self.name == "sqs" else []
        return tuple(dict.fromkeys([self.protocol, *listed, *more]))

    @property
    def query_compatible(self) -> bool:
        """Once spoken to by query, now by JSON or CBOR: error codes keep their old names in a header."""
        return "awsQueryCompatible" in self.metadata

    @property
    def operation_names(self) -> list[str]:
        return list(self._raw_operations)

    @property
    def shape_names(self) -> list[str]:
        return list(self._shapes)

    def operation(self, name: str) -> Operation:
        """Raises: KeyError when the service has no such operation."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = Operation(self, name, self._raw_operations[name])
        return found

    def operations(self) -> Iterator[Operation]:
        return (self.operation(name) for name in self._raw_operations)

    def definition(self, name: str) -> Raw:
        return self._shapes[name]

    def shape(self, name: str) -> Shape:
        """Raises: KeyError when the model has no such shape."""
        return Shape(self, {"shape": name})

    @property
    def namespace(self) -> str | None:
        """The XML namespace of answers: the service's own, else that of its requests' documents."""
        own: str | None = self.metadata.get("xmlNamespace")
        if own or self.name == "s3":
            return own or "http://s3.amazonaws.com/doc/2006-03-01/"
        for operation in self._raw_operations.values():
            found = operation.get("input", {}).get("xmlNamespace")
            if found:
                return found if isinstance(found, str) else found["uri"]
        return None

    def exception(self, *names: str) -> Shape | None:
        """The modelled error of that shape name or error code; the first name that has one."""
        if self._exceptions is None:
            self._exceptions = {}
            for name, definition in self._shapes.items():
                if definition.get("exception"):
                    code = definition.get("error", {}).get("code")
                    if code:
                        self._exceptions.setdefault(code, self.shape(name))
                    self._exceptions[name] = self.shape(name)
        for name in names:
            if name in self._exceptions:
                return self._exceptions[name]
        return None

    def as_query(self) -> ServiceModel:
        """The same service with the names that SQS's query protocol had: its JSON model lost them."""
        if self.name != "sqs":
            return self
        shapes = dict(self._shapes)
        for name, element in _SQS_LISTS.items():
            shape = shapes[name]
            member = {**shape["member"], "locationName": element}
            shapes[name] = {**shape, "flattened": True, "member": member}
        for name, (entry, key, value) in _SQS_MAPS.items():
            shape = shapes[name]
            shapes[name] = {
                **shape,
                "flattened": True,
                "locationName": entry,
                "key": {**shape["key"], "locationName": key},
                "value": {**shape["value"], "locationName": value},
            }
        namespace = "http://queue.amazonaws.com/doc/2012-11-05/"
        raw: Raw = {
            "metadata": {**self.metadata, "xmlNamespace": namespace},
            "shapes": shapes,
            "operations": self._raw_operations,
        }
        return ServiceModel(self.name, raw)


def _strip_documentation(raw: Raw) -> None:
    """Drop the prose: it is most of a model's memory and nothing at run time reads it."""
    for operation in raw["operations"].values():
        operation.pop("documentation", None)
        for role in ("input", "output"):
            operation.get(role, {}).pop("documentation", None)
    for shape in raw["shapes"].values():
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)


@cache
def service_names() -> tuple[str, ...]:
    from botocore.loaders import Loader

    loader: Any = Loader()
    return tuple(cast("list[str]", loader.list_available_services("service-2")))


_NAME = re.compile(r"[a-z0-9-]+")


def read_model(service: str) -> Raw:
    """The newest model of `service` as botocore ships it, not kept. No other service is looked at: that takes longer
    than to read one. Raises: KeyError when botocore knows no such service.
    """
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import ExtrasProcessor, Loader

    loader: Any = Loader()
    if not _NAME.fullmatch(service):
        raise KeyError(service)
    try:
        place = f"{service}/{loader.determine_latest_version(service, 'service-2')}/service-2"
        raw: Raw = loader.load_data(place)
    except DataNotFoundError as unknown:
        raise KeyError(service) from unknown
    try:
        more: Any = [loader.load_data(f"{place}.sdk-extras")]
    except DataNotFoundError:
        return raw
    processor: Any = ExtrasProcessor()
    processor.process(raw, more)
    return raw


@cache
def service_model(service: str) -> ServiceModel:
    """The newest model of `service`, by botocore's name for it (`events`, `stepfunctions`).

    Raises: KeyError when botocore knows no such service.
    """
    raw = read_model(service)
    _strip_documentation(raw)
    return ServiceModel(service, raw)
