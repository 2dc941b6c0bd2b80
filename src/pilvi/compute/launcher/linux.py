"""The system calls that Python's library lacks: namespaces, mounts, capabilities, addresses.

Each raises OSError with the name of the call, so that a refusal by the host can be told to people.
Manual pages: unshare(2), mount(2), pivot_root(2), mount_setattr(2), prctl(2), capset(2), netdevice(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct

CLONE_NEWNS = 0x0002_0000
CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
MOUNT_ATTR_NOEXEC = 8

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
CAPABILITY_VERSION_3 = 0x2008_0522
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
_libc.syscall.restype = ctypes.c_long


def check(result: int, name: str) -> None:
    """Raises: OSError for the call that has just failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def call(number: int, *arguments: object) -> int:
    """A system call by its number, with arguments of ctypes; -1 when it failed (see `check`)."""
    return _libc.syscall(ctypes.c_long(number), *arguments)


def unshare(flags: int) -> None:
    check(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(descriptor: int, kind: int) -> None:
    check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    check(
        _libc.mount(
            source.encode(), target.encode(), kind.encode() or None, flags, data.encode() or None
        ),
        f"mount({source} on {target})",
    )


def bind(source: str, target: str, attributes: int) -> None:
    """Bind `source` and all that is mounted below it, with these attributes throughout.

    Needs Linux 5.12 (mount_setattr): older kernels cannot make a whole tree read-only at once.
    """
    mount(source, target, flags=MS_BIND | MS_REC)
    set_attributes(target, attributes, recursive=True)


def set_attributes(target: str, attributes: int, *, recursive: bool) -> None:
    request = ctypes.create_string_buffer(struct.pack("=QQQQ", attributes, 0, 0, 0))
    check(
        call(
            _MOUNT_SETATTR,
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(target.encode()),
            ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
            request,
            ctypes.c_size_t(32),
        ),
        f"mount_setattr({target})",
    )


def unmount(target: str) -> None:
    """Detach the mount and all below it, at once."""
    check(_libc.umount2(target.encode(), MNT_DETACH), f"umount2({target})")


def pivot_root(new_root: str, put_old: str) -> None:
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(38, f"pivot_root: unknown machine {platform.machine()}")
    check(
        call(
            number,
            ctypes.c_char_p(new_root.encode()),
            ctypes.c_char_p(put_old.encode()),
        ),
        "pivot_root",
    )


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    check(_libc.prctl(option, first, second, 0, 0), f"prctl({option})")


def install_filter(program: bytes) -> None:
    """Install a seccomp filter: classic BPF instructions of 8 bytes each. Needs no_new_privs."""
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    )
    check(_libc.prctl(PR_SET_SECCOMP, 2, ctypes.addressof(header), 0, 0), "prctl(PR_SET_SECCOMP)")


def drop_capabilities(last_capability: int) -> None:
    """Empty every set: bounding, ambient, effective, permitted, inheritable. There is no way back."""
    for capability in range(last_capability + 1):
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(24)
    check(_libc.capset(header, nothing), "capset")


def raise_loopback(address: str) -> None:
    """Bring `lo` up in this network namespace and give it one more address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack("16sH22x", b"lo", 0))
        fcntl.ioctl(control, _SIOCGIFFLAGS, request)
        flags = struct.unpack_from("H", request, 16)[0] | _IFF_UP
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags))
        for operation, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.255")):
            named = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, operation, named)
