"""What may be asked through an access point, what its policy may say, and what it blocks.

AWS: S3 User Guide, "Access point compatibility", "Configuring IAM policies for using access points", "Blocking public
access to your Amazon S3 storage".
"""

from __future__ import annotations

from pilvi.services.s3.points.records import AccessPoint
from pilvi.services.s3.records.buckets import PublicAccess

OPERATIONS = frozenset(
    {
        *("GetObject", "HeadObject", "GetObjectAttributes", "GetObjectAcl", "GetObjectTagging"),
        *("GetObjectLegalHold", "GetObjectRetention", "PutObject", "PutObjectAcl"),
        *("PutObjectTagging", "PutObjectLegalHold", "PutObjectRetention", "CopyObject"),
        *("DeleteObject", "DeleteObjects", "DeleteObjectTagging", "RestoreObject"),
        *("SelectObjectContent", "UpdateObjectEncryption"),
        *("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"),
        *("AbortMultipartUpload", "ListParts", "ListMultipartUploads"),
        *("ListObjects", "ListObjectsV2", "ListObjectVersions", "HeadBucket"),
        *("GetBucketAcl", "GetBucketCors", "GetBucketLocation", "GetBucketPolicy"),
        "GetBucketNotificationConfiguration",
        *("s3-post", "s3-options"),
    }
)
"""These and no others may name a point in a bucket's place; what is copied may be named so by all that copy."""


def blocked(own: PublicAccess | None, point: PublicAccess) -> PublicAccess:
    """What is blocked on the way through a point: by the bucket's settings or by its own."""
    if own is None:
        return point
    return PublicAccess(
        block_acls=own.block_acls or point.block_acls,
        ignore_acls=own.ignore_acls or point.ignore_acls,
        block_policy=own.block_policy or point.block_policy,
        restrict_buckets=own.restrict_buckets or point.restrict_buckets,
    )


def keys_of(point: AccessPoint) -> dict[str, tuple[str, ...]]:
    """The condition keys that a request through the point has, in every policy that is asked."""
    told: dict[str, tuple[str, ...]] = {
        "s3:dataaccesspointarn": (point.arn,),
        "s3:dataaccesspointaccount": (point.account,),
        "s3:accesspointnetworkorigin": (point.origin,),
    }
    for key, value in (point.tags or {}).items():
        name = f"s3:accesspointtag/{key.lower()}"
        told[name] = (*told.get(name, ()), value)
    return told
