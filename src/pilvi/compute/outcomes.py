"""What one invocation came to, as its caller, the log and subscribers to telemetry are told."""

from __future__ import annotations

from typing import Any

import msgspec

from pilvi.compute import events, report
from pilvi.compute.api import EnvironmentSpec, Invocation, LogLine, Outcome
from pilvi.compute.ends import End, Verdict, judge
from pilvi.compute.journal import Journal


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How an invocation went. Times are of `time.perf_counter`.

    `end`: what the runtime came to. `last`: what became of the environment while the extensions were waited for, else
    `end`. `began_s`: when the runtime got it.
    """

    invocation: Invocation
    end: End
    last: End
    began_s: float
    answered_s: float
    ended_s: float
    timeout_s: float
    init_ms: float | None
    restore_ms: float | None = None
    peak_mb: int
    accompanied: bool
    """There are extensions."""


def outcome_of(
    course: Course, spec: EnvironmentSpec, journal: Journal, written: list[LogLine], now_ms: int
) -> Outcome:
    """`written`: what the function wrote during the invocation."""
    invocation = course.invocation
    request_id, trace = invocation.request_id, invocation.trace
    verdict = judge(request_id, course.last, timeout_s=course.timeout_s, now_ms=now_ms)
    answer = verdict
    if course.last is not course.end:
        answer = judge(request_id, course.end, timeout_s=course.timeout_s, now_ms=now_ms)
    if verdict.status == "timeout":
        duration_ms = course.timeout_s * 1000
    else:
        duration_ms = (course.ended_s - course.began_s) * 1000
    max_memory_mb = min(course.peak_mb, spec.memory_mb)
    report_line = report.report(
        request_id,
        duration_ms=duration_ms,
        memory_mb=spec.memory_mb,
        max_memory_mb=max_memory_mb,
        init_ms=course.init_ms,
        restore_ms=course.restore_ms,
        status=verdict.status,
        error_type=verdict.error_type,
        traced=(trace.root, trace.segment_id) if trace is not None and trace.sampled else None,
    )
    if journal.plain:
        begin_ms = written[0][0] if written else now_ms
        own = [(begin_ms, report.start(request_id, spec.version)), *written]
        own += [(now_ms, line) for line in (*verdict.lines, report.end(request_id))]
        own.append((now_ms, report_line))
    else:
        metrics = _metrics(spec, course, duration_ms, max_memory_mb)
        own = _recorded(course, spec, journal, written, verdict, metrics, report_line, now_ms)
    return Outcome(
        request_id=request_id,
        payload=answer.payload,
        error=None if answer.error_type is None else "Unhandled",
        error_type=answer.error_type,
        duration_ms=duration_ms,
        billed_ms=report.billed_ms(duration_ms),
        init_ms=course.init_ms,
        max_memory_mb=max_memory_mb,
        log_lines=[*journal.held(), *own],
        own_lines=len(own),
    )


def runtime_done(
    invocation: Invocation, end: End, *, duration_ms: float, timeout_s: float
) -> events.Event:
    verdict = judge(invocation.request_id, end, timeout_s=timeout_s, now_ms=0)
    status, error_type = _status(verdict)
    return events.runtime_done(
        invocation.request_id,
        status=status,
        error_type=error_type,
        duration_ms=duration_ms,
        produced_bytes=len(verdict.payload),
        trace=invocation.trace,
    )


def _recorded(
    course: Course,
    spec: EnvironmentSpec,
    journal: Journal,
    written: list[LogLine],
    verdict: Verdict,
    metrics: dict[str, int | float],
    report_line: str,
    now_ms: int,
) -> list[LogLine]:
    """The lines of an invocation where records are wanted: by the log, by subscribers, or by both.

    Subscribers know already that it began, and that the runtime was done.
    """
    invocation = course.invocation
    request_id, trace = invocation.request_id, invocation.trace
    done_ms = (course.answered_s - course.began_s) * 1000
    done = runtime_done(invocation, course.end, duration_ms=done_ms, timeout_s=course.timeout_s)
    status, error_type = _status(verdict)
    spans: list[dict[str, Any]] = []
    if course.accompanied:
        overhead_ms = (course.ended_s - course.answered_s) * 1000
        begin = report.instant(now_ms - int(overhead_ms))
        span: dict[str, Any] = {"name": "extensionOverhead", "start": begin}
        spans.append({**span, "durationMs": round(overhead_ms, 3)})
    reported = events.report_of(
        request_id,
        status=status,
        error_type=error_type,
        metrics=metrics,
        spans=spans,
        trace=trace,
        text=report_line,
    )
    ended = events.end(request_id)
    journal.publish(ended)
    journal.publish(reported)
    return [
        *journal.shown(events.start(request_id, spec.version, trace)),
        *written,
        *((now_ms, line) for line in verdict.lines),
        *journal.shown(done),
        *journal.shown(ended),
        *journal.shown(reported),
    ]


def _status(verdict: Verdict) -> tuple[str, str | None]:
    """As the records of events have it: an error of the function's own is one, too."""
    if verdict.status is not None:
        return verdict.status, None if verdict.status == "timeout" else verdict.error_type
    return ("success" if verdict.error_type is None else "error"), verdict.error_type


def _metrics(
    spec: EnvironmentSpec, course: Course, duration_ms: float, max_memory_mb: int
) -> dict[str, int | float]:
    metrics: dict[str, int | float] = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": report.billed_ms(duration_ms),
        "memorySizeMB": spec.memory_mb,
        "maxMemoryUsedMB": max_memory_mb,
    }
    if course.init_ms is not None:
        metrics["initDurationMs"] = round(course.init_ms, 3)
    if course.restore_ms is not None:
        metrics["restoreDurationMs"] = round(course.restore_ms, 3)
        metrics["billedRestoreDurationMs"] = report.billed_ms(course.restore_ms)
    return metrics
