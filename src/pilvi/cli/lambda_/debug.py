"""`pilvi lambda debug`: an editor's debugger gets hold of a function, inside its sandbox.

The editor listens and the function connects to it (debugpy's `listen`), by way of the server; see
`compute/debugger.py`. The server is told by a file in its data directory, which is removed at the end; should this
process be killed, the file names a process that is gone, and is worth nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

import pilvi.compute
from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, Cloud, asking, cloud_of
from pilvi.compute.debugger import Session, find, place_of

_OURS = Path(pilvi.compute.__file__).parent / "bootstraps" / "debugger"
_LOOK_S = 0.5


@click.command()
@click.argument("name")
@click.option(
    "--port",
    default=5678,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Where the debugger listens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@asking
def debug(
    name: str,
    port: int,
    as_json: bool,
    data: Path | None,
    profile: str | None,
    region: str | None,
) -> None:
    """Let the function NAME wait for a debugger whenever it starts, until Ctrl-C.

    The debugger listens on this machine, and the function connects to it. Until it has, the invocation waits; while it
    is attached, the function's time does not run out. Python only, and $LATEST only.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with cloud_of(Asked(data, profile, region)) as cloud:
        function = _debuggable(cloud, name)
        arn = function["FunctionArn"]
        place = place_of(cloud.remote.data, arn)
        if (other := find(place)) is not None:
            raise PilviError(
                f"{name} is debugged already, by process {other.pid}.",
                f"End that one: kill {other.pid}",
            )
        layer = _layer(place.parent)
        session = Session(os.getpid(), port, str(layer))
        _write(place, session)
        try:
            _start_anew(cloud, function)
            _say(name, port, as_json)
            while cloud_lives(cloud):
                time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            pass
        finally:
            place.unlink(missing_ok=True)
        if cloud_lives(cloud) and cloud.find_function(name) is not None:
            _start_anew(cloud, function)
        if not as_json:
            click.echo(f"{name} runs without a debugger again.")


def cloud_lives(cloud: Cloud) -> bool:
    try:
        os.kill(cloud.remote.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _debuggable(cloud: Cloud, name: str) -> dict[str, Any]:
    """Raises: PilviError."""
    function = cloud.find_function(name)
    if function is None:
        raise cloud.no_function(name)
    runtime = function.get("Runtime", "")
    if not runtime.startswith("python"):
        raise PilviError(
            f"debugging functions of {runtime or 'container images'} is not built.",
            "Python functions can be debugged.",
        )
    if "AWS_LAMBDA_EXEC_WRAPPER" in function.get("Environment", {}).get("Variables", {}):
        raise PilviError(
            f"{name} is started by a wrapper of its own, and a debugger needs that place.",
            "Take AWS_LAMBDA_EXEC_WRAPPER out of its variables while you debug.",
        )
    if cloud.remote.ask("GET", "/_pilvi/status")["backend"] != "namespaces":
        raise PilviError(
            "debugging with --backend process is not built.", "Use the backend namespaces."
        )
    return function


def _layer(home: Path) -> Path:
    """debugpy as /opt has it, made once for each version. Raises: PilviError when it is not installed."""
    found = importlib.util.find_spec("debugpy")
    if found is None or found.origin is None:
        raise PilviError(
            "debugging needs debugpy beside pilvi, and it is not installed.",
            f"Install it: {sys.executable} -m pip install debugpy",
        )
    mark = hashlib.sha256(importlib.metadata.version("debugpy").encode())
    ours = [_OURS / "pilvi-debugger", _OURS / "python" / "pilvi_debugger.py"]
    for file in ours:
        mark.update(file.read_bytes())
    layer = home / f"debugpy-{mark.hexdigest()[:16]}"
    if not layer.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = home / f"unfinished-{os.getpid()}"
        (unfinished / "python").mkdir(parents=True)
        shutil.copytree(
            Path(found.origin).parent,
            unfinished / "python" / "debugpy",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copyfile(ours[0], unfinished / "pilvi-debugger")
        shutil.copyfile(ours[1], unfinished / "python" / "pilvi_debugger.py")
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # functions are other users
        (unfinished / "pilvi-debugger").chmod(0o755)
        unfinished.rename(layer)
    return layer


def _write(place: Path, session: Session) -> None:
    temporary = place.with_suffix(".new")
    temporary.write_text(
        json.dumps({"pid": session.pid, "port": session.port, "layer": session.layer})
    )
    temporary.replace(place)


def _start_anew(cloud: Cloud, function: dict[str, Any]) -> None:
    """Have the function's environments made anew: a change that changes nothing does it."""
    cloud.functions.update_function_configuration(
        FunctionName=function["FunctionName"], Timeout=function["Timeout"]
    )


def _say(name: str, port: int, as_json: bool) -> None:
    settings = {
        "name": f"pilvi: {name}",
        "type": "debugpy",
        "request": "attach",
        "listen": {"host": "127.0.0.1", "port": port},
        "pathMappings": [{"localRoot": "${workspaceFolder}", "remoteRoot": "/var/task"}],
        "justMyCode": True,
    }
    if as_json:
        click.echo(json.dumps({"what": "waiting", "function": name, "configuration": settings}))
        return
    click.echo(
        f"{name} connects to the debugger that listens on 127.0.0.1:{port}, and waits until there is one."
    )
    click.echo(
        "In VS Code: this in .vscode/launch.json, a breakpoint, F5; then invoke the function.\n"
    )
    click.echo(json.dumps(settings, indent=4))
    click.echo("\nCtrl-C ends it.")
