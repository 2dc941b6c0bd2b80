"""S3: its name, and what each of its operations acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.kit import execution
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.s3 import access, responses
from pilvi.services.s3.rules import names


def bucket(call: Call, req: Mapping[str, Any]) -> str:
    return names.bucket_arn(req.get("Bucket", "*"))


def an_object(call: Call, req: Mapping[str, Any]) -> str:
    return names.object_arn(req.get("Bucket", "*"), req.get("Key", "*"))


def each_object(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    """Those that DeleteObjects names. Differs: AWS refuses them one by one; here one refusal is for all."""
    document = cast("Mapping[str, Any]", req.get("Delete") or {})
    listed = cast("list[Mapping[str, Any]]", document.get("Objects") or [])
    return [names.object_arn(req.get("Bucket", "*"), one.get("Key", "*")) for one in listed]


_LISTING = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
_WRITING = {
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-metadata-directive": "MetadataDirective",
}
_REFUSED = frozenset(
    {
        *("s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
        *("s3:x-amz-server-side-encryption-customer-algorithm", "s3:versionid"),
        *("s3:object-lock-mode", "s3:object-lock-legal-hold", "s3:object-lock-retain-until-date"),
    }
)
"""Keys of what is refused by name whenever a request has it."""

CONDITION_KEYS = _REFUSED.union(_LISTING, _WRITING)


def of_listing(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """s3:prefix, s3:delimiter, s3:max-keys."""
    return {key: (str(req[member]),) for key, member in _LISTING.items() if member in req}


def of_writing(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """What the headers of a write ask for."""
    return {key: (str(req[member]),) for key, member in _WRITING.items() if member in req}


ACTS = {
    # buckets
    "CreateBucket": Acts(bucket),
    "DeleteBucket": Acts(bucket),
    "HeadBucket": Acts(bucket, "s3:ListBucket"),
    "ListBuckets": Acts(everything, "s3:ListAllMyBuckets"),
    "GetBucketLocation": Acts(bucket),
    # what is configured on them
    "GetBucketAcl": Acts(bucket),
    "PutBucketAcl": Acts(bucket),
    "GetBucketCors": Acts(bucket, "s3:GetBucketCORS"),
    "PutBucketCors": Acts(bucket, "s3:PutBucketCORS"),
    "DeleteBucketCors": Acts(bucket, "s3:PutBucketCORS"),
    "GetBucketNotificationConfiguration": Acts(bucket, "s3:GetBucketNotification"),
    "PutBucketNotificationConfiguration": Acts(bucket, "s3:PutBucketNotification"),
    "GetBucketPolicy": Acts(bucket),
    "PutBucketPolicy": Acts(bucket),
    "DeleteBucketPolicy": Acts(bucket),
    "GetBucketPolicyStatus": Acts(bucket),
    "GetPublicAccessBlock": Acts(bucket, "s3:GetBucketPublicAccessBlock"),
    "PutPublicAccessBlock": Acts(bucket, "s3:PutBucketPublicAccessBlock"),
    "DeletePublicAccessBlock": Acts(bucket, "s3:PutBucketPublicAccessBlock"),
    "GetBucketTagging": Acts(bucket),
    "PutBucketTagging": Acts(bucket),
    "DeleteBucketTagging": Acts(bucket, "s3:PutBucketTagging"),
    "GetBucketVersioning": Acts(bucket),
    # objects
    "PutObject": Acts(an_object, context=of_writing, also=access.tagging),
    "GetObject": Acts(an_object, discloses=access.listing),
    "HeadObject": Acts(an_object, "s3:GetObject", discloses=access.listing),
    "GetObjectAttributes": Acts(an_object, discloses=access.listing),
    "CopyObject": Acts(
        an_object,
        "s3:PutObject",
        context=of_writing,
        also=access.copying,
        discloses=access.listing_source,
    ),
    "DeleteObject": Acts(an_object),
    "DeleteObjects": Acts(each_object, "s3:DeleteObject"),
    "ListObjects": Acts(bucket, "s3:ListBucket", context=of_listing),
    "ListObjectsV2": Acts(bucket, "s3:ListBucket", context=of_listing),
    "GetObjectTagging": Acts(an_object),
    "PutObjectTagging": Acts(an_object),
    "DeleteObjectTagging": Acts(an_object),
    # multipart uploads
    "CreateMultipartUpload": Acts(
        an_object, "s3:PutObject", context=of_writing, also=access.tagging
    ),
    "UploadPart": Acts(an_object, "s3:PutObject"),
    "UploadPartCopy": Acts(
        an_object,
        "s3:PutObject",
        context=of_writing,
        also=access.copying,
        discloses=access.listing_source,
    ),
    "CompleteMultipartUpload": Acts(an_object, "s3:PutObject"),
    "AbortMultipartUpload": Acts(an_object),
    "ListParts": Acts(an_object, "s3:ListMultipartUploadParts"),
    "ListMultipartUploads": Acts(bucket, "s3:ListBucketMultipartUploads"),
}

_PAYER = {"RequestPayer": "nobody is charged for requests"}
_ALGORITHM = {"ChecksumAlgorithm": "the checksum itself is in a header or trailer, and is verified"}
_ACCEPTED: Mapping[str, Mapping[str, str]] = {
    "CopyObject": _PAYER,
    "DeleteObject": _PAYER,
    "DeleteObjects": {**_PAYER, **_ALGORITHM},
    "ListObjectsV2": _PAYER,
    "ListObjects": _PAYER,
    "CreateMultipartUpload": _PAYER,
    "UploadPart": {**_PAYER, **_ALGORITHM},
    "CompleteMultipartUpload": _PAYER,
    "AbortMultipartUpload": _PAYER,
    "ListParts": _PAYER,
    "ListMultipartUploads": _PAYER,
    "PutObjectTagging": {**_PAYER, **_ALGORITHM},
    "GetObjectTagging": _PAYER,
    "UploadPartCopy": _PAYER,
    "GetObject": _PAYER,
    "HeadObject": _PAYER,
    "GetObjectAttributes": _PAYER,
    "PutObject": {**_PAYER, **_ALGORITHM},
    "PutBucketPolicy": _ALGORITHM,
    "PutPublicAccessBlock": _ALGORITHM,
    "PutBucketAcl": _ALGORITHM,
    "PutBucketCors": _ALGORITHM,
    "PutBucketTagging": _ALGORITHM,
}


def refuse_unread(operation: str, req: Mapping[str, Any]) -> None:
    """For streaming handlers, before they take anything in. Raises: NotBuilt."""
    assert isinstance(req, WatchedRequest)
    execution.refuse_unread(s3.operations[operation], req)


s3 = Service(
    "s3",
    ACTS,
    accepted=_ACCEPTED,
    on_resource=access.on_bucket,
    condition_keys=CONDITION_KEYS,
    finish=responses.finish,
)
