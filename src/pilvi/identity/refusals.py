"""The words in which a bad signature is refused: which error, which text, which members.

S3 has many fine errors, the other families few; `errors.py` has the classes.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Never

from pilvi.base.errors import AwsError, NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.identity import errors
from pilvi.identity.errors import Dialect
from pilvi.identity.signatures import TERMINATOR, Claim, Malformed, iso_of, timestamp_of

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


def wrong_region(given: str, expected: str, *, presigned: bool) -> AwsError:
    """S3's. Clients that begin with a guess (s3cmd with "US") sign again for the region that it names."""
    detail = f"the region '{given}' is wrong; expecting '{expected}'"
    members = {"Region": expected}
    if presigned:
        return errors.AuthorizationQueryParametersError(
            detail=f"Error parsing the X-Amz-Credential parameter; {detail}", members=members
        )
    return errors.AuthorizationHeaderMalformed(detail=detail, members=members)


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


def refuse_incomplete(*, presigned: bool) -> Never:
    """Of Version 2."""
    if presigned:
        raise errors.AccessDenied(
            detail="Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    raise errors.InvalidArgument(
        detail="AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
        members={"ArgumentName": "Authorization"},
    )


def check_until(text: str, now_ms: int) -> None:
    """Until when a URL of Version 2 holds, in seconds since the epoch. Raises: AccessDenied."""
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise errors.AccessDenied(detail=f"Invalid date (should be seconds since epoch): {text}")
    ends_at_ms = int(text) * 1000
    if now_ms > ends_at_ms:
        raise errors.AccessDenied(
            detail="Request has expired",
            members={"Expires": iso_of(ends_at_ms), "ServerTime": iso_of(now_ms)},
        )


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


def check_claim(
    claim: Claim, timestamp: str, service: str, dialect: Dialect, *, presigned: bool
) -> None:
    """What the credential scope and the list of signed headers must say."""
    if claim.service != service:
        refuse_claim(
            dialect,
            presigned,
            f'incorrect service "{claim.service}". This endpoint belongs to "{service}".',
            f"Credential should be scoped to correct service: '{service}'. ",
        )
    if claim.terminator != TERMINATOR:
        refuse_claim(
            dialect,
            presigned,
            f'incorrect terminal "{claim.terminator}". This endpoint uses "{TERMINATOR}".',
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', "
            f"not '{claim.terminator}'. ",
        )
    if claim.date != timestamp[:8]:
        refuse_claim(
            dialect,
            presigned,
            f'Invalid credential date "{claim.date}". This date is not the same as X-Amz-Date: '
            f'"{timestamp[:8]}".',
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.date}' != '{timestamp[:8]}', from '{timestamp}'.",
        )
    if "host" not in claim.names and ":authority" not in claim.names:
        refuse_claim(
            dialect,
            presigned,
            "the Host header must be signed.",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        )


def check_signed_headers(request: HttpRequest, names: tuple[str, ...]) -> None:
    """S3 refuses `x-amz-` headers that the signature does not cover: they could have been added on the way.

    Raises: AccessDenied with HeadersNotSigned.
    """
    unsigned = [
        name
        for name in request.headers
        if name.startswith("x-amz-") and name not in names and name != "x-amz-content-sha256"
    ]
    if unsigned:
        raise errors.AccessDenied(
            detail="There were headers present in the request which were not signed",
            members={"HeadersNotSigned": ", ".join(sorted(unsigned))},
        )
