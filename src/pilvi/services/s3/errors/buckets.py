"""Errors about buckets: their names, their owners, what is in them."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


class NoSuchBucket(S3Error):
    code = "NoSuchBucket"
    message = "The specified bucket does not exist"
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
