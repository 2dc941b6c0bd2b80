"""Writes the `wire.py` of every service: typed dicts for what its operations take and give.

    python tools/generate_wire.py           write what has changed
    python tools/generate_wire.py --check   write nothing; end with status 1 when a file is not as it would be

The operations are those that the `acts` of the services in a folder name. A streaming payload is no member
of a request: the handler reads it as a stream.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pilvi import app
from pilvi.kit.service import Service
from pilvi.protocol import Shape, service_model

ROOT = Path(__file__).parent.parent

FILES_OF_THEIR_OWN = {
    "apigateway": "wire_rest.py",
    "apigatewayv2": "wire_http.py",
    "dynamodbstreams": "wire_streams.py",
    "s3control": "wire_control.py",
}
"""Services that share a folder but whose shapes of one name differ; all others have the folder's wire.py."""

_SCALARS = {
    "string": "str",
    "character": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "timestamp": "EpochMs",
    "blob": "bytes",
}


class _Writer:
    """Collects the typed dicts of some operations, under names that are unique in the file."""

    def __init__(self, opaque: frozenset[str]) -> None:
        self._opaque = opaque
        self._names: dict[tuple[str, str], str] = {}
        self._bodies: dict[str, tuple[str, str]] = {}
        """Class name -> source, and the body by which equal shapes of two services are found."""
        self.aliases: set[str] = set()
        self._taken: dict[str, str] = {}

    def add(self, shape: Shape, *, request: bool) -> str:
        """The name of a structure's typed dict, which is written when it is first asked for."""
        known = self._names.get((shape.model.name, shape.name))
        if known is not None:
            return known
        name = shape.name.lstrip("_")
        name = name[:1].upper() + name[1:]
        if self._taken.get(name, shape.model.name) != shape.model.name and not self._same(
            name, shape
        ):
            name = f"{shape.model.name.title().replace('-', '')}{name}"
        self._taken.setdefault(name, shape.model.name)
        self._names[shape.model.name, shape.name] = name
        members = {
            member_name: self._annotation(shape, member_name, member, request=request)
            for member_name, member in shape.members.items()
            if not (request and member.streaming)
        }
        self._bodies[name] = (_source(name, members), _fingerprint(shape))
        return name

    def _same(self, name: str, shape: Shape) -> bool:
        """Whether two services' shapes of one name are one: they have the same members."""
        return name in self._bodies and self._bodies[name][1] == _fingerprint(shape)

    def _annotation(self, owner: Shape, name: str, member: Shape, *, request: bool) -> str:
        text = self._type(member, request=request)
        return f"Required[{text}]" if name in owner.required else text

    def _type(self, shape: Shape, *, request: bool) -> str:
        if shape.name in self._opaque:
            self.aliases.add(shape.name)
            return shape.name
        if shape.document:
            return "Any"
        if shape.type == "structure":
            name = self.add(shape, request=request)
            return f"AsyncIterator[{name}]" if shape.event_stream else name
        if shape.type == "list":
            return f"list[{self._type(shape.member, request=request)}]"
        if shape.type == "map":
            return f"dict[str, {self._type(shape.value, request=request)}]"
        if shape.type == "blob" and shape.streaming:
            return "bytes | AsyncIterator[bytes]"
        return _SCALARS[shape.type]

    def sources(self) -> Iterable[str]:
        return (self._bodies[name][0] for name in sorted(self._bodies))


def _fingerprint(shape: Shape) -> str:
    members = ((name, member.name, member.type) for name, member in shape.members.items())
    return repr((sorted(members), sorted(shape.required)))


def _source(name: str, members: dict[str, str]) -> str:
    if all(member.isidentifier() and not keyword.iskeyword(member) for member in members):
        lines = [f"    {member}: {annotation}" for member, annotation in members.items()]
        return f"class {name}(TypedDict, total=False):\n" + ("\n".join(lines) or "    pass") + "\n"
    # Names that Python cannot spell as attributes.
    entries = ", ".join(f'"{member}": "{annotation}"' for member, annotation in members.items())
    return f'{name} = TypedDict("{name}", {{{entries}}}, total=False)\n'


def generate(services: Sequence[Service]) -> str:
    """The source of a `wire.py`, formatted. Raises: KeyError for an operation that the model does not have."""
    writer = _Writer(frozenset(shape for service in services for shape in service.opaque))
    for service in services:
        for name in sorted(service.acts):
            operation = service_model(service.name).operation(name)
            if operation.input is not None:
                writer.add(operation.input, request=True)
            if operation.output is not None:
                writer.add(operation.output, request=False)
    body = "\n\n".join(writer.sources())
    aliases = "".join(f"{name} = Any\n" for name in sorted(writer.aliases))
    used = set(re.findall(r"\w+", body + aliases))
    typing = [name for name in ("Any", "Required", "TypedDict") if name in used]
    lines = ['"""Generated by tools/generate_wire.py from botocore\'s models; do not edit."""\n']
    lines.append("from __future__ import annotations\n")
    if "AsyncIterator[" in body:
        lines.append("from collections.abc import AsyncIterator")
    if typing:
        lines.append(f"from typing import {', '.join(typing)}\n")
    if "EpochMs" in used:
        lines.append('EpochMs = int\n"""An instant: milliseconds since the epoch."""\n')
    return _formatted("\n".join(lines) + "\n" + aliases + "\n\n" + body)


def _formatted(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


class _AnyNames(ModuleType):
    """Stands for a wire file while the services are imported: handlers may name what is not written there yet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return dict[str, Any]


def _stand_in_for_wire_files() -> None:
    for place in app.SERVICES.values():
        package = place.partition(":")[0]
        for name in ("wire.py", *FILES_OF_THEIR_OWN.values()):
            module = f"{package}.{name.removesuffix('.py')}"
            sys.modules[module] = _AnyNames(module)


def files() -> Mapping[Path, list[Service]]:
    """Each wire file of the program, and the services that it is for."""
    _stand_in_for_wire_files()
    found: dict[Path, list[Service]] = {}
    for name, place in app.SERVICES.items():
        module_name, _, attribute = place.partition(":")
        module = importlib.import_module(module_name)
        assert module.__file__ is not None
        path = Path(module.__file__).parent / FILES_OF_THEIR_OWN.get(name, "wire.py")
        found.setdefault(path, []).append(getattr(module, attribute))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the typed dicts of all services.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, tell what is not current"
    )
    check = parser.parse_args().check
    stale = False
    for path, services in files().items():
        source = generate(services)
        if not path.exists() or path.read_text() != source:
            stale = True
            print(f"{path.relative_to(ROOT)} is not current", file=sys.stderr)
            if not check:
                path.write_text(source)
    if check and stale:
        sys.exit("run `make wire`")


if __name__ == "__main__":
    main()
