"""The system calls that a function may make, as a seccomp filter.

A list of permissions: what Python, Node, Java, Ruby, Go, Rust and shells need. Every other call that is known here
answers EPERM, and one that is newer than this list ENOSYS, as an older kernel would: programs have a second way then.
Some calls are looked at more closely, by their arguments. Not for: which files may be opened; the mounts decide that.

1. A call whose number alone decides is not even filtered: the kernel notes such numbers when it takes the program
   (since 5.11). For the others the number is searched by halves.
2. Only values in registers are compared, never what a pointer leads to, which another thread could change meanwhile.
   So `clone3`, whose flags lie in memory, answers ENOSYS, and the C library uses `clone`.
3. The kernel takes the lower half of a register for an `int`; so does the filter.
"""

from __future__ import annotations

import functools
import platform
import struct
from typing import NamedTuple

from pilvi.compute.launcher.calls import NUMBERS

EPERM = 1
ENOSYS = 38
EINVAL = 22
EPROTONOSUPPORT = 93
EOPNOTSUPP = 95
EAFNOSUPPORT = 97

ALLOW = 0x7FFF_0000
TRACE = 0x7FF0_0000
"""What a tracer makes of it; ENOSYS where there is none."""
KILL = 0x8000_0000
_ERRNO = 0x0005_0000

_PERMITTED = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat openat2 creat close close_range
stat fstat lstat newfstatat statx access faccessat faccessat2 lseek getdents getdents64 fcntl flock
truncate ftruncate fallocate fadvise64 readahead fsync fdatasync sync_file_range copy_file_range sendfile splice tee
dup dup2 dup3 pipe pipe2 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat
symlink symlinkat readlink readlinkat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask utime utimes
utimensat futimesat statfs fstatfs setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat
listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat cachestat
inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
mmap munmap mremap mprotect pkey_mprotect pkey_alloc pkey_free madvise process_madvise msync mincore brk mseal
mlock mlock2 munlock mlockall munlockall mbind get_mempolicy set_mempolicy membarrier map_shadow_stack
fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill pidfd_open pidfd_send_signal
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend
sigaltstack pause restart_syscall alarm getitimer setitimer nanosleep clock_nanosleep clock_gettime clock_getres
gettimeofday time times timer_create timer_settime timer_gettime timer_getoverrun timer_delete
futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list set_tid_address rseq arch_prctl
sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_setattr sched_getattr
sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity sched_getaffinity getcpu
getpriority setpriority ioprio_get ioprio_set getrlimit setrlimit prlimit64 getrusage sysinfo uname getrandom
getpid gettid getppid getpgid getpgrp setpgid getsid setsid getuid geteuid getgid getegid getresuid getresgid getgroups
setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capget capset
bind connect listen accept accept4 getsockname getpeername setsockopt getsockopt shutdown
sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
shmat shmctl shmdt semget semop semtimedop semctl msgsnd msgrcv msgctl
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
landlock_create_ruleset landlock_add_rule landlock_restrict_self
"""

_KEEPING = ("memfd_create", "shmget", "msgget")
"""What these make holds memory that belongs to no process. Only a cgroup counts it: without one they do not exist."""

_MISSING = """
clone3 io_uring_setup io_uring_enter io_uring_register io_setup io_destroy io_getevents io_pgetevents io_submit
io_cancel vmsplice remap_file_pages statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules
file_getattr file_setattr _sysctl uselib ustat sysfs lookup_dcookie epoll_ctl_old epoll_wait_old create_module
get_kernel_syms query_module nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver set_thread_area
get_thread_area
"""
"""Known, and answered as if the kernel were too old or too new for them: programs do without, as they had to."""

_NOTHING_TO_DO = ("sync", "syncfs")
"""Answered with success, at once: nothing that a function can write is on a disk, and the host's disks are not its."""

_NAMESPACES = 0x7E02_0080
"""CLONE_NEW* of clone(2): user, pid, net, mount, ipc, uts, cgroup, time."""
_NEW_LISTENER = 8
"""Of seccomp(2): system calls decided by another process."""
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_PROTOCOLS = (0, 1, 6, 17, 58)
"""Any, ICMP, TCP, UDP, ICMPv6. The kernel would load a module for others."""
_NETLINK_ROUTE = 0
"""What lists interfaces and addresses; other families of netlink reach far into the kernel."""
_TERMINAL_REQUESTS = (0x5412, 0x541C, 0x541D, 0x5423)
"""TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD: words put into somebody's terminal."""
_PERSONALITIES = (0, 8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF)
"""Linux, 32 bits, either with an old version's name, and the question which it is. Not: fixed addresses."""
_CHARACTER_DEVICE, _BLOCK_DEVICE = 0x2000, 0x6000
_PROCESS_OPTIONS = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 21, 22, 23, 24, 25, 26, 27, 29, 30, 33, 34, 36, 37, 38, 39, 40),
    *(41, 42, 47, 50, 51, 52, 53, 54, 55, 56, 60, 61, 63, 64, 65, 66, 0x5356_4D41),
)  # fmt: skip
"""Of prctl(2): names, signals at the parent's end, subreapers, no new privileges, filters, vector lengths and the like.
Unknown ones answer EINVAL, as they do on an older kernel."""
_PROCESS_OPTIONS_REFUSED = (35, 59, 62, 0x5961_6D61)
"""PR_SET_MM, PR_SET_SYSCALL_USER_DISPATCH, PR_SCHED_CORE, PR_SET_PTRACER."""

_ARGUMENT = 16
"""Where the first argument lies; each has eight bytes, the lower half first."""
_LOAD, _AND, _RETURN, _JUMP = 0x20, 0x54, 0x06, 0x05
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY = 0x15, 0x35, 0x45
_JUMP_MAX = 255

Instruction = tuple[int, int, int, int]
"""Operation, how many to skip if true, if false, operand."""
Code = tuple[Instruction, ...]
_PERMIT: Instruction = (_RETURN, 0, 0, ALLOW)


class _Machine(NamedTuple):
    architecture: int
    foreign: int
    """The first number of another ABI of the same machine, such as x32."""


_MACHINES = {
    "x86_64": _Machine(0xC000_003E, 0x4000_0000),
    "aarch64": _Machine(0xC000_00B7, 0xFFFF_FFFF),
}


@functools.cache
def filter_program(
    machine: str | None = None, *, memory_held: bool = True, snapshot: bool = False
) -> bytes:
    """The filter for this machine; empty when the machine is unknown, and then nothing is filtered.

    `memory_held`: whether a cgroup holds the sandbox to its memory. `snapshot`: of what is forked after its
    initialisation; into the namespaces of each fork only a tracer can lead (`tracer.py`).
    """
    machine = machine or platform.machine()
    known = _MACHINES.get(machine)
    if known is None:
        return b""
    code = (
        (_LOAD, 0, 0, 4),  # the architecture
        (_IF_EQUAL, 1, 0, known.architecture),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, 0),  # the number
        (_IF_AT_LEAST, 0, 1, known.foreign),
        _refuse(ENOSYS),
        *_search(_ranges(_verdicts(NUMBERS[machine], memory_held=memory_held, snapshot=snapshot))),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _verdicts(numbers: dict[str, int], *, memory_held: bool, snapshot: bool) -> dict[int, Code]:
    """What is answered to each number that is known: one instruction, or some that look at the arguments."""
    permit, missing = (_PERMIT,), (_refuse(ENOSYS),)
    decided: dict[str, Code] = dict.fromkeys(numbers, (_refuse(EPERM),))
    decided |= dict.fromkeys(_PERMITTED.split(), permit)
    decided |= dict.fromkeys(_MISSING.split(), missing)
    decided |= dict.fromkeys(_NOTHING_TO_DO, (_refuse(0),))
    decided |= dict.fromkeys(_KEEPING, permit if memory_held else missing)
    decided |= _EXAMINED
    if snapshot:
        decided["setns"] = ((_RETURN, 0, 0, TRACE),)
    return {number: decided[name] for name, number in numbers.items()}


def _load(argument: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENT + 8 * argument)


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _among(values: tuple[int, ...], then: Instruction) -> Code:
    """If what was loaded is one of these, `then`; else what follows."""
    last = len(values) - 1
    tests = [
        (_IF_EQUAL, last - at, 1 if at == last else 0, value) for at, value in enumerate(values)
    ]
    return (*tests, then)


def _if_any(flags: int, then: Instruction) -> Code:
    """If what was loaded has one of these flags, `then`; else what follows."""
    return ((_IF_ANY, 0, 1, flags), then)


_NO_DEVICES: Code = (
    (_AND, 0, 0, 0xF000),
    *_among((_CHARACTER_DEVICE, _BLOCK_DEVICE), _refuse(EPERM)),
    _PERMIT,
)
_ROUTES: Code = (_load(2), *_among((_NETLINK_ROUTE,), _PERMIT), _refuse(EPROTONOSUPPORT))

_EXAMINED: dict[str, Code] = {
    "clone": (_load(0), *_if_any(_NAMESPACES, _refuse(EPERM)), _PERMIT),
    "seccomp": (_load(1), *_if_any(_NEW_LISTENER, _refuse(EPERM)), _PERMIT),
    "ioctl": (_load(1), *_among(_TERMINAL_REQUESTS, _refuse(EPERM)), _PERMIT),
    "personality": (_load(0), *_among(_PERSONALITIES, _PERMIT), _refuse(EPERM)),
    "mknod": (_load(1), *_NO_DEVICES),
    "mknodat": (_load(2), *_NO_DEVICES),
    "prctl": (
        _load(0),
        *_among(_PROCESS_OPTIONS, _PERMIT),
        *_among(_PROCESS_OPTIONS_REFUSED, _refuse(EPERM)),
        _refuse(EINVAL),
    ),
    "socketpair": (_load(0), *_among((_UNIX,), _PERMIT), _refuse(EOPNOTSUPP)),
    "socket": (
        _load(0),
        *_among((_UNIX,), _PERMIT),
        (_IF_EQUAL, 0, len(_ROUTES), _NETLINK),
        *_ROUTES,
        (_IF_EQUAL, 2, 0, _INET),
        (_IF_EQUAL, 1, 0, _INET6),
        _refuse(EAFNOSUPPORT),
        _load(2),
        *_among(_PROTOCOLS, _PERMIT),
        _refuse(EPROTONOSUPPORT),
    ),
}
"""The calls whose arguments decide."""


def _ranges(decided: dict[int, Code]) -> list[tuple[int, Code]]:
    """Where each run of numbers with one verdict begins. Numbers that nobody knows answer ENOSYS."""
    unknown: Code = (_refuse(ENOSYS),)
    ranges: list[tuple[int, Code]] = []
    for number in range(max(decided) + 2):
        verdict = decided.get(number, unknown)
        if not ranges or ranges[-1][1] != verdict:
            ranges.append((number, verdict))
    return ranges


def _search(ranges: list[tuple[int, Code]]) -> Code:
    """Find the range of the loaded number by halves, and answer its verdict."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    first = ranges[middle][0]
    if len(below) <= _JUMP_MAX:
        return ((_IF_AT_LEAST, len(below), 0, first), *below, *above)
    return ((_IF_AT_LEAST, 0, 1, first), (_JUMP, 0, 0, len(below)), *below, *above)
