"""`make service` begins a service that runs, passes its own test, and has its generated files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_a_new_service_runs_at_once(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for folder in ("src", "tools", "docs"):
        shutil.copytree(ROOT / folder, project / folder)
    (project / "tests").mkdir()
    for file in ("conftest.py", "servers.py", "nursery.py", "nurse.py"):
        shutil.copy(ROOT / "tests" / file, project / "tests")
    paths = os.pathsep.join((str(project / "src"), str(project / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths}

    def run(*words: str) -> str:
        ran = subprocess.run(
            [sys.executable, *words],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    said = run("tools/new_service.py", "athena")
    assert "registered it" in said
    assert (project / "docs" / "services" / "athena.md").exists()
    run("tools/generate_wire.py", "--check")
    run("-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "src", "tests")
    assert "1 passed" in run("-m", "pytest", "-p", "no:cacheprovider", "tests/athena")
