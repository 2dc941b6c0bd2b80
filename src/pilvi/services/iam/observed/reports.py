"""Reports on last accessed services: begun by one request, read by others; forgotten after a week."""

from __future__ import annotations

import msgspec

from pilvi.base.arn import Scope
from pilvi.contracts.jobs import Job
from pilvi.services.iam import errors
from pilvi.services.iam.records import home_of
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

KEPT_MS = 7 * 24 * 60 * 60 * 1000


class Report(msgspec.Struct, kw_only=True):
    """What was asked for; the answer is made when it is read."""

    id: str
    arn: str
    by_action: bool
    created_at_ms: int


REPORTS = Collection("iam.report", Report, key=lambda report: (report.id,))


def put(tx: Transaction, scope: Scope, report: Report) -> None:
    REPORTS.put(tx, home_of(scope), report)
    job = Job(kind="iam.forget_report", payload=report.id.encode(), account=scope.account)
    tx.at(report.created_at_ms + KEPT_MS, job)


def get(at: Snapshot, scope: Scope, report_id: str) -> Report:
    """Raises: NoSuchEntity."""
    report = REPORTS.find(at, home_of(scope), report_id)
    if report is None:
        raise errors.NoSuchEntity(detail=f"The job with id {report_id} cannot be found.")
    return report


def delete(tx: Transaction, account: str, report_id: str) -> None:
    REPORTS.delete(tx, home_of(Scope(account, "")), report_id)
