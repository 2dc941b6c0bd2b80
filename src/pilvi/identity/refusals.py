"""The words in which a bad signature is refused: which error, which text, which members.

S3 has many fine errors, the other families few; `errors.py` has the classes.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Never

from pilvi.base.errors import AwsError, NotBuilt
from pilvi.identity import errors
from pilvi.identity.errors import Dialect
from pilvi.identity.signatures import Malformed, timestamp_of

SKEW_MS_MAX = 15 * 60 * 1000
EXPIRES_S_MAX = 7 * 24 * 3600


def refuse_claim(dialect: Dialect, presigned: bool, s3: str, others: str) -> Never:
    if not dialect.is_s3:
        raise dialect.signature(detail=others)
    if presigned:
        raise errors.AuthorizationQueryParametersError(
            detail=f"Error parsing the X-Amz-Credential parameter; {s3}"
        )
    raise errors.AuthorizationHeaderMalformed(detail=s3)


def refuse_other_mechanism(header: str, dialect: Dialect) -> Never:
    if header.startswith("AWS4-ECDSA"):
        raise NotBuilt(what="Signature Version 4A")
    if header.startswith("AWS ") or dialect.is_s3:
        refuse_mechanism(dialect)
    raise dialect.incomplete(
        detail="Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter." + hashed(header)
    )


def refuse_mechanism(dialect: Dialect) -> Never:
    detail = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    if dialect.is_s3:
        raise errors.InvalidRequest(detail=detail)
    raise dialect.incomplete(detail=detail)


def refuse_query(dialect: Dialect, detail: str) -> Never:
    if dialect.is_s3:
        raise errors.AuthorizationQueryParametersError(detail=detail)
    raise dialect.incomplete(detail=detail)


def expires_s(text: str, dialect: Dialect) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 18:
        refuse_query(dialect, "X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        refuse_query(dialect, "X-Amz-Expires must be non-negative")
    if seconds > EXPIRES_S_MAX:
        refuse_query(
            dialect,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
            "must be less than 604800 seconds",
        )
    return seconds


def malformed(
    problem: Malformed, dialect: Dialect, *, header: str = "", presigned: bool = False
) -> AwsError:
    if problem.part == "credential":
        expecting = (
            "the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
        if dialect.is_s3 and presigned:
            return errors.AuthorizationQueryParametersError(
                detail=f"Error parsing the X-Amz-Credential parameter; {expecting}"
            )
        if dialect.is_s3:
            return errors.AuthorizationHeaderMalformed(detail=expecting)
        return dialect.incomplete(
            detail="Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{problem.got}'"
        )
    if dialect.is_s3:
        return errors.AuthorizationHeaderMalformed(
            detail="the authorization header requires three components: "
            "Credential, SignedHeaders, and Signature."
        )
    missing = " ".join(
        f"Authorization header requires '{name}' parameter." for name in problem.missing
    )
    return dialect.incomplete(detail=missing + hashed(header))


def hashed(header: str) -> str:
    """AWS repeats the header only as its hash, so that no log learns a credential."""
    digest = base64.b64encode(hashlib.sha256(header.encode()).digest()).decode()
    return f" (Hashed with SHA-256 and encoded with Base64) Authorization={digest}"


def not_yet(timestamp: str, now_ms: int) -> str:
    return (
        f"Signature not yet current: {timestamp} is still later than "
        f"{timestamp_of(now_ms + SKEW_MS_MAX)} ({timestamp_of(now_ms)} + 15 min.)"
    )


def unknown_key(dialect: Dialect, access_key_id: str) -> AwsError:
    if dialect.is_s3:
        return dialect.unknown_key(members={"AWSAccessKeyId": access_key_id})
    return dialect.unknown_key()


def mismatch(
    dialect: Dialect,
    access_key_id: str,
    given_signature: str,
    text: bytes,
    canonical: bytes | None = None,
) -> AwsError:
    if not dialect.is_s3:
        return errors.wrong_signature(dialect)
    members = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": text.decode("latin-1"),
        "SignatureProvided": given_signature,
        "StringToSignBytes": text.hex(" "),
    }
    if canonical is not None:
        members["CanonicalRequest"] = canonical.decode("latin-1")
        members["CanonicalRequestBytes"] = canonical.hex(" ")
    return errors.S3SignatureDoesNotMatch(members=members)
