"""Headers in the query: what a presigned URL of S3 says in parameters counts as if it stood in headers.

The signature covers them there, and signers that want URLs to need no headers put them there: the SDK for JavaScript
all that begin with x-amz-, boto3 with Version 2 the type of the content, too.
AWS: S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

from __future__ import annotations

from pilvi.base.http import HttpRequest
from pilvi.identity import version2

_OF_SIGNATURES = frozenset(
    {
        *("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signature"),
        *("x-amz-signedheaders", "x-amz-security-token", "x-amz-content-sha256"),
    }
)
_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer")
"""They count in headers only: SDKs sign that of an empty body, for they do not know what will be sent."""


def is_presigned(query: str) -> bool:
    """By Version 4, whole or in part."""
    return "X-Amz-" in query and any(
        name in query for name in ("X-Amz-Algorithm=", "X-Amz-Credential=", "X-Amz-Signature=")
    )


def headers_of(request: HttpRequest) -> dict[str, str]:
    """What a presigned URL says in its parameters; nothing of requests that are signed otherwise, or not at all."""
    query = request.query
    old = version2.is_claimed(request)
    if "authorization" in request.headers or not (old or is_presigned(query)):
        return {}
    return {
        name: value
        for name, value in version2.query_headers(query, "utf-8").items()
        if (old or name.startswith("x-amz-"))
        and name not in _OF_SIGNATURES
        and not name.startswith(_CHECKSUMS)
    }
