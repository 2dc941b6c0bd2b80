"""`pilvi lambda package`: a folder and what it requires, as the zip file that Lambda takes; without a container."""

from __future__ import annotations

import base64
import hashlib
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pilvi.base.errors import PilviError
from pilvi.cli.asking import Asked, asking, cloud_of
from pilvi.cli.lambda_.mistakes import find_mistakes, syntax_error
from pilvi.cli.lambda_.packing import (
    UNZIPPED_BYTES_MAX,
    ZIPPED_BYTES_MAX,
    list_files,
    pack,
    readers,
    shown,
    size_of,
)
from pilvi.cli.lambda_.requiring import Requirements
from pilvi.cli.remote import json_option, print_json

ARCHITECTURES = ("x86_64", "arm64")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="[default: DIRECTORY.zip]",
)
@click.option(
    "--requirements",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What pip shall install.  [default: requirements.txt in the folder]",
)
@click.option("--no-requirements", is_flag=True, help="Install nothing.")
@click.option(
    "--runtime",
    default=None,
    help="For example python3.13.  [default: the function's, or what fits here]",
)
@click.option(
    "--arch",
    type=click.Choice(ARCHITECTURES),
    default=None,
    help="[default: the function's, or this machine's]",
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out such files: '*.md'.")
@click.option(
    "--all", "everything", is_flag=True, help="Take tests, and what editors and tools keep, too."
)
@click.option(
    "--deploy",
    metavar="NAME",
    default=None,
    help="Make it the code of this function; writes no file without -o.",
)
@asking
@json_option
def package(
    directory: Path,
    output: Path | None,
    requirements: Path | None,
    no_requirements: bool,
    runtime: str | None,
    arch: str | None,
    exclude: tuple[str, ...],
    everything: bool,
    deploy: str | None,
    data: Path | None,
    profile: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Make a package of the folder DIRECTORY, with what its requirements ask for.

    The same content makes the same bytes. Folders of Node.js are taken with their node_modules, as they are,
    and those of Ruby with their vendor/bundle.
    """
    function: Mapping[str, Any] | None = None
    if deploy is not None:
        with cloud_of(Asked(data, profile, region)) as cloud:
            function = cloud.find_function(deploy)
            if function is None:
                raise cloud.no_function(deploy)
    known: Mapping[str, Any] = function or {}
    runtime = runtime or str(known.get("Runtime") or guess_runtime(directory))
    arch = arch or known.get("Architectures", [this_machine()])[0]
    assert arch is not None
    if output is None and deploy is None:
        output = Path(f"{directory.resolve().name}.zip")
    own = {output.resolve()} if output is not None else set[Path]()
    files = {
        name: path
        for name, path in list_files(directory, everything=everything, exclude=exclude).items()
        if path.resolve() not in own
    }
    console = Console(stderr=True)
    with console.status("looking") as status, tempfile.TemporaryDirectory(prefix="pilvi-") as home:
        if not no_requirements and runtime.startswith("python"):
            asked_for = requirements or directory / "requirements.txt"
            if requirements is not None or asked_for.exists():
                status.update(f"pip installs what {asked_for.name} asks for")
                brought = Requirements(Path(home)).install(asked_for, runtime, arch)
                files = {**brought, **files}  # one's own files win
        if not files:
            raise PilviError(f"{directory} holds nothing for a package.", "--all takes everything.")
        unzipped = size_of(files)

        def tell(done: int) -> None:
            if done % 100 == 0:
                status.update(f"{done:,} of {len(files):,} files")

        zipped = pack(files, tell=tell)
        mistakes = _mistakes(files, directory, runtime, known.get("Handler"), arch)
    if output is not None:
        _write(output, zipped)
    for mistake in mistakes:
        click.secho(f"pilvi: {mistake}", fg="yellow", err=True)
    digest = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    if len(zipped) > ZIPPED_BYTES_MAX:
        text = (
            f"zipped it is {shown(len(zipped))}, and a request may bring {shown(ZIPPED_BYTES_MAX)}: "
            "`aws s3 cp` it into a bucket, then `aws lambda update-function-code --s3-bucket ... --s3-key ...`."
        )
        if deploy is not None:
            raise PilviError(text)
        click.secho(f"pilvi: {text}", fg="yellow", err=True)
    if deploy is not None:
        with cloud_of(Asked(data, profile, region)) as cloud:
            cloud.functions.update_function_code(
                FunctionName=deploy, ZipFile=zipped, Architectures=[arch]
            )
    if as_json:
        print_json(
            {
                "file": None if output is None else str(output),
                "deployed": deploy,
                "runtime": runtime,
                "architecture": arch,
                "files": len(files),
                "bytes": len(zipped),
                "unzipped_bytes": unzipped,
                "code_sha256": digest,
                "warnings": mistakes,
            }
        )
        return
    click.echo(
        f"{len(files):,} files, {shown(len(zipped))} of {shown(ZIPPED_BYTES_MAX)} zipped, "
        f"{shown(unzipped)} of {shown(UNZIPPED_BYTES_MAX)} unpacked; {runtime} on {arch}"
    )
    if output is not None:
        click.echo(f"{output}  CodeSha256 {digest}")
    if deploy is not None:
        click.echo(f"{deploy} has it: the next invocation runs it.")


def _mistakes(
    files: Mapping[str, Path], directory: Path, runtime: str, handler: str | None, arch: str
) -> list[str]:
    found: list[str] = []
    for name, path in files.items():
        if name.endswith(".py") and path.is_relative_to(directory):
            problem = syntax_error(name, path.read_bytes())
            if problem is not None:
                found.append(problem)
    content = readers(files)
    if handler is None:
        handler = guess_handler(files, runtime)
        if handler is None:
            return found
    return found + find_mistakes(content, runtime, handler, arch)


def _write(output: Path, zipped: bytes) -> None:
    """Whole or not at all. Raises: PilviError."""
    temporary = output.with_name(output.name + ".new")
    try:
        temporary.write_bytes(zipped)
        temporary.replace(output)
    except OSError as problem:
        raise PilviError(f"{output} cannot be written: {problem.strerror}.") from None


# --- what a folder tells


def this_machine() -> str:
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def guess_runtime(directory: Path) -> str:
    """Of the language that the folder is written in; of Python this one's, which certainly runs here."""
    if (directory / "bootstrap").exists():
        return "provided.al2023"
    if any(directory.glob("*.py")) or (directory / "requirements.txt").exists():
        return f"python{sys.version_info.major}.{sys.version_info.minor}"
    if any(directory.glob("*.rb")) or (directory / "Gemfile").exists():
        return "ruby3.4"
    if (directory / "package.json").exists() or any(directory.glob("*.*js")):
        return "nodejs22.x"
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


_MODULES = ("lambda_function", "app", "handler", "main", "index", "function")
_FUNCTIONS = ("lambda_handler", "handler", "main")
_NODE_MODULES = ("index", "app", "handler", "main")


def guess_handler(files: Mapping[str, Path], runtime: str) -> str | None:
    """By the names that people give; None when there is no such file."""
    from pilvi.cli.lambda_.mistakes import defined_methods, defined_names, handler_files

    if runtime.startswith("provided"):
        return "bootstrap"
    if runtime.startswith("nodejs"):
        for module in _NODE_MODULES:
            if any(name in files for name in handler_files(module, runtime)):
                return f"{module}.handler"
        return None
    in_ruby = runtime.startswith("ruby")
    ending = ".rb" if in_ruby else ".py"
    others = [
        name.removesuffix(ending) for name in files if "/" not in name and name.endswith(ending)
    ]
    for module in dict.fromkeys((*_MODULES, *others)):
        path = files.get(module + ending)
        if path is None:
            continue
        source = path.read_bytes()
        defined = defined_methods(source, at_top=True) if in_ruby else defined_names(source)
        for function in _FUNCTIONS:
            if function in (defined or ()):
                return f"{module}.{function}"
    return None
