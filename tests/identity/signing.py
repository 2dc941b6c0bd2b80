"""Requests signed by botocore, turned into what the gateway would hand on. botocore is the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from pilvi.base.clock import Clock
from pilvi.base.http import HttpRequest
from pilvi.contracts.credentials import Credential
from pilvi.identity.authenticator import Authenticator

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ACCOUNT = "111122223333"
USER = Credential(KEY, SECRET, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDAANN")


class Ledger:
    """Issued keys, as IAM would know them."""

    def __init__(self, issued: Iterable[Credential] = (USER,)) -> None:
        self._issued = {credential.access_key_id: credential for credential in issued}

    async def find_credential(self, access_key_id: str) -> Credential | None:
        return self._issued.get(access_key_id)


def authenticator(
    *issued: Credential, mode: str = "strict", clock: Clock | None = None
) -> Authenticator:
    return Authenticator(Ledger(issued or (USER,)), clock or Clock(), mode=mode)


def to_request(signed: AWSRequest) -> HttpRequest:
    """What arrives: raw target, lower-case names, stripped values, repeated headers joined by a comma."""
    parts = urlsplit(signed.url)
    headers: dict[str, str] = {"host": parts.netloc}
    for name, value in signed.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        text = text.encode().decode("latin-1").strip(" \t")
        lower = name.lower()
        headers[lower] = (
            f"{headers[lower]},{text}" if lower in headers and lower != "host" else text
        )
    body = signed.data if isinstance(signed.data, bytes) else b""
    return HttpRequest(signed.method, parts.path or "/", parts.query, headers, body)


def sign(
    method: str = "GET",
    url: str = "http://dynamodb.us-east-1.localhost:4566/",
    *,
    service: str = "dynamodb",
    region: str = "us-east-1",
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    expires_s: int | None = None,
) -> HttpRequest:
    """`expires_s`: make it a presigned URL."""
    request = AWSRequest(method, url, data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    credentials = BotoCredentials(key, secret, token)
    if expires_s is None:
        signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region)
    else:
        kind = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
        signer = kind(credentials, service, region, expires=expires_s)
    signer.add_auth(request)
    return to_request(request)
