"""What to do about the error that a function ended with, where its words tell. Looks at the package again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pilvi.base.errors import PilviError
from pilvi.cli.lambda_.mistakes import (
    Files,
    find_mistakes,
    mistakes_of_handler,
    mistakes_of_libraries,
)

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
_MISSING_RUBY = re.compile(r"cannot load such file -- (\S+)")
_UNDEFINED_RUBY = re.compile(r"undefined method [`']([^']+)'")
_WRONG_FILE = re.compile(
    r"invalid ELF header|wrong ELF class|cannot open shared object file|Exec format error|exec format error"
    r"|circular import\) \((/var/task[^)]*\.so|/opt[^)]*\.so)\)|No module named '[\w.]+\._\w+'"
)


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
            return _first(mistakes_of_handler(open_files(), runtime, handler))
        if runtime.startswith("ruby"):
            told = _of_ruby_error(text, runtime, handler, name, open_files)
            if told is not None:
                return told
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
        wrong = _first(mistakes_of_libraries(open_files(), runtime, _architecture(function)))
        if wrong is not None:
            return wrong
    if missing is None:
        return None
    module = missing[1]
    own = handler.rpartition(".")[0]
    if module in (own, own.partition(".")[0], own.replace(".", "/")):
        return _first(mistakes_of_handler(open_files(), runtime, handler))
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


def _of_ruby_error(
    text: str, runtime: str, handler: str, name: str, open_files: Callable[[], Files]
) -> str | None:
    file, *methods = handler.split(".")
    undefined = _UNDEFINED_RUBY.search(text)
    missing = _MISSING_RUBY.search(text)
    if text.startswith("Invalid handler ") or (undefined and undefined[1] == methods[-1]):
        return _first(mistakes_of_handler(open_files(), runtime, handler))
    if missing is None:
        return None
    if missing[1] == file:
        return _first(mistakes_of_handler(open_files(), runtime, handler))
    if missing[1].startswith(("/", ".")):
        return f"The package has no such file: is everything that {handler} needs in the folder?"
    gem = missing[1].partition("/")[0]
    if gem.startswith("aws-sdk"):
        return (
            f"AWS's own runtime has AWS's SDK. Here: `gem install {gem}`, then start pilvi again."
        )
    return (
        "In the function's folder `bundle config set --local path vendor/bundle`, then "
        f"`bundle add {gem}`, then `pilvi lambda package DIR --deploy {name}`."
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
