"""The account's credential report: have it made, and read it. It is good for four hours."""

from __future__ import annotations

import msgspec

from pilvi.contracts.jobs import Job
from pilvi.kit.call import Call
from pilvi.services.iam import credential_report, errors, limits, records
from pilvi.services.iam.credential_report import CREDENTIAL_REPORTS, CredentialReport
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import GenerateCredentialReportResponse, GetCredentialReportResponse
from pilvi.store.api import Snapshot, Transaction


@iam.write("GenerateCredentialReport")
def generate_credential_report(
    call: Call, tx: Transaction, req: object
) -> GenerateCredentialReportResponse:
    """Have a job make a report, unless there is one of the last four hours. AWS: GenerateCredentialReport."""
    report = credential_report.find(tx, call.scope)
    if report is not None and report.made_at_ms is None:
        return {"State": "INPROGRESS"}
    if report is not None and not _expired(report, call.now_ms):
        return {"State": "COMPLETE"}
    begun = CredentialReport(id=call.entropy.uuid(), asked_at_ms=call.now_ms)
    CREDENTIAL_REPORTS.put(tx, records.home_of(call.scope), begun)
    payload = msgspec.msgpack.encode(begun.id)
    scope = call.scope
    job = Job(kind="iam.report", payload=payload, account=scope.account, region=scope.region)
    tx.at(call.now_ms, job)
    return {
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task",
    }


@iam.read("GetCredentialReport")
def get_credential_report(call: Call, at: Snapshot, req: object) -> GetCredentialReportResponse:
    """Raises: ReportNotPresent, ReportInProgress, ReportExpired. AWS: GetCredentialReport."""
    report = credential_report.find(at, call.scope)
    if report is None:
        raise errors.ReportNotPresent
    if report.made_at_ms is None:
        raise errors.ReportInProgress
    if _expired(report, call.now_ms):
        raise errors.ReportExpired
    return {
        "Content": report.content,
        "ReportFormat": "text/csv",
        "GeneratedTime": report.made_at_ms,
    }


def _expired(report: CredentialReport, now_ms: int) -> bool:
    return report.made_at_ms is not None and now_ms >= report.made_at_ms + limits.REPORT_KEPT_MS
