"""Errors about what is configured on buckets."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


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
