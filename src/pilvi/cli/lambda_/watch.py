"""`pilvi lambda watch`: a folder is a function's code, as it is saved: the next invocation runs it.

Each change is packaged anew and given to UpdateFunctionCode, so it works with every backend and every server. What is
saved unchanged, or cannot be compiled, deploys nothing; after a mistake the last good code goes on running.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, Cloud, asking, cloud_of
from pilvi.cli.lambda_.mistakes import find_mistakes, syntax_error
from pilvi.cli.lambda_.package import (
    ARCHITECTURES,
    guess_handler,
    guess_runtime,
    this_machine,
)
from pilvi.cli.lambda_.packing import is_wanted, list_files, pack, readers, shown, size_of
from pilvi.cli.lambda_.required_layer import RequiredLayer

_SETTLE_MS = 30
"""Editors save in several steps: a change is taken when nothing follows for so long,"""
_SETTLE_MS_MAX = 400
"""and at the latest then."""
_LOOK_MS = 250
"""So often it is looked whether to go on."""
_TIMEOUT_S = 30
_MEMORY_MB = 256
_CHECK_S_MAX = 10
_SHOWN_NAMES = 3


@click.command()
@click.argument("name")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--runtime", default=None, help="Of a new function.  [default: what the folder looks like]"
)
@click.option(
    "--handler",
    default=None,
    help="Of a new function, as app.handler.  [default: what the folder has]",
)
@click.option(
    "--role",
    default=None,
    help="Of a new function: an ARN.  [default: one is made up; not in the strict mode]",
)
@click.option(
    "--arch",
    type=click.Choice(ARCHITECTURES),
    default=None,
    help="Of a new function.  [default: this machine's]",
)
@click.option(
    "--no-requirements", is_flag=True, help="Do not install what requirements.txt asks for."
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out such files: '*.md'.")
@click.option("--once", is_flag=True, help="Deploy what is there, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@click.option("--parent", type=int, default=None, hidden=True, help="End with this process.")
@asking
def watch(
    name: str,
    directory: Path,
    runtime: str | None,
    handler: str | None,
    role: str | None,
    arch: str | None,
    no_requirements: bool,
    exclude: tuple[str, ...],
    once: bool,
    as_json: bool,
    parent: int | None,
    data: Path | None,
    profile: str | None,
    region: str | None,
) -> None:
    """Run what the folder DIRECTORY holds as the function NAME, anew with each change, until Ctrl-C.

    A function that does not exist is created, of the runtime and the handler that the folder looks like.
    """
    teller = _Teller(name, as_json)
    with (
        tempfile.TemporaryDirectory(prefix="pilvi-") as home,
        cloud_of(Asked(data, profile, region)) as cloud,
    ):
        watched = _Watched(
            cloud, name, directory.resolve(), teller, Path(home),
            requires=not no_requirements, exclude=exclude,
        )  # fmt: skip
        try:
            good = watched.begin(runtime, handler, role, arch)
            if once:
                sys.exit(0 if good else 1)
            begun = False
            for changed in _changes(directory.resolve(), exclude, parent):
                if changed or not begun:
                    watched.take(changed)  # at first also what was saved before anybody watched
                if not begun:
                    teller.say("watching", f"{directory} (Ctrl-C ends it)")
                    begun = True
        except KeyboardInterrupt:
            pass
        teller.say("stopped", f"{name} keeps the code that it has")


def _changes(directory: Path, exclude: tuple[str, ...], parent: int | None) -> Iterator[set[str]]:
    """Names of files that were saved, made or removed, some at a time; none when nothing was for a moment.

    Raises: PilviError.
    """
    from watchfiles import Change
    from watchfiles import watch as changes_of

    def wanted(_change: Change, path: str) -> bool:
        parts = Path(path).relative_to(directory).parts
        names = ("/".join(parts[: end + 1]) for end in range(len(parts)))
        return all(is_wanted(name, exclude=exclude) for name in names)

    try:
        for changes in changes_of(
            directory,
            watch_filter=wanted,
            step=_SETTLE_MS,
            debounce=_SETTLE_MS_MAX,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            raise_interrupt=True,
        ):
            if parent is not None and os.getppid() != parent:
                return
            yield {Path(path).relative_to(directory).as_posix() for _, path in changes}
    except OSError as problem:
        raise PilviError(
            f"{directory} cannot be watched: {problem}.",
            "Too many folders? Raise fs.inotify.max_user_watches, or set WATCHFILES_FORCE_POLLING=1.",
        ) from None


class _Teller:
    """What happened, a line each: for people, or as JSON."""

    def __init__(self, name: str, as_json: bool) -> None:
        self._name = name
        self._as_json = as_json

    def say(self, what: str, text: str, **more: object) -> None:
        if self._as_json:
            click.echo(json.dumps({"what": what, "function": self._name, "text": text, **more}))
            return
        colour = {"mistake": "red", "warning": "yellow", "deployed": "green", "created": "green"}
        when = click.style(time.strftime("%H:%M:%S"), dim=True)
        click.echo(f"{when}  {click.style(f'{what:<9}', fg=colour.get(what))} {text}")


class _Watched:
    """One function and its folder."""

    def __init__(
        self,
        cloud: Cloud,
        name: str,
        directory: Path,
        teller: _Teller,
        home: Path,
        *,
        requires: bool,
        exclude: tuple[str, ...],
    ) -> None:
        self._cloud = cloud
        self._name = name
        self._directory = directory
        self._teller = teller
        self._layer = (
            RequiredLayer(cloud.functions, name.rpartition(":")[2], home) if requires else None
        )
        self._exclude = exclude
        self._digest = ""
        self._names: set[str] = set()
        """Of the files that were deployed last."""
        self._runtime = self._handler = self._arch = ""

    def begin(
        self, runtime: str | None, handler: str | None, role: str | None, arch: str | None
    ) -> bool:
        """Deploy what is there, into a new function if there is none. Raises: PilviError."""
        began_s = time.monotonic()
        function = self._cloud.find_function(self._name)
        if function is not None:
            self._know(function)
            return self._deploy(set(), began_s)
        self._runtime = runtime or guess_runtime(self._directory)
        self._arch = arch or this_machine()
        files = self._files()
        layer = self._required(files)
        guessed = handler or guess_handler(files, self._runtime)
        if guessed is None:
            raise PilviError(
                f"{self._directory} has no function that looks like a handler of {self._runtime}.",
                "Name it with --handler, as app.handler: the function `handler` in the file app.",
            )
        self._handler = guessed
        for problem in self._wrong(set(files)):
            raise PilviError(problem, "Mend it, and begin again: there is no function yet.")
        zipped = pack(files, quick=True)
        self._know(
            self._cloud.functions.create_function(
                FunctionName=self._name,
                Runtime=self._runtime,
                Handler=self._handler,
                Role=role or self._made_up_role(),
                Architectures=[self._arch],
                Timeout=_TIMEOUT_S,
                MemorySize=_MEMORY_MB,
                Code={"ZipFile": zipped},
                Layers=[layer] if layer is not None else [],
            )
        )
        self._names = set(files)
        self._teller.say(
            "created",
            f"{self._name}: {self._runtime}, {self._handler}, {_TIMEOUT_S} s, {_MEMORY_MB} MB; "
            f"{self._size(files, zipped)}",
        )
        self._warn(files)
        return True

    def take(self, changed: set[str]) -> None:
        """Deploy again, if the changes make a difference; problems are told, and watching goes on."""
        from botocore.exceptions import BotoCoreError, ClientError

        from pilvi.cli.asking import refusal

        try:
            self._deploy(changed, time.monotonic())
        except PilviError as problem:
            self._teller.say("mistake", f"{problem.problem} {problem.advice or ''}".rstrip())
        except ClientError as error:
            self._teller.say("mistake", refusal(error).problem)
        except BotoCoreError as error:
            self._teller.say("mistake", f"{error} It is tried again with the next change.")

    def _know(self, function: dict[str, Any]) -> None:
        self._digest = function["CodeSha256"]
        self._runtime, self._handler = function.get("Runtime", ""), function.get("Handler", "")
        self._arch = function["Architectures"][0]

    def _deploy(self, changed: set[str], began_s: float) -> bool:
        """False when there is a mistake in what changed, or in anything if nothing is named."""
        files = self._files()
        if not self._names or "requirements.txt" in changed:
            self._bring(files)
        wrong = self._wrong(changed or set(files))
        if wrong:
            for problem in wrong:
                self._teller.say("mistake", problem)
            return False
        zipped = pack(files, quick=True)
        digest = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
        changed &= self._names | set(files)  # editors make files that are gone at once
        if digest == self._digest:
            if not self._names:
                self._teller.say("unchanged", f"{self._name} has this code already")
            self._names = set(files)
            return True
        updated = self._cloud.functions.update_function_code(
            FunctionName=self._name, ZipFile=zipped
        )
        self._know(updated)
        self._names = set(files)
        took_ms = (time.monotonic() - began_s) * 1000
        self._teller.say(
            "deployed",
            f"{_names(changed)}{self._size(files, zipped)}, in {took_ms:.0f} ms",
            changed=sorted(changed),
            ms=round(took_ms),
            code_sha256=digest,
        )
        self._warn(files)
        return True

    def _files(self) -> dict[str, Path]:
        files = list_files(self._directory, exclude=self._exclude)
        size_of(files)
        if not files:
            raise PilviError(f"{self._directory} holds no code.")
        return files

    def _required(self, files: dict[str, Path]) -> str | None:
        if self._layer is None:
            return None
        return self._layer.version_for(files.get("requirements.txt"), self._runtime, self._arch)

    def _bring(self, files: dict[str, Path]) -> None:
        """Let the function have what requirements.txt asks for now."""
        if self._layer is None:
            return
        version = self._required(files)
        before = self._cloud.functions.get_function_configuration(FunctionName=self._name)
        after = self._layer.use(before, version)
        if after is not before:
            self._teller.say("required", "requirements.txt is installed, as a layer")

    def _size(self, files: dict[str, Path], zipped: bytes) -> str:
        return f"{len(files):,} file{'s' if len(files) != 1 else ''}, {shown(len(zipped))}"

    def _wrong(self, names: set[str]) -> list[str]:
        """Of these files of the folder, what cannot be run at all."""
        found: list[str] = []
        for name in sorted(names):
            path = self._directory / name
            problem = None
            try:
                if name.endswith(".py"):
                    problem = syntax_error(name, path.read_bytes())
                elif name.endswith((".js", ".mjs", ".cjs")) and "node_modules/" not in name:
                    problem = _node_syntax_error(path, name)
            except FileNotFoundError:
                continue  # removed, or brought by pip
            if problem is not None:
                found.append(problem)
        return found

    def _warn(self, files: dict[str, Path]) -> None:
        for mistake in find_mistakes(readers(files), self._runtime, self._handler, self._arch):
            self._teller.say("warning", mistake)

    def _made_up_role(self) -> str:
        if self._cloud.remote.ask("GET", "/_pilvi/status")["auth"] == "strict":
            raise PilviError(
                "a new function needs a role.",
                "Name one with --role arn:aws:iam::ACCOUNT:role/NAME.",
            )
        account = self._cloud.client("sts").get_caller_identity()["Account"]
        return f"arn:aws:iam::{account}:role/{self._name[:64]}"


def _names(changed: set[str]) -> str:
    if not changed:
        return ""
    names = sorted(changed)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"{', '.join(names[:_SHOWN_NAMES])}{more}: "


def _node_syntax_error(path: Path, name: str) -> str | None:
    node = shutil.which("node")
    if node is None or not path.exists():
        return None
    ran = subprocess.run(
        [node, "--check", str(path)],
        capture_output=True,
        text=True,
        timeout=_CHECK_S_MAX,
        check=False,
    )
    if ran.returncode == 0:
        return None
    said = [line for line in ran.stderr.splitlines() if line.strip()][:4]
    return "\n    ".join(said).replace(str(path), name)
