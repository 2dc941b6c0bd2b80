"""Errors of S3, named by their code; texts as AWS words them.

What AWS adds beside the message (BucketName, Key, ArgumentName ...) goes into `members`, which the
protocol prints as further elements of the error.
AWS: S3 API Reference, "Error responses".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pilvi.base.errors import AwsError, ServiceUnavailable

_NO_SUCH_BUCKET = "The specified bucket does not exist"


class S3Error(AwsError):
    """An error that is built from its code, status and text alone, with members for the rest."""

    def __init__(self, members: dict[str, Any] | None = None, **fields: object) -> None:
        super().__init__(members=members, headers=None, **fields)


class AccessDenied(S3Error):
    code = "AccessDenied"
    message = "{reason}"
    status = 403

    def __init__(self, reason: str = "Access Denied") -> None:
        super().__init__(reason=reason)


# --- buckets


class NoSuchBucket(S3Error):
    code = "NoSuchBucket"
    message = _NO_SUCH_BUCKET
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class InvalidBucketName(S3Error):
    code = "InvalidBucketName"
    message = "The specified bucket is not valid."

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class BucketAlreadyExists(S3Error):
    code = "BucketAlreadyExists"
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
        " Please select a different name and try again."
    )
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class BucketAlreadyOwnedByYou(S3Error):
    code = "BucketAlreadyOwnedByYou"
    message = "Your previous request to create the named bucket succeeded and you already own it."
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class BucketNotEmpty(S3Error):
    code = "BucketNotEmpty"
    message = "The bucket you tried to delete is not empty"
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class VersionedBucketNotEmpty(S3Error):
    code = "BucketNotEmpty"
    message = (
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    )
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class BucketHasAccessPointsAttached(S3Error):
    code = "BucketHasAccessPointsAttached"
    message = "Bucket has access points attached and cannot be deleted."


class NoSuchAccessPoint(S3Error):
    code = "NoSuchAccessPoint"
    message = "The specified accesspoint does not exist"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__({"AccessPointName": name})


class NoSuchAccessPointPolicy(S3Error):
    code = "NoSuchAccessPointPolicy"
    message = "The specified accesspoint policy does not exist"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__({"AccessPointName": name})


class AccessPointAlreadyOwnedByYou(S3Error):
    code = "AccessPointAlreadyOwnedByYou"
    message = (
        "Your previous request to create the named accesspoint succeeded and you already own it."
    )
    status = 409


class TooManyAccessPoints(S3Error):
    code = "TooManyAccessPoints"
    message = "You have attempted to create more access points than allowed"


class InvalidURI(S3Error):
    code = "InvalidURI"
    message = "Couldn't parse the specified URI."

    def __init__(self, uri: str) -> None:
        super().__init__({"URI": uri})


class NoSuchResource(S3Error):
    """Of S3 Control's tags."""

    code = "NoSuchResource"
    message = "The specified resource doesn't exist."
    status = 404


class IllegalVersioningConfigurationException(S3Error):
    code = "IllegalVersioningConfigurationException"
    message = "The Versioning element must be specified"


class InvalidBucketState(S3Error):
    code = "InvalidBucketState"
    message = "{detail}"
    status = 409


class ObjectLockConfigurationNotFoundError(S3Error):
    code = "ObjectLockConfigurationNotFoundError"
    message = "Object Lock configuration does not exist for this bucket"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class TooManyBuckets(S3Error):
    code = "TooManyBuckets"
    message = "You have attempted to create more buckets than allowed"


class IllegalLocationConstraintException(S3Error):
    code = "IllegalLocationConstraintException"
    message = (
        "The {constraint} location constraint is incompatible for the region specific endpoint this request"
        " was sent to."
    )


class InvalidLocationConstraint(S3Error):
    code = "InvalidLocationConstraint"
    message = "The specified location-constraint is not valid"

    def __init__(self, constraint: str) -> None:
        super().__init__({"LocationConstraint": constraint})


class InvalidBucketOwnerAWSAccountID(S3Error):
    code = "InvalidBucketOwnerAWSAccountID"
    message = (
        "The value of the expected bucket owner parameter must be an AWS Account ID... [{owner}]"
    )


class AccessControlListNotSupported(S3Error):
    code = "AccessControlListNotSupported"
    message = "The bucket does not allow ACLs"


class InvalidBucketAclWithObjectOwnership(S3Error):
    code = "InvalidBucketAclWithObjectOwnership"
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


class InvalidBucketAclWithBlockPublicAccessError(S3Error):
    code = "InvalidBucketAclWithBlockPublicAccessError"
    message = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"


class MalformedACLError(S3Error):
    code = "MalformedACLError"
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class MissingSecurityHeader(S3Error):
    code = "MissingSecurityHeader"
    message = "Your request was missing a required header"

    def __init__(self, header: str) -> None:
        super().__init__({"MissingHeaderName": header})


class UnexpectedContent(S3Error):
    code = "UnexpectedContent"
    message = "This request does not support content"


# --- sub-resources of buckets


class OwnershipControlsNotFoundError(S3Error):
    code = "OwnershipControlsNotFoundError"
    message = "The bucket ownership controls were not found"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchBucketPolicy(S3Error):
    code = "NoSuchBucketPolicy"
    message = "The bucket policy does not exist"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchCORSConfiguration(S3Error):
    code = "NoSuchCORSConfiguration"
    message = "The CORS configuration does not exist"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class ReplicationConfigurationNotFoundError(S3Error):
    code = "ReplicationConfigurationNotFoundError"
    message = "The replication configuration was not found"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchTagSet(S3Error):
    code = "NoSuchTagSet"
    message = "The TagSet does not exist"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchPublicAccessBlockConfiguration(S3Error):
    code = "NoSuchPublicAccessBlockConfiguration"
    message = "The public access block configuration was not found"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchAccountPublicAccessBlock(S3Error):
    code = "NoSuchPublicAccessBlockConfiguration"
    message = "The public access block configuration was not found"
    status = 404

    def __init__(self, account: str) -> None:
        super().__init__({"AccountId": account})


class NoSuchWebsiteConfiguration(S3Error):
    code = "NoSuchWebsiteConfiguration"
    message = "The specified bucket does not have a website configuration"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class InvalidTargetBucketForLogging(S3Error):
    code = "InvalidTargetBucketForLogging"
    message = "{reason}"

    def __init__(self, target: str, reason: str) -> None:
        super().__init__({"TargetBucket": target}, reason=reason)


class CrossLocationLoggingProhibitted(S3Error):
    """AWS's own spelling. It names no region that is us-east-1."""

    code = "CrossLocationLoggingProhibitted"
    message = "Cross S3 location logging not allowed. "
    status = 403

    def __init__(self, source: str, target: str) -> None:
        named = {"SourceBucketLocation": source, "TargetBucketLocation": target}
        super().__init__({name: region for name, region in named.items() if region != "us-east-1"})


class NoSuchLifecycleConfiguration(S3Error):
    code = "NoSuchLifecycleConfiguration"
    message = "The lifecycle configuration does not exist"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__({"BucketName": bucket})


class NoSuchConfiguration(S3Error):
    code = "NoSuchConfiguration"
    message = "The specified configuration does not exist."
    status = 404


class TooManyConfigurations(S3Error):
    code = "TooManyConfigurations"
    message = (
        "You are attempting to create a new configuration but have already reached the 1,000-configuration"
        " limit."
    )


class IdMismatch(S3Error):
    code = "IdMismatch"
    message = "Document ID does not match the specified configuration ID."


class InvalidConfigurationId(S3Error):
    code = "InvalidConfigurationId"
    message = "The specified configuration id is invalid."


class InvalidS3DestinationBucket(S3Error):
    code = "InvalidS3DestinationBucket"
    message = "Invalid bucket ARN."


class MalformedPolicy(S3Error):
    code = "MalformedPolicy"
    message = "{detail}"


class InvalidTag(S3Error):
    code = "InvalidTag"
    message = "{detail}"


class BadRequest(S3Error):
    code = "BadRequest"
    message = "{detail}"


class AccessForbidden(S3Error):
    """A preflight that the bucket's CORS rules do not answer."""

    code = "AccessForbidden"
    message = "CORSResponse: {detail}"
    status = 403


# --- objects


class NoSuchKey(S3Error):
    code = "NoSuchKey"
    message = "The specified key does not exist."
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__({"Key": key})


class NoSuchVersion(S3Error):
    code = "NoSuchVersion"
    message = "The specified version does not exist."
    status = 404

    def __init__(self, key: str, version_id: str) -> None:
        super().__init__({"Key": key, "VersionId": version_id})


class MissingObjectLockConfiguration(S3Error):
    code = "InvalidRequest"
    message = "Bucket is missing Object Lock Configuration"


class NoSuchObjectLockConfiguration(S3Error):
    code = "NoSuchObjectLockConfiguration"
    message = "The specified object does not have a ObjectLock configuration"
    status = 404


class ObjectLocked(S3Error):
    code = "AccessDenied"
    message = "Access Denied because object protected by object lock."
    status = 403


class KeyTooLongError(S3Error):
    code = "KeyTooLongError"
    message = "Your key is too long"

    def __init__(self, size: int, size_max: int) -> None:
        super().__init__({"Size": str(size), "MaxSizeAllowed": str(size_max)})


class MetadataTooLarge(S3Error):
    code = "MetadataTooLarge"
    message = "Your metadata headers exceed the maximum allowed metadata size"

    def __init__(self, size: int, size_max: int) -> None:
        super().__init__({"Size": str(size), "MaxSizeAllowed": str(size_max)})


class MissingContentLength(S3Error):
    code = "MissingContentLength"
    message = "You must provide the Content-Length HTTP header."
    status = 411


class EntityTooLarge(S3Error):
    code = "EntityTooLarge"
    message = "Your proposed upload exceeds the maximum allowed size"

    def __init__(self, proposed: int, size_max: int) -> None:
        super().__init__({"ProposedSize": str(proposed), "MaxSizeAllowed": str(size_max)})


class IncompleteBody(S3Error):
    code = "IncompleteBody"
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class BadDigest(S3Error):
    code = "BadDigest"
    message = "{detail}"


class InvalidDigest(S3Error):
    code = "InvalidDigest"
    message = "The Content-MD5 you specified was invalid."

    def __init__(self, given: str) -> None:
        super().__init__({"Content-MD5": given})


class InvalidRedirectLocation(S3Error):
    code = "InvalidRedirectLocation"
    message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


class InvalidStorageClass(S3Error):
    code = "InvalidStorageClass"
    message = "The storage class you specified is not valid"

    def __init__(self, requested: str) -> None:
        super().__init__({"StorageClassRequested": requested})


class InvalidObjectState(S3Error):
    """What is archived cannot be read, nor can be restored what is not."""

    code = "InvalidObjectState"
    message = "{detail}"
    status = 403

    def __init__(self, storage_class: str, detail: str) -> None:
        super().__init__({"StorageClass": storage_class} if storage_class else None, detail=detail)


class RestoreAlreadyInProgress(S3Error):
    code = "RestoreAlreadyInProgress"
    message = "Object restore is already in progress"
    status = 409


class ObjectAlreadyInActiveTierError(S3Error):
    code = "ObjectAlreadyInActiveTierError"
    message = "This action is not allowed against this storage tier."
    status = 403


class PreconditionFailed(S3Error):
    code = "PreconditionFailed"
    message = "At least one of the pre-conditions you specified did not hold"
    status = 412

    def __init__(self, condition: str) -> None:
        super().__init__({"Condition": condition})


class ConditionalRequestConflict(S3Error):
    code = "ConditionalRequestConflict"
    message = "The conditional request cannot succeed due to a conflicting operation against this resource."
    status = 409

    def __init__(self, condition: str, key: str) -> None:
        super().__init__({"Condition": condition, "Key": key})


class OperationAborted(S3Error):
    code = "OperationAborted"
    message = (
        "A conflicting conditional operation is currently in progress against this resource."
        " Please try again."
    )
    status = 409


class NotModified(S3Error):
    """304: what the client has is still what is stored."""

    code = "NotModified"
    message = "Not Modified"
    status = 304

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


class InvalidRange(S3Error):
    code = "InvalidRange"
    message = "The requested range is not satisfiable"
    status = 416

    def __init__(self, requested: str, size: int) -> None:
        super().__init__({"RangeRequested": requested, "ActualObjectSize": str(size)})


class InvalidPartNumber(S3Error):
    code = "InvalidPartNumber"
    message = "The requested partnumber is not satisfiable"
    status = 416

    def __init__(self, requested: int, parts: int) -> None:
        super().__init__({"PartNumberRequested": str(requested), "ActualPartCount": str(parts)})


class HeaderNotImplemented(S3Error):
    """AWS's own refusal of a header's value; not pilvi's."""

    code = "NotImplemented"
    message = "A header you provided implies functionality that is not implemented"
    status = 501

    def __init__(self, header: str, additional: str | None = None) -> None:
        members = {"Header": header}
        if additional is not None:
            members["additionalMessage"] = additional
        super().__init__(members)


# --- encryption


class InvalidEncryptionAlgorithmError(S3Error):
    code = "InvalidEncryptionAlgorithmError"
    message = "The Encryption request you specified is not valid. Supported value: AES256."

    def __init__(self, given: str) -> None:
        super().__init__({"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": given})


class KmsError(S3Error):
    """What KMS refused, told in S3's way: `KMS.` and KMS's own code."""

    message = "{reason}"

    def __init__(self, code: str, reason: str) -> None:
        self.code = f"KMS.{code}"  # pyright: ignore[reportAttributeAccessIssue] there are as many as KMS has
        super().__init__(reason=reason)


def of_kms(code: str, reason: str) -> AwsError:
    """Whoever may not use the key is denied, in KMS's words; the rest is told with KMS's code."""
    if code == "AccessDeniedException":
        return AccessDenied(reason)
    if code in ("ServiceUnavailable", "InternalFailure", "NotImplemented"):
        return ServiceUnavailable(reason=reason)
    return KmsError(code, reason)


# --- requests in general


class InternalError(AwsError):
    """What a rotten body is answered with, too."""

    code = "InternalError"
    message = "We encountered an internal error. Please try again."
    status = 500


class MethodNotAllowed(S3Error):
    code = "MethodNotAllowed"
    message = "The specified method is not allowed against this resource."
    status = 405


class InvalidArgument(S3Error):
    code = "InvalidArgument"
    message = "{detail}"

    def __init__(self, detail: str, name: str, value: str | None = None) -> None:
        members = {"ArgumentName": name}
        if value is not None:
            members["ArgumentValue"] = value
        super().__init__(members, detail=detail)


class InvalidDestinations(S3Error):
    """What a bucket's notifications cannot reach: each with what is wrong with it."""

    code = "InvalidArgument"
    message = "Unable to validate the following destination configurations"

    def __init__(self, refused: Sequence[tuple[str, str]]) -> None:
        members: dict[str, str] = {}
        for number, (destination, why) in enumerate(refused, 1):
            members[f"ArgumentName{number}"] = destination
            members[f"ArgumentValue{number}"] = why
        super().__init__(members)


class InvalidRequest(S3Error):
    code = "InvalidRequest"
    message = "{detail}"


class MalformedXML(S3Error):
    code = "MalformedXML"
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


# --- multipart uploads


class NoSuchUpload(S3Error):
    code = "NoSuchUpload"
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been"
        " aborted or completed."
    )
    status = 404

    def __init__(self, upload_id: str) -> None:
        super().__init__({"UploadId": upload_id})


class InvalidPart(S3Error):
    code = "InvalidPart"
    message = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the"
        " specified entity tag may not match the part's entity tag."
    )

    def __init__(self, upload_id: str, number: int, etag: str) -> None:
        super().__init__({"UploadId": upload_id, "PartNumber": str(number), "ETag": etag})


class InvalidPartOrder(S3Error):
    code = "InvalidPartOrder"
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."

    def __init__(self, upload_id: str) -> None:
        super().__init__({"UploadId": upload_id})


class EntityTooSmall(S3Error):
    code = "EntityTooSmall"
    message = "Your proposed upload is smaller than the minimum allowed size"

    def __init__(self, *, number: int, etag: str, proposed: int, size_min: int) -> None:
        super().__init__(
            {
                "PartNumber": str(number),
                "ETag": etag,
                "ProposedSize": str(proposed),
                "MinSizeAllowed": str(size_min),
            }
        )


# --- batch jobs


class NoSuchJob(S3Error):
    code = "NoSuchJob"
    message = "The specified job does not exist."
    status = 404


class JobStatusException(S3Error):
    code = "JobStatusException"
    message = "A job that is {status} cannot become {wanted}."


class IdempotencyException(S3Error):
    code = "IdempotencyException"
    message = "The client request token was already used with another request."


class InvalidNextTokenException(S3Error):
    code = "InvalidNextTokenException"
    message = "The continuation token provided is incorrect."


class TooManyRequestsException(S3Error):
    code = "TooManyRequestsException"
    message = "There are too many jobs in the account and region."
    status = 429


class TooManyTagsException(S3Error):
    code = "TooManyTagsException"
    message = "A job cannot have more than {most} tags."
