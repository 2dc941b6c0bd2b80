"""Errors about objects and versions."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


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
