"""Clients and buckets for tests of S3."""

from __future__ import annotations

import itertools
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from s3.batches import Control
from s3.listeners import listen

_numbers = itertools.count(1)


@pytest.fixture
def s3(client: Callable[..., Any]) -> Any:
    return client("s3")


@pytest.fixture
def new_bucket(s3: Any, account: str) -> Callable[[], str]:
    """new_bucket(): the name of a bucket that was just made; names are shared by all accounts."""

    def make() -> str:
        name = f"b-{account}-{next(_numbers)}"
        s3.create_bucket(Bucket=name)
        return name

    return make


@pytest.fixture
def bucket(new_bucket: Callable[[], str]) -> str:
    return new_bucket()


@pytest.fixture
def control(client: Callable[..., Any], account: str, bucket: str, s3: Any, clock: Any) -> Control:
    return Control(client("s3control"), account, bucket, s3, clock)


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """refused("NoSuchKey", call, **arguments): the error of a call that must fail so."""

    def check(
        code: str, call: Callable[..., Any], *positional: Any, **arguments: Any
    ) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            call(*positional, **arguments)
        response: Any = caught.value.response
        assert response["Error"]["Code"] == code, response["Error"]
        return {**response["Error"], "status": response["ResponseMetadata"]["HTTPStatusCode"]}

    return check


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.body.decode().partition("<Code>")[2].partition("</Code>")[0]


@pytest.fixture
def send(endpoint: str, account: str) -> Callable[..., Answer]:
    """send("PUT", "/bucket/key", b"body", {"x-amz-acl": "private"}): a signed request as it is written,
    for what botocore would not send."""

    def make(
        method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        request = AWSRequest(method, endpoint + path, headers=headers or {}, data=body)
        signer = S3SigV4Auth(Credentials(account, "secret"), "s3", "us-east-1")
        if "x-amz-content-sha256" in request.headers:
            payload = request.headers["x-amz-content-sha256"]
            signer.payload = lambda request: payload  # type: ignore[method-assign] what the body is
        signer.add_auth(request)
        plain = urllib.request.Request(
            endpoint + path, method=method, data=body or None, headers=dict(request.headers.items())
        )
        try:
            with urllib.request.urlopen(plain) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    return make


@pytest.fixture
def told(client: Callable[..., Any], account: str, clock: Any) -> Callable[[], list[Any]]:
    """told(): the events that the account's function got so far, in the order in which they happened."""
    return listen(client, account, clock)
