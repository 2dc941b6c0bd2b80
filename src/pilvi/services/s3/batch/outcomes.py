"""What came of a task, and how the report tells it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from urllib.parse import quote_plus

from pilvi.services.s3.records.batch_jobs import Task

_MESSAGE_LENGTH_MAX = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`, `code`, `message`: for the report. `again`: it may go better later."""

    ok: bool
    status: int = 200
    code: str = ""
    message: str = ""
    again: bool = False


def succeeded(message: str = "Successful") -> Outcome:
    return Outcome(ok=True, message=message)


def line(task: Task, outcome: Outcome) -> str:
    """As AWS writes it: the HTTP status stands before the error code, although the schema names them the other way
    round."""
    text = io.StringIO()
    row = (
        task.bucket,
        quote_plus(task.key, safe="/*"),
        task.version_id,
        "succeeded" if outcome.ok else "failed",
        outcome.status,
        outcome.code,
        outcome.message[:_MESSAGE_LENGTH_MAX],
    )
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
