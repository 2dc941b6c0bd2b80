"""What CreateJob may be asked for, and what of it is kept.

AWS: S3 API Reference, "CreateJob"; S3 User Guide, "Creating an S3 Batch Operations job".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import errors, limits

Document = dict[str, Any]
Template = Mapping[str, Any]

CSV, INVENTORY = "S3BatchOperations_CSV_20180820", "S3InventoryReport_CSV_20161130"
_GENERATED = "S3InventoryReport_CSV_20211130"
_REPORT = "Report_CSV_20180820"
_BUCKET_ARN = re.compile(r"arn:aws:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")
_OBJECT_ARN = re.compile(r"arn:aws:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_FUNCTION_ARN = re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")

_GRANTEE = {"TypeIdentifier": None, "Identifier": None, "DisplayName": None}
_GRANT: Template = {"Grantee": _GRANTEE, "Permission": None}
_TAG: Template = {"Key": None, "Value": None}
OPERATIONS: Mapping[str, Template] = {
    "LambdaInvoke": {"FunctionArn": None, "InvocationSchemaVersion": None, "UserArguments": None},
    "S3PutObjectCopy": {
        "TargetResource": None,
        "CannedAccessControlList": None,
        "AccessControlGrants": [_GRANT],
        "MetadataDirective": None,
        "ModifiedSinceConstraint": None,
        "NewObjectMetadata": {
            "CacheControl": None,
            "ContentDisposition": None,
            "ContentEncoding": None,
            "ContentLanguage": None,
            "UserMetadata": None,
            "ContentType": None,
            "HttpExpiresDate": None,
            "RequesterCharged": None,
            "SSEAlgorithm": None,
        },
        "NewObjectTagging": [_TAG],
        "RedirectLocation": None,
        "RequesterPays": None,
        "StorageClass": None,
        "UnModifiedSinceConstraint": None,
        "SSEAwsKmsKeyId": None,
        "TargetKeyPrefix": None,
        "ObjectLockLegalHoldStatus": None,
        "ObjectLockMode": None,
        "ObjectLockRetainUntilDate": None,
        "BucketKeyEnabled": None,
        "ChecksumAlgorithm": None,
    },
    "S3PutObjectAcl": {
        "AccessControlPolicy": {
            "AccessControlList": {
                "Owner": {"ID": None, "DisplayName": None},
                "Grants": [_GRANT],
            },
            "CannedAccessControlList": None,
        }
    },
    "S3PutObjectTagging": {"TagSet": [_TAG]},
    "S3DeleteObjectTagging": {},
    "S3InitiateRestoreObject": {"ExpirationInDays": None, "GlacierJobTier": None},
    "S3PutObjectLegalHold": {"LegalHold": {"Status": None}},
    "S3PutObjectRetention": {
        "BypassGovernanceRetention": None,
        "Retention": {"RetainUntilDate": None, "Mode": None},
    },
    "S3ReplicateObject": {},
    "S3ComputeObjectChecksum": {"ChecksumAlgorithm": None, "ChecksumType": None},
}
"""What is built, with the members that are."""
_ASKED: Mapping[str, str] = {
    "S3InitiateRestoreObject": "RestoreObject",
}
"""Operations of S3 that a task needs, where they may not be built."""

_ENCRYPTION: Template = {"SSES3": {}, "SSEKMS": {"KeyId": None}}
_REPORT_MEMBERS: Template = {
    "Bucket": None,
    "Format": None,
    "Enabled": None,
    "Prefix": None,
    "ReportScope": None,
    "ExpectedBucketOwner": None,
}
_MANIFEST: Template = {
    "Spec": {"Format": None, "Fields": None},
    "Location": {"ObjectArn": None, "ObjectVersionId": None, "ETag": None},
}
_GENERATOR: Template = {
    "S3JobManifestGenerator": {
        "ExpectedBucketOwner": None,
        "SourceBucket": None,
        "ManifestOutputLocation": {
            "ExpectedManifestBucketOwner": None,
            "Bucket": None,
            "ManifestPrefix": None,
            "ManifestEncryption": _ENCRYPTION,
            "ManifestFormat": None,
        },
        "Filter": {
            "CreatedAfter": None,
            "CreatedBefore": None,
            "EligibleForReplication": None,
            "ObjectReplicationStatuses": None,
            "KeyNameConstraint": {
                "MatchAnyPrefix": None,
                "MatchAnySuffix": None,
                "MatchAnySubstring": None,
            },
            "ObjectSizeGreaterThanBytes": None,
            "ObjectSizeLessThanBytes": None,
            "MatchAnyStorageClass": None,
            "MatchAnyObjectEncryption": [
                {
                    "SSES3": {},
                    "SSEKMS": {"KmsKeyArn": None, "BucketKeyEnabled": None},
                    "DSSEKMS": {"KmsKeyArn": None},
                    "SSEC": {},
                    "NOTSSE": {},
                }
            ],
        },
        "EnableManifestOutput": None,
    }
}


def kept(cloud: Cloud, req: Mapping[str, Any]) -> Document:
    """The operation, the report and the manifest of a job, checked. Raises: InvalidRequest, NotBuilt."""
    document: Document = {"Operation": _operation(cloud, req["Operation"])}
    document["Report"] = _report(copied(req["Report"], _REPORT_MEMBERS))
    given, generator = req.get("Manifest"), req.get("ManifestGenerator")
    if (given is None) == (generator is None):
        raise errors.InvalidRequest(
            detail="A job must have either a manifest or a manifest generator, and not both"
        )
    if given is not None:
        document["Manifest"] = _manifest(copied(given, _MANIFEST))
    else:
        document["ManifestGenerator"] = _generator(
            copied(cast("Mapping[str, Any]", generator), _GENERATOR)
        )
    return document


def digest(document: Document, *others: object) -> bytes:
    """By which a request is known again."""
    return hashlib.sha256(msgspec.msgpack.encode((document, others), order="sorted")).digest()


def bucket_of(arn: str) -> str:
    """Raises: InvalidRequest."""
    found = _BUCKET_ARN.fullmatch(arn)
    if found is None:
        raise errors.InvalidRequest(detail=f"Invalid bucket ARN: {arn}")
    return found[1]


def object_of(arn: str) -> tuple[str, str]:
    """Bucket and key. Raises: InvalidRequest."""
    found = _OBJECT_ARN.fullmatch(arn)
    if found is None:
        raise errors.InvalidRequest(detail=f"Invalid object ARN: {arn}")
    return found[1], found[2]


def tags_of(listed: object) -> dict[str, str]:
    """Raises: InvalidTag, TooManyTagsException."""
    found: dict[str, str] = {}
    for tag in cast("list[Mapping[str, str]]", listed or ()):
        key = tag["Key"]
        if key in found:
            raise errors.InvalidTag(
                {"TagKey": key}, detail="Cannot provide multiple Tags with the same key"
            )
        if key.lower().startswith("aws:"):
            raise errors.InvalidTag(
                {"TagKey": key}, detail="System tags cannot be added/updated by requester"
            )
        found[key] = tag["Value"]
    if len(found) > limits.BATCH_JOB_TAGS_MAX:
        raise errors.TooManyTagsException(most=limits.BATCH_JOB_TAGS_MAX)
    return found


def _operation(cloud: Cloud, given: Mapping[str, Any]) -> Document:
    unbuilt = [name for name in ("S3UpdateObjectEncryption",) if name in given]
    if unbuilt:
        raise NotBuilt(what=f"the batch operation {unbuilt[0]}")
    for name in ("S3PutObjectCopy", "S3PutObjectRetention"):
        _refuse_holds(given, name)
    document = copied(given, OPERATIONS)
    if len(document) != 1:
        raise errors.InvalidRequest(detail="A job must have exactly one operation")
    ((name, asked),) = document.items()
    needed = _ASKED.get(name)
    if needed is not None:
        cloud.operation("s3", needed)
    check = _CHECKS.get(name)
    if check is not None:
        check(asked)
    return document


def _check_lambda(asked: Document) -> None:
    version = asked.get("InvocationSchemaVersion", "1.0")
    if version not in ("1.0", "2.0"):
        raise errors.InvalidRequest(detail=f"Invalid InvocationSchemaVersion: {version}")
    if "UserArguments" in asked and version != "2.0":
        raise errors.InvalidRequest(
            detail="UserArguments are supported with InvocationSchemaVersion 2.0 only"
        )
    if _FUNCTION_ARN.fullmatch(asked.get("FunctionArn", "")) is None:
        raise errors.InvalidRequest(detail="Invalid function ARN")


def _refuse_holds(given: Mapping[str, Any], operation: str) -> None:
    inner = cast("Mapping[str, Any]", given.get(operation) or {})
    inner = cast("Mapping[str, Any]", inner.get("Retention") or inner)
    if any(name in inner for name in _HOLDS_UNBUILT):
        raise NotBuilt(what="event holds")


_HOLDS_UNBUILT = (
    *("ObjectLockEventHold", "ObjectLockEventHoldDuration"),
    *("EventHold", "EventHoldDuration"),
)


def _check_copy(asked: Document) -> None:
    target = asked.get("TargetResource", "")
    if target.startswith("arn:aws:s3express:"):
        raise NotBuilt(what="copying to directory buckets")
    bucket_of(target)
    if "CannedAccessControlList" in asked and "AccessControlGrants" in asked:
        raise errors.InvalidRequest(
            detail="A copy may have a canned access control list or grants, and not both"
        )
    metadata = asked.get("NewObjectMetadata", {})
    if metadata.get("SSEAlgorithm") not in (None, "AES256", "KMS"):
        raise errors.InvalidRequest(detail="Invalid SSEAlgorithm")
    _check_grants(asked.get("AccessControlGrants", []))


def _check_acl(asked: Document) -> None:
    policy = asked.get("AccessControlPolicy", {})
    if len(policy) != 1:
        raise errors.InvalidRequest(
            detail="An access control policy must have either a list or a canned list"
        )
    _check_grants(policy.get("AccessControlList", {}).get("Grants", []))


def _check_grants(grants: list[Document]) -> None:
    kinds = ("id", "emailAddress", "uri")
    for one in grants:
        grantee = one.get("Grantee", {})
        known = grantee.get("TypeIdentifier") in kinds and grantee.get("Identifier")
        if not known or "Permission" not in one:
            raise errors.InvalidRequest(detail="Invalid grant")


def _check_tagging(asked: Document) -> None:
    if len(asked.get("TagSet", [])) > limits.OBJECT_TAGS_MAX:
        raise errors.InvalidRequest(
            detail=f"Object tags cannot be greater than {limits.OBJECT_TAGS_MAX}"
        )


def _check_restore(asked: Document) -> None:
    if asked.get("GlacierJobTier", "STANDARD") not in ("BULK", "STANDARD"):
        raise errors.InvalidRequest(detail="Invalid GlacierJobTier")


def _check_retention(asked: Document) -> None:
    if "Retention" not in asked:
        raise errors.InvalidRequest(detail="Missing Retention")


_CHECKS = {
    "LambdaInvoke": _check_lambda,
    "S3PutObjectCopy": _check_copy,
    "S3PutObjectAcl": _check_acl,
    "S3PutObjectTagging": _check_tagging,
    "S3InitiateRestoreObject": _check_restore,
    "S3PutObjectRetention": _check_retention,
}


def _report(report: Document) -> Document:
    if report.get("Enabled"):
        bucket_of(report.get("Bucket", ""))
        if report.get("Format") != _REPORT:
            raise errors.InvalidRequest(detail="Invalid report format")
        if report.get("ReportScope") not in ("AllTasks", "FailedTasksOnly"):
            raise errors.InvalidRequest(detail="Invalid report scope")
    return report


def _manifest(manifest: Document) -> Document:
    spec, location = manifest["Spec"], manifest["Location"]
    object_of(location["ObjectArn"])
    fields: list[str] | None = spec.get("Fields")
    if spec["Format"] == CSV:
        named = [field for field in fields or [] if field != "Ignore"]
        if len(set(named)) < len(named) or not {"Bucket", "Key"} <= set(named):
            raise errors.InvalidRequest(
                detail="A manifest must name the fields Bucket and Key, each once"
            )
        if not set(named) <= {"Bucket", "Key", "VersionId"}:
            raise errors.InvalidRequest(detail="Invalid manifest field")
    elif spec["Format"] == INVENTORY:
        if fields:
            raise errors.InvalidRequest(detail="An inventory report names its fields itself")
    else:
        raise errors.InvalidRequest(detail="Invalid manifest format")
    return manifest


def _generator(generator: Document) -> Document:
    inner = generator.get("S3JobManifestGenerator")
    if inner is None:
        raise errors.InvalidRequest(detail="Missing S3JobManifestGenerator")
    bucket_of(inner["SourceBucket"])
    output = inner.get("ManifestOutputLocation")
    if inner["EnableManifestOutput"]:
        if output is None:
            raise errors.InvalidRequest(detail="Missing ManifestOutputLocation")
        bucket_of(output["Bucket"])
        if output["ManifestFormat"] != _GENERATED:
            raise errors.InvalidRequest(detail="Invalid manifest format")
    wanted = inner.get("Filter", {})
    if len(wanted.get("MatchAnyObjectEncryption", [{}])) != 1:
        raise errors.InvalidRequest(detail="Invalid MatchAnyObjectEncryption")
    for one in wanted.get("KeyNameConstraint", {}).values():
        if not 0 < len(one) <= limits.BATCH_FILTER_TEXTS_MAX:
            raise errors.InvalidRequest(detail="Invalid KeyNameConstraint")
    return generator


def copied(given: Mapping[str, Any], template: Template) -> Document:
    """What a document says, as far as the template knows it; what else it says stays unread, and is refused."""
    found: Document = {}
    for name, inner in template.items():
        value = given.get(name)
        if value is None:
            continue
        if isinstance(inner, list):
            (below,) = cast("list[Template]", inner)
            found[name] = [copied(one, below) for one in value]
        elif inner is not None:
            found[name] = copied(value, cast("Template", inner))
        elif isinstance(value, Mapping):
            found[name] = dict(cast("Mapping[str, Any]", value))
        elif isinstance(value, list):
            found[name] = list(cast("list[Any]", value))
        else:
            found[name] = value
    return found
