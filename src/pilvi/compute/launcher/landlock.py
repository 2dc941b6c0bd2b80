"""Landlock: rules of a process's own about files, which hold even where a mount or a namespace would not.

They say again what the mounts say: only /tmp can be written, and only the sandbox's tree exists at all. Where the
kernel can (ABI 6, Linux 6.12), abstract sockets and signals end at the sandbox, too. Rules about TCP know ports and no
addresses; a function speaks with its own servers at any port, and its network has nothing else, so there are none.

Manual pages: landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import struct

from pilvi.compute.launcher import linux

ABI_MIN = 2
"""With the first one (Linux 5.13), files could not be moved from one directory to another."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIRECTORY, _REMOVE_FILE, _MAKE_CHARACTER_DEVICE, _MAKE_DIRECTORY = (
    1 << 4,
    1 << 5,
    1 << 6,
    1 << 7,
)
_MAKE_FILE, _MAKE_SOCKET, _MAKE_FIFO, _MAKE_BLOCK_DEVICE = 1 << 8, 1 << 9, 1 << 10, 1 << 11
_MAKE_LINK, _REFER, _TRUNCATE, _CONTROL_DEVICE = 1 << 12, 1 << 13, 1 << 14, 1 << 15
_HANDLED = {2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_HANDLED_LATEST = (1 << 16) - 1
"""From ABI 5 on."""
_SCOPED = 3
"""Abstract sockets and signals."""

_EVERYWHERE = _EXECUTE | _READ_FILE | _READ_DIRECTORY
_IN_TMP = _HANDLED_LATEST & ~(_MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE | _CONTROL_DEVICE)
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _CONTROL_DEVICE


def abi() -> int:
    """Which rules this kernel knows; 0: none that can be used."""
    known = linux.call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))
    return known if known >= ABI_MIN else 0


def restrict(known: int, devices: list[str]) -> None:
    """Restrict this process and all that come of it; it sees the sandbox's root. Needs no_new_privs.

    `known`: what `abi` told. Raises: OSError.
    """
    handled = _HANDLED.get(known, _HANDLED_LATEST)
    attributes = struct.pack("=QQQ", handled, 0, _SCOPED if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    rules = linux.call(
        _CREATE_RULESET, ctypes.c_char_p(attributes[:size]), ctypes.c_size_t(size), ctypes.c_uint(0)
    )
    linux.check(rules, "landlock_create_ruleset")
    try:
        allowed = [
            ("/", _EVERYWHERE),
            ("/tmp", _IN_TMP),
            ("/proc", _EVERYWHERE | _WRITE_FILE | _TRUNCATE),
        ]
        for path, rights in (*allowed, *((device, _DEVICE) for device in devices)):
            _allow(rules, path, rights & handled)
        linux.check(
            linux.call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint(0)),
            "landlock_restrict_self",
        )
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place))
        added = linux.call(
            _ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0)
        )
        linux.check(added, f"landlock_add_rule({path})")
    finally:
        os.close(place)
