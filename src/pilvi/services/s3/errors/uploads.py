"""Errors about multipart uploads."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


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
