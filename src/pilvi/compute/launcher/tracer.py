"""Carrying one system call after another out in another process, which runs nothing of its own meanwhile.

A process that goes into a user namespace has all capabilities there. The fork of a snapshot is made of a customer's
memory, so it must never act while it has them: its tracer stops it at the call by which it asks for the namespaces,
makes that call and those that give the capabilities up again, and looks at the result before it lets go of it.

Only for x86-64: registers are the machine's own. Manual pages: ptrace(2), seccomp(2) (SECCOMP_RET_TRACE).
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import time

from pilvi.compute.launcher import linux

PATIENCE_S = 5.0
"""What is traced may never get to where it is waited for: it is a customer's."""

_POKE_DATA, _CONTINUE, _GET_REGISTERS, _SET_REGISTERS = 5, 7, 12, 13
_STEP, _DETACH, _SYSCALL, _GET_MESSAGE, _SEIZE = 9, 17, 24, 0x4201, 0x4206
_OPTIONS = 0x1 | 0x2 | 0x80 | 0x10_0000
"""System calls are told from signals; forks are followed; seccomp's marks are told; it ends with its tracer."""
_EVENT_FORK, _EVENT_SECCOMP = 1, 7
_AT_SYSCALL = signal.SIGTRAP | 0x80
_REGISTERS = struct.Struct("=27Q")
_RESULT, _SECOND, _FIRST, _NUMBER, _NEXT, _STACK = 10, 13, 14, 15, 16, 19
"""Of the registers: rax, rsi, rdi, the number of the call, where it goes on, the stack."""
_THIRD, _FOURTH, _FIFTH = 12, 7, 9
_INSTRUCTION_BYTES = 2
_BELOW_STACK = 1024
ALL = 0x4000_0000
"""__WALL: children of every kind."""

_SETNS, _PRCTL, _CAPSET, _CLONE, _FORK = 308, 157, 126, 56, 57
_OF_FORKS = 0x0120_00FF
"""Flags of clone(2): whom to tell of the id, and the signal at the end."""
_PAUSE_S = 0.00002

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)


def is_possible() -> bool:
    return platform.machine() == "x86_64"


class Tracee:
    """A process that is about to ask for namespaces. Raises: OSError, in whatever is asked of it."""

    def __init__(self, process: int) -> None:
        self.process = process
        _ask(_SEIZE, process, 0, _OPTIONS)

    def wait_for_question(self) -> None:
        """Until it has made the call that only its tracer may answer (`seccomp.py`)."""
        self._wait_for(_EVENT_SECCOMP)
        self._asked = self._registers()

    def enter(self, kinds: int, last_capability: int) -> None:
        """Into the namespaces of the process that it names, and out of it with no capability of those there."""
        registers = list(self._asked)
        registers[_SECOND] = kinds
        if registers[_NUMBER] != _SETNS:
            raise OSError(1, "a fork of the snapshot asked for something else")
        self._set(registers)
        _ask(_SYSCALL, self.process)
        self._wait_at(_AT_SYSCALL)
        self._check("setns")
        for capability in range(last_capability + 1):
            self._call("prctl", _PRCTL, linux.PR_CAPBSET_DROP, capability, 0, 0, 0)
        words = self._asked[_STACK] - _BELOW_STACK & ~0xF
        header, nothing = words, words + 16
        for at, value in enumerate((linux.CAPABILITY_VERSION_3, 0, 0, 0, 0, 0)):
            _ask(_POKE_DATA, self.process, words + 8 * at, value)
        self._call("capset", _CAPSET, header, nothing)

    def go_on(self) -> None:
        """It goes on as if its question had been answered with success."""
        registers = list(self._asked)
        registers[_RESULT], registers[_NUMBER] = 0, (1 << 64) - 1
        self._set(registers)
        _ask(_CONTINUE, self.process)

    def wait_for_fork(self) -> int:
        """The one child that it makes, which stands still; this process is ended."""
        self._wait_for(_EVENT_FORK)
        registers = self._registers()
        kind = registers[_FIRST] if registers[_NUMBER] == _CLONE else 0
        if registers[_NUMBER] not in (_CLONE, _FORK) or kind & ~_OF_FORKS:
            raise OSError(1, "a fork of the snapshot would share its memory with its own")
        told = ctypes.c_ulong()
        _ask(_GET_MESSAGE, self.process, 0, ctypes.addressof(told))
        child = told.value
        _wait_until_stopped(child)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, ALL)  # then its parent hears of it
        return child

    def end(self) -> None:
        try:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, ALL)
        except (ProcessLookupError, ChildProcessError):
            pass  # it has ended

    def _call(self, name: str, number: int, *arguments: int) -> None:
        """Go back to the instruction that has just been carried out, and carry it out for this call."""
        registers = list(self._asked)
        registers[_RESULT] = number
        registers[_NUMBER] = (1 << 64) - 1
        registers[_NEXT] -= _INSTRUCTION_BYTES
        for place, value in zip(
            (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH), arguments, strict=False
        ):
            registers[place] = value
        self._set(registers)
        _ask(_STEP, self.process)
        self._wait_at(signal.SIGTRAP)
        self._check(name)

    def _check(self, name: str) -> None:
        result = ctypes.c_long(self._registers()[_RESULT]).value
        if result < 0:
            raise OSError(-result, f"{name} in a fork of the snapshot: {os.strerror(-result)}")

    def _wait_at(self, stop: int) -> None:
        _process, status = os.waitpid(self.process, ALL)  # these calls cannot wait for anything
        if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != stop or status >> 16:
            raise OSError(1, f"a fork of the snapshot stopped elsewhere: {status:#x}")

    def _wait_for(self, event: int) -> None:
        """Other stops are signals, which are not passed on: it has hardly begun."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            status = _wait_until_stopped(self.process)
            if status >> 16 == event:
                return
            if status >> 16:
                raise OSError(1, f"a fork of the snapshot did something else: {status:#x}")
            _ask(_CONTINUE, self.process)
        raise TimeoutError("a fork of the snapshot did not go on")

    def _registers(self) -> list[int]:
        data = ctypes.create_string_buffer(_REGISTERS.size)
        _ask(_GET_REGISTERS, self.process, 0, ctypes.addressof(data))
        return list(_REGISTERS.unpack(data.raw))

    def _set(self, registers: list[int]) -> None:
        data = ctypes.create_string_buffer(_REGISTERS.pack(*registers), _REGISTERS.size)
        _ask(_SET_REGISTERS, self.process, 0, ctypes.addressof(data))


def let_go(process: int) -> None:
    """Of one that stands still. Raises: OSError."""
    _ask(_DETACH, process)


def _wait_until_stopped(process: int) -> int:
    """Its wait status when it has stopped. Raises: OSError when it has ended, or does not stop."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        found, status = os.waitpid(process, os.WNOHANG | ALL)
        if found:
            if not os.WIFSTOPPED(status):
                raise OSError(3, "a fork of the snapshot ended at its start")
            return status
        time.sleep(_PAUSE_S)
    raise TimeoutError("a fork of the snapshot did not stop")


def _ask(request: int, process: int, address: int = 0, data: int = 0) -> None:
    linux.check(_libc.ptrace(request, process, address, data), f"ptrace({request:#x})")
