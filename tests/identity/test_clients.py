"""URLs that boto3's own clients presign."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from signing import KEY, SECRET, USER, authenticator

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.base.http import HttpRequest
from pilvi.identity.authenticator import Authenticated
from pilvi.identity.errors import QUERY, S3, Dialect


def client(service: str):  # type: ignore[no-untyped-def]
    return boto3.client(
        service,
        endpoint_url="http://localhost:4566",
        region_name="eu-west-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4" if service == "s3" else None),
    )


def follow(url: str, method: str, service: str, dialect: Dialect) -> Authenticated:
    parts = urlsplit(url)
    request = HttpRequest(method, parts.path or "/", parts.query, {"host": parts.netloc})
    return asyncio.run(
        authenticator().authenticate(request, service_signing_name=service, dialect=dialect)
    )


@pytest.mark.parametrize("key", ["plain", "a b/ä+&?#%.txt", "//x/../y", "~._-", "é" * 40])
def test_s3_urls(key: str) -> None:
    s3 = client("s3")
    for operation, method in (("get_object", "GET"), ("put_object", "PUT")):
        url = s3.generate_presigned_url(operation, Params={"Bucket": "b", "Key": key}, ExpiresIn=60)
        known = follow(url, method, "s3", S3)
        assert known.principal.arn == USER.principal_arn
        assert known.payload.sha256 is None
        with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
            follow(url, "DELETE", "s3", S3)


# Kubernetes on AWS proves who calls with such a URL.
def test_a_presigned_get_caller_identity() -> None:
    url = client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert follow(url, "GET", "sts", QUERY).scope == Scope(USER.account, "eu-west-1")
