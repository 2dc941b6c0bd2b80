"""The system calls that no function may make, as a seccomp filter.

A list of refusals, not of permissions: namespaces, mounts, tracing, kernel modules, keys, clocks, io_uring and
the like; and one of permissions, for the families of sockets. `clone3` answers ENOSYS, because its flags lie in memory
that a filter cannot read: the C library then uses `clone`, whose flags are checked. Not for: which files may be opened;
the mounts decide that.
"""

from __future__ import annotations

import platform
import struct

_EPERM = 1
_ENOSYS = 38
_EAFNOSUPPORT = 97
_RETURN_ERRNO = 0x0005_0000
_RETURN_ALLOW = 0x7FFF_0000
_RETURN_KILL = 0x8000_0000
_NAMESPACE_FLAGS = 0x7E02_0080
"""CLONE_NEW* of clone(2): user, pid, net, mount, ipc, uts, cgroup, time."""

_EVERYWHERE = (
    428,
    429,
    430,
    431,
    432,
    433,
    438,
    442,
)  # open_tree .. fspick, pidfd_getfd, mount_setattr
_MISSING = (425, 426, 427, 435)  # io_uring_setup, _enter, _register, clone3

_X86_64 = (
    *(101, 103, 153, 155, 159, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173),
    *(175, 176, 179, 227, 246, 248, 249, 250, 272, 279, 298, 300, 303, 304, 305, 308, 310),
    *(311, 312, 313, 320, 321, 323),
)
_AARCH64 = (
    *(39, 40, 41, 51, 58, 60, 89, 97, 104, 105, 106, 112, 116, 117, 142, 161, 162, 170, 171),
    *(
        217,
        218,
        219,
        224,
        225,
        239,
        241,
        262,
        264,
        265,
        266,
        268,
        270,
        271,
        272,
        273,
        280,
        282,
        294,
    ),
)
"""In the order of the kernel's tables: ptrace, syslog, vhangup, pivot_root, adjtimex, chroot, acct,
settimeofday, mount, umount2, swapon, swapoff, reboot, sethostname, setdomainname, iopl, ioperm, init_module,
delete_module, quotactl, clock_settime, kexec_load, add_key, request_key, keyctl, unshare, move_pages,
perf_event_open, fanotify_init, name_to_handle_at, open_by_handle_at, clock_adjtime, setns, process_vm_readv,
process_vm_writev, kcmp, finit_module, kexec_file_load, bpf, userfaultfd. mknod is allowed, for it makes named pipes
as well; devices need a capability that nobody has, and no file system inside opens them."""

_SOCKET_FAMILIES = (1, 2, 10, 16)
"""unix, inet, inet6, netlink. Others reach the kernel's odd corners, or (vsock) the machine around this one."""

_MACHINES = {
    # machine: (AUDIT_ARCH, numbers of clone and socket, refused, first number of a foreign ABI)
    "x86_64": (0xC000_003E, 56, 41, _X86_64, 0x4000_0000),
    "aarch64": (0xC000_00B7, 220, 198, _AARCH64, 0xFFFF_FFFF),
}


def filter_program() -> bytes:
    """The filter for this machine; empty when the machine is unknown, and then nothing is filtered."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return b""
    architecture, clone, socket, refused, foreign = machine
    code = [
        _instruction(0x20, 0, 0, 4),  # load the architecture
        _instruction(0x15, 1, 0, architecture),
        _instruction(0x06, 0, 0, _RETURN_KILL),
        _instruction(0x20, 0, 0, 0),  # load the number
        _instruction(0x35, 0, 1, foreign),
        _instruction(0x06, 0, 0, _RETURN_ERRNO | _ENOSYS),
    ]
    for error, numbers in ((_EPERM, (*refused, *_EVERYWHERE)), (_ENOSYS, _MISSING)):
        for number in numbers:
            code.append(_instruction(0x15, 0, 1, number))
            code.append(_instruction(0x06, 0, 0, _RETURN_ERRNO | error))
    code += [
        _instruction(0x15, 0, 4, clone),
        _instruction(0x20, 0, 0, 16),  # load the flags
        _instruction(0x45, 0, 1, _NAMESPACE_FLAGS),
        _instruction(0x06, 0, 0, _RETURN_ERRNO | _EPERM),
        _instruction(0x06, 0, 0, _RETURN_ALLOW),
        _instruction(0x15, 0, len(_SOCKET_FAMILIES) + 2, socket),
        _instruction(0x20, 0, 0, 16),  # load the family
    ]
    for left, family in zip(range(len(_SOCKET_FAMILIES), 0, -1), _SOCKET_FAMILIES):
        code.append(_instruction(0x15, left, 0, family))
    code += [
        _instruction(0x06, 0, 0, _RETURN_ERRNO | _EAFNOSUPPORT),
        _instruction(0x06, 0, 0, _RETURN_ALLOW),
    ]
    return b"".join(code)


def _instruction(operation: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
