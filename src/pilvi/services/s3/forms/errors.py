"""Errors that only browser uploads know. AWS: S3 API Reference, "Error responses"."""

from __future__ import annotations

from pilvi.services.s3.errors import InvalidArgument, S3Error


class MalformedPOSTRequest(S3Error):
    code = "MalformedPOSTRequest"
    message = "The body of your POST request is not well-formed multipart/form-data."


class MaxPostPreDataLengthExceeded(S3Error):
    code = "MaxPostPreDataLengthExceeded"
    message = "Your POST request fields preceding the upload file were too large."


class InvalidPolicyDocument(S3Error):
    code = "InvalidPolicyDocument"
    message = "Invalid Policy: {detail}"


class FileTooSmall(S3Error):
    code = "EntityTooSmall"
    message = "Your proposed upload is smaller than the minimum allowed size"

    def __init__(self, proposed: int, size_min: int) -> None:
        super().__init__({"ProposedSize": str(proposed), "MinSizeAllowed": str(size_min)})


class MissingField(InvalidArgument):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of"
            " the fields.",
            name,
            "",
        )
