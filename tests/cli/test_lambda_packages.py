"""`pilvi lambda package`: what a package holds, that it is always the same bytes, and what is told of wrong ones."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import nursery
from lambda_.support import Functions, package
from pilvi.base.errors import PilviError
from pilvi.cli.lambda_.failures import explain, package_of
from pilvi.cli.lambda_.mistakes import files_of, find_mistakes, syntax_error
from pilvi.cli.lambda_.package import guess_handler, guess_runtime
from pilvi.cli.lambda_.packing import list_files, pack, readers, size_of
from pilvi.cli.lambda_.requiring import platforms
from servers import Server


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def types(directory: Path, *words: str, fails: bool = False, **environment: str) -> str:
    ran = nursery.pilvi().run(
        "lambda",
        *words,
        environment={"PATH": os.environ["PATH"], "HOME": str(directory), **environment},
        directory=directory,
    )
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    assert "/pilvi/cli/" not in ran.stderr, "a traceback"
    return ran.stderr if fails else ran.stdout


def test_a_package_holds_what_belongs_into_it(tmp_path: Path) -> None:
    """Neither compiled files nor history, tests and environments of tools, unless they are asked for."""
    mine = {"app.py": "", "lib/tests/data.txt": "", "node_modules/a/index.js": ""}
    tools = {
        ".venv/x.py": "",
        "tests/test_app.py": "",
        ".vscode/a": "",
        "env/pyvenv.cfg": "",
        "env/x": "",
    }
    folder = write(
        tmp_path, {**mine, **tools, "__pycache__/app.pyc": "", ".git/HEAD": "", "a.pyc": ""}
    )
    (folder / "link.py").symlink_to("app.py")
    (folder / "lib" / "around").symlink_to("..")
    assert set(list_files(folder)) == {*mine, "link.py"}
    assert set(list_files(folder, everything=True)) == {*mine, *tools, "link.py"}
    assert set(list_files(folder, exclude=("*.js", "lib"))) == {"app.py", "link.py"}


def test_the_same_content_is_the_same_package(tmp_path: Path) -> None:
    """Whenever it was saved, in whatever order, under whatever umask; what can be executed stays so."""
    content = {"b.py": "1", "a/c.py": "2", "run.sh": "#!/bin/sh"}
    first = write(tmp_path / "first", content)
    second = write(tmp_path / "second", dict(reversed(content.items())))
    for folder, executable, plain in ((first, 0o755, 0o644), (second, 0o700, 0o600)):
        for file in folder.rglob("*"):
            file.chmod(executable if file.is_dir() or file.name == "run.sh" else plain)
    os.utime(second / "b.py", (0, 0))
    zipped = pack(list_files(first))
    assert pack(list_files(second)) == zipped
    archive = zipfile.ZipFile(io.BytesIO(zipped))
    assert archive.read("a/c.py") == b"2"
    modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {"a/c.py": 0o100644, "b.py": 0o100644, "run.sh": 0o100755}
    (second / "run.sh").chmod(0o600)
    assert pack(list_files(second)) != zipped


def test_too_large_a_package_names_what_is_large(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app.py": "", "torch/lib.so": ""})
    os.truncate(folder / "torch" / "lib.so", 251 * 1024 * 1024)
    with pytest.raises(PilviError) as refused:
        size_of(list_files(folder))
    assert "it would be 251.0 MB; Lambda takes 250.0 MB" in refused.value.problem
    assert "torch 251.0 MB" in str(refused.value.advice)


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", machine) + bytes(44)


WRONG = {
    "another machine": (
        {"app.py": "def handler(e, c): 0", "x/y.so": elf(183)},
        "x/y.so is compiled for arm64, and the function runs on x86_64: package it with --arch x86_64.",
    ),
    "macOS": (
        {"app.py": "def handler(e, c): 0", "y.so": b"\xcf\xfa\xed\xfe" + bytes(60)},
        "y.so is compiled for macOS, and",
    ),
    "another Python": (
        {"app.py": "def handler(e, c): 0", "y.cpython-312-x86_64-linux-gnu.so": elf(62)},
        "is for Python 3.12, and the function runs under python3.11",
    ),
    "deeper": (
        {"src/app.py": "", "src/lib/app.py": ""},
        "app.py is in the folder src/ of the package",
    ),
    "other file": ({"main.py": ""}, "there is no file app.py; there is main.py."),
    "other name": ({"app.py": "main = 1"}, "app.py defines no `handler`: it has main."),
}


def test_wrong_packages_are_told(tmp_path: Path) -> None:
    for name, (files, said) in WRONG.items():
        folder = write(tmp_path / name, files)
        zipped = zipfile.ZipFile(io.BytesIO(pack(list_files(folder))))
        (told,) = find_mistakes(files_of(zipped), "python3.11", "app.handler", "x86_64")
        assert said in told, name


RIGHT = [
    "def handler(e, c): pass",
    "from other import handler",
    "from other import *",
    "import other\nhandler = other.made()",
    "try:\n    import a\nexcept ImportError:\n    pass\nelse:\n    async def handler(): pass",
    "for x in y:\n    def handler(): pass",
    "handler: int = 3",
    "(other, handler) = 1, 2",
    "class handler: pass",
    "this is no Python",
    "globals()['handler'] = print",
]


def test_right_packages_are_not_called_wrong() -> None:
    """A name may come to be in more ways than a reader can know: then nothing is said."""
    for source in RIGHT:
        files = {"app.py": lambda _, source=source: source.encode()}
        assert not find_mistakes(files, "python3.11", "app.handler", "x86_64"), source


WRONG_RUBY = {
    "deeper": (
        *("app.handler", {"src/app.rb": ""}),
        "app.rb is in the folder src/ of the package, and must be at its top",
    ),
    "other file": ("app.handler", {"main.rb": ""}, "there is no file app.rb; there is main.rb."),
    "other name": (
        *("app.A::B.handler", {"app.rb": "class A\n  def self.main(event:, context:)\n  end\nend"}),
        "app.rb defines no `handler`: it has main.",
    ),
    "no method": ("app", {"app.rb": ""}, "the handler 'app' is no FILE.METHOD"),
}


def test_wrong_packages_of_ruby_are_told(tmp_path: Path) -> None:
    for name, (handler, files, said) in WRONG_RUBY.items():
        content = readers(list_files(write(tmp_path / name, files)))
        (told,) = find_mistakes(content, "ruby3.4", handler, "x86_64")
        assert said in told, name
    for source in (
        "private def handler(event:, context:) = 1",
        "define_method(:handler) {}",
        "class A < B",
    ):
        right = {"app.rb": lambda _, source=source: source.encode()}
        assert not find_mistakes(right, "ruby3.4", "app.handler", "x86_64"), source


def test_failures_of_ruby_are_explained() -> None:
    """By what AWS's client says of them."""
    function = {"FunctionName": "f", "Runtime": "ruby3.4", "Handler": "app.handler", "Timeout": 3}
    files = {"app.rb": lambda _: b"def main(event:, context:) = 1"}
    for text, advice in {
        "cannot load such file -- nokogiri/xml": "`bundle add nokogiri`",
        "cannot load such file -- aws-sdk-s3": "`gem install aws-sdk-s3`",
        "cannot load such file -- /var/task/lib/x": "The package has no such file",
        "undefined method 'handler' for an instance of LambdaHandler": "app.rb defines no `handler`: it has main.",
        "undefined method `handler' for #<LambdaHandler:0x00>": "app.rb defines no `handler`",
        "undefined method 'size' for nil": None,
    }.items():
        told = explain(
            {"errorType": "Init<LoadError>", "errorMessage": text}, function, lambda: files
        )
        assert told == advice or (told is not None and advice is not None and advice in told), text


def test_what_a_folder_of_ruby_is(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {"Gemfile": "", "app.rb": "module A\n  def handler = 1\nend\ndef main(event:) = 2"},
    )
    assert guess_runtime(folder) == "ruby3.4"
    assert guess_handler(list_files(folder), "ruby3.4") == "app.main"


@pytest.mark.parametrize(
    "source",
    [
        b"\0",
        b"\xff",
        b"(" * 100_000,
        b"-" * 100_000 + b"1",
        b"",
        b"class" + b" " * 100_000,
        b"\n" * 100_000,
    ],
)
def test_any_source_can_be_looked_at(source: bytes) -> None:
    find_mistakes({"app.py": lambda _: source}, "python3.11", "app.handler", "x86_64")
    find_mistakes({"app.rb": lambda _: source}, "ruby3.4", "app.handler", "x86_64")
    assert (syntax_error("app.py", source) is None) == (not source.strip())


def test_wheels_are_for_the_machine_of_the_function() -> None:
    assert platforms("3.13", "arm64")[0] == "manylinux_2_34_aarch64"
    assert platforms("3.11", "x86_64")[0] == "manylinux_2_26_x86_64"
    assert package_of("google.protobuf.message") == "protobuf"
    assert package_of("requests.sessions") == "requests"


def test_requirements_are_installed_and_deployed(
    server: Server, account: str, tmp_path: Path
) -> None:
    """pip brings what is asked for into the package, one's own files win, and the function has it at once."""
    wheel = tmp_path / "wheels" / "brought-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("brought.py", "WORD = 'brought'\n")
        archive.writestr("lib/data.so", "no ELF file")
        archive.writestr("shadowed.py", "WORD = 'theirs'\n")
        archive.writestr(
            "brought-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n"
        )
        archive.writestr(
            "brought-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(
            "brought-1.0.dist-info/entry_points.txt", "[console_scripts]\nbrought = brought:WORD\n"
        )
        archive.writestr(
            "brought-1.0.dist-info/RECORD",
            "brought.py,,\nlib/data.so,,\nshadowed.py,,\n"
            + "".join(
                f"brought-1.0.dist-info/{n},,\n"
                for n in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")
            ),
        )
    folder = write(
        tmp_path / "fn",
        {
            "app.py": "import brought, shadowed\ndef handler(e, c): return [brought.WORD, shadowed.WORD]\n",
            "shadowed.py": "WORD = 'mine'\n",
            "requirements.txt": f"--no-index\n{wheel}\n",
        },
    )
    client = server.client("lambda", account)
    functions = Functions(client, account)
    functions.create("mine", package("def handler(e, c): pass\n"))
    told = json.loads(
        types(
            tmp_path, "package", str(folder), "--deploy", "mine", "-o", "out.zip", "--json",
            "--data", str(server.data), AWS_ACCESS_KEY_ID=account, AWS_SECRET_ACCESS_KEY="x",
        )
    )  # fmt: skip
    assert functions.invoke("mine") == ["brought", "mine"]
    names = set(zipfile.ZipFile(tmp_path / "out.zip").namelist())
    assert {"brought.py", "brought-1.0.dist-info/METADATA"} < names
    assert not {name for name in names if name.startswith("bin/") or name.endswith("INSTALLER")}
    configured = client.get_function_configuration(FunctionName="mine")
    assert told["code_sha256"] == configured["CodeSha256"]
    assert told["warnings"] == []
    credentials = {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "x"}
    for said in ("created", "has this code already"):
        watched = ("watch", "seen", str(folder), "--once", "--data", str(server.data))
        assert said in types(tmp_path, *watched, **credentials)
    assert functions.invoke("seen") == ["brought", "mine"]
    (layer,) = client.get_function_configuration(FunctionName="seen")["Layers"]
    assert layer["Arn"].endswith(":layer:seen-requirements:1")
    (folder / "requirements.txt").write_text("# nothing any more\n")
    assert "deployed" in types(tmp_path, *watched, **credentials)
    assert "Layers" not in client.get_function_configuration(FunctionName="seen")
    assert client.list_layer_versions(LayerName="seen-requirements")["LayerVersions"] == []
    client.close()
    (folder / "requirements.txt").write_text("--no-index\nnowhere-to-be-found==1.0\n")
    said = types(tmp_path, "package", str(folder), fails=True)
    assert "pip could not install" in said
    assert "nowhere-to-be-found" in said
    assert not (tmp_path / "fn.zip").exists()
