"""The lines that the platform writes into a function's log, and the documents for functions that broke.

All wordings were recorded from AWS. Pure functions.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime

import orjson


def instant(at_ms: int) -> str:
    """ISO 8601 with milliseconds, as AWS writes it."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def runtime_version_arn(runtime: str, partition: str, region: str) -> str:
    """Of the one version of a runtime that this host has: what runs it is installed beside the server."""
    digest = hashlib.sha256(f"pilvi/{runtime}".encode()).hexdigest()
    return f"arn:{partition}:lambda:{region}::runtime:{digest}"


def init_start(label: str, version_arn: str) -> str:
    """`label`: the interpreter that really runs, such as python:3.13. `version_arn`: that of the function's runtime."""
    return f"INIT_START Runtime Version: {label}\tRuntime Version ARN: {version_arn}\n"


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report(
    request_id: str,
    *,
    duration_ms: float,
    memory_mb: int,
    max_memory_mb: int,
    init_ms: float | None,
    status: str | None,
    error_type: str | None,
    restore_ms: float | None = None,
    traced: tuple[str, str] | None = None,
) -> str:
    """`status`: None, `error` or `timeout`. `traced`: of a sampled invocation, the trace id and that of its segment."""
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {billed_ms(duration_ms)} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {max_memory_mb} MB\t"
    )
    if init_ms is not None:
        line += f"Init Duration: {init_ms:.2f} ms\t"
    if restore_ms is not None:
        line += (
            f"Restore Duration: {restore_ms:.2f} ms\t"
            f"Billed Restore Duration: {billed_ms(restore_ms)} ms\t"
        )
    if status is not None:
        line += f"Status: {status}"
        if status == "error" and error_type is not None:
            line += f"\tError Type: {error_type}"
    if traced is not None:
        line += f"\nXRAY TraceId: {traced[0]}\tSegmentId: {traced[1]}\tSampled: true\t"
    return line + "\n"


def billed_ms(duration_ms: float) -> int:
    return max(1, math.ceil(duration_ms))


def timed_out(timeout_s: float) -> str:
    return f"Task timed out after {timeout_s:.2f} seconds"


def exit_reason(code: int | None, signal_name: str | None) -> str:
    """How a runtime ended, as AWS words it. `signal_name`: for example `killed`, `segmentation fault`."""
    if signal_name is not None:
        return f"Runtime exited with error: signal: {signal_name}"
    if code:
        return f"Runtime exited with error: exit status {code}"
    return "Runtime exited without providing a reason"


def platform_error(request_id: str, error_type: str, message: str) -> bytes:
    """The document for what the platform noticed: an exit, an overrun."""
    return orjson.dumps(
        {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    )


def too_large(bytes_max: int) -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({bytes_max} bytes)."
    return orjson.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
