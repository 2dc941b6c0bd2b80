"""Signature Version 2 of S3, by which boto3 and the AWS CLI still sign URLs and forms unless they are told otherwise.

Pure: what was sent, and what its signature is made over. Weaker than Version 4: it says nothing of the body, of the
region or, in a URL, of when it was made; whoever wants none of it denies requests whose `s3:signatureversion` is `AWS`.
AWS: S3 API Reference, "Signing and authenticating REST requests (AWS signature version 2)".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from pilvi.base.http import HttpRequest
from pilvi.identity.signatures import same

PREFIX = "AWS "
_PARAMETERS = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_SIGNED_PARAMETERS = frozenset(
    {
        *("accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption"),
        *("intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging"),
        *("metrics", "notification", "object-lock", "ownershipControls", "partNumber", "policy"),
        *("policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore"),
        *("retention", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId"),
        *("uploads", "versionId", "versioning", "versions", "website"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires"),
    }
)
"""Parameters that are a part of the resource; of all others the signature says nothing."""


class Claim(msgspec.Struct, frozen=True):
    """`dated`: when it was signed, in a header; until when it holds, in a URL; as the signature repeats it."""

    access_key_id: str
    signature: str
    dated: str
    token: str | None
    presigned: bool


class Incomplete(ValueError):
    """A URL without one of the parameters, or a header that is no pair of key and signature."""


def is_claimed(request: HttpRequest) -> bool:
    header = request.headers.get("authorization")
    if header is not None:
        return header.startswith(PREFIX)
    query = request.query
    return bool(query) and (
        "AWSAccessKeyId=" in query or query.startswith("Signature=") or "&Signature=" in query
    )


def read(request: HttpRequest) -> Claim:
    """Raises: Incomplete."""
    header = request.headers.get("authorization")
    token = request.headers.get("x-amz-security-token")
    if header is not None:
        key, found, given = header.removeprefix(PREFIX).strip().rpartition(":")
        if not found or not key:
            raise Incomplete(header)
        dated = request.headers.get("x-amz-date") or request.headers.get("date", "")
        return Claim(key, given, dated, token, presigned=False)
    sent = dict(parse_qsl(request.query, keep_blank_values=True))
    if not sent.keys() >= _PARAMETERS:
        raise Incomplete(request.query)
    token = sent.get("x-amz-security-token") or token
    return Claim(sent["AWSAccessKeyId"], sent["Signature"], sent["Expires"], token, presigned=True)


def signature(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha1)).decode()


def is_signed(request: HttpRequest, path: str, claim: Claim, secret: str) -> bool:
    """`path`: raw and with the bucket in it, whatever host was asked. That of a bucket may end in a slash or not."""
    paths = [path, f"{path}/"] if path.count("/") == 1 and path != "/" else [path]
    return any(
        same(signature(secret, string_to_sign(request, one, claim)), claim.signature)
        for one in paths
    )


def string_to_sign(request: HttpRequest, path: str, claim: Claim) -> bytes:
    headers = (
        {**query_headers(request.query), **request.headers} if claim.presigned else request.headers
    )
    amz = sorted((name, value) for name, value in headers.items() if name.startswith("x-amz-"))
    dated = claim.dated if claim.presigned or "x-amz-date" not in headers else ""
    lines = [
        request.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        dated,
        *(f"{name}:{value}" for name, value in amz),
        _resource(path, request.query),
    ]
    return "\n".join(lines).encode("latin-1", "replace")


def query_headers(query: str, encoding: str = "latin-1") -> dict[str, str]:
    """The parameters of a presigned URL that stand for headers: names in lower case; values in latin-1 as headers
    arrive, or in what they are written in.
    """
    if not query:
        return {}
    return {
        name.lower(): value
        for name, value in parse_qsl(query, keep_blank_values=True, encoding=encoding)
        if name[:6].lower() == "x-amz-" or name.lower() in ("content-md5", "content-type")
    }


def _resource(path: str, query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&")]
    named = sorted(
        (name, joint, value) for name, joint, value in pairs if name in _SIGNED_PARAMETERS
    )
    if not named:
        return path
    return f"{path}?" + "&".join(
        f"{name}{joint}{unquote_plus(value, encoding='latin-1')}" for name, joint, value in named
    )
