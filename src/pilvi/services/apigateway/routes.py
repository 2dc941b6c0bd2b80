"""Which route answers a request? Path templates and their order, for HTTP APIs and REST APIs. Pure.

A template is made of fixed segments, `{name}` (one segment) and, last, `{name+}` (the rest, at least one
segment). Of all templates that fit a path the most specific wins: segment by segment, fixed before `{name}`
before `{name+}`.

HTTP APIs choose among the routes whose method fits; `ANY` comes behind the method itself, `$default` last.
REST APIs choose the resource first: when it lacks the method, the request has no route.
AWS: API Gateway Developer Guide, "Create routes for HTTP APIs" (routing API requests); "Set up REST API
methods" (greedy path variables).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD")
ANY = "ANY"

_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")
_FIXED, _ONE, _REST = range(3)


@dataclass(frozen=True, slots=True)
class Template:
    text: str
    segments: tuple[tuple[int, str], ...]
    """(kind, fixed text or variable name) of each."""

    @property
    def rank(self) -> tuple[int, ...]:
        """Less is more specific, among templates that fit the same path."""
        return tuple(kind for kind, _ in self.segments)

    @property
    def fixed(self) -> bool:
        return all(kind == _FIXED for kind, _ in self.segments)

    def fit(self, segments: list[str]) -> dict[str, str] | None:
        """The variables, when the segments of a path fit; else None."""
        variables: dict[str, str] = {}
        for position, (kind, text) in enumerate(self.segments):
            if kind == _REST:
                rest = "/".join(segments[position:])
                return {**variables, text: rest} if rest else None
            if position >= len(segments):
                return None
            if kind == _ONE:
                if not segments[position]:
                    return None
                variables[text] = segments[position]
            elif unquote(segments[position]) != text:
                return None
        return variables if len(segments) == len(self.segments) else None


def parse_template(path: str) -> Template:
    """Raises: ValueError when `path` is no template; the text says why."""
    if not path.startswith("/"):
        raise ValueError("a path begins with a slash")
    segments: list[tuple[int, str]] = []
    names: set[str] = set()
    for text in split(path):
        if segments and segments[-1][0] == _REST:
            raise ValueError("a greedy path variable comes last")
        match = _VARIABLE.fullmatch(text)
        if match is None:
            if "{" in text or "}" in text:
                raise ValueError(f"{text} is no path variable")
            segments.append((_FIXED, text))
            continue
        if match[1] in names:
            raise ValueError(f"the path variable {match[1]} occurs twice")
        names.add(match[1])
        segments.append((_REST if match[2] else _ONE, match[1]))
    return Template(path, tuple(segments))


def split(path: str) -> list[str]:
    """The segments of a path; none for "/"."""
    return path[1:].split("/") if len(path) > 1 else []


class RouteTable(Generic[T]):
    """Routes of one deployment, ready to be chosen from. Fixed paths are found at once.

    Paths are raw: an encoded slash parts no segments. Fixed segments are compared decoded.
    """

    def __init__(self, routes: Iterable[tuple[str, str, T]], default: T | None = None) -> None:
        """`routes`: (method or ANY, path template, whatever answers)."""
        by_path: dict[str, dict[str, T]] = defaultdict(dict)
        for method, path, answer in routes:
            by_path[path][method] = answer
        found = sorted(((parse_template(path), path) for path in by_path), key=lambda t: t[0].rank)
        self._fixed = {path: by_path[path] for t, path in found if t.fixed}
        self._open = [(t, by_path[path]) for t, path in found if not t.fixed]
        self._all = [(t, by_path[path]) for t, path in found]
        self._default = default

    def choose(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """As an HTTP API does: the most specific route whose method fits."""
        for methods, variables in self._fitting(path):
            answer = methods.get(method, methods.get(ANY))
            if answer is not None:
                return answer, variables
        return None if self._default is None else (self._default, {})

    def choose_resource(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """As a REST API does: the most specific resource, and its method or nothing.

        A trailing slash makes no difference.
        """
        trimmed = path.rstrip("/") or "/"
        for methods, variables in self._fitting(trimmed):
            answer = methods.get(method, methods.get(ANY))
            return None if answer is None else (answer, variables)
        return None

    def _fitting(self, path: str) -> Iterable[tuple[dict[str, T], dict[str, str]]]:
        fixed = self._fixed.get(path)
        if fixed is not None:
            yield fixed, {}
        segments = split(path)
        for template, methods in self._all if "%" in path else self._open:
            variables = template.fit(segments)
            if variables is not None:
                yield methods, variables
