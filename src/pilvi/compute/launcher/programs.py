"""Why a program did not start, for people: the usual mistakes of those who bring their own runtime or extension.

Looks at the file itself, inside the sandbox, after the kernel has refused it.
"""

from __future__ import annotations

import os
import platform
import struct

_MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
"""Numbers of the ELF format (e_machine) and the names that uname has for them."""
_PROGRAM_INTERPRETER = 3
_HEAD_BYTES = 4096
_HEADERS_MAX = 64


def refusal(path: str, error: OSError) -> str:
    """The words of AWS's supervisor, which is written in Go."""
    return f"fork/exec {path}: {(error.strerror or 'unknown error').lower()}"


def hint(path: str, error: OSError) -> str | None:
    """What is probably wrong with it, or None when nobody can tell."""
    if isinstance(error, PermissionError):
        return "it is not executable: set its mode to 0755 (chmod +x) before it is zipped."
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if head.startswith(b"#!"):
        line = head.partition(b"\n")[0]
        if line.endswith(b"\r"):
            return "its lines end as on Windows (CRLF): convert them, for example with dos2unix."
        interpreter = line[2:].split(maxsplit=1)[:1]
        named = interpreter[0].decode("utf-8", "replace") if interpreter else "no interpreter"
        return f"its first line names {named}, which does not exist here."
    if head.startswith(b"\x7fELF") and len(head) >= 64:
        return _hint_of_elf(head)
    return "it is neither an ELF program nor a script that begins with #!."


def _hint_of_elf(head: bytes) -> str | None:
    order = "<" if head[5] == 1 else ">"
    machine = struct.unpack_from(f"{order}H", head, 18)[0]
    compiled_for, here = _MACHINES.get(machine, f"machine {machine}"), platform.machine()
    if compiled_for != here:
        return f"it was compiled for {compiled_for}, and this host is {here}."
    interpreter = _interpreter(head, order)
    if interpreter is not None and not os.path.exists(interpreter):
        return f"it needs {interpreter}, which is not here: link it statically."
    return None


def _interpreter(head: bytes, order: str) -> str | None:
    """The dynamic linker that a 64-bit program asks for."""
    offset = struct.unpack_from(f"{order}Q", head, 32)[0]
    size, count = struct.unpack_from(f"{order}2H", head, 54)
    for number in range(min(count, _HEADERS_MAX)):
        at = offset + number * size
        if at + 56 > len(head):
            return None
        kind, _flags, begin, _address, _physical, length = struct.unpack_from(
            f"{order}2I4Q", head, at
        )
        if kind == _PROGRAM_INTERPRETER:
            return head[begin : begin + length].rstrip(b"\0").decode("utf-8", "replace")
    return None
