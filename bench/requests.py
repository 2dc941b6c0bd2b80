"""One request as bytes, signed beforehand; and a scenario, which is many of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.servers import Target

PREPARED = 512


@dataclass(frozen=True, slots=True)
class Scenario:
    """`bar`: how many times the peer's rate is to be reached; None where there is none to reach."""

    name: str
    requests: Callable[[Target], list[bytes]]
    connections: int = 16
    seconds: float = 4.0
    bar: float | None = None
    peer: bool = True
    status: int = 200


def signed(
    target: Target, service: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> bytes:
    """The bytes of one request, signed with Signature Version 4."""
    request = AWSRequest(method, target.url + path, headers=headers, data=body)
    credentials = Credentials(target.access_key_id, target.secret_access_key, target.session_token)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, "us-east-1").add_auth(request)
    host = target.url.removeprefix("http://")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
