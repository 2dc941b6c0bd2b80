"""Preflights for every method and every form of a bucket's host; requesters who pay by presigned URLs."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

ORIGIN = "https://app.example"
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD"]


@pytest.fixture
def shared(s3: Any, bucket: str) -> str:
    """A bucket whose pages at ORIGIN may use all methods."""
    rule = {"AllowedOrigins": [ORIGIN], "AllowedMethods": METHODS, "AllowedHeaders": ["x-*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return bucket


def ask(url: str, method: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}


@pytest.mark.parametrize(
    "host",
    [
        "",
        "{bucket}.localhost",
        "{bucket}.s3.localhost",
        "{bucket}.s3.eu-west-1.localhost",
        "{bucket}.s3.amazonaws.com",
        "{bucket}.s3.dualstack.us-east-1.amazonaws.com",
        "point-{account}.s3-accesspoint.us-east-1.localhost",
        "{alias}.s3.localhost",
    ],
)
def test_preflights(
    shared: str, endpoint: str, account: str, client: Callable[..., Any], host: str
) -> None:
    alias = ""
    if "point" in host or "alias" in host:
        made = client("s3control").create_access_point(
            AccountId=account, Name="point", Bucket=shared
        )
        alias = made["Alias"]
    named = host.format(bucket=shared, account=account, alias=alias)
    url = f"{endpoint}/key" if named else f"{endpoint}/{shared}/key"
    sent = {"Origin": ORIGIN, "Access-Control-Request-Headers": "x-amz-date"}
    if named:
        sent["Host"] = named
    for method in METHODS:
        status, headers = ask(url, "OPTIONS", {**sent, "Access-Control-Request-Method": method})
        assert (status, headers["access-control-allow-origin"]) == (200, ORIGIN), (host, method)
        assert headers["access-control-allow-headers"] == "x-amz-date"
    foreign = {**sent, "Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    assert ask(url, "OPTIONS", foreign)[0] == 403
    patch = {**sent, "Access-Control-Request-Method": "PATCH"}
    assert ask(url, "OPTIONS", patch)[0] == 403
    refusal = ask(url, "GET", {"Origin": ORIGIN, **({"Host": named} if named else {})})
    assert refusal[0] == 403
    assert refusal[1]["access-control-allow-origin"] == ORIGIN


def test_requesters_pay_by_presigned_urls(s3: Any, bucket: str, client: Callable[..., Any]) -> None:
    """The word that they will is a header, or a part of the URL."""
    theirs = "999999999998"
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"'
        + theirs
        + f'"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}}}',
    )
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    stranger = client("s3", account=theirs, signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "key"}
    silent = stranger.generate_presigned_url("get_object", Params=named)
    assert ask(silent, "GET", {})[0] == 403
    says = stranger.generate_presigned_url(
        "get_object", Params={**named, "RequestPayer": "requester"}
    )
    status, headers = ask(says, "GET", {"x-amz-request-payer": "requester"})
    assert (status, headers["x-amz-request-charged"]) == (200, "requester")
    by_query = ask(f"{silent}&x-amz-request-payer=requester", "GET", {})
    assert (by_query[0], by_query[1]["x-amz-request-charged"]) == (200, "requester")
