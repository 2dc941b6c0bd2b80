"""What a sandbox sees of files: the plan by which a launcher builds its root.

Only what is named here exists inside: the system's libraries and programs, one interpreter as /var/lang, the
runtime's own library as /var/runtime, a handful of devices and of files in /etc. Everything is read-only.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pilvi
from pilvi.compute.launcher.root import EMPTY, NOTHING
from pilvi.compute.launcher.sandbox import GROUP_ID, USER_ID
from pilvi.compute.runtimes import Interpreter

BOOTSTRAPS = Path(__file__).parent / "bootstraps"
SOURCE = Path(pilvi.__file__).parent.parent

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SYSTEM_FILES = (
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    "/etc/alternatives",
    "/etc/ld.so.cache",
)
DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))
_RUNTIME_PACKAGES = (
    *("awslambdaric", "simplejson", "snapshot_restore_py", "boto3", "botocore", "s3transfer"),
    *("jmespath", "dateutil", "six", "urllib3"),
)
"""What a Python function finds in /var/runtime: AWS's runtime client, the AWS SDK and what they need."""

_GEM_FOLDERS = ("gems", "specifications", "extensions")
_RUBIES = ("3.2", "3.3", "3.4", "4.0")
"""Those of AWS's runtimes."""

NODE = "/var/lang/bin/node"
JAVA = "/var/lang/bin/java"
RUBY = "/var/lang/bin/ruby"
ADDRESS = "169.254.100.1"
"""Where AWS has the Runtime API, and here pilvi's own listeners inside a sandbox."""


def root_plan(
    *,
    mount_point: Path,
    interpreter: Interpreter | None,
    host_names: tuple[str, ...],
    hidden: tuple[Path, ...],
    own_user_namespace: bool,
) -> dict[str, Any]:
    """The plan for `launcher.root`. `interpreter`: the Python of a zygote, or a Node; None for `provided`.

    `hidden`: directories that must not be seen even if they lie below something that is.
    """
    directories = [
        *("/dev", "/etc", "/opt", "/proc", "/tmp", EMPTY, "/var/lang/bin", "/var/runtime/lib"),
        *("/var/task", "/etc/ssl", "/etc/pki/tls", "/etc/pki/ca-trust", "/etc/pki/java"),
        "/etc/ca-certificates",
    ]
    links: dict[str, str] = {"/dev/fd": "/proc/self/fd"}
    binds: list[tuple[str, str, bool]] = [("/usr", "/usr", False)]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        links[f"/dev/{name}"] = f"/proc/self/fd/{number}"
    links["/etc/pki/java/cacerts"] = (
        "/etc/ssl/certs/java/cacerts"  # where AWS's client for Java looks
    )
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            links[str(path)] = os.readlink(path)
        elif path.is_dir():
            binds.append((str(path), str(path), False))
    binds += [(path, path, False) for path in _SYSTEM_FILES if os.path.exists(path)]
    binds += [(device, device, True) for device in DEVICES]
    python = interpreter if interpreter is not None and interpreter.family == "python" else None
    if python is not None:
        binds.append((str(python.prefix), "/var/lang", False))
        binds += [
            (str(source), f"/var/runtime/{name}", False) for name, source in runtime_files().items()
        ]
    elif interpreter is not None and interpreter.family == "java":
        binds.append((str(interpreter.prefix), "/var/lang", False))
        binds += [
            (str(jar), f"/var/runtime/lib/{jar.name}", False) for jar in interpreter.libraries
        ]
        # Debian's Java keeps its settings there.
        binds += [(str(path), str(path), False) for path in Path("/etc").glob("java-*-openjdk")]
    elif interpreter is not None and interpreter.family == "ruby":
        links[RUBY] = str(interpreter.executable)
        # Else bubblewrap makes it, for root alone.
        directories += [str(interpreter.prefix.parent), "/var/runtime/ruby"]
        if not interpreter.prefix.is_relative_to("/usr"):
            # It stays where it was installed, for it has that compiled in.
            binds.append((str(interpreter.prefix), str(interpreter.prefix), False))
        binds += [
            (str(source), f"/var/runtime/{name}", False)
            for name, source in ruby_files(interpreter).items()
        ]
    elif interpreter is not None:
        binds.append((str(interpreter.executable), NODE, False))
        binds.append((str(BOOTSTRAPS / "node"), "/var/runtime", False))
    empty = f"{mount_point}{EMPTY}"
    binds += [(empty, path, False) for path in _masked(python, hidden)]
    return {
        "mount_point": str(mount_point),
        "own_user_namespace": own_user_namespace,
        "directories": directories,
        "files": _files(host_names),
        "links": links,
        "binds": binds,
        "interpreter": [f"/var/lang/bin/{python.executable.name}"] if python else [],
        "source": str(SOURCE),
        "environment": {
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "LD_LIBRARY_PATH": "/var/lang/lib",
        },
    }


def ruby_files(ruby: Interpreter) -> dict[str, Path]:
    """Names in /var/runtime and where they come from: AWS's client, the gems beside it, and those that a Ruby brings.

    So AWS's SDK is found as in AWS's own runtime, once it was installed beside the client, with the reader of XML that
    it needs. The latter's folder is under each version, because a Ruby may stand for another one.
    """
    gems = ruby.libraries[0].parent.parent
    files = {name: gems / name for name in _GEM_FOLDERS if (gems / name).is_dir()}
    version = f"{ruby.version[0]}.{ruby.version[1]}"
    brought = ruby.prefix / "lib" / "ruby" / "gems" / f"{version}.0"
    if brought.is_dir():
        files |= {f"ruby/{one}.0": brought for one in (*_RUBIES, version)}
    return {**files, "bootstrap.rb": BOOTSTRAPS / "ruby" / "bootstrap.rb"}


def runtime_files() -> dict[str, Path]:
    """Names in /var/runtime and where they come from: pilvi's own environment.

    awslambdaric's compiled client is left out: it fits one version of Python only, and ours is faster.
    """
    files = {path.name: path for path in (BOOTSTRAPS / "python").glob("*.py")}
    for name in _RUNTIME_PACKAGES:
        source = _origin(name)
        files[source.name] = source
    return files


def _origin(name: str) -> Path:
    """The directory of a package, or the file of a module."""
    found = importlib.util.find_spec(name)
    assert found is not None, f"{name} is one of pilvi's dependencies"
    assert found.origin is not None, name
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _masked(interpreter: Interpreter | None, hidden: tuple[Path, ...]) -> list[str]:
    """Paths inside the sandbox over which an empty directory is laid."""
    masked = [path for path in ("/usr/src", "/usr/local/src") if os.path.isdir(path)]
    trees = [(Path("/usr"), Path("/usr"))]
    if interpreter is not None:
        trees.append((interpreter.prefix, Path("/var/lang")))
        major, minor = interpreter.version[:2]
        for library in (f"python{major}.{minor}/site-packages", "python3/dist-packages"):
            if (interpreter.prefix / "lib" / library).is_dir():
                masked.append(f"/var/lang/lib/{library}")
    for directory in (*hidden, SOURCE, Path(sys.prefix)):
        for outside, inside in trees:
            below = directory.is_relative_to(outside) and directory != outside
            if below and directory != Path(sys.base_prefix) and directory.is_dir():
                masked.append(str(inside / directory.relative_to(outside)))
    return list(dict.fromkeys(masked))


def _files(host_names: tuple[str, ...]) -> dict[str, str]:
    names = " ".join(("localhost", *host_names))
    user = "sbx_user1051"
    return {
        NOTHING: "",
        "/etc/hosts": f"127.0.0.1 {names}\n{ADDRESS} sandbox.localdomain sandbox\n",
        "/etc/resolv.conf": f"nameserver {ADDRESS}\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "/etc/passwd": (
            f"root:x:0:0:root:/root:/sbin/nologin\n{user}:x:{USER_ID}:{GROUP_ID}::/home/{user}:/sbin/nologin\n"
        ),
        "/etc/group": f"root:x:0:\n{user}:x:{GROUP_ID}:\n",
    }
