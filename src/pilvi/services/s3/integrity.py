"""Checking that a document (the XML or JSON of a request) is what its sender says it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pilvi.kit.call import Call
from pilvi.protocol.checksums import checksum
from pilvi.services.s3 import errors
from pilvi.services.s3.rules import checksums


def check_document(call: Call, req: Mapping[str, Any], *, required: bool = False) -> None:
    """Verify Content-MD5 and x-amz-checksum-* of a request whose body is a document.

    Calls from inside the cloud have no bytes to verify. `required`: one of them must be there.
    Raises: BadDigest, InvalidDigest, InvalidRequest.
    """
    header = req.get("ContentMD5")
    if call.request is None:
        return
    headers, body = call.request.headers, call.request.body
    header = headers.get("content-md5", header)
    claimed = checksums.md5_claimed(header)
    if claimed is not None:
        checksums.check_md5(claimed, hashlib.md5(body, usedforsecurity=False).digest())
    given = {
        f"Checksum{name}": headers[f"x-amz-checksum-{name.lower()}"]
        for name in checksums.SIZES
        if f"x-amz-checksum-{name.lower()}" in headers
    }
    claim = checksums.claimed(given)
    if claim is not None:
        checksums.check_claim(claim, {}, checksum(claim.algorithm, body))
    elif required and claimed is None:
        raise errors.InvalidRequest(
            detail="Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        )
