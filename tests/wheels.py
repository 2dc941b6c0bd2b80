"""Packages from PyPI for tests, installed once for all checkouts of this user, and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""Lambda's name of the interpreter that the wheels are for."""


def installed(*requirements: str) -> Path:
    """A directory with these packages. Skips by name where they cannot be had."""
    cache = Path.home() / ".cache" / "pilvi-test-wheels"
    cache.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(repr((RUNTIME, requirements)).encode()).hexdigest()[:16]
    place = cache / name
    if not place.exists():
        making = place.with_name(f".{name}.{os.getpid()}")
        command = [
            *(sys.executable, "-m", "pip", "install", "-q", "--target", str(making)),
            *("--only-binary", ":all:", "--no-compile", *requirements),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip(f"{', '.join(requirements)} cannot be installed: {done.stderr[-200:]}")
        # Compiled so that it does not matter what becomes of the times of files in a package.
        compiling = ["-q", "--invalidation-mode", "unchecked-hash", str(making)]
        subprocess.run([sys.executable, "-m", "compileall", *compiling], check=False)
        try:
            making.rename(place)
        except OSError:
            shutil.rmtree(making)  # another worker was faster
    return place
