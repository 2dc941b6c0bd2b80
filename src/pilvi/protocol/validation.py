"""What a model constrains (required, length, range, pattern, enum), checked with AWS's texts.

AWS names members in lower camel case, list items by number (`tags.1.member.key`), and reports
everything that is wrong at once. Items of a list that break a constraint of plain values are reported
at the list, with all that such an item must satisfy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pilvi.base.errors import AwsError, ValidationError, ValidationException
from pilvi.protocol import dynamodb_words
from pilvi.protocol.model import Operation, Shape
from pilvi.protocol.patterns import compile_pattern
from pilvi.protocol.unreadable import InvalidArgument, MalformedXML

Validate = Callable[[Mapping[str, Any]], None]
Check = Callable[[Any, str, list[str]], None]
"""Adds to the list what is wrong with a value; the path is the value's, as AWS writes it."""

_FAILED = "failed to satisfy constraint:"
_VALUE_CHARACTERS_MAX = 16 * 1024
_LEVEL_CHARACTERS = 128
"""What each level takes of the room for a value, so that no value is followed very deep."""


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _show(value: Any, shape: Shape, room: int) -> str:
    """A value as Java prints it, which is how it appears in AWS's texts: at least so many characters of it, if it has
    them. What comes behind is not looked at, for a request may be megabytes."""
    if value is None:
        return "null"
    if shape.type == "structure":
        parts = [
            (f"{_camel(name)}=", value.get(name), member) for name, member in shape.members.items()
        ]
        return f"{shape.name}({_show_all(parts, room)})"
    if shape.type == "list":
        return f"[{_show_all((('', item, shape.member) for item in value), room)}]"
    if shape.type == "map":
        entries = ((f"{key}=", item, shape.value) for key, item in value.items())
        return f"{{{_show_all(entries, room)}}}"
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "blob":
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def _show_all(parts: Iterable[tuple[str, Any, Shape]], room: int) -> str:
    shown: list[str] = []
    for before, value, shape in parts:
        if room <= 0:
            break
        shown.append(before + _show(value, shape, room - _LEVEL_CHARACTERS))
        room -= len(shown[-1])
    return ", ".join(shown)


def _complaint(value: Any, shape: Shape, path: str, demand: str, *, hide: bool = False) -> str:
    if value is None:
        return f"Value null at '{path}' {_FAILED} {demand}"
    if hide or shape.traits.get("sensitive"):
        return f"Value at '{path}' {_FAILED} {demand}"
    shown = _show(value, shape, _VALUE_CHARACTERS_MAX)[:_VALUE_CHARACTERS_MAX]
    return f"Value '{shown}' at '{path}' {_FAILED} {demand}"


class _Rule:
    """One demand on a plain value: the test that it passes, and AWS's words for it."""

    __slots__ = ("holds", "words")

    def __init__(self, holds: Callable[[Any], bool], words: str) -> None:
        self.holds = holds
        self.words = words


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _bound(shape: Shape, value: float) -> str:
    return str(float(value)) if shape.type in ("float", "double") else _number(value)


def _size_rules(shape: Shape) -> list[_Rule]:
    low, high = shape.traits.get("min"), shape.traits.get("max")
    rules: list[_Rule] = []
    if shape.type in ("string", "list", "map", "blob"):
        if high is not None:
            demand = f"Member must have length less than or equal to {_number(high)}"
            rules.append(_Rule(lambda value: len(value) <= high, demand))
        if low is not None and low > 0:
            demand = f"Member must have length greater than or equal to {_number(low)}"
            rules.append(_Rule(lambda value: len(value) >= low, demand))
    elif shape.type in ("integer", "long", "float", "double"):
        if high is not None:
            demand = f"Member must have value less than or equal to {_bound(shape, high)}"
            rules.append(_Rule(lambda value: value <= high, demand))
        if low is not None:
            demand = f"Member must have value greater than or equal to {_bound(shape, low)}"
            rules.append(_Rule(lambda value: value >= low, demand))
    return rules


def _all_hold(rules: list[_Rule]) -> Callable[[Any], bool]:
    if len(rules) == 1:
        return rules[0].holds
    return lambda value: all(rule.holds(value) for rule in rules)


def _plain_rules(
    shape: Shape, *, hide: bool, enumerations: Mapping[str, tuple[str, ...]]
) -> list[_Rule]:
    """What a value must satisfy by itself, in the order in which AWS lists it."""
    rules: list[_Rule] = []
    pattern, values = shape.traits.get("pattern"), shape.traits.get("enum")
    if shape.type == "string" and pattern is not None:
        compiled = compile_pattern(pattern)
        if compiled is not None:
            demand = f"Member must satisfy regular expression pattern: {pattern}"
            rules.append(_Rule(compiled.matches, demand))
    rules += _size_rules(shape)
    if shape.type == "string" and values:
        allowed = frozenset(values)
        demand = "Member must satisfy enum value set"
        listed = enumerations.get(shape.name, values)
        demand += "" if hide else f": [{', '.join(listed)}]"
        rules.append(_Rule(lambda value: value in allowed, demand))
    return rules


def _demands(part: Shape, rules: list[_Rule], *, not_null: bool) -> str:
    """What is demanded of each part of a list or a map: in one sentence, sizes first, and even that of nothing."""
    words = [rule.words for rule in rules]
    words.sort(key=lambda one: " length " not in one)
    if part.type == "string" and part.traits.get("min") == 0:
        at_least = sum(" length " in one for one in words)
        words.insert(at_least, "Member must have length greater than or equal to 0")
    if not_null:
        words.append("Member must not be null")
    return f"must satisfy constraint: [{', '.join(words)}]"


_NOT_NULL: Final = frozenset(
    {"AdditionalVersionWeights", "ArchitecturesList", "CompatibleArchitectures", "LayerList"}
)
"""Lists and maps of Lambda of which AWS says so in that sentence, too."""


class _Compiler:
    """Compiles checks; None where a shape demands nothing."""

    def __init__(
        self,
        *,
        hide: bool = False,
        required_only: bool = False,
        opaque: frozenset[str] = frozenset(),
        enumerations: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """`hide`: never show values. `required_only`: nothing but missing members. `enumerations`: those that are
        told in another order than the model's, by their shape's name."""
        self._opaque = opaque
        self._enumerations = enumerations or {}
        self._hide = hide
        self._required_only = required_only
        self._structures: dict[str, Check | None] = {}

    def of(self, shape: Shape) -> Check | None:
        if shape.document or shape.name in self._opaque:
            return None
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return self._by_rules(shape, self._plain(shape))

    def _plain(self, shape: Shape) -> list[_Rule]:
        if self._required_only:
            return []
        return _plain_rules(shape, hide=self._hide, enumerations=self._enumerations)

    def _sizes(self, shape: Shape) -> list[_Rule]:
        return [] if self._required_only else _size_rules(shape)

    def _by_rules(self, shape: Shape, rules: list[_Rule]) -> Check | None:
        if not rules:
            return None

        def check(value: Any, path: str, found: list[str]) -> None:
            for rule in rules:
                if not rule.holds(value):
                    found.append(_complaint(value, shape, path, rule.words, hide=self._hide))

        return check

    def structure(self, shape: Shape) -> Check | None:
        if shape.name in self._structures:
            return self._structures[shape.name]
        required: list[tuple[str, str, Shape]] = []
        table: dict[str, tuple[str, Check]] = {}
        check = self._structures[shape.name] = _structure_check(required, table)
        self._fill(shape, required, table, "")
        if not table and not required:
            self._structures[shape.name] = check = None
        return check

    def input(self, shape: Shape, body_prefix: str, left_out: frozenset[str]) -> Check:
        """The check of a whole request; `body_prefix` stands before members that lie in the body."""
        required: list[tuple[str, str, Shape]] = []
        table: dict[str, tuple[str, Check]] = {}
        self._fill(shape, required, table, body_prefix)
        for name in left_out:
            table.pop(name, None)
        return _structure_check(required, table)

    def _fill(
        self,
        shape: Shape,
        required: list[tuple[str, str, Shape]],
        table: dict[str, tuple[str, Check]],
        body_prefix: str,
    ) -> None:
        for name, member in shape.members.items():
            shown = _camel(name) if member.location else body_prefix + _camel(name)
            # What is streamed has not come yet; an empty body is no less one.
            if name in shape.required and not member.streaming:
                required.append((name, shown, member))
            inner = self.of(member)
            if inner is not None:
                table[name] = (shown, inner)

    def _list(self, shape: Shape) -> Check | None:
        if shape.member.name in self._opaque:
            return self._by_rules(shape, self._sizes(shape))
        return _both(self._by_rules(shape, self._sizes(shape)), self._items(shape))

    def _items(self, shape: Shape) -> Check | None:
        """The check of a list's items, without that of how many there are."""
        if shape.member.name in self._opaque:
            return None
        if shape.member.type in ("structure", "list", "map"):
            inner = self.of(shape.member)
            items = None if inner is None else _each_item(inner)
        else:
            items = self._plain_items(shape, self._plain(shape.member))
        return _both(_no_nulls(shape, shape.member), items)

    def _plain_items(self, shape: Shape, rules: list[_Rule]) -> Check | None:
        if not rules:
            return None
        demand = f"Member {_demands(shape.member, rules, not_null=shape.name in _NOT_NULL)}"
        holds = _all_hold(rules)

        def check(value: Any, path: str, found: list[str]) -> None:
            for item in value:
                if item is not None and not holds(item):
                    found.append(_complaint(value, shape, path, demand, hide=self._hide))
                    return

        return check

    def _map(self, shape: Shape) -> Check | None:
        check = self._by_rules(shape, self._sizes(shape))
        check = _both(check, self._plain_parts(shape, "keys", self._plain(shape.key)))
        if shape.value.name in self._opaque:
            return check
        check = _both(check, _no_nulls(shape, shape.value))
        if shape.value.type not in ("structure", "list", "map"):
            return _both(check, self._plain_parts(shape, "value", self._plain(shape.value)))
        if shape.value.type == "list":
            check = _both(check, self._plain_parts(shape, "value", self._sizes(shape.value)))
            inner = self._items(shape.value)
        else:
            inner = self.of(shape.value)
        return _both(check, None if inner is None else _each_value(inner))

    def _plain_parts(self, shape: Shape, role: str, rules: list[_Rule]) -> Check | None:
        if not rules:
            return None
        part = shape.key if role == "keys" else shape.value
        not_null = role == "value" and shape.name in _NOT_NULL
        demand = f"Map {role} {_demands(part, rules, not_null=not_null)}"
        holds = _all_hold(rules)

        def check(value: Any, path: str, found: list[str]) -> None:
            for part in value if role == "keys" else value.values():
                if part is not None and not holds(part):
                    found.append(_complaint(value, shape, path, demand, hide=self._hide))
                    return

        return check


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, path: str, found: list[str]) -> None:
        first(value, path, found)
        second(value, path, found)

    return check


def _no_nulls(shape: Shape, part: Shape) -> Check | None:
    """JSON can write null among a list's items or a map's values; only sparse ones may hold it."""
    if shape.traits.get("sparse") or part.document:
        return None
    listed = shape.type == "list"

    def check(value: Any, path: str, found: list[str]) -> None:
        if None in (value if listed else value.values()):
            entries = enumerate(value, 1) if listed else value.items()
            for name, item in entries:
                if item is None:
                    where = f"{path}.{name}.member"
                    found.append(_complaint(None, part, where, "Member must not be null"))

    return check


def _each_item(inner: Check) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        for number, item in enumerate(value, 1):
            if item is not None:
                inner(item, f"{path}.{number}.member", found)

    return check


def _each_value(inner: Check) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        for key, item in value.items():
            if item is not None:
                inner(item, f"{path}.{key}.member", found)

    return check


def _structure_check(
    required: list[tuple[str, str, Shape]], table: dict[str, tuple[str, Check]]
) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        prefix = f"{path}." if path else ""
        for name, camel, member in required:
            if value.get(name) is None:
                demand = "Member must not be null"
                found.append(_complaint(None, member, prefix + camel, demand))
        for name, item in value.items():
            entry = table.get(name)
            if entry is not None and item is not None:
                entry[1](item, prefix + entry[0], found)

    return check


def _report(found: list[str]) -> str:
    plural = "s" if len(found) > 1 else ""
    return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"


_HIDES_VALUES = {"iam"}
"""IAM names the member and the demand, never the value."""

_PREFIXES_BODY = {"apigateway"}
"""API Gateway writes `createRestApiInput.` before members that came in the body."""


_HAVE_A_WORD_OF_THEIR_OWN = {"logs"}
"""CloudWatch Logs says InvalidParameterException, where the operation has that error."""


_CHECKED_BY_HANDLERS = {
    ("s3", "SelectObjectContent"): frozenset(
        {"Expression", "ExpressionType", "InputSerialization", "OutputSerialization"}
    ),
    ("lambda", "CreateFunction"): frozenset({"Runtime"}),
    ("lambda", "UpdateFunctionConfiguration"): frozenset({"Runtime"}),
    ("s3control", "CreateAccessPoint"): frozenset({"Name", "Tags"}),
    ("s3control", "TagResource"): frozenset({"Tags", "ResourceArn"}),
    ("s3control", "UntagResource"): frozenset({"ResourceArn"}),
    ("s3control", "ListTagsForResource"): frozenset({"ResourceArn"}),
}
"""Members that AWS checks after all others, with another error, or by another rule than its model's (recorded)."""


class MissingRequestBodyError(AwsError):
    code = "MissingRequestBodyError"
    message = "Request Body is empty"


class InvalidParameterException(AwsError):
    code = "InvalidParameterException"
    message = "{detail}"


class InvalidInput(AwsError):
    code = "InvalidInput"
    message = "{detail}"


_ENUMERATIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "dynamodb": dynamodb_words.ENUMERATIONS,
    "lambda": {
        "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
        "InvokeMode": ("RESPONSE_STREAM", "BUFFERED"),
        "RecursiveLoop": ("Terminate", "Allow"),
    },
}
"""Told in another order than the model's, by service and shape."""


def validator(
    operation: Operation, protocol: str, opaque: frozenset[str] = frozenset()
) -> Validate:
    """Compile an operation's check of its input; opaque shapes are the service's own to check.

    S3 checks only that nothing required is missing; all other rules of its own come from its handlers.
    The check raises: ValidationException; ValidationError in the query protocols; InvalidInput in
    rest-xml; InvalidParameterException of CloudWatch Logs; S3's MalformedXML,
    MissingRequestBodyError or InvalidArgument.
    """
    shape = operation.input
    if shape is None:
        return lambda params: None
    service = operation.model.name
    left_out = _CHECKED_BY_HANDLERS.get((service, operation.name), frozenset())
    if service == "s3":
        return _s3_validator(shape, left_out)
    prefix = f"{_camel(operation.name)}Input." if service in _PREFIXES_BODY else ""
    compiler = _Compiler(
        hide=service in _HIDES_VALUES,
        opaque=opaque,
        enumerations=_ENUMERATIONS.get(service),
    )
    check = compiler.input(shape, prefix, left_out)
    error: type[AwsError] = ValidationException
    if protocol in ("query", "ec2"):
        error = ValidationError
    elif protocol == "rest-xml":
        error = InvalidInput
    elif service in _HAVE_A_WORD_OF_THEIR_OWN and _names_error(
        operation, InvalidParameterException
    ):
        error = InvalidParameterException

    def validate(params: Mapping[str, Any]) -> None:
        found: list[str] = []
        check(params, "", found)
        if found and service == "dynamodb":
            raise error(detail=dynamodb_words.report(operation.name, params, found))
        if found:
            raise error(detail=_report(found))

    return validate


def _names_error(operation: Operation, error: type[AwsError]) -> bool:
    listed: list[dict[str, str]] = operation.traits.get("errors", [])
    return any(one["shape"] == error.__name__ for one in listed)


def _s3_validator(shape: Shape, left_out: frozenset[str]) -> Validate:
    payload: str | None = shape.traits.get("payload")
    required = [name for name in shape.required if name not in left_out]
    body = None
    if payload is not None and shape.members[payload].type == "structure":
        body = _Compiler(required_only=True).structure(shape.members[payload])

    def validate(params: Mapping[str, Any]) -> None:
        for name in required:
            if params.get(name) is None:
                if name == payload:
                    raise MissingRequestBodyError()
                wire = shape.members[name].location_name or name
                raise InvalidArgument(detail=f"The request must have {wire}.")
        document = params.get(payload) if payload else None
        if body is not None and document is not None:
            found: list[str] = []
            body(document, "", found)
            if found:
                raise MalformedXML()

    return validate
