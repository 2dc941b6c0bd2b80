"""Packages that a Python function needs, fetched by pip for the function's Python and machine, not for this one's."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pilvi.base.errors import PilviError
from pilvi.cli.lambda_.packing import list_files

_GLIBC_NEWEST = {"al2023": 34, "al2": 26}
"""Minor version of the C library, by the Linux that AWS's runtimes are on."""
_AL2_NEWEST = 11
"""The last Python 3 whose runtime is on Amazon Linux 2."""
_GLIBC_OLDEST = 17
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
_SHOWN_LINES = 12
_PIP_S_MAX = 1800


class Requirements:
    """What requirements files ask for, installed below a directory of one's own, each list once."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def install(self, file: Path, runtime: str, architecture: str) -> dict[str, Path]:
        """The files, by their names in the package. Raises: PilviError."""
        mark = mark_of(file, runtime, architecture)
        if mark is None:
            return {}
        version = runtime.removeprefix("python")
        target = self._home / mark
        if not target.exists():
            unfinished = target.with_name("unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _install(file, unfinished, version, architecture)
            _strip(unfinished)
            unfinished.rename(target)
            for other in self._home.iterdir():
                if other != target:
                    shutil.rmtree(other)  # of an older list: hundreds of megabytes, some of them
        return list_files(target, everything=True)


def mark_of(file: Path, runtime: str, architecture: str) -> str | None:
    """Another one whenever something else is to be installed; None when nothing is. Raises: PilviError."""
    try:
        wanted = file.read_bytes()
    except OSError as problem:
        raise PilviError(f"{file} cannot be read: {problem.strerror}.") from None
    if not re.search(rb"^\s*[^\s#]", wanted, re.MULTILINE):
        return None
    return hashlib.sha256(b"\0".join([wanted, runtime.encode(), architecture.encode()])).hexdigest()


def _install(file: Path, target: Path, version: str, architecture: str) -> None:
    command = [
        *_pip(), "install", "--target", str(target), "--requirement", str(file.resolve()),
        "--only-binary=:all:", "--implementation", "cp", "--python-version", version,
        "--no-compile", "--disable-pip-version-check", "--no-warn-script-location", "--quiet",
    ]  # fmt: skip
    for platform in platforms(version, architecture):
        command += ["--platform", platform]
    try:
        # Beside the requirements file, for it may name others and wheels by their places.
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_PIP_S_MAX, cwd=file.resolve().parent,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PilviError(f"pip did not end within {_PIP_S_MAX // 60} minutes.") from None
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.strip()][-_SHOWN_LINES:]
        advice = "\n".join(said)
        if "No matching distribution" in ran.stderr or "Could not find a version" in ran.stderr:
            advice += (
                f"\nOnly ready-made wheels for Python {version} on {architecture} can be taken. Of a package that has"
                " none: `pip wheel NAME -w wheels`, and `--find-links wheels` in the requirements."
            )
        raise PilviError(f"pip could not install what {file} asks for:", advice)


def _pip() -> list[str]:
    """Raises: PilviError when there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise PilviError(
            "there is no pip here, which fetches what requirements ask for.",
            f"Install it: {sys.executable} -m ensurepip",
        )
    return [found]


def platforms(version: str, architecture: str) -> list[str]:
    """Tags of the wheels that run where AWS runs this Python, the newest first."""
    minor = int(version.partition(".")[2] or 0)
    newest = _GLIBC_NEWEST["al2" if minor <= _AL2_NEWEST else "al2023"]
    machine = _MACHINES[architecture]
    tags = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, _GLIBC_OLDEST - 1, -1)]
    return [*tags, f"manylinux2014_{machine}", f"linux_{machine}"]


def _strip(target: Path) -> None:
    """Take away what tells of this machine: programs that name its Python, and pip's notes about the installing."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for folder in target.glob("*.dist-info"):
        for name in ("INSTALLER", "REQUESTED", "direct_url.json"):
            (folder / name).unlink(missing_ok=True)
        record = folder / "RECORD"
        if record.exists():
            lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
            gone = re.compile(
                r"(\.\./\.\./)?bin/|.*\.dist-info/(INSTALLER|REQUESTED|direct_url\.json),"
            )
            record.write_text(
                "".join(sorted(line for line in lines if not gone.match(line))), encoding="utf-8"
            )
