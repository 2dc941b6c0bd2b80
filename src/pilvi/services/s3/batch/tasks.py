"""One task of a batch job: the job's operation on one object, and what came of it.

AWS: S3 User Guide, "Operations supported by S3 Batch Operations".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pilvi.kit.cloud import as_aws_error
from pilvi.services.s3.batch import checksum_tasks, lambda_tasks, replication_tasks
from pilvi.services.s3.batch.acting import Acting
from pilvi.services.s3.batch.outcomes import Outcome, succeeded
from pilvi.services.s3.batch.requests import bucket_of
from pilvi.services.s3.records.batch_jobs import Task
from pilvi.store.api import StoreUnavailable

Document = dict[str, Any]

REPLICATE = "S3ReplicateObject"


@dataclass(frozen=True, slots=True)
class _Of:
    """What a task asks of S3: an operation, and its request for one object."""

    operation: str
    request: Callable[[Document, Task], Document]


async def perform(acting: Acting, task: Task, task_id: str, attempt: int) -> Outcome:
    """What breaks is a failed task, and its traceback is in the log. Raises: StoreUnavailable."""
    try:
        return await _perform(acting, task, task_id, attempt)
    except StoreUnavailable:
        raise
    except Exception as problem:  # noqa: BLE001 one object that breaks must not stop all that come after it
        error = as_aws_error(problem, acting.cause.request_id)
    return Outcome(
        ok=False,
        status=error.status,
        code=error.code,
        message=error.text,
        again=error.status in (500, 503) or error.code in ("SlowDown", "OperationAborted"),
    )


async def _perform(acting: Acting, task: Task, task_id: str, attempt: int) -> Outcome:
    ((name, asked),) = acting.job.document["Operation"].items()
    if name == REPLICATE:
        return await replication_tasks.replicate(acting, task, attempt)
    special = _SPECIAL.get(name)
    if special is not None:
        return await special(acting, asked, task, task_id)
    of = _REQUESTS[name]
    await acting.perform(of.operation, of.request(asked, task))
    return succeeded()


def _object(task: Task) -> Document:
    found = {"Bucket": task.bucket, "Key": task.key}
    if task.version_id:
        found["VersionId"] = task.version_id
    return found


# --- copies

_AS_THEY_ARE = {
    "MetadataDirective": "MetadataDirective",
    "RedirectLocation": "WebsiteRedirectLocation",
    "StorageClass": "StorageClass",
    "CannedAccessControlList": "ACL",
    "ObjectLockLegalHoldStatus": "ObjectLockLegalHoldStatus",
    "ObjectLockMode": "ObjectLockMode",
    "ObjectLockRetainUntilDate": "ObjectLockRetainUntilDate",
    "BucketKeyEnabled": "BucketKeyEnabled",
    "ChecksumAlgorithm": "ChecksumAlgorithm",
    "ModifiedSinceConstraint": "CopySourceIfModifiedSince",
    "UnModifiedSinceConstraint": "CopySourceIfUnmodifiedSince",
}
_METADATA = {
    "CacheControl": "CacheControl",
    "ContentDisposition": "ContentDisposition",
    "ContentEncoding": "ContentEncoding",
    "ContentLanguage": "ContentLanguage",
    "ContentType": "ContentType",
    "UserMetadata": "Metadata",
}
_GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "WRITE": "GrantWrite",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
_KINDS = {"id": "id", "emailAddress": "emailAddress", "uri": "uri"}


def _copy(asked: Document, task: Task) -> Document:
    source = quote(f"{task.bucket}/{task.key}")
    prefix = asked.get("TargetKeyPrefix", "")
    request: Document = {
        "Bucket": bucket_of(asked["TargetResource"]),
        "Key": f"{prefix.removesuffix('/')}/{task.key}" if prefix else task.key,
        "CopySource": f"{source}?versionId={task.version_id}" if task.version_id else source,
    }
    request.update(_renamed(asked, _AS_THEY_ARE))
    metadata: Document = asked.get("NewObjectMetadata", {})
    if metadata:
        request["MetadataDirective"] = "REPLACE"
        request.update(_renamed(metadata, _METADATA))
        if "HttpExpiresDate" in metadata:
            request["Expires"] = metadata["HttpExpiresDate"]
    key = asked.get("SSEAwsKmsKeyId")
    algorithm = metadata.get("SSEAlgorithm")
    if key is not None or algorithm == "KMS":
        request["ServerSideEncryption"] = "aws:kms"
        if key is not None:
            request["SSEKMSKeyId"] = key
    elif algorithm is not None:
        request["ServerSideEncryption"] = algorithm
    if "NewObjectTagging" in asked:
        tags = {one["Key"]: one["Value"] for one in asked["NewObjectTagging"]}
        request["TaggingDirective"] = "REPLACE"
        request["Tagging"] = urlencode(tags)
    if asked.get("RequesterPays"):
        request["RequestPayer"] = "requester"
    for one in asked.get("AccessControlGrants", []):
        member, grantee = _GRANTS[one["Permission"]], one["Grantee"]
        given = f'{_KINDS[grantee["TypeIdentifier"]]}="{grantee["Identifier"]}"'
        request[member] = f"{request[member]},{given}" if member in request else given
    return request


def _renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> Document:
    return {other: given[name] for name, other in names.items() if name in given}


# --- what is kept beside an object

_GRANTEES = {
    "id": ("CanonicalUser", "ID"),
    "emailAddress": ("AmazonCustomerByEmail", "EmailAddress"),
    "uri": ("Group", "URI"),
}


def _acl(asked: Document, task: Task) -> Document:
    policy = asked["AccessControlPolicy"]
    if "CannedAccessControlList" in policy:
        return {**_object(task), "ACL": policy["CannedAccessControlList"]}
    listed = policy["AccessControlList"]
    grants: list[Document] = []
    for one in listed.get("Grants", []):
        kind, member = _GRANTEES[one["Grantee"]["TypeIdentifier"]]
        grantee = {"Type": kind, member: one["Grantee"]["Identifier"]}
        grants.append({"Grantee": grantee, "Permission": one["Permission"]})
    return {
        **_object(task),
        "AccessControlPolicy": {"Owner": listed["Owner"], "Grants": grants},
    }


def _tagging(asked: Document, task: Task) -> Document:
    return {**_object(task), "Tagging": {"TagSet": asked.get("TagSet", [])}}


def _untagging(asked: Document, task: Task) -> Document:
    return _object(task)


def _hold(asked: Document, task: Task) -> Document:
    return {**_object(task), "LegalHold": asked["LegalHold"]}


def _retention(asked: Document, task: Task) -> Document:
    request = {**_object(task), "Retention": asked["Retention"]}
    if asked.get("BypassGovernanceRetention"):
        request["BypassGovernanceRetention"] = True
    return request


_TIERS = {"BULK": "Bulk", "STANDARD": "Standard"}


def _restore(asked: Document, task: Task) -> Document:
    wish: Document = {
        "GlacierJobParameters": {"Tier": _TIERS[asked.get("GlacierJobTier", "STANDARD")]}
    }
    if "ExpirationInDays" in asked:
        wish["Days"] = asked["ExpirationInDays"]
    return {**_object(task), "RestoreRequest": wish}


_REQUESTS = {
    "S3PutObjectCopy": _Of("CopyObject", _copy),
    "S3PutObjectAcl": _Of("PutObjectAcl", _acl),
    "S3PutObjectTagging": _Of("PutObjectTagging", _tagging),
    "S3DeleteObjectTagging": _Of("DeleteObjectTagging", _untagging),
    "S3InitiateRestoreObject": _Of("RestoreObject", _restore),
    "S3PutObjectLegalHold": _Of("PutObjectLegalHold", _hold),
    "S3PutObjectRetention": _Of("PutObjectRetention", _retention),
}
_SPECIAL: Mapping[str, Callable[[Acting, Document, Task, str], Awaitable[Outcome]]] = {
    "LambdaInvoke": lambda_tasks.invoke,
    "S3ComputeObjectChecksum": checksum_tasks.compute,
}
