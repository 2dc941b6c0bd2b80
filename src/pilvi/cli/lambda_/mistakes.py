"""What is probably wrong with a function's code, and what to do: said before it is deployed, and when it has failed.

Looks at the files of a package, whether they lie in a folder or in a zip file.
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pilvi.base.errors import PilviError

Files = Mapping[str, Callable[[int], bytes]]
"""By name, with slashes: what reads so many bytes of it, or all with `ALL`."""
ALL = -1

_PACKAGES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "google.protobuf": "protobuf",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "lambda_powertools": "aws-lambda-powertools",
    "aws_lambda_powertools": "aws-lambda-powertools",
    "aws_xray_sdk": "aws-xray-sdk",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "multipart": "python-multipart",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "slugify": "python-slugify",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Modules whose packages have other names."""

_MISSING = re.compile(r"No module named '([^']+)'")
_MISSING_NODE = re.compile(r"Cannot find (?:module|package) '([^']+)'")
_WRONG_FILE = re.compile(
    r"invalid ELF header|wrong ELF class|cannot open shared object file|Exec format error|exec format error"
    r"|circular import\) \((/var/task[^)]*\.so|/opt[^)]*\.so)\)|No module named '[\w.]+\._\w+'"
)
_MACHINES = {62: "x86_64", 183: "arm64"}
"""Numbers of the ELF format (e_machine), as Lambda calls them."""
_TAG = re.compile(r"\.cpython-3(\d+)-[^/]*\.so$")
_ELF_HEAD_BYTES = 20
_AT_RUN_TIME = (b"globals(", b"vars(", b"exec(", b"__getattr__", b"setattr(")
"""By which names come to be that a reader cannot see."""
_LIBRARIES_MAX = 2000
_NODE_ENDINGS = (".mjs", ".js", ".cjs")


def files_of(archive: zipfile.ZipFile) -> Files:
    def reader(name: str) -> Callable[[int], bytes]:
        def read(size: int) -> bytes:
            with archive.open(name) as file:
                return file.read(size)

        return read

    return {name: reader(name) for name in archive.namelist() if not name.endswith("/")}


# --- before it is deployed


def find_mistakes(files: Files, runtime: str, handler: str, architecture: str) -> list[str]:
    """What will not work, a sentence each; the code is only read."""
    found = [*_of_handler(files, runtime, handler), *_of_libraries(files, runtime, architecture)]
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


def _of_handler(files: Files, runtime: str, handler: str) -> Iterator[str]:
    if not runtime.startswith(("python", "nodejs")):
        return
    module, dot, function = handler.rpartition(".")
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
        if defined is not None and function not in defined:
            shown = ", ".join(sorted(defined)[:8]) or "nothing"
            yield f"the handler is {handler}, and {name} defines no `{function}`: it has {shown}."


def handler_files(module: str, runtime: str) -> list[str]:
    """The files that a handler's module may be in, the usual one first."""
    if runtime.startswith("python"):
        path = module.replace(".", "/")
        return [f"{path}.py", f"{path}/__init__.py", f"{path}.pyc"]
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
    endings = (".py",) if runtime.startswith("python") else _NODE_ENDINGS
    top = sorted(name for name in files if "/" not in name and name.endswith(endings))
    return f"; there is {', '.join(top[:6])}" if top else ""


def _of_libraries(files: Files, runtime: str, architecture: str) -> Iterator[str]:
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


# --- when it has failed


def explain(
    answer: Any, function: Mapping[str, Any], open_files: Callable[[], Files]
) -> str | None:
    """What to do about the error that a function ended with. `open_files`: of its package; called when it matters."""
    if not isinstance(answer, dict):
        return None
    kind, text = str(answer.get("errorType")), str(answer.get("errorMessage"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    runtime, handler = function.get("Runtime", ""), function.get("Handler", "")
    name = function["FunctionName"]
    try:
        if "ImportModuleError" in kind or kind == "ModuleNotFoundError":
            return _of_import(text, runtime, handler, name, function, open_files)
        if kind in ("Runtime.HandlerNotFound", "Runtime.MalformedHandlerName"):
            return _first(_of_handler(open_files(), runtime, handler))
        if kind == "Runtime.InvalidEntrypoint" and runtime.startswith("provided"):
            return _first(find_mistakes(open_files(), runtime, handler, _architecture(function)))
    except PilviError:
        return None  # what is wrong is told already; only more could have been
    if kind == "Sandbox.Timedout" or "Task timed out" in text:
        return (
            f"It may take {function['Timeout']} s. More: aws lambda update-function-configuration "
            f"--function-name {name} --timeout 60"
        )
    if kind == "Runtime.OutOfMemory" or "signal: killed" in text:
        return (
            f"It has {function['MemorySize']} MB. More: aws lambda update-function-configuration "
            f"--function-name {name} --memory-size {function['MemorySize'] * 2}"
        )
    if kind == "Runtime.UserCodeSyntaxError":
        return "Nothing of the function ran; `pilvi lambda watch` tells of such before it deploys."
    return None


def _of_import(
    text: str,
    runtime: str,
    handler: str,
    name: str,
    function: Mapping[str, Any],
    open_files: Callable[[], Files],
) -> str | None:
    missing = (_MISSING if runtime.startswith("python") else _MISSING_NODE).search(text)
    if _WRONG_FILE.search(text):
        wrong = _first(_of_libraries(open_files(), runtime, _architecture(function)))
        if wrong is not None:
            return wrong
    if missing is None:
        return None
    module = missing[1]
    own = handler.rpartition(".")[0]
    if module in (own, own.partition(".")[0], own.replace(".", "/")):
        return _first(_of_handler(open_files(), runtime, handler))
    if runtime.startswith("nodejs"):
        if module.startswith((".", "/")):
            return (
                f"The package has no such file: is everything that {handler} needs in the folder?"
            )
        if module.startswith("aws-sdk"):
            return "Node.js 18 and later have version 3 of AWS's SDK, `@aws-sdk/client-...`, and no `aws-sdk`."
        return (
            f"`npm install {module}` in the function's folder, then "
            f"`pilvi lambda package DIR --deploy {name}`."
        )
    package = package_of(module)
    brings = f"`{module}` comes with the package {package}. " if package != module else ""
    return (
        f"{brings}Add {package} to requirements.txt in the function's folder, then "
        f"`pilvi lambda package DIR --deploy {name}`."
    )


def package_of(module: str) -> str:
    """The package that brings a module; of most it is the name itself."""
    for end in range(len(parts := module.split(".")), 0, -1):
        known = _PACKAGES.get(".".join(parts[:end]))
        if known is not None:
            return known
    return module.partition(".")[0]


def _first(sentences: Iterator[str] | list[str]) -> str | None:
    return next(iter(sentences), None)


def _architecture(function: Mapping[str, Any]) -> str:
    return function.get("Architectures", ["x86_64"])[0]
