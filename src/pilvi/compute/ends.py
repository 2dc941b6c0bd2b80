"""How an invocation can end, and what AWS makes of each end. Pure functions."""

from __future__ import annotations

import signal
from typing import Literal

import msgspec

from pilvi.compute import report
from pilvi.compute.api import PAYLOAD_BYTES_MAX


class Answer(msgspec.Struct, frozen=True):
    """What the runtime said of an invocation, or of its initialisation."""

    body: bytes
    error_type: str | None = None
    """The header of that name; None for a response."""
    too_large: bool = False
    size_max: int = PAYLOAD_BYTES_MAX
    """How much it might have been, in bytes."""
    final: bool = False
    """Nothing more can be asked of the runtime: it broke off in the middle."""


class Exit(msgspec.Struct, frozen=True):
    """How a runtime ended. `fault`: set when the sandbox could not even be made. `unstarted`: why the function's own
    program is none.
    """

    code: int | None = None
    signal_number: int | None = None
    fault: str | None = None
    unstarted: str | None = None


class Overrun(msgspec.Struct, frozen=True):
    of: Literal["time", "memory"]


class InitFailed(msgspec.Struct, frozen=True):
    answer: Answer


class ExtensionFailed(msgspec.Struct, frozen=True):
    """`error_type`: such as Extension.Crash."""

    error_type: str
    message: str


End = Answer | Exit | Overrun | InitFailed | ExtensionFailed


class Verdict(msgspec.Struct, frozen=True):
    """`status`: as the REPORT line has it. `lines`: what the platform adds to the log before END."""

    payload: bytes
    error_type: str | None = None
    status: Literal["error", "timeout"] | None = None
    lines: tuple[str, ...] = ()


_SIGNAL_NAMES: dict[int, str] = {
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated",
    signal.SIGBUS: "bus error",
    signal.SIGILL: "illegal instruction",
    signal.SIGFPE: "floating point exception",
    signal.SIGINT: "interrupt",
    signal.SIGSYS: "bad system call",
}
"""As the Go library words them, in which AWS's runtime supervisor is written."""


def judge(request_id: str, end: End, *, timeout_s: float, now_ms: int) -> Verdict:
    match end:
        case Answer(too_large=True):
            return Verdict(report.too_large(end.size_max), "Function.ResponseSizeTooLarge")
        case Answer():
            return Verdict(end.body, end.error_type)
        case InitFailed():
            return Verdict(end.answer.body, end.answer.error_type, "error")
        case Overrun(of="time"):
            message = report.timed_out(timeout_s)
            payload = report.platform_error(request_id, "Sandbox.Timedout", message)
            line = f"{report.instant(now_ms)} {request_id} {message}\n\n"
            return Verdict(payload, "Sandbox.Timedout", "timeout", (line,))
        case Overrun():
            return _exited(request_id, Exit(signal_number=signal.SIGKILL))
        case ExtensionFailed():
            line = f"RequestId: {request_id} Error: {end.message}\n{end.error_type}\n"
            payload = report.platform_error(request_id, end.error_type, end.message)
            return Verdict(payload, end.error_type, "error", (line,))
        case Exit():
            return _exited(request_id, end)


def crash(end: Exit) -> ExtensionFailed:
    """How an extension ended that nobody had asked to."""
    if end.unstarted is not None:
        return ExtensionFailed("Extension.LaunchError", end.unstarted)
    if end.signal_number is not None:
        name = _SIGNAL_NAMES.get(end.signal_number, f"signal {end.signal_number}")
        return ExtensionFailed("Extension.Crash", f"signal: {name}")
    text = f"exit status {end.code}" if end.code else "exit code 0"
    return ExtensionFailed("Extension.Crash", text)


def _exited(request_id: str, end: Exit) -> Verdict:
    number = end.signal_number
    name = None if number is None else _SIGNAL_NAMES.get(number, f"signal {number}")
    if end.fault is not None:
        error_type, message = "Sandbox.Failure", end.fault
    elif end.unstarted is not None:
        error_type, message = "Runtime.InvalidEntrypoint", end.unstarted
    else:
        error_type, message = "Runtime.ExitError", report.exit_reason(end.code, name)
    line = f"RequestId: {request_id} Error: {message}\n{error_type}\n"
    payload = report.platform_error(request_id, error_type, message)
    return Verdict(payload, error_type, "error", (line,))
