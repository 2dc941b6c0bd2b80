"""S3: its name, and what each of its operations acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pilvi.kit import execution
from pilvi.kit.audit import WatchedRequest
from pilvi.kit.call import Call
from pilvi.kit.service import Acts, Service, everything, the_request
from pilvi.services.s3 import access, errors, responses, told
from pilvi.services.s3.rules import names


def bucket(call: Call, req: Mapping[str, Any]) -> str:
    return names.bucket_arn(req.get("Bucket", "*"))


def an_object(call: Call, req: Mapping[str, Any]) -> str:
    return names.object_arn(req.get("Bucket", "*"), req.get("Key", "*"))


def unversioned(call: Call, req: Mapping[str, Any]) -> str | Sequence[str]:
    """The object, unless the request names one of its versions: that is another permission."""
    return () if "VersionId" in req else an_object(call, req)


def each_object(call: Call, req: Mapping[str, Any]) -> Sequence[str]:
    """Those that DeleteObjects names. Differs: AWS refuses them one by one; here one refusal is for all."""
    listed = access.listed_objects(req)
    return [
        names.object_arn(req.get("Bucket", "*"), one.get("Key", "*"))
        for one in listed
        if "VersionId" not in one
    ]


_LISTING = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}


def of_listing(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """s3:prefix, s3:delimiter, s3:max-keys."""
    return {key: (str(req[member]),) for key, member in _LISTING.items() if member in req}


def inventory_fields(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """s3:InventoryAccessibleOptionalFields."""
    document = req.get("InventoryConfiguration")
    fields: object = None
    if isinstance(document, Mapping):
        fields = cast("Mapping[str, Any]", document).get("OptionalFields")
    listed = cast("list[object]", fields) if isinstance(fields, list) else []
    return {_INVENTORY_FIELDS: tuple(map(str, listed))}


_INVENTORY_FIELDS = "s3:inventoryaccessibleoptionalfields"


_WRITTEN = Acts(an_object, "s3:PutObject", told=the_request, also=access.writing)
_COPIED = Acts(
    an_object,
    "s3:PutObject",
    told=the_request,
    also=access.copying,
    discloses=access.listing_source,
)


ACTS = {
    # buckets
    "CreateBucket": Acts(bucket, told=the_request, tags=access.bucket_tags, also=access.creating),
    "DeleteBucket": Acts(bucket),
    "HeadBucket": Acts(bucket, "s3:ListBucket"),
    "ListBuckets": Acts(everything, "s3:ListAllMyBuckets"),
    "GetBucketLocation": Acts(bucket),
    # what is configured on them
    "GetBucketAcl": Acts(bucket),
    "PutBucketAcl": Acts(bucket, told=the_request),
    "GetBucketOwnershipControls": Acts(bucket),
    "PutBucketOwnershipControls": Acts(bucket),
    "DeleteBucketOwnershipControls": Acts(bucket, "s3:PutBucketOwnershipControls"),
    "GetBucketCors": Acts(bucket, "s3:GetBucketCORS"),
    "PutBucketCors": Acts(bucket, "s3:PutBucketCORS"),
    "DeleteBucketCors": Acts(bucket, "s3:PutBucketCORS"),
    "GetBucketEncryption": Acts(bucket, "s3:GetEncryptionConfiguration"),
    "PutBucketEncryption": Acts(bucket, "s3:PutEncryptionConfiguration"),
    "DeleteBucketEncryption": Acts(bucket, "s3:PutEncryptionConfiguration"),
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
    "GetBucketAbac": Acts(bucket),
    "PutBucketAbac": Acts(bucket),
    "GetBucketAccelerateConfiguration": Acts(bucket, "s3:GetAccelerateConfiguration"),
    "PutBucketAccelerateConfiguration": Acts(bucket, "s3:PutAccelerateConfiguration"),
    "GetBucketLifecycleConfiguration": Acts(bucket, "s3:GetLifecycleConfiguration"),
    "PutBucketLifecycleConfiguration": Acts(bucket, "s3:PutLifecycleConfiguration"),
    "DeleteBucketLifecycle": Acts(bucket, "s3:PutLifecycleConfiguration"),
    "GetBucketLogging": Acts(bucket),
    "PutBucketLogging": Acts(bucket),
    "GetBucketWebsite": Acts(bucket),
    "PutBucketWebsite": Acts(bucket),
    "DeleteBucketWebsite": Acts(bucket),
    "GetBucketRequestPayment": Acts(bucket),
    "PutBucketRequestPayment": Acts(bucket),
    "GetBucketAnalyticsConfiguration": Acts(bucket, "s3:GetAnalyticsConfiguration"),
    "PutBucketAnalyticsConfiguration": Acts(bucket, "s3:PutAnalyticsConfiguration"),
    "DeleteBucketAnalyticsConfiguration": Acts(bucket, "s3:PutAnalyticsConfiguration"),
    "ListBucketAnalyticsConfigurations": Acts(bucket, "s3:GetAnalyticsConfiguration"),
    "GetBucketMetricsConfiguration": Acts(bucket, "s3:GetMetricsConfiguration"),
    "PutBucketMetricsConfiguration": Acts(bucket, "s3:PutMetricsConfiguration"),
    "DeleteBucketMetricsConfiguration": Acts(bucket, "s3:PutMetricsConfiguration"),
    "ListBucketMetricsConfigurations": Acts(bucket, "s3:GetMetricsConfiguration"),
    "GetBucketIntelligentTieringConfiguration": Acts(
        bucket, "s3:GetIntelligentTieringConfiguration"
    ),
    "PutBucketIntelligentTieringConfiguration": Acts(
        bucket, "s3:PutIntelligentTieringConfiguration"
    ),
    "DeleteBucketIntelligentTieringConfiguration": Acts(
        bucket, "s3:PutIntelligentTieringConfiguration"
    ),
    "ListBucketIntelligentTieringConfigurations": Acts(
        bucket, "s3:GetIntelligentTieringConfiguration"
    ),
    "GetBucketInventoryConfiguration": Acts(bucket, "s3:GetInventoryConfiguration"),
    "PutBucketInventoryConfiguration": Acts(
        bucket, "s3:PutInventoryConfiguration", context=inventory_fields
    ),
    "DeleteBucketInventoryConfiguration": Acts(bucket, "s3:PutInventoryConfiguration"),
    "ListBucketInventoryConfigurations": Acts(bucket, "s3:GetInventoryConfiguration"),
    "PutBucketVersioning": Acts(bucket),
    "GetBucketReplication": Acts(bucket, "s3:GetReplicationConfiguration"),
    "PutBucketReplication": Acts(
        bucket, "s3:PutReplicationConfiguration", also=access.passing_role
    ),
    "DeleteBucketReplication": Acts(bucket, "s3:PutReplicationConfiguration"),
    # objects
    "PutObject": _WRITTEN,
    "GetObject": Acts(
        unversioned,
        told=the_request,
        also=access.of_version("s3:GetObjectVersion"),
        discloses=access.listing,
    ),
    "HeadObject": Acts(
        unversioned,
        "s3:GetObject",
        told=the_request,
        also=access.of_version("s3:GetObjectVersion"),
        discloses=access.listing,
    ),
    "SelectObjectContent": Acts(
        an_object, "s3:GetObject", told=the_request, discloses=access.listing
    ),
    "GetObjectAttributes": Acts(
        unversioned, told=the_request, also=access.attributes, discloses=access.listing
    ),
    "CopyObject": _COPIED,
    "DeleteObject": Acts(unversioned, told=the_request, also=access.deleting),
    "DeleteObjects": Acts(each_object, "s3:DeleteObject", also=access.of_versions),
    "ListObjects": Acts(bucket, "s3:ListBucket", context=of_listing),
    "ListObjectsV2": Acts(bucket, "s3:ListBucket", context=of_listing),
    "GetObjectAcl": Acts(
        unversioned, told=the_request, also=access.of_version("s3:GetObjectVersionAcl")
    ),
    "GetObjectTorrent": Acts(an_object),
    "RestoreObject": Acts(an_object),
    "PutObjectAcl": Acts(
        unversioned, told=the_request, also=access.of_version("s3:PutObjectVersionAcl")
    ),
    "ListObjectVersions": Acts(bucket, "s3:ListBucketVersions", context=of_listing),
    "GetObjectLockConfiguration": Acts(bucket, "s3:GetBucketObjectLockConfiguration"),
    "PutObjectLockConfiguration": Acts(bucket, "s3:PutBucketObjectLockConfiguration"),
    "GetObjectRetention": Acts(an_object, told=the_request),
    "PutObjectRetention": Acts(an_object, told=the_request, also=access.retaining),
    "GetObjectLegalHold": Acts(an_object, told=the_request),
    "PutObjectLegalHold": Acts(an_object, told=the_request),
    "GetObjectTagging": Acts(
        unversioned, told=the_request, also=access.of_version("s3:GetObjectVersionTagging")
    ),
    "PutObjectTagging": Acts(
        unversioned, told=the_request, also=access.of_version("s3:PutObjectVersionTagging")
    ),
    "DeleteObjectTagging": Acts(
        unversioned, told=the_request, also=access.of_version("s3:DeleteObjectVersionTagging")
    ),
    "UpdateObjectEncryption": Acts(an_object, told=the_request),
    # multipart uploads
    "CreateMultipartUpload": _WRITTEN,
    "UploadPart": _WRITTEN,
    "UploadPartCopy": _COPIED,
    "CompleteMultipartUpload": _WRITTEN,
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
    "ListObjectVersions": _PAYER,
    "PutBucketPolicy": _ALGORITHM,
    "PutBucketVersioning": _ALGORITHM,
    "PutObjectLockConfiguration": {
        **_PAYER,
        **_ALGORITHM,
        "Token": "AWS asked for one when buckets that were there already could not have object lock",
    },
    "GetObjectRetention": _PAYER,
    "PutObjectRetention": {**_PAYER, **_ALGORITHM},
    "GetObjectLegalHold": _PAYER,
    "PutObjectLegalHold": {**_PAYER, **_ALGORITHM},
    "PutPublicAccessBlock": _ALGORITHM,
    "PutBucketAcl": _ALGORITHM,
    "GetObjectAcl": _PAYER,
    "PutObjectAcl": {**_PAYER, **_ALGORITHM},
    "PutBucketOwnershipControls": _ALGORITHM,
    "PutBucketAccelerateConfiguration": _ALGORITHM,
    "PutBucketRequestPayment": _ALGORITHM,
    "PutBucketLifecycleConfiguration": _ALGORITHM,
    "PutBucketLogging": _ALGORITHM,
    "PutBucketWebsite": _ALGORITHM,
    "GetObjectTorrent": _PAYER,
    "RestoreObject": {**_PAYER, **_ALGORITHM},
    "PutBucketCors": _ALGORITHM,
    "PutBucketEncryption": _ALGORITHM,
    "PutBucketTagging": _ALGORITHM,
    "PutBucketAbac": _ALGORITHM,
    "UpdateObjectEncryption": {**_PAYER, **_ALGORITHM},
    "PutBucketReplication": {
        **_ALGORITHM,
        "Token": "AWS asked for one where buckets have object lock, and does so no more",
    },
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
    condition_keys=frozenset({*_LISTING, _INVENTORY_FIELDS}),
    tells=told.tells,
    failure=errors.InternalError,
    finish=responses.finish,
)
