"""Functions that are compiled: programs of their own in C, Go and Rust, and Java under AWS's runtime client."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compute.support import Room, text_of
from pilvi.compute import runtimes
from pilvi.compute.api import InvalidEntrypoint

SOURCES = Path(__file__).parent / "programs"

COMPILERS = {
    # name: (program that must be there, the command; SOURCE and TARGET stand for files)
    "C, static": ("gcc", "gcc -static -w -o TARGET bootstrap.c"),
    "C, dynamic": ("gcc", "gcc -w -o TARGET bootstrap.c"),
    "Go": ("go", "go build -ldflags=-s -o TARGET bootstrap.go"),
    "Rust": ("rustc", "rustc -C strip=symbols -o TARGET bootstrap.rs"),
}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of a program, compiled once; skips by name where there is no compiler."""
    made: dict[str, Path] = {}

    def compile_it(name: str) -> Path:
        program, command = COMPILERS[name]
        found = shutil.which(program)
        if found is None:
            pytest.skip(f"there is no {program} on this host")
        if name not in made:
            place = tmp_path_factory.mktemp("program")
            place.chmod(0o755)
            words = command.replace("TARGET", str(place / "bootstrap")).split()
            done = subprocess.run(
                [found, *words[1:]], check=False, cwd=SOURCES, capture_output=True
            )
            if done.returncode:
                pytest.skip(f"{program} does not work on this host: {done.stderr.decode()[-200:]}")
            made[name] = place
        return made[name]

    return compile_it


@pytest.mark.parametrize("name", COMPILERS)
def test_a_program(room: Room, compiled: Callable[[str], Path], name: str) -> None:
    """`provided` runs any program that speaks the Runtime API, whatever it was written in."""
    function = room.start(runtime="provided.al2023", code_dir=compiled(name))
    outcome = function.invoke({"n": 1})
    assert (outcome.payload, outcome.error) == (b'[{"n": 1}]', None), text_of(outcome)
    assert f'{name.split(",")[0]} has {{"n": 1}}\n' in text_of(outcome)
    assert function("again") == ["again"]


BROKEN: dict[str, tuple[bytes, int, str, str]] = {
    # name: (bootstrap, mode, what AWS's error says, what the log explains)
    "of another machine": (
        *(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xf3\0" + bytes(100), 0o755),
        *("exec format error", "it was compiled for riscv64, and this host is"),
    ),
    "with Windows's ends of lines": (
        *(b"#!/bin/sh\r\necho hello\r\n", 0o755),
        *("no such file or directory", "its lines end as on Windows (CRLF)"),
    ),
    "not executable": (
        *(b"#!/bin/sh\necho hello\n", 0o644),
        *("permission denied", "it is not executable: set its mode to 0755"),
    ),
    "no program": (
        *(b"just text", 0o755, "exec format error"),
        "it is neither an ELF program nor a script that begins with #!.",
    ),
    "of an interpreter that is not there": (
        *(b"#!/opt/bin/perl6 -w\n", 0o755, "no such file or directory"),
        "its first line names /opt/bin/perl6, which does not exist here.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_program_that_cannot_start(room: Room, tmp_path: Path, name: str) -> None:
    """AWS's error tells what the kernel said; the log tells what is probably wrong with the file."""
    content, mode, said, explained = BROKEN[name]
    tmp_path.chmod(0o755)
    (tmp_path / "bootstrap").write_bytes(content)
    (tmp_path / "bootstrap").chmod(mode)
    outcome = room.start(runtime="provided.al2023", code_dir=tmp_path).invoke()
    message = f"RequestId: {outcome.request_id} Error: fork/exec /var/task/bootstrap: {said}"
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": message,
    }
    text = text_of(outcome)
    assert f"{message}\nRuntime.InvalidEntrypoint\n" in text
    assert explained in text


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of Java, compiled against AWS's own interface."""
    jars = runtimes.find_java_client()
    if shutil.which("javac") is None or not jars:
        pytest.skip("there is no javac, or AWS's runtime client for Java is not on this host")
    place = tmp_path_factory.mktemp("java")
    place.chmod(0o755)
    path = ":".join(map(str, jars))
    sources = ["example/Handlers.java"]
    command = ["javac", "-cp", path, "--release", "17", "-proc:none", "-d", str(place), *sources]
    subprocess.run(command, cwd=SOURCES, check=True, capture_output=True)
    return place


def test_java(room: Room, java: Path) -> None:
    members: dict[str, Any] = {"runtime": "java17", "code_dir": java, "memory_mb": 512}
    function = room.start(handler="example.Handlers", **members)
    for n in (1, 2):
        outcome = function.invoke({"n": n})
        assert outcome.error is None, text_of(outcome)
        assert json.loads(outcome.payload) == {
            "n": n,
            "id": outcome.request_id,
            "memory": 512,
            "region": "AWS_Lambda_java17",
        }
        assert f"Java has {n}\n" in text_of(outcome)
    failing = room.start(handler="example.Handlers::fail", **members)
    outcome = failing.invoke({"why": "some_error_msg"})
    document = json.loads(outcome.payload)
    assert document["errorMessage"] == "Error: some_error_msg"
    assert document["errorType"] == "java.lang.IllegalStateException"
    assert document["stackTrace"], "of strings"


def test_java_without_its_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says what to do, once, instead of failing somewhere inside the sandbox."""
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    (home / "bin" / "java").chmod(0o755)
    (home / "release").write_text('IMPLEMENTOR="x"\nJAVA_VERSION="21.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = {java.version[0]: java for java in runtimes.find_javas()}
    assert found[21].version == (21, 0, 1)
    with pytest.raises(InvalidEntrypoint, match="mvn dependency:get"):
        runtimes.Runtimes(list(found.values())).resolve("java21")
