"""How each family of services words what is wrong with a signature.

The same mistake has three or four names in AWS: S3's, the query protocol's, the JSON protocols'. A `Dialect`
is a row of that table; `authenticator.py` picks from it and never names a service itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pilvi.base.errors import AwsError

_CHECK_KEY = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)

# --- S3


class S3SignatureDoesNotMatch(AwsError):
    code = "SignatureDoesNotMatch"
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    status = 403


class InvalidAccessKeyId(AwsError):
    code = "InvalidAccessKeyId"
    message = "The AWS Access Key Id you provided does not exist in our records."
    status = 403


class S3ExpiredToken(AwsError):
    code = "ExpiredToken"
    message = "The provided token has expired."


class S3InvalidToken(AwsError):
    code = "InvalidToken"
    message = "The provided token is malformed or otherwise invalid."


class RequestTimeTooSkewed(AwsError):
    code = "RequestTimeTooSkewed"
    message = "The difference between the request time and the current time is too large."
    status = 403


class AuthorizationHeaderMalformed(AwsError):
    """A wrong region has the member `Region`, which SDKs follow."""

    code = "AuthorizationHeaderMalformed"
    message = "The authorization header is malformed; {detail}"


class AuthorizationQueryParametersError(AwsError):
    code = "AuthorizationQueryParametersError"
    message = "{detail}"


class AccessDenied(AwsError):
    code = "AccessDenied"
    message = "{detail}"
    status = 403


class InvalidRequest(AwsError):
    code = "InvalidRequest"
    message = "{detail}"


class InvalidArgument(AwsError):
    code = "InvalidArgument"
    message = "{detail}"


class XAmzContentSHA256Mismatch(AwsError):
    code = "XAmzContentSHA256Mismatch"
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."


class IncompleteBody(AwsError):
    code = "IncompleteBody"
    message = "The request body terminated unexpectedly"


class InvalidChunkSizeError(AwsError):
    code = "InvalidChunkSizeError"
    message = "Only the last chunk is allowed to have a size less than 8192 bytes"
    status = 403


class MalformedTrailerError(AwsError):
    code = "MalformedTrailerError"
    message = (
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema."
    )


class MissingContentLength(AwsError):
    code = "MissingContentLength"
    message = "You must provide the Content-Length HTTP header."
    status = 411


# --- the query protocol


class SignatureDoesNotMatch(AwsError):
    code = "SignatureDoesNotMatch"
    message = "{detail}"
    status = 403


class InvalidClientTokenId(AwsError):
    code = "InvalidClientTokenId"
    message = "The security token included in the request is invalid."
    status = 403


class ExpiredToken(AwsError):
    code = "ExpiredToken"
    message = "The security token included in the request is expired"
    status = 403


class IncompleteSignature(AwsError):
    code = "IncompleteSignature"
    message = "{detail}"
    status = 403


class MissingAuthenticationToken(AwsError):
    code = "MissingAuthenticationToken"
    message = "Request is missing Authentication Token"
    status = 403


class AuthFailure(AwsError):
    """EC2's one word for all of it."""

    code = "AuthFailure"
    message = "AWS was not able to validate the provided access credentials"
    status = 401


class RequestExpired(AwsError):
    code = "RequestExpired"
    message = "Request has expired."


# --- the JSON protocols; REST services answer the same with 403


class InvalidSignatureException(AwsError):
    code = "InvalidSignatureException"
    message = "{detail}"


class UnrecognizedClientException(AwsError):
    code = "UnrecognizedClientException"
    message = "The security token included in the request is invalid."


class ExpiredTokenException(AwsError):
    code = "ExpiredTokenException"
    message = "The security token included in the request is expired"


class IncompleteSignatureException(AwsError):
    code = "IncompleteSignatureException"
    message = "{detail}"


class MissingAuthenticationTokenException(AwsError):
    code = "MissingAuthenticationTokenException"
    message = "Missing Authentication Token"


class RequestMissingAuthenticationToken(MissingAuthenticationTokenException):
    """DynamoDB's words."""

    message = "Request is missing Authentication Token"


class RestInvalidSignatureException(InvalidSignatureException):
    status = 403


class RestUnrecognizedClientException(UnrecognizedClientException):
    status = 403


class RestExpiredTokenException(ExpiredTokenException):
    status = 403


class RestIncompleteSignatureException(IncompleteSignatureException):
    status = 403


class RestMissingAuthenticationTokenException(MissingAuthenticationTokenException):
    status = 403


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which class a family of services raises for which mistake.

    `signature` and `incomplete` take `detail`; S3 (`is_s3`) has many finer errors, which it raises directly.
    """

    name: str
    signature: type[AwsError]
    unknown_key: type[AwsError]
    invalid_token: type[AwsError]
    expired_token: type[AwsError]
    incomplete: type[AwsError]
    missing: type[AwsError]
    is_s3: bool = False


S3 = Dialect(
    "s3",
    signature=S3SignatureDoesNotMatch,
    unknown_key=InvalidAccessKeyId,
    invalid_token=S3InvalidToken,
    expired_token=S3ExpiredToken,
    incomplete=AuthorizationHeaderMalformed,
    missing=AccessDenied,
    is_s3=True,
)
QUERY = Dialect(
    "query",
    signature=SignatureDoesNotMatch,
    unknown_key=InvalidClientTokenId,
    invalid_token=InvalidClientTokenId,
    expired_token=ExpiredToken,
    incomplete=IncompleteSignature,
    missing=MissingAuthenticationToken,
)
EC2 = Dialect(
    "ec2",
    signature=AuthFailure,
    unknown_key=AuthFailure,
    invalid_token=AuthFailure,
    expired_token=RequestExpired,
    incomplete=IncompleteSignature,
    missing=MissingAuthenticationToken,
)
JSON = Dialect(
    "json",
    signature=InvalidSignatureException,
    unknown_key=UnrecognizedClientException,
    invalid_token=UnrecognizedClientException,
    expired_token=ExpiredTokenException,
    incomplete=IncompleteSignatureException,
    missing=MissingAuthenticationTokenException,
)
REST_JSON = Dialect(
    "rest-json",
    signature=RestInvalidSignatureException,
    unknown_key=RestUnrecognizedClientException,
    invalid_token=RestUnrecognizedClientException,
    expired_token=RestExpiredTokenException,
    incomplete=RestIncompleteSignatureException,
    missing=RestMissingAuthenticationTokenException,
)

DIALECTS: dict[str, Dialect] = {
    "query": QUERY,
    "ec2": EC2,
    "json": JSON,
    "smithy-rpc-v2-cbor": JSON,
    "rest-json": REST_JSON,
    "rest-xml": QUERY,
}
"""By botocore's name of a protocol."""

_DYNAMODB = replace(JSON, missing=RequestMissingAuthenticationToken)
OWN_DIALECTS: dict[str, Dialect] = {
    "s3": S3,
    "s3control": S3,
    "dynamodb": _DYNAMODB,
    "dynamodbstreams": _DYNAMODB,
}
"""Of services that speak otherwise than their protocol does."""


def wrong_signature(dialect: Dialect) -> AwsError:
    """For every family but S3, which also tells what it computed."""
    return dialect.signature(detail=_CHECK_KEY)
