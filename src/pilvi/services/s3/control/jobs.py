"""Batch jobs as they are asked for and told; how they run is `batch`.

AWS: S3 User Guide, "Managing S3 Batch Operations jobs".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.batch import requests, states
from pilvi.services.s3.control.service import account_of, s3control
from pilvi.services.s3.records import batch_jobs
from pilvi.services.s3.records.batch_jobs import BatchJob
from pilvi.services.s3.wire_control import (
    CreateJobRequest,
    CreateJobResult,
    DeleteJobTaggingRequest,
    DescribeJobRequest,
    DescribeJobResult,
    GetJobTaggingRequest,
    GetJobTaggingResult,
    ListJobsRequest,
    ListJobsResult,
    PutJobTaggingRequest,
    UpdateJobPriorityRequest,
    UpdateJobPriorityResult,
    UpdateJobStatusRequest,
    UpdateJobStatusResult,
)
from pilvi.store.api import Snapshot, Transaction

_LIST_MAX = 1000


@s3control.write("CreateJob")
def create_job(call: Call, tx: Transaction, req: CreateJobRequest) -> CreateJobResult:
    """A job that begins at once; one that is not told otherwise waits for its confirmation once it is prepared.

    The same request under the same token is answered with the job that there is.
    Raises: InvalidRequest, IdempotencyException, InvalidTag, TooManyTagsException, TooManyRequestsException.
    AWS: CreateJob.
    """
    account = account_of(call, req)
    home = (account, call.region)
    document = requests.kept(call.cloud, req)
    tags = requests.tags_of(req.get("Tags"))
    role, priority = req["RoleArn"], req["Priority"]
    if role.split(":")[4] != account:
        raise errors.InvalidRequest(detail="The role must be one of the job's account")
    confirmation = req.get("ConfirmationRequired", True)
    description = req.get("Description", "")
    digest = requests.digest(document, tags, role, priority, confirmation, description)
    token = req["ClientRequestToken"]
    known = batch_jobs.find_by_token(tx, home, token)
    if known is not None:
        if known.digest != digest:
            raise errors.IdempotencyException()
        return {"JobId": known.id}
    if batch_jobs.count(tx, home, limits.BATCH_JOBS_KEPT_MAX) >= limits.BATCH_JOBS_KEPT_MAX:
        raise errors.TooManyRequestsException()
    job = BatchJob(
        id=call.entropy.uuid(),
        account=account,
        region=call.region,
        token=token,
        digest=digest,
        document=document,
        role_arn=role,
        priority=priority,
        created_at_ms=call.now_ms,
        confirmation=confirmation,
        description=description,
        tags=tags,
    )
    batch_jobs.put(tx, job)
    batch_jobs.schedule(tx, job, call.now_ms)
    return {"JobId": job.id}


@s3control.read("DescribeJob")
def describe_job(call: Call, at: Snapshot, req: DescribeJobRequest) -> DescribeJobResult:
    """Raises: NoSuchJob. AWS: DescribeJob."""
    return cast("DescribeJobResult", {"Job": _described(_get(call, at, req), call.now_ms)})


@s3control.read("ListJobs")
def list_jobs(call: Call, at: Snapshot, req: ListJobsRequest) -> ListJobsResult:
    """Those of the account and region that run, or ended within 90 days; the newest first.

    Raises: InvalidNextTokenException. AWS: ListJobs.
    """
    home = (account_of(call, req), call.region)
    statuses = frozenset(req.get("JobStatuses") or ())
    size = min(req.get("MaxResults") or _LIST_MAX, _LIST_MAX)
    found = batch_jobs.newest_first(at, home, _after(req.get("NextToken")))
    page, more = paging.page_of(
        (job for job in found if not statuses or job.status in statuses), size
    )
    result: dict[str, Any] = {"Jobs": [_listed(job, call.now_ms) for job in page]}
    if more:
        result["NextToken"] = paging.token_of((page[-1].created_at_ms, page[-1].id))
    return cast("ListJobsResult", result)


@s3control.write("UpdateJobPriority")
def update_job_priority(
    call: Call, tx: Transaction, req: UpdateJobPriorityRequest
) -> UpdateJobPriorityResult:
    """Raises: NoSuchJob, InvalidRequest (it has ended). AWS: UpdateJobPriority."""
    job, priority = _get(call, tx, req), req["Priority"]
    if job.status in batch_jobs.ENDED:
        raise errors.InvalidRequest(
            detail=f"The priority of a job that is {job.status} cannot be changed"
        )
    batch_jobs.put(tx, msgspec.structs.replace(job, priority=priority))
    states.promote(tx, job.home, call.now_ms)
    return {"JobId": job.id, "Priority": priority}


@s3control.write("UpdateJobStatus")
def update_job_status(
    call: Call, tx: Transaction, req: UpdateJobStatusRequest
) -> UpdateJobStatusResult:
    """Confirm a job that is Suspended (`Ready`), or end one (`Cancelled`).

    Raises: NoSuchJob, JobStatusException, InvalidRequest. AWS: UpdateJobStatus.
    """
    job, wanted = _get(call, tx, req), req["RequestedJobStatus"]
    reason = req.get("StatusUpdateReason", "")
    if wanted == "Ready":
        if job.status != batch_jobs.SUSPENDED:
            raise errors.JobStatusException(status=job.status, wanted=wanted)
        after = states.make_ready(tx, msgspec.structs.replace(job, reason=reason), call.now_ms)
    elif wanted == "Cancelled":
        if job.status not in states.CANCELLABLE:
            raise errors.JobStatusException(status=job.status, wanted=wanted)
        after = states.cancel(tx, job, call.now_ms, reason)
    else:
        raise errors.InvalidRequest(detail=f"Invalid requested job status: {wanted}")
    result: UpdateJobStatusResult = {"JobId": job.id, "Status": after.status}
    if reason:
        result["StatusUpdateReason"] = reason
    return result


# --- tags


@s3control.write("PutJobTagging")
def put_job_tagging(call: Call, tx: Transaction, req: PutJobTaggingRequest) -> dict[str, Any]:
    """In the place of all tags that there are. Raises: NoSuchJob, InvalidTag, TooManyTagsException.
    AWS: PutJobTagging."""
    job = _get(call, tx, req)
    batch_jobs.put(tx, msgspec.structs.replace(job, tags=requests.tags_of(req["Tags"])))
    return {}


@s3control.read("GetJobTagging")
def get_job_tagging(call: Call, at: Snapshot, req: GetJobTaggingRequest) -> GetJobTaggingResult:
    """Raises: NoSuchJob. AWS: GetJobTagging."""
    job = _get(call, at, req)
    return {"Tags": [{"Key": key, "Value": value} for key, value in job.tags.items()]}


@s3control.write("DeleteJobTagging")
def delete_job_tagging(call: Call, tx: Transaction, req: DeleteJobTaggingRequest) -> dict[str, Any]:
    """All of them. Raises: NoSuchJob. AWS: DeleteJobTagging."""
    batch_jobs.put(tx, msgspec.structs.replace(_get(call, tx, req), tags={}))
    return {}


# --- what they share


def _get(call: Call, at: Snapshot, req: Mapping[str, Any]) -> BatchJob:
    job = batch_jobs.find(at, (account_of(call, req), call.region), req["JobId"])
    if job is None:
        raise errors.NoSuchJob()
    return job


def _after(token: str | None) -> tuple[int, str] | None:
    if token is None:
        return None
    try:
        created_at_ms, id = paging.key_of(token)
    except ValueError:
        raise errors.InvalidNextTokenException() from None
    if not isinstance(created_at_ms, int) or not isinstance(id, str):
        raise errors.InvalidNextTokenException()
    return created_at_ms, id


def _progress(job: BatchJob, now_ms: int) -> dict[str, Any]:
    return {
        "TotalNumberOfTasks": job.total,
        "NumberOfTasksSucceeded": job.succeeded,
        "NumberOfTasksFailed": job.failed,
        "Timers": {"ElapsedTimeInActiveSeconds": states.active_ms(job, now_ms) // 1000},
    }


def _listed(job: BatchJob, now_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "JobId": job.id,
        "Operation": job.operation,
        "Priority": job.priority,
        "Status": job.status,
        "CreationTime": job.created_at_ms,
        "ProgressSummary": _progress(job, now_ms),
    }
    if job.description:
        told["Description"] = job.description
    if job.ended_at_ms is not None:
        told["TerminationDate"] = job.ended_at_ms
    return told


def _described(job: BatchJob, now_ms: int) -> dict[str, Any]:
    told = {
        **_listed(job, now_ms),
        **job.document,
        "ConfirmationRequired": job.confirmation,
        "JobArn": job.arn,
        "RoleArn": job.role_arn,
        "FailureReasons": [
            {"FailureCode": code, "FailureReason": reason} for code, reason in job.failures
        ],
    }
    if job.reason:
        told["StatusUpdateReason"] = job.reason
    if job.suspended_at_ms is not None:
        told["SuspendedDate"] = job.suspended_at_ms
    if job.status == batch_jobs.SUSPENDED:
        told["SuspendedCause"] = batch_jobs.SUSPENDED_BECAUSE
    if job.generated is not None:
        told["GeneratedManifestDescriptor"] = {
            "Format": "S3InventoryReport_CSV_20211130",
            "Location": {"ObjectArn": job.generated.key, "ETag": job.generated.md5},
        }
    return told
