"""Errors about keys."""

from __future__ import annotations

from pilvi.base.errors import AwsError, ServiceUnavailable
from pilvi.services.s3.errors.general import AccessDenied, S3Error


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
