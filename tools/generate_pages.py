"""Write docs/services/*.md: for every service what is built, what is accepted without effect, what is refused.

    python tools/generate_pages.py           write them
    python tools/generate_pages.py --check   fail when they are not what would be written

An operation is built when it has a handler. A member is refused when the service's code never names it (the kit
then refuses it by name), or names it in a constant called ..._UNBUILT.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from pilvi import app
from pilvi.identity.actions import find_table, keys_about
from pilvi.kit.service import Operation, Service
from pilvi.languages.policy import family_of
from pilvi.protocol import ServiceModel, service_model

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "services"
_UNBUILT = "UNBUILT"


def pages() -> dict[str, str]:
    """File name -> text."""
    found = {name: _service(place) for name, place in sorted(app.SERVICES.items())}
    texts = {f"{name}.md": _page(service) for name, service in found.items()}
    texts["README.md"] = _index(found)
    return texts


def _service(place: str) -> Service:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _index(services: dict[str, Service]) -> str:
    lines = [
        "# What is built",
        "",
        "Generated from the code by `make pages`. An operation or member that is not built is refused by",
        "name (`NotImplemented`, status 501): nothing is pretended.",
        "",
        "| service | operations built | of |",
        "| --- | ---: | ---: |",
    ]
    for name, service in services.items():
        known = len(service_model(name).operation_names)
        title = _title(service_model(name))
        lines.append(f"| [{title}]({name}.md) | {len(service.operations)} | {known} |")
    return "\n".join(lines) + "\n"


def _title(model: ServiceModel) -> str:
    metadata = model.metadata
    return metadata.get("serviceAbbreviation", metadata["serviceFullName"])


def _page(service: Service) -> str:
    model = service_model(service.name)
    named, unbuilt = _names_in(service)
    lines = [
        f"# {_title(model)}",
        "",
        "Generated from the code by `make pages`.",
        "",
        f"{len(service.operations)} of {len(model.operation_names)} operations are built.",
        "",
    ]
    notes = importlib.import_module(next(iter(_modules(service)))).__doc__
    if notes and "\n" in notes.strip():
        lines += [notes.strip().split("\n", 1)[1].strip(), ""]
    lines += [
        "## Built",
        "",
        "| operation | permission | accepted without effect | refused members |",
        "| --- | --- | --- | --- |",
    ]
    for name in sorted(service.operations):
        lines.append(_row(service.operations[name], model, named - unbuilt))
    lines += _condition_keys(service)
    missing = [name for name in model.operation_names if name not in service.operations]
    if missing:
        lines += ["", "## Refused by name", "", ", ".join(f"`{name}`" for name in sorted(missing))]
    return "\n".join(lines) + "\n"


def _condition_keys(service: Service) -> list[str]:
    """Those beside the global ones that AWS tells of the operations that are built, in AWS's spelling."""
    table = find_table(service.prefix or service.name)
    spelling = {} if table is None else {key.lower(): key for key in table.keys}
    known: set[str] = set()
    for operation in service.operations.values():
        known |= keys_about(operation.action) or set()
    known |= service.known_keys
    told = {key for key in known if key in service.known_keys or key in _OF_REQUESTS}
    told |= {key for key in known if family_of(key) in service.known_keys}
    untold = known - told
    lines: list[str] = []
    for title, keys in (("Condition keys", told), ("Condition keys refused by name", untold)):
        own = sorted(spelling[key] for key in keys if key in spelling)
        if own:
            lines += ["", f"## {title}", "", ", ".join(f"`{key}`" for key in own)]
    return lines


_OF_REQUESTS = frozenset({"aws:requesttag/*", "aws:tagkeys"})
"""Told by the kit, wherever `Acts.tags` says."""


def _row(operation: Operation, model: ServiceModel, named: set[str]) -> str:
    shape = model.operation(operation.name).input
    members = {} if shape is None else shape.members
    streamed = {name for name, member in members.items() if member.streaming}
    accepted = "; ".join(f"`{m}`: {reason}" for m, reason in sorted(operation.accepted.items()))
    refused = set(members) - named - set(operation.accepted) - streamed
    return (
        f"| {operation.name} | `{operation.action}` | {accepted} "
        f"| {', '.join(f'`{member}`' for member in sorted(refused))} |"
    )


def _modules(service: Service) -> list[str]:
    """Modules of the service's folder, its package first."""
    place = app.SERVICES[service.name].partition(":")[0]
    folder = Path(importlib.import_module(place).__file__ or "").parent
    below = sorted(p for p in folder.rglob("*.py") if p.name not in ("__init__.py", "wire.py"))
    names = [".".join(p.relative_to(folder).with_suffix("").parts) for p in below]
    return [place, *(f"{place}.{name}" for name in names)]


def _names_in(service: Service) -> tuple[set[str], set[str]]:
    """The texts that the service's own code asks requests for, and those that it keeps to refuse."""
    named: set[str] = set()
    unbuilt: set[str] = set()
    for module in map(importlib.import_module, _modules(service)):
        tree = ast.parse(Path(module.__file__ or "").read_text())
        for statement in tree.body:
            if not _is_of_the_unbuilt(statement):
                named |= {
                    node.value
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                }
        for name, value in vars(module).items():
            if isinstance(value, dict | set | frozenset | tuple | list):
                texts = {one for one in cast("Iterable[object]", value) if isinstance(one, str)}
                (unbuilt if _UNBUILT in name else named).update(texts)
    return named, unbuilt


def _is_of_the_unbuilt(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(target, ast.Name) and _UNBUILT in target.id for target in targets)


def main() -> None:
    texts = pages()
    if "--check" in sys.argv:
        stale = [n for n, t in texts.items() if not _same(PAGES / n, t)]
        stale += [p.name for p in PAGES.glob("*.md") if p.name not in texts]
        if stale:
            sys.exit(f"stale pages: {', '.join(stale)}; run `make pages`")
        return
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in PAGES.glob("*.md"):
        path.unlink()
    for name, text in texts.items():
        (PAGES / name).write_text(text)


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    main()
