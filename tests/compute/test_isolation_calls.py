"""The filter of system calls: every number, on both machines, and what the kernel makes of it on this one."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from typing import Any

import pytest

from pilvi.compute.launcher import calls, seccomp

MACHINES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
BEYOND = 700
"""Past every number that any kernel has today."""


def _words(text: str) -> list[str]:
    return text.split()


UNFILTERED = (335, 336)
"""uretprobe and uprobe of x86-64: newer kernels never filter them; a process that makes them itself gets SIGILL."""

REFUSED = _words("""
acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init fanotify_mark finit_module
fsconfig fsmount fsopen fspick init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl memfd_secret migrate_pages
modify_ldt mount mount_setattr move_mount move_pages name_to_handle_at open_by_handle_at open_tree open_tree_attr
perf_event_open pidfd_getfd pivot_root process_mrelease process_vm_readv process_vm_writev ptrace quotactl quotactl_fd
reboot request_key set_mempolicy_home_node setdomainname sethostname setns settimeofday swapoff swapon syslog umount2
unshare userfaultfd vhangup
""")
MISSING = _words("""
_sysctl afs_syscall clone3 create_module epoll_ctl_old epoll_wait_old file_getattr file_setattr get_kernel_syms
get_thread_area getpmsg io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit io_uring_enter
io_uring_register io_uring_setup listmount lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr
nfsservctl putpmsg query_module remap_file_pages security set_thread_area statmount sysfs tuxcall uselib ustat
vmsplice vserver
""")

EPERM, ENOSYS, EINVAL = 1, 38, 22
ALLOWED = -1
KILLED = -2


def judge(program: bytes, number: int, *arguments: int, architecture: int) -> int:
    """Run the program as the kernel would: an error number, 0 for a success that does nothing, or ALLOWED."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, architecture, 0, *padded)
    code = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x05:
                at += operand
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x35:
                at += if_true if accumulator >= operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case 0x06:
                if operand == seccomp.ALLOW:
                    return ALLOWED
                return KILLED if operand == seccomp.KILL else operand & 0xFFFF
            case _:
                raise AssertionError(f"operation {operation:#x}")


def table(machine: str) -> dict[int, int]:
    """What each number answers, said once more in words: of calls with arguments that are all 0."""
    said = dict.fromkeys(range(BEYOND), ENOSYS)
    for name, number in calls.NUMBERS[machine].items():
        said[number] = ALLOWED
        if name in REFUSED:
            said[number] = EPERM
        elif name in MISSING:
            said[number] = ENOSYS
        elif name in ("sync", "syncfs"):
            said[number] = 0
    said[calls.NUMBERS[machine]["prctl"]] = EINVAL
    for name, error in (("socket", 97), ("socketpair", 95)):
        said[calls.NUMBERS[machine][name]] = error
    return said


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_judged_as_the_table_says(machine: str) -> None:
    program = seccomp.filter_program(machine)
    judged = {n: judge(program, n, architecture=MACHINES[machine]) for n in range(BEYOND)}
    assert judged == table(machine)


def test_calls_of_another_machine_end_the_process() -> None:
    """A 64-bit process may make calls of 32-bit programs, under other numbers."""
    program = seccomp.filter_program("x86_64")
    assert judge(program, 1, architecture=0x4000_0003) == KILLED
    assert judge(program, 0x4000_0000 + 39, architecture=MACHINES["x86_64"]) == ENOSYS


UPPER = 1 << 32
NAMESPACES = (0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000)
EXAMINED: list[tuple[str, tuple[int, ...], int]] = [
    ("clone", (0x3D0F00,), ALLOWED),  # a thread
    ("clone", (17,), ALLOWED),  # a process
    *(("clone", (flag | 17,), EPERM) for flag in NAMESPACES),
    ("ioctl", (0, 0x5401), ALLOWED),
    *(("ioctl", (0, request), EPERM) for request in (0x5412, 0x541C, 0x541D, 0x5423)),
    ("ioctl", (0, 0x5412 | UPPER), EPERM),  # the kernel looks at the lower half only
    ("personality", (0xFFFF_FFFF,), ALLOWED),
    ("personality", (0x4_0000,), EPERM),
    ("prctl", (15,), ALLOWED),
    ("prctl", (0x5356_4D41,), ALLOWED),
    ("prctl", (35,), EPERM),
    ("prctl", (0x5961_6D61,), EPERM),
    ("prctl", (35 | UPPER,), EPERM),
    ("prctl", (9999,), EINVAL),
    ("mknodat", (0, 0, 0x1000 | 0o600), ALLOWED),  # a named pipe
    ("mknodat", (0, 0, 0x2000 | 0o600), EPERM),
    ("mknodat", (0, 0, 0x6000 | 0o600), EPERM),
    ("seccomp", (1, 0), ALLOWED),
    ("seccomp", (1, 8), EPERM),
    ("socket", (1, 1, 0), ALLOWED),
    ("socket", (2, 1, 0), ALLOWED),
    ("socket", (2, 1, 6), ALLOWED),
    ("socket", (10, 2, 17), ALLOWED),
    ("socket", (2, 1, 132), 93),  # SCTP
    ("socket", (2, 1, 262), 93),  # multipath TCP
    ("socket", (10, 3, 255), 93),
    ("socket", (16, 3, 0), ALLOWED),
    *(("socket", (16, 3, family), 93) for family in (4, 6, 9, 12, 15, 16, 21)),
    *(("socket", (family, 1, 0), 97) for family in (3, 4, 17, 21, 26, 29, 31, 38, 40, 44)),
    ("socketpair", (1, 1, 0), ALLOWED),
    ("socketpair", (2, 1, 0), 95),
]


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_decide(machine: str) -> None:
    program = seccomp.filter_program(machine)
    for name, arguments, expected in EXAMINED:
        number = calls.NUMBERS[machine][name]
        judged = judge(program, number, *arguments, architecture=MACHINES[machine])
        assert judged == expected, (name, arguments)


@pytest.mark.parametrize("name", ["memfd_create", "shmget", "msgget"])
def test_without_a_cgroup_memory_belongs_to_processes(name: str) -> None:
    """What only a cgroup could count does not exist where there is none."""
    number, architecture = calls.NUMBERS["x86_64"][name], MACHINES["x86_64"]
    held, watched = (seccomp.filter_program("x86_64", memory_held=held) for held in (True, False))
    assert judge(held, number, architecture=architecture) == ALLOWED
    assert judge(watched, number, architecture=architecture) == ENOSYS


SWEEP = """
import ctypes, json, os, struct, sys
from pilvi.compute.launcher import linux, seccomp

MAGIC, MARK = 0x5EEB, 4000
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def ask(number, *arguments):
    padded = (*arguments, *(0,) * (5 - len(arguments)), MAGIC)
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, padded))
    return -ctypes.get_errno() if result < 0 else result

# Of two filters the kernel takes the stricter verdict: what ours lets through ends in this one, so that no call of the
# sweep, which its sixth argument tells from all others, is ever made.
marker = b"".join(struct.pack("=HBBI", *instruction) for instruction in (
    (0x20, 0, 0, 16 + 5 * 8), (0x15, 0, 1, MAGIC), (0x06, 0, 0, 0x0005_0000 | MARK), (0x06, 0, 0, 0x7FFF_0000)))
linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
linux.install_filter(marker)
linux.install_filter(seccomp.filter_program())
asked = json.loads(sys.argv[1])
print(json.dumps([[ask(number) for number in asked["numbers"]], [ask(*one) for one in asked["examined"]]]))
"""


@pytest.mark.skipif(os.uname().machine not in MACHINES, reason="nothing is filtered there")
def test_the_kernel_agrees() -> None:
    machine = os.uname().machine
    numbers = calls.NUMBERS[machine]
    asked: dict[str, list[Any]] = {
        "numbers": [number for number in range(BEYOND) if number not in UNFILTERED],
        "examined": [(numbers[name], *arguments) for name, arguments, _ in EXAMINED],
    }
    told = subprocess.run(
        [sys.executable, "-c", SWEEP, json.dumps(asked)], capture_output=True, check=True, text=True
    )
    answered: list[list[Any]] = json.loads(told.stdout)

    def as_error(judged: int) -> int:
        return -4000 if judged == ALLOWED else -judged

    expected_of = {number: as_error(judged) for number, judged in table(machine).items()}
    assert dict(zip(asked["numbers"], answered[0], strict=True)) == {
        number: expected_of[number] for number in asked["numbers"]
    }
    for (name, arguments, expected), came_to in zip(EXAMINED, answered[1], strict=True):
        assert came_to == as_error(expected), (name, arguments)
