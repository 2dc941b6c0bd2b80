"""Write docs/services/*.md: for every service what is built, what is accepted without effect, what is refused.

    python tools/generate_pages.py           write them
    python tools/generate_pages.py --check   fail when they are not what would be written

An operation is built when it has a handler. A member is built when the service's code names it; the kit
refuses by name what a handler does not read, so a page cannot claim what the program does not do.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

from pilvi import app
from pilvi.kit.service import Operation, Service
from pilvi.protocol import ServiceModel, service_model

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "services"


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
    named = _names_in(service)
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
        lines.append(_row(service.operations[name], model, named))
    missing = [name for name in model.operation_names if name not in service.operations]
    if missing:
        lines += ["", "## Refused by name", "", ", ".join(f"`{name}`" for name in sorted(missing))]
    return "\n".join(lines) + "\n"


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


def _names_in(service: Service) -> set[str]:
    """Every text constant in the service's own code: what its handlers can ask a request for."""
    names: set[str] = set()
    for module in _modules(service):
        path = Path(importlib.import_module(module).__file__ or "")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names


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
