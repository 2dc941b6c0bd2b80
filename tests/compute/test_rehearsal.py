"""What a parked Python runtime does by itself: it waits, and without the word to go ahead nobody's code runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import pilvi
from pilvi.compute.launcher.parked import GO_AHEAD

_PARK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pilvi.compute.launcher.parked import run_parked
run_parked({"environment": json.loads(sys.argv[2])})
"""


@pytest.mark.parametrize("word", [b"", GO_AHEAD[:-1], GO_AHEAD])
def test_nothing_of_a_function_runs_before_the_word(tmp_path: Path, word: bytes) -> None:
    (tmp_path / "telltale.py").write_text("import os\nos._exit(3)\n")
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api.getsockname()[1]}",
            "_LAMBDA_TELEMETRY_LOG_FD": "1",
        }
        source = Path(pilvi.__file__).parent
        bootstrap = source / "compute" / "bootstraps" / "python"
        parked = subprocess.Popen(
            [sys.executable, "-c", _PARK, str(bootstrap), json.dumps(environment)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{source.parent}{os.pathsep}{tmp_path}"},
        )
        told = {"handler": "telltale.handler", "directory": str(tmp_path)}
        parked.communicate(
            json.dumps({**told, "environment": environment}).encode() + b"\n" + word, timeout=30
        )
    assert parked.returncode == (3 if word == GO_AHEAD else 0)
