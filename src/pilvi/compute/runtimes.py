"""The interpreters on this host, and which of them runs a function of a named runtime.

AWS: Lambda Developer Guide, "Lambda runtimes". `pilvi runtimes` prints what is found here.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.compute.api import InvalidEntrypoint

PYTHON_OLDEST = (3, 10)
"""The oldest Python that the AWS SDK which functions are given runs under."""

_RUNTIME = re.compile(
    r"(?:(?P<family>python|nodejs|ruby)(?P<major>\d+)\.(?P<minor>\d+|x)"
    r"|(?P<java>java)(?P<java_major>\d+)(?:\.al2)?"
    r"|provided(?:\.al2023|\.al2)?)"
)
_PYTHON_FILE = re.compile(r"python3\.(\d+)")
_NODE_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_JAVA_VERSION = re.compile(r'^JAVA_VERSION="([\d.]+)', re.MULTILINE)
_RUBY_SETTING = re.compile(
    r'^\s*CONFIG\["(MAJOR|MINOR|TEENY|ruby_version|ruby_install_name)"\] = "(.*)"$', re.MULTILINE
)
_VERSION_TIMEOUT_S = 10

JAVA_CLIENT = "aws-lambda-java-runtime-interface-client"
_JAVA_PARTS = (JAVA_CLIENT, "aws-lambda-java-core", "aws-lambda-java-serialization")
_JAVA_ADVICE = (
    "Java functions need AWS's runtime client. Fetch it once: "
    f"`mvn dependency:get -Dartifact=com.amazonaws:{JAVA_CLIENT}:2.6.0`; it is found in the Maven repository."
)

RUBY_OLDEST = (3, 0)
RUBY_CLIENT = "aws_lambda_ric"
RUBY_CLIENT_OLDEST = (3,)
"""The oldest version of AWS's runtime client that runs under a Ruby of today, and the Ruby that it wants."""
_RUBY_ADVICE = (
    f"Ruby functions need AWS's runtime client, version 3 or later: `gem install {RUBY_CLIENT}`."
    " It is found where gems are installed when pilvi starts."
)
_ADVICE = {"java": _JAVA_ADVICE, "ruby": _RUBY_ADVICE}
_RUBY_INSTALLATIONS = (
    *(".rbenv/versions/*", ".rvm/rubies/*", ".rubies/*", ".asdf/installs/ruby/*"),
    ".local/share/mise/installs/ruby/*",
)
_RUBY_SETTINGS = (
    *("lib/ruby/*/*/rbconfig.rb", "lib/*/ruby/*/rbconfig.rb"),
    *("lib64/ruby/*/*/rbconfig.rb", "lib64/ruby/rbconfig.rb"),
)
_RUBY_CANNOT_BE_IN = ("/opt", "/tmp", "/var/task")
"""A Ruby knows by its path where it was installed, and functions have something else there."""


class Interpreter(msgspec.Struct, frozen=True):
    family: str
    """python, nodejs, java, ruby"""
    version: tuple[int, ...]
    """Python: (3, 13). Node: (20, 11, 1). Java: (17, 0, 15). Ruby: (3, 3, 8)."""
    executable: Path
    prefix: Path
    """Its bin/ holds the executable. All of it becomes /var/lang; of a Node the executable alone; Ruby stays there."""
    own: bool = False
    """pilvi itself runs under it, so the compiled parts of awslambdaric fit it."""
    libraries: tuple[Path, ...] = ()
    """AWS's runtime client. Java: its jars; Ruby: the directory of its gem. None when this host has not got it."""

    @property
    def label(self) -> str:
        return f"{self.family}:{'.'.join(map(str, self.version))}"

    @property
    def lacking(self) -> str | None:
        """Why it runs no function, and what to do; None: it does."""
        return None if self.libraries else _ADVICE.get(self.family)


class Resolved(msgspec.Struct, frozen=True):
    """`interpreter`: None for provided.*, whose `bootstrap` is the interpreter."""

    family: str
    interpreter: Interpreter | None
    warning: str | None = None


class Runtimes:
    """What was found. Make one with `await Runtimes.discover()`."""

    def __init__(self, interpreters: list[Interpreter]) -> None:
        self.interpreters = interpreters

    @classmethod
    async def discover(cls) -> Runtimes:
        python = await asyncio.to_thread(lambda: list(_find_pythons()))
        return cls([*python, *await _find_nodes(), *find_javas(), *find_rubies()])

    def resolve(self, runtime: str, *, exact: bool = False) -> Resolved:
        """Raises: NotBuilt (a family that pilvi does not run), InvalidEntrypoint (none on this host)."""
        match = _RUNTIME.fullmatch(runtime)
        if match is None:
            raise NotBuilt(what=f"functions of the runtime {runtime}")
        family = match["family"] or match["java"]
        if family is None:
            return Resolved("provided", None)
        major = int(match["major"] or match["java_major"])
        wanted = (major, int(match["minor"])) if family in ("python", "ruby") else (major,)
        candidates = [found for found in self.interpreters if found.family == family]
        if not candidates:
            raise InvalidEntrypoint(f"There is no {family} interpreter on this host.")
        best = min(candidates, key=lambda found: _distance(found, wanted))
        if best.lacking is not None:
            raise InvalidEntrypoint(best.lacking)
        if best.version[: len(wanted)] == wanted:
            return Resolved(family, best)
        if exact:
            raise InvalidEntrypoint(f"There is no interpreter for {runtime} on this host.")
        return Resolved(
            family,
            best,
            f"pilvi: there is no interpreter for {runtime} on this host; "
            f"{best.label} ({best.executable}) runs this function instead.",
        )


def _distance(found: Interpreter, wanted: tuple[int, ...]) -> tuple[int, bool, bool]:
    """Nearest first; of equal ones pilvi's own, then the newer."""
    gap = _rank(found.version[: len(wanted)]) - _rank(wanted)
    return abs(gap), not found.own, gap < 0


def _rank(version: tuple[int, ...]) -> int:
    """Grows with the version: any major version is further away than all minor ones."""
    rank = 0
    for part in version:
        rank = rank * 100 + part
    return rank


def _find_pythons() -> Iterator[Interpreter]:
    """One interpreter per minor version; pilvi's own first, then pyenv's, uv's and the system's."""
    version = sys.version_info[:2]
    prefix = Path(sys.base_prefix).resolve()
    own = prefix / "bin" / f"python{version[0]}.{version[1]}"
    seen: set[tuple[int, ...]] = set()
    if own.exists():
        seen.add(version)
        yield Interpreter("python", version, own, prefix, own=True)
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    places = [
        *sorted(pyenv.glob("versions/3.*/bin"), reverse=True),
        *sorted(home.glob(".local/share/uv/python/*/bin"), reverse=True),
        Path("/usr/local/bin"),
        Path("/usr/bin"),
    ]
    for place in places:
        for file in sorted(place.glob("python3.*")):
            name = _PYTHON_FILE.fullmatch(file.name)
            if name is None:
                continue
            version, prefix = (3, int(name[1])), file.resolve().parent.parent
            complete = any(
                (prefix / lib / file.name / "os.py").exists() for lib in ("lib", "lib64")
            )
            private = home.is_relative_to(prefix)  # all of it is seen by functions
            if version >= PYTHON_OLDEST and version not in seen and complete and not private:
                seen.add(version)
                yield Interpreter("python", version, prefix / "bin" / file.name, prefix)


async def _find_nodes() -> list[Interpreter]:
    home = Path.home()
    files = [
        *([Path(found)] if (found := shutil.which("node")) else []),
        Path("/usr/local/bin/node"),
        Path("/usr/bin/node"),
        *sorted(home.glob(".nvm/versions/node/*/bin/node"), reverse=True),
    ]
    nodes: dict[tuple[int, ...], Interpreter] = {}
    for executable in dict.fromkeys(file.resolve() for file in files if file.exists()):
        version = await _node_version(executable)
        if version is not None and version[:1] not in {known[:1] for known in nodes}:
            prefix = executable.parent.parent
            nodes[version] = Interpreter("nodejs", version, executable, prefix)
    return list(nodes.values())


async def _node_version(executable: Path) -> tuple[int, ...] | None:
    """None when the file is no Node or does not answer: a broken installation is not a runtime."""
    try:
        process = await asyncio.create_subprocess_exec(
            executable,
            "--version",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _VERSION_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    match = _NODE_VERSION.match(output.decode("ascii", "replace"))
    return tuple(int(part) for part in match.groups()) if match else None


def find_javas() -> list[Interpreter]:
    """One of each major version, as their `release` files tell; the newest of a version first."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    homes += sorted(Path.home().glob(".sdkman/candidates/java/*"), reverse=True)
    libraries = find_java_client()
    found: dict[int, Interpreter] = {}
    for home in dict.fromkeys(home.resolve() for home in homes):
        executable = home / "bin" / "java"
        try:
            match = _JAVA_VERSION.search((home / "release").read_text(errors="replace"))
        except OSError:
            continue
        if match is None or not os.access(executable, os.X_OK):
            continue
        version = tuple(int(part) for part in match[1].split(".") if part)
        found.setdefault(
            version[0], Interpreter("java", version, executable, home, libraries=libraries)
        )
    return list(found.values())


def find_java_client() -> tuple[Path, ...]:
    """The jars of AWS's runtime client in the Maven repository of this user; all of them, or none."""
    repository = Path.home() / ".m2" / "repository" / "com" / "amazonaws"
    jars: list[Path] = []
    for name in _JAVA_PARTS:
        versions = [
            jar
            for jar in repository.glob(f"{name}/*/{name}-*.jar")
            if jar.stem == f"{name}-{jar.parent.name}"
        ]
        if not versions:
            return ()
        jars.append(max(versions, key=lambda jar: _release(jar.parent.name)))
    return tuple(jars)


def find_rubies() -> list[Interpreter]:
    """One of each minor version, as their `rbconfig.rb` files tell: to start each would take a tenth of a second."""
    home = Path.home()
    prefixes = [Path(found).resolve().parent.parent] if (found := shutil.which("ruby")) else []
    for installations in _RUBY_INSTALLATIONS:
        prefixes += sorted(home.glob(installations), reverse=True)
    prefixes += [Path("/usr/local"), Path("/usr")]
    found_rubies: dict[tuple[int, ...], Interpreter] = {}
    for prefix in dict.fromkeys(prefix.resolve() for prefix in prefixes):
        unusable = any(prefix.is_relative_to(place) for place in _RUBY_CANNOT_BE_IN)
        private = home.is_relative_to(prefix)  # all of it is seen by functions
        if unusable or private:
            continue
        for pattern in _RUBY_SETTINGS:
            for file in sorted(prefix.glob(pattern), reverse=True):
                ruby = _ruby_of(prefix, file)
                if ruby is not None and ruby.version >= RUBY_OLDEST:
                    found_rubies.setdefault(ruby.version[:2], ruby)
    return list(found_rubies.values())


def _ruby_of(prefix: Path, settings: Path) -> Interpreter | None:
    told = dict(_RUBY_SETTING.findall(settings.read_text(errors="replace")))
    try:
        version = tuple(int(told[name]) for name in ("MAJOR", "MINOR", "TEENY"))
        name = told["ruby_install_name"].replace("$(RUBY_BASE_NAME)", "ruby")
    except (KeyError, ValueError):
        return None  # of another program that has a file of this name
    executable = prefix / "bin" / name
    if not os.access(executable, os.X_OK):
        return None
    homes = _gem_homes(prefix, told.get("ruby_version", f"{version[0]}.{version[1]}.0"))
    return Interpreter("ruby", version, executable, prefix, libraries=find_ruby_client(homes))


def _gem_homes(prefix: Path, version: str) -> Iterator[Path]:
    """Where the gems of a Ruby may be: those of its own version first. Its client is the same for all of them."""
    home = Path.home()
    named = os.environ.get("GEM_HOME", ""), *os.environ.get("GEM_PATH", "").split(":")
    yield from (Path(one) for one in named if one)
    places = (
        *(prefix / "lib/ruby/gems", prefix / "lib64/ruby/gems", Path("/var/lib/gems")),
        *(home / ".local/share/gem/ruby", home / ".gem/ruby"),
    )
    for pattern in (version, "*"):
        for place in places:
            yield from sorted(place.glob(pattern), reverse=True)
    yield from sorted(home.glob(f".rvm/gems/ruby-{version[:3]}*"), reverse=True)
    yield from (prefix / "share/gems", Path("/usr/local/share/gems"), Path("/usr/local/bundle"))


def find_ruby_client(homes: Iterable[Path]) -> tuple[Path, ...]:
    """The directory of AWS's runtime client in the first of these that has one; or none."""
    for home in homes:
        gems = [
            gem
            for gem in home.glob(f"gems/{RUBY_CLIENT}-*")
            if _release(gem.name) >= RUBY_CLIENT_OLDEST
            and (gem / "lib" / f"{RUBY_CLIENT}.rb").is_file()
        ]
        if gems:
            return (max(gems, key=lambda gem: _release(gem.name)).resolve(),)
    return ()


def _release(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name))
