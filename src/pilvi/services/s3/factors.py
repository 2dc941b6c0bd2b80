"""MFA delete: a code of the root user's device, shown with the request itself.

In a bucket where it is on, deleting a version for good and changing the bucket's versioning need one.
AWS: S3 User Guide, "Configuring MFA delete".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pilvi.contracts.factors import SecondFactors
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors
from pilvi.services.s3.records.buckets import ENABLED, Bucket
from pilvi.store.api import Transaction

_NEEDED = "Mfa Authentication must be used for this request"


def prove_for_deletion(
    call: Call, tx: Transaction, bucket: Bucket, req: Mapping[str, Any], *, for_good: bool
) -> None:
    """`for_good`: a version is deleted, rather than marked so. Raises: AccessDenied, InvalidArgument."""
    shown = cast("str | None", req.get("MFA"))
    if for_good and bucket.mfa_delete == ENABLED:
        prove(call, tx, bucket, shown)


def prove(call: Call, tx: Transaction, bucket: Bucket, shown: str | None) -> None:
    """Only the root user of the bucket's account can; the code is used up with what it is shown for.

    Raises: AccessDenied (no code, a wrong one, somebody else), InvalidArgument (no code by its form).
    """
    if shown is None:
        raise errors.AccessDenied(_NEEDED)
    serial, _, code = shown.rpartition(" ")
    if not serial or not code:
        raise errors.InvalidArgument(
            "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}",
            "x-amz-mfa",
            shown,
        )
    if not (call.principal.is_root and access.owns(call, bucket)):
        raise errors.AccessDenied()
    accept = call.ask(SecondFactors).accept_of_root
    if not accept(tx, bucket.account, serial.strip(), code, call.now_ms):
        raise errors.AccessDenied()
