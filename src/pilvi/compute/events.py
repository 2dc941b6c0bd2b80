"""What the platform tells of an environment: each event as a record, and as the log shows it.

A function's log has events as plain lines (`report.py`, for those that plain logs know) or as JSON; subscribers of the
Telemetry API get the records. AWS: Lambda Developer Guide, "Lambda Telemetry API Event schema reference" and
"Configuring advanced logging controls", log level event mapping. Pure functions.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import orjson

from pilvi.base.arn import Arn
from pilvi.compute import report

Level = Literal["DEBUG", "INFO", "WARN"]
LEVELS: tuple[Level, ...] = ("DEBUG", "INFO", "WARN")


class Event(msgspec.Struct, frozen=True):
    """`type`: without `platform.`. `text`: its plain line, None where plain logs have none."""

    type: str
    record: dict[str, Any]
    text: str | None
    level: Level = "INFO"

    def document(self, at_ms: int) -> bytes:
        """As subscribers get it, and as a log in JSON has it."""
        return orjson.dumps(
            {
                "time": report.instant(at_ms),
                "type": f"platform.{self.type}",
                "record": self.record,
            }
        )

    def line(self, at_ms: int, *, json: bool, least: str) -> str | None:
        """Its line of the log; None when the log does not have it. `least`: the system's log level."""
        if not json:
            return self.text
        if self.type == "end":
            return None
        if least in LEVELS and LEVELS.index(self.level) < LEVELS.index(least):
            return None
        return self.document(at_ms).decode() + "\n"


class Trace(msgspec.Struct, frozen=True):
    """Of one invocation: the whole header, and the segment of the function in it."""

    header: str
    root: str
    segment_id: str
    sampled: bool

    def record(self) -> dict[str, str]:
        return {"spanId": self.segment_id, "type": "X-Amzn-Trace-Id", "value": self.header}


Phase = Literal["init", "invoke"]
"""When an initialisation is: before the first invocation, or in the time of one that begins the environment again."""


def init_start(
    label: str, runtime: str, function_arn: str, initialization_type: str, phase: Phase = "init"
) -> Event:
    """Plain logs have only the first one."""
    version_arn = _version_arn(runtime, function_arn)
    record = {
        "initializationType": initialization_type,
        "phase": phase,
        "runtimeVersion": label,
        "runtimeVersionArn": version_arn,
    }
    text = report.init_start(label, version_arn) if phase == "init" else None
    return Event("initStart", record, text)


def init_runtime_done(
    initialization_type: str, error_type: str | None, *, status: str, phase: Phase
) -> Event:
    """`status`: success, error or timeout."""
    record = {
        "initializationType": initialization_type,
        "phase": phase,
        "status": status,
    }
    if error_type is not None:
        record["errorType"] = error_type
    return Event("initRuntimeDone", record, None, "DEBUG" if status == "success" else "WARN")


def init_report(
    initialization_type: str,
    *,
    duration_ms: float,
    status: str,
    error_type: str | None = None,
    phase: Phase = "init",
) -> Event:
    """`status`: success, error or timeout. Plain logs have it of failures, of snapshots, and of what was made
    beforehand."""
    record: dict[str, Any] = {
        "initializationType": initialization_type,
        "phase": phase,
        "status": status,
        "metrics": {"durationMs": round(duration_ms, 3)},
    }
    failed = status != "success"
    always = initialization_type != "on-demand" and phase == "init"
    text = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"
    if error_type is not None:
        record["errorType"] = error_type
        text += f"\tError Type: {error_type}"
    level: Level = "WARN" if failed else "INFO" if always else "DEBUG"
    return Event("initReport", record, f"{text}\n" if failed or always else None, level)


def start(request_id: str, version: str, trace: Trace | None) -> Event:
    record: dict[str, Any] = {"requestId": request_id, "version": version}
    if trace is not None:
        record["tracing"] = trace.record()
    return Event("start", record, report.start(request_id, version))


def runtime_done(
    request_id: str,
    *,
    status: str,
    error_type: str | None,
    duration_ms: float,
    produced_bytes: int,
    trace: Trace | None,
) -> Event:
    record: dict[str, Any] = {"requestId": request_id, "status": status}
    if error_type is not None:
        record["errorType"] = error_type
    if trace is not None:
        record["tracing"] = trace.record()
    record["metrics"] = {"durationMs": round(duration_ms, 3), "producedBytes": produced_bytes}
    return Event("runtimeDone", record, None, "DEBUG" if status == "success" else "WARN")


def end(request_id: str) -> Event:
    """Plain logs have it, and the old Logs API."""
    return Event("end", {"requestId": request_id}, report.end(request_id))


def report_of(
    request_id: str,
    *,
    status: str,
    error_type: str | None,
    metrics: dict[str, int | float],
    spans: list[dict[str, Any]],
    trace: Trace | None,
    text: str,
) -> Event:
    """`text`: the REPORT line, made by `report.report`."""
    record: dict[str, Any] = {"requestId": request_id, "metrics": metrics, "status": status}
    if error_type is not None:
        record["errorType"] = error_type
    if spans:
        record["spans"] = spans
    if trace is not None:
        record["tracing"] = trace.record()
    return Event("report", record, text, "INFO" if status == "success" else "WARN")


def extension(name: str, state: str, subscribed: list[str], error_type: str | None) -> Event:
    record: dict[str, Any] = {"name": name, "state": state, "events": subscribed}
    text = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(subscribed)}]"
    if error_type is not None:
        record["errorType"] = error_type
        text += f"\tError Type: {error_type}"
    return Event("extension", record, text + "\n", "INFO" if error_type is None else "WARN")


def subscription(kind: Literal["telemetry", "logs"], name: str, types: list[str]) -> Event:
    record = {"name": name, "state": "Subscribed", "types": types}
    text = f"{kind.upper()}\tName: {name}\tState: Subscribed\tTypes: [{', '.join(types)}]\n"
    return Event(f"{kind}Subscription", record, text)


def logs_dropped(records: int, size: int) -> Event:
    reason = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
    record = {"reason": reason, "droppedRecords": records, "droppedBytes": size}
    return Event("logsDropped", record, None, "WARN")


def restore_start(label: str, runtime: str, function_arn: str) -> Event:
    version_arn = _version_arn(runtime, function_arn)
    record = {"runtimeVersion": label, "runtimeVersionArn": version_arn}
    text = f"RESTORE_START Runtime Version: {label}\tRuntime Version ARN: {version_arn}\n"
    return Event("restoreStart", record, text)


def _version_arn(runtime: str, function_arn: str) -> str:
    function = Arn.parse(function_arn)
    return report.runtime_version_arn(runtime, function.partition, function.region)


def restore_runtime_done(status: str, error_type: str | None) -> Event:
    """`status`: success, error or timeout."""
    record = {"status": status}
    if error_type is not None:
        record["errorType"] = error_type
    return Event("restoreRuntimeDone", record, None, "DEBUG" if status == "success" else "WARN")


def restore_report(duration_ms: float, status: str, error_type: str | None) -> Event:
    record: dict[str, Any] = {
        "status": status,
        "metrics": {"durationMs": round(duration_ms, 3)},
    }
    text = f"RESTORE_REPORT Restore Duration: {duration_ms:.2f} ms"
    if status != "success":
        text += f"\tStatus: {status}"
    if error_type is not None:
        record["errorType"] = error_type
        text += f"\tError Type: {error_type}"
    level: Level = "INFO" if status == "success" else "WARN"
    return Event("restoreReport", record, text + "\n", level)
