"""The usual mistakes in packages: each is named in the log, and nothing is said of a package that is right."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.mistakes import notices

ARM = struct.pack("<4s5B7x3HI3QI3H", b"\x7fELF", 2, 1, 1, 0, 0, 3, 183, 64, 1, *[0] * 7).ljust(
    64, b"\0"
)


def said(folder: Path, handler: str, *files: str, runtime: str = "python3.11", **more: str) -> str:
    for name in files:
        path = folder / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ARM if "aarch64" in name else b"")
    (folder / "code").mkdir(exist_ok=True)
    spec = EnvironmentSpec(
        key=f"{folder}{handler}{files}{more}",
        function_name="f",
        function_arn="arn:aws:lambda:us-east-1:111111111111:function:f",
        version="$LATEST",
        runtime=runtime,
        handler=handler,
        code_dir=folder / "code",
        layer_dirs=(folder / "layer",),
        environment=more,
    )
    return " ".join(notices(spec))


@pytest.mark.parametrize(
    ("handler", "files", "runtime", "words"),
    [
        ("app.handler", ("src/app.py",), "python3.11", "is in the folder src of the package. Zip"),
        ("app.handler", ("main.py", "lib/x.py"), "python3.11", "The package has: lib, main.py"),
        ("app.handler", (), "python3.11", "The package has: nothing"),
        ("app", ("app.py",), "python3.11", "is not of the form file.function."),
        (
            "index.handler",
            ("dist/index.mjs",),
            "nodejs22.x",
            "is in the folder dist of the package.",
        ),
        (
            "app.A::B.handler",
            ("src/app.rb",),
            "ruby3.3",
            "is in the folder src of the package. Zip",
        ),
        (
            "app.a.b.c",
            ("app.rb",),
            "ruby3.3",
            "is not of the form file.method or file.Class.method.",
        ),
        (
            "app.handler",
            ("app.rb", "vendor/bundle/ruby/3.2.0/gems/a-1/lib/a.rb"),
            "ruby3.3",
            "the gems of Ruby 3.2.0, and ruby3.3 looks for those of 3.3.0: run `bundle install` with",
        ),
        (
            "app.handler",
            ("app.py", "numpy/_core.cpython-311-aarch64-linux-gnu.so"),
            "python3.11",
            "numpy/_core.cpython-311-aarch64-linux-gnu.so cannot be loaded: it was compiled for aarch64",
        ),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, handler: str, files: tuple[str, ...], runtime: str, words: str
) -> None:
    assert words in said(tmp_path, handler, *files, runtime=runtime)


@pytest.mark.parametrize(
    ("handler", "files", "runtime"),
    [
        ("app.handler", ("app.py",), "python3.11"),
        ("src/app.handler", ("src/app.py",), "python3.11"),
        ("src.app.handler", ("src/app/__init__.py",), "python3.11"),
        ("index.handler", ("index.mjs",), "nodejs22.x"),
        ("app.handler", ("app.rb", "vendor/bundle/ruby/3.4.0/gems/a-1/lib/a.rb"), "ruby3.4"),
        ("lib/app.Deep::Handler.process", ("lib/app.rb",), "ruby3.2"),
        ("anything", ("bootstrap",), "provided.al2023"),
    ],
)
def test_nothing_is_said_of_what_is_right(
    tmp_path: Path, handler: str, files: tuple[str, ...], runtime: str
) -> None:
    assert said(tmp_path, handler, *files, runtime=runtime) == ""


# A layer may have the handler, and variables may lead to places that nobody looks into.
def test_a_handler_may_be_elsewhere(tmp_path: Path) -> None:
    place = tmp_path / "layer" / "python" / "lib" / "python3.11" / "site-packages"
    place.mkdir(parents=True)
    (place / "wrapper.py").write_text("")
    assert said(tmp_path, "wrapper.handler", "app.py") == ""
    assert said(tmp_path, "run.sh", "app.py", AWS_LAMBDA_EXEC_WRAPPER="/opt/bootstrap") == ""
    assert "which is not in the package" in said(tmp_path, "run.sh", "app.py")
