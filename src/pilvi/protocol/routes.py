"""Which operation a request asks for: by target header, by action, by RPC path, or by method and path.

REST routes are compiled once per service: grouped by path template, the most specific first. Within a
template, literal query parameters (`?uploads`) and required query or header members tell operations
apart, the most demanding first: a PUT on a key with `partNumber` is a part, with `x-amz-copy-source` a copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from pilvi.base.http import HttpRequest
from pilvi.protocol.model import Operation, ServiceModel
from pilvi.protocol.unreadable import Unreadable

Query = dict[str, list[str]]
QUERY_FIELDS_MAX = 1000
FORM_FIELDS_MAX = 50_000


class Match(msgspec.Struct):
    """`labels`: the path's parts by label, decoded once; in the query protocols, the form's fields.
    `query`: the query string's fields, decoded, each with its values in order of arrival.
    """

    operation: str
    labels: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    query: Query = msgspec.field(default_factory=dict[str, list[str]])


Route = Callable[[HttpRequest], Match | None]


def parse_query(query: str, fields_max: int = QUERY_FIELDS_MAX) -> Query:
    """Raises: Unreadable (not UTF-8, or too many fields)."""
    result: Query = {}
    if not query:
        return result
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=fields_max)
    except ValueError as wrong:
        raise Unreadable(f"The query string cannot be read: {wrong}", place="query") from None
    for key, value in pairs:
        result.setdefault(key, []).append(value)
    return result


def parse_form(request: HttpRequest) -> dict[str, str]:
    """The parameters of a query-protocol request, from its body or, for GET, its query string.

    Raises: Unreadable.
    """
    try:
        text = request.body.decode("utf-8") if request.body else request.query
    except UnicodeDecodeError:
        raise Unreadable("The request body is not UTF-8.") from None
    return {key: values[-1] for key, values in parse_query(text, FORM_FIELDS_MAX).items()}


def target_route(model: ServiceModel) -> Route:
    """The JSON protocol: `X-Amz-Target: Prefix.Operation`."""
    prefix = model.metadata["targetPrefix"] + "."
    matches = {prefix + name: name for name in model.operation_names}

    def route(request: HttpRequest) -> Match | None:
        name = matches.get(request.headers.get("x-amz-target", ""))
        return None if name is None else Match(name)

    return route


def action_route(model: ServiceModel) -> Route:
    """The query and ec2 protocols: `Action=Operation` in the form."""
    names = frozenset(model.operation_names)

    def route(request: HttpRequest) -> Match | None:
        form = parse_form(request)
        name = form.get("Action", "")
        if name not in names:
            return None
        return Match(name, form)

    return route


def rpc_route(model: ServiceModel) -> Route:
    """Smithy's RPC v2: `/service/X/operation/Y`; what stands before and X itself do not matter."""
    names = frozenset(model.operation_names)

    def route(request: HttpRequest) -> Match | None:
        parts = request.path.rsplit("/", 4)
        if len(parts) != 5 or parts[1] != "service" or parts[3] != "operation":
            return None
        return Match(parts[4]) if parts[4] in names else None

    return route


class _Candidate(NamedTuple):
    operation: str
    literals: tuple[tuple[str, str | None], ...]
    queries: tuple[str, ...]
    headers: tuple[str, ...]
    deprecated: bool
    keys: frozenset[str]
    """The parameters that it must have."""

    def literally(self, query: Query) -> bool:
        for key, value in self.literals:
            if key not in query or (value is not None and value not in query[key]):
                return False
        return True

    def fully(self, request: HttpRequest, query: Query) -> bool:
        for name in self.headers:
            if name not in request.headers:
                return False
        for key in self.queries:
            if key not in query:
                return False
        return not self.literals or self.literally(query)

    @property
    def order(self) -> tuple[int, int, bool]:
        demands = len(self.queries) + len(self.headers)
        return (-len(self.literals), -demands, self.deprecated)


@dataclass(slots=True)
class _Template:
    """One path template of one method, and the operations that share it."""

    pattern: re.Pattern[str]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    candidates: list[_Candidate] = field(default_factory=list[_Candidate])
    bare: list[_Candidate] = field(default_factory=list[_Candidate])
    """Those that ask nothing of the query string: when there is none, only they can be meant."""
    telling: frozenset[str] = frozenset()
    """Parameters that name what is meant, of S3. An operation that does not know such a one is never meant with it:
    deleting the list of a bucket, which there is no operation for, must not delete the bucket."""

    def add(self, operation: str, labels: tuple[str, ...], candidate: _Candidate) -> None:
        self.labels[operation] = labels
        for known in (self.candidates, self.bare):
            if known is self.candidates or not (candidate.literals or candidate.queries):
                known.append(candidate)
                known.sort(key=lambda one: one.order)

    def choose(self, request: HttpRequest, query: Query) -> _Candidate | None:
        if not query:
            for candidate in self.bare:
                if candidate.fully(request, query):
                    return candidate
        named = self.telling & query.keys() if query else frozenset[str]()
        for candidate in self.candidates if query else ():
            if candidate.fully(request, query) and named <= candidate.keys:
                return candidate
        # Nobody has all that it requires: the least demanding one will say what is missing.
        possible = [
            candidate
            for candidate in self.candidates
            if candidate.literally(query)
            and named <= candidate.keys
            and (named or not self.telling or not candidate.queries)
        ]
        if not possible:
            return None
        return min(possible, key=lambda found: (found.order[0], -found.order[1], found.order[2]))


_LABEL = re.compile(r"\{([^}]+)\}")


def _compile_template(path: str) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """A regular expression, the labels in order, and a rank that sorts the specific before the general."""
    pattern, labels, rank = "", list[str](), list[int]()
    for segment in path.strip("/").split("/"):
        pattern += "/"
        pieces = _LABEL.split(segment)
        greedy = False
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                pattern += re.escape(piece)
            elif piece.endswith("+"):
                pattern += "(.+)"
                labels.append(piece[:-1])
                greedy = True
            else:
                pattern += "([^/]+)"
                labels.append(piece)
        rank.append(2 if greedy else min(len(pieces) - 1, 1))
    if 2 not in rank:
        pattern += "/?" if pattern != "/" else ""
    return pattern, tuple(labels), tuple(rank)


def _candidate(operation: Operation, literal_query: str) -> _Candidate:
    literals = list[tuple[str, str | None]]()
    for piece in literal_query.split("&") if literal_query else ():
        key, equals, value = piece.partition("=")
        literals.append((unquote(key), unquote(value) if equals else None))
    queries, headers = list[str](), list[str]()
    if operation.input is not None:
        members = operation.input.members
        for name in operation.input.required:
            member = members[name]
            wire = member.location_name or name
            if member.location == "querystring" and member.type != "map":
                queries.append(wire)
            elif member.location == "header":
                headers.append(wire.lower())
    return _Candidate(
        operation.name,
        tuple(literals),
        tuple(queries),
        tuple(headers),
        operation.deprecated,
        frozenset(queries) | {key for key, _ in literals},
    )


_NAMING_NOTHING = frozenset({"list-type", "x-id"})
_OF_UPLOADS = frozenset({"uploadId", "partNumber"})


def _tell_apart(templates: list[tuple[str, _Template]]) -> None:
    """S3's subresources, and what parts and uploads are named by. HEAD tells nothing and changes nothing."""
    everywhere = {
        key
        for _, template in templates
        for candidate in template.candidates
        for key, _ in candidate.literals
    } - _NAMING_NOTHING
    for method, template in templates:
        if method != "HEAD":
            required = {key for one in template.candidates for key in one.queries}
            template.telling = frozenset(everywhere | (required & _OF_UPLOADS))


class _RestRouter:
    def __init__(self, model: ServiceModel) -> None:
        self._by_depth: dict[tuple[str, int], list[_Template]] = {}
        """(method, number of segments) -> templates without a greedy label, most specific first."""
        self._greedy: dict[str, list[_Template]] = {}
        ranked = dict[tuple[str, str], tuple[tuple[int, ...], _Template]]()
        for operation in model.operations():
            path, _, literal_query = operation.uri.partition("?")
            path = path.partition("#")[0]
            pattern, labels, rank = _compile_template(path)
            key = (operation.method, pattern)
            if key not in ranked:
                ranked[key] = (rank, _Template(re.compile(pattern)))
            ranked[key][1].add(operation.name, labels, _candidate(operation, literal_query))
        if model.name == "s3":
            _tell_apart([(method, template) for (method, _), (_, template) in ranked.items()])
        for (method, _), (rank, template) in sorted(
            ranked.items(), key=lambda entry: (entry[1][0].count(2), entry[1][0])
        ):
            if 2 in rank:
                self._greedy.setdefault(method, []).append(template)
            else:
                self._by_depth.setdefault((method, len(rank)), []).append(template)
        for templates in self._greedy.values():
            templates.sort(key=lambda template: -template.pattern.pattern.count("/"))

    def __call__(self, request: HttpRequest) -> Match | None:
        path = request.path or "/"
        query = parse_query(request.query)
        depth = path.count("/") - (path.endswith("/") and len(path) > 1)
        for template in self._by_depth.get((request.method, depth), ()):
            match = self._try(template, path, query, request)
            if match is not None:
                return match
        for template in self._greedy.get(request.method, ()):
            match = self._try(template, path, query, request)
            if match is not None:
                return match
        return None

    def _try(
        self, template: _Template, path: str, query: Query, request: HttpRequest
    ) -> Match | None:
        found = template.pattern.fullmatch(path)
        if found is None:
            return None
        candidate = template.choose(request, query)
        if candidate is None:
            return None
        labels = template.labels[candidate.operation]
        try:
            decoded = [unquote(part, errors="strict") for part in found.groups()]
        except UnicodeDecodeError:
            raise Unreadable("The path is not UTF-8.", place="uri") from None
        return Match(candidate.operation, dict(zip(labels, decoded, strict=True)), query)


def rest_route(model: ServiceModel) -> Route:
    """Method, raw path and query string. A slash at the end does not matter, save in a greedy label."""
    return _RestRouter(model)
