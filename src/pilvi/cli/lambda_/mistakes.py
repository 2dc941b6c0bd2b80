"""What is probably wrong with a function's code, and what to do: said before it is deployed.

Looks at the files of a package, whether they lie in a folder or in a zip file.
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping

Files = Mapping[str, Callable[[int], bytes]]
"""By name, with slashes: what reads so many bytes of it, or all with `ALL`."""
ALL = -1

_MACHINES = {62: "x86_64", 183: "arm64"}
"""Numbers of the ELF format (e_machine), as Lambda calls them."""
_TAG = re.compile(r"\.cpython-3(\d+)-[^/]*\.so$")
_ELF_HEAD_BYTES = 20
_AT_RUN_TIME = (b"globals(", b"vars(", b"exec(", b"__getattr__", b"setattr(")
"""By which names come to be that a reader cannot see."""
_RUBY_AT_RUN_TIME = re.compile(
    rb"\b(define_method|\w*eval|require_relative|load|include|extend|alias|alias_method|method_missing)\b(?!\?)"
    rb"|delegat|\battr_|class[ \t]+(?:[\w:]+[ \t]*)?<"
)
_RUBY_METHOD = re.compile(rb"^[ \t]*(?:[a-z_]+[ \t]+)?def[ \t]+(?:self\.)?(\w+[?!]?)", re.MULTILINE)
_RUBY_METHOD_AT_TOP = re.compile(rb"^def[ \t]+(\w+[?!]?)", re.MULTILINE)
_LIBRARIES_MAX = 2000
_NODE_ENDINGS = (".mjs", ".js", ".cjs")


def files_of(archive: zipfile.ZipFile) -> Files:
    def reader(name: str) -> Callable[[int], bytes]:
        def read(size: int) -> bytes:
            with archive.open(name) as file:
                return file.read(size)

        return read

    return {name: reader(name) for name in archive.namelist() if not name.endswith("/")}


def find_mistakes(files: Files, runtime: str, handler: str, architecture: str) -> list[str]:
    """What will not work, a sentence each; the code is only read."""
    found = [
        *mistakes_of_handler(files, runtime, handler),
        *mistakes_of_libraries(files, runtime, architecture),
    ]
    if runtime.startswith("provided") and "bootstrap" not in files:
        found.append(
            _elsewhere(files, "bootstrap") or "there is no file `bootstrap`, which is what runs."
        )
    return found


def syntax_error(name: str, source: bytes) -> str | None:
    """Where a Python file is wrong."""
    try:
        compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as problem:
        place = f"{name}:{problem.lineno or 1}"
        line = (problem.text or "").rstrip()
        mark = ""
        if line:
            mark = f"\n    {line}\n    {' ' * max(0, (problem.offset or 1) - 1)}^"
        return f"{place}: {problem.msg}{mark}"
    except (ValueError, RecursionError, MemoryError) as problem:
        return f"{name}:1: {problem or 'it is too deeply nested'}"
    return None


def mistakes_of_handler(files: Files, runtime: str, handler: str) -> Iterator[str]:
    if not runtime.startswith(("python", "nodejs", "ruby")):
        return
    module, dot, function = handler.rpartition(".")
    if runtime.startswith("ruby"):
        module, *methods = handler.split(".")
        if len(methods) not in (1, 2):
            yield f"the handler {handler!r} is no FILE.METHOD and no FILE.CLASS.METHOD, as app.handler is."
            return
    if not dot:
        yield f"the handler {handler!r} is no FILE.FUNCTION, as app.handler is."
        return
    names = handler_files(module, runtime)
    name = next((name for name in names if name in files), None)
    if name is None:
        yield (
            _elsewhere(files, *names)
            or f"the handler is {handler}, and there is no file {names[0]}{_instead(files, runtime)}."
        )
        return
    if runtime.startswith("python"):
        defined = defined_names(files[name](ALL))
    elif runtime.startswith("ruby"):
        defined = defined_methods(files[name](ALL))
    else:
        return
    if defined is not None and function not in defined:
        shown = ", ".join(sorted(defined)[:8]) or "nothing"
        yield f"the handler is {handler}, and {name} defines no `{function}`: it has {shown}."


def handler_files(module: str, runtime: str) -> list[str]:
    """The files that a handler's module may be in, the usual one first."""
    if runtime.startswith("python"):
        path = module.replace(".", "/")
        return [f"{path}.py", f"{path}/__init__.py", f"{path}.pyc"]
    if runtime.startswith("ruby"):
        return [f"{module}.rb"]
    return [module + ending for ending in (".mjs", ".js", ".cjs")]


def defined_names(source: bytes) -> set[str] | None:
    """What a Python module has at its top; None when nobody can tell without running it."""
    if any(word in source for word in _AT_RUN_TIME):
        return None
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: set[str] = set()
    for node in _top(body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.ImportFrom() if any(alias.name == "*" for alias in node.names):
                return None
            case ast.Import() | ast.ImportFrom():
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            case ast.Assign():
                for target in node.targets:
                    names |= {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
            case ast.AnnAssign(target=ast.Name() as target):
                names.add(target.id)
            case ast.Expr(value=ast.Call()):
                pass
            case ast.Expr() | ast.Pass():
                pass
            case _:
                if any(_binds(one) for one in ast.walk(node)):
                    return None
    return names


def defined_methods(source: bytes, *, at_top: bool = False) -> set[str] | None:
    """What a Ruby file has, in classes too unless `at_top`; None when nobody can tell without running it."""
    if not at_top and _RUBY_AT_RUN_TIME.search(source):
        return None
    found = (_RUBY_METHOD_AT_TOP if at_top else _RUBY_METHOD).findall(source)
    return {name.decode("utf-8", "replace") for name in found}


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """With what stands under `if` and `try`."""
    for node in body:
        match node:
            case ast.If():
                yield from _top([*node.body, *node.orelse])
            case ast.Try():
                handlers = [one for handler in node.handlers for one in handler.body]
                yield from _top([*node.body, *handlers, *node.orelse, *node.finalbody])
            case ast.With() | ast.AsyncWith():
                yield from _top(node.body)
            case _:
                yield node


def _binds(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom | ast.Assign)


def _elsewhere(files: Files, *names: str) -> str | None:
    """The usual one: the folder was zipped, and not what is in it."""
    for name in names:
        deeper = sorted(
            (one for one in files if one.endswith(f"/{name}")), key=lambda one: one.count("/")
        )
        if deeper and "/node_modules/" not in deeper[0]:
            folder = deeper[0].removesuffix(f"/{name}")
            return (
                f"{name} is in the folder {folder}/ of the package, and must be at its top: "
                f"package {folder}, not what is around it."
            )
    return None


def _instead(files: Files, runtime: str) -> str:
    """Files that may have been meant."""
    endings = {"python": (".py",), "ruby": (".rb",)}.get(
        runtime.rstrip(".0123456789"), _NODE_ENDINGS
    )
    top = sorted(name for name in files if "/" not in name and name.endswith(endings))
    return f"; there is {', '.join(top[:6])}" if top else ""


def mistakes_of_libraries(files: Files, runtime: str, architecture: str) -> Iterator[str]:
    """Compiled files of another machine or another Python; of each kind one is told."""
    version = runtime.removeprefix("python3.") if runtime.startswith("python3.") else None
    libraries = [name for name in files if name.endswith((".so", ".node")) or ".so." in name]
    wrong_tag: list[str] = []
    wrong_machine: dict[str, list[str]] = {}
    here = {
        name[: match.start()]
        for name in libraries
        if (match := _TAG.search(name)) and match[1] == version
    }
    for name in libraries[:_LIBRARIES_MAX]:
        tag = _TAG.search(name)
        if version is not None and tag and tag[1] != version and name[: tag.start()] not in here:
            wrong_tag.append(name)
        machine = machine_of(files[name](_ELF_HEAD_BYTES))
        if machine is not None and machine != architecture:
            wrong_machine.setdefault(machine, []).append(name)
    for machine, names in wrong_machine.items():
        yield (
            f"{names[0]}{_and(names)} is compiled for {machine}, and the function runs on {architecture}: "
            f"package it with --arch {architecture}."
        )
    if wrong_tag and version is not None:
        match = _TAG.search(wrong_tag[0])
        assert match is not None
        yield (
            f"{wrong_tag[0]}{_and(wrong_tag)} is for Python 3.{match[1]}, and the function runs "
            f"under {runtime}: package it with --runtime {runtime}."
        )


def _and(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def machine_of(head: bytes) -> str | None:
    """What an ELF file was compiled for; `macOS` or `Windows` of theirs; None of all else."""
    if head.startswith(b"\x7fELF") and len(head) >= _ELF_HEAD_BYTES:
        number = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)[0]
        return _MACHINES.get(number, f"machine {number}")
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return "macOS"
    if head.startswith(b"MZ"):
        return "Windows"
    return None
