"""The usual mistakes in packages, told in the function's log before it fails by them: for people.

AWS is silent about them: the function fails when it is first invoked, with the words of its runtime.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.launcher import programs

_SOURCES = {
    "python": (".py", "/__init__.py", ".so", ".pyc"),
    "nodejs": (".js", ".mjs", ".cjs", "/index.js"),
    "ruby": (".rb",),
}
"""By family of runtimes: what a handler's module may be called behind its name; the first is the usual one."""
_LAYERS = {
    "python": ("python", "python/lib/python*/site-packages"),
    "nodejs": ("nodejs/node_modules", "nodejs/node*/node_modules"),
    "ruby": ("ruby/lib", "ruby/gems/*/gems/*/lib"),
}
_LEAD_ELSEWHERE = ("AWS_LAMBDA_EXEC_WRAPPER", "PYTHONPATH", "NODE_PATH", "RUBYLIB", "RUBYOPT")
"""Variables by which a handler may be found where nobody here looks."""
_FAMILY = re.compile(r"[a-z]+")
_BUILT_FOR = re.compile(r"\.cpython-3([0-9]+)-")
_NAMES_MAX = 200
_LIBRARIES_MAX = 20
_SHOWN_MAX = 8
_KNOWN_MAX = 512


def notices(spec: EnvironmentSpec) -> tuple[str, ...]:
    """First lines for the log of an environment. Looks once at what has one key."""
    elsewhere = any(name in spec.environment for name in _LEAD_ELSEWHERE)
    handler = "" if elsewhere else spec.handler
    return _found(spec.key, spec.code_dir, spec.layer_dirs, spec.runtime, handler)


@lru_cache(maxsize=_KNOWN_MAX)
def _found(
    key: str, code: Path, layers: tuple[Path, ...], runtime: str, handler: str
) -> tuple[str, ...]:
    match = _FAMILY.match(runtime)
    family = "" if match is None else match[0]
    if family not in _SOURCES:
        return ()
    try:
        of_handler = _handler(code, layers, family, handler) if handler else None
        problems = (of_handler, _library(code, runtime), _bundle(code, family, runtime))
    except OSError:  # the directory went meanwhile: whoever makes the environment finds out
        return ()
    return tuple(f"pilvi: {one}" for one in problems if one is not None)


def _handler(code: Path, layers: tuple[Path, ...], family: str, handler: str) -> str | None:
    module, dot, _ = handler.rpartition(".")
    if family == "ruby":
        module, *methods = handler.split(".")
        if len(methods) not in (1, 2):
            return f"the handler {handler} is not of the form file.method or file.Class.method."
    if not dot or not module:
        return f"the handler {handler} is not of the form file.function."
    inside = module.replace(".", "/") if family == "python" else module
    patterns = _LAYERS[family]
    places = [code, *(place for layer in layers for one in patterns for place in layer.glob(one))]
    if any(_is_there(place, inside, family) for place in places):
        return None
    file = f"{inside}{_SOURCES[family][0]}"
    names = sorted(one.name for one in islice(code.iterdir(), _NAMES_MAX))
    deeper = [name for name in names if _is_there(code / name, inside, family)]
    if deeper:
        return (
            f"the handler {handler} names the file {file}, which is in the folder {deeper[0]} of the"
            " package. Zip what is in that folder, and not the folder itself."
        )
    shown = ", ".join(names[:_SHOWN_MAX]) + (", ..." if len(names) > _SHOWN_MAX else "")
    return (
        f"the handler {handler} names the file {file}, which is not in the package."
        f" The package has: {shown or 'nothing'}"
    )


def _is_there(place: Path, inside: str, family: str) -> bool:
    if any(Path(f"{place}/{inside}{ending}").exists() for ending in _SOURCES[family]):
        return True
    whole = Path(f"{place}/{inside}")
    if family == "python" and whole.is_dir():
        return True  # a namespace package
    # Compiled modules have the version and the platform between their name and the ending.
    folder = whole.parent
    return folder.is_dir() and any(folder.glob(f"{whole.name}.cpython-*.so"))


def _library(code: Path, runtime: str) -> str | None:
    """Of the compiled modules near the top, one that this host or this runtime cannot load."""
    for path in islice(_libraries(code), _LIBRARIES_MAX):
        name = path.relative_to(code)
        reason = programs.hint(str(path), OSError())
        if reason is not None:
            return f"{name} cannot be loaded: {reason}"
        built = _BUILT_FOR.search(path.name)
        if built is not None and runtime.startswith("python") and runtime != f"python3.{built[1]}":
            return f"{name} was built for Python 3.{built[1]}, and the runtime is {runtime}."
    return None


def _bundle(code: Path, family: str, runtime: str) -> str | None:
    """Gems that were bundled under another Ruby than the function's are not looked for."""
    bundles = code / "vendor" / "bundle" / "ruby"
    wanted = f"{runtime.removeprefix('ruby')}.0"
    if family != "ruby" or not bundles.is_dir() or (bundles / wanted).is_dir():
        return None
    names = ", ".join(sorted(one.name for one in islice(bundles.iterdir(), _SHOWN_MAX)))
    return (
        f"vendor/bundle has the gems of Ruby {names or 'none'}, and {runtime} looks for those of {wanted}:"
        f" run `bundle install` with Ruby {wanted.removesuffix('.0')}."
    )


def _libraries(code: Path) -> Iterator[Path]:
    for one in islice(code.iterdir(), _NAMES_MAX):
        if one.is_dir():
            near = islice(one.iterdir(), _NAMES_MAX)
            yield from (path for path in near if path.suffix == ".so" and path.is_file())
        elif one.suffix == ".so":
            yield one
