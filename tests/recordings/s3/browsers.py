"""What browsers ask before and while they use a bucket of another origin, and what they are told."""

from __future__ import annotations

from typing import Any

from recordings.s3.raw import ask
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

ORIGIN = "https://localhost:4200"
KEY = "test-cors"


def _shared(s: Story, *, public: bool = True, **rule: Any) -> str:
    """A bucket with a rule, and an object that anybody may read, as its host names it."""
    b = s.bucket(acls=True)
    if rule:
        _rule(s, b, **rule)
    how = {"ACL": "public-read"} if public else {}
    s.do("put_object", Bucket=b, Key=KEY, Body=KEY, ChecksumAlgorithm="CRC32", **how)
    return b


def _rule(s: Story, b: str, **rule: Any) -> None:
    s.do("put_bucket_cors", Bucket=b, CORSConfiguration={"CORSRules": [rule]})


def _as_host(b: str, key: str = KEY) -> str:
    return f"http://{b}.s3.amazonaws.com/{key}"


def _visit(
    s: Story, label: str, url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    s.said[label] = ask(s, url, method, body, given).shown


def _preflight(
    s: Story, label: str, url: str, method: str = "", asks: str = "", **more: str
) -> None:
    wants = {"Access_Control_Request_Method": method} if method else {}
    if asks:
        wants["Access_Control_Request_Headers"] = asks
    _visit(s, label, url, "OPTIONS", **wants, **more)


@scenario("TestS3Cors::test_cors_http_options_no_config")
def _(s: Story) -> None:
    url = f"/{s.bucket()}/{KEY}"
    origin = {"Origin": ORIGIN}
    s.said["options-no-origin"] = ask(s, url, "OPTIONS").said
    wants = {**origin, "Access-Control-Request-Method": "PUT"}
    s.said["options-with-origin-and-method"] = ask(s, url, "OPTIONS", headers=wants).said
    s.said["options-with-origin-no-method"] = ask(s, url, "OPTIONS", headers=origin).said


@scenario("TestS3Cors::test_cors_http_options_non_existent_bucket")
def _(s: Story) -> None:
    url = f"/nobodys-{s.account}/{KEY}"
    s.said["options-no-origin"] = ask(s, url, "OPTIONS").said
    s.said["options-with-origin"] = ask(s, url, "OPTIONS", headers={"Origin": ORIGIN}).said


@scenario("TestS3Cors::test_cors_match_origins")
def _(s: Story) -> None:
    rule = {"AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 3000}
    b = _shared(s, AllowedOrigins=[ORIGIN], **rule)
    url = _as_host(b)
    for name, origin in (
        ("no-origin", {}),
        ("referer", {"Referer": ORIGIN}),
        ("right-origin", {"Origin": ORIGIN}),
        ("wrong-origin", {"Origin": "https://localhost:4000"}),
        ("random-wildcard-origin", {"Origin": "https://random:1234"}),
    ):
        if "wildcard" in name:
            _rule(s, b, AllowedOrigins=["*"], **rule)
        _preflight(s, f"opt-{name}", url, "PUT", **origin)
        _visit(s, f"get-{name}", url, **origin)


@scenario("TestS3Cors::test_cors_match_methods")
def _(s: Story) -> None:
    b = _shared(s, AllowedOrigins=[ORIGIN], AllowedMethods=["GET"], MaxAgeSeconds=3000)
    s.do("put_bucket_acl", Bucket=b, ACL="public-read-write")
    url = _as_host(b)
    _preflight(s, "opt-get", url, "GET", Origin=ORIGIN)
    _visit(s, "get-wrong-op", url, Origin="https://localhost:4000")
    _visit(s, "get-op", url, Origin=ORIGIN)
    _preflight(s, "opt-put", url, "PUT", Origin=ORIGIN)
    _visit(s, "put-op", _as_host(b, "put"), "PUT", b"", Origin=ORIGIN)


@scenario("TestS3Cors::test_cors_match_headers")
def _(s: Story) -> None:
    owner, payer = "x-amz-expected-bucket-owner", "x-amz-request-payer"
    rule = {"AllowedOrigins": [ORIGIN], "AllowedMethods": ["GET"], "MaxAgeSeconds": 3000}
    b = _shared(s, AllowedHeaders=["*"], **rule)
    url = _as_host(b)
    _preflight(s, "opt-get", url, "GET", payer, Origin=ORIGIN)
    _preflight(s, "opt-get-two", url, "GET", f"{payer}, {owner}", Origin=ORIGIN)
    _visit(s, "get-op", url, Origin=ORIGIN, x_amz_request_payer="requester")
    encryption = "x-amz-server-side-encryption"
    headers = [owner, f"{encryption}-customer-algorithm", "x-AMZ-server-SIDE-encryption"]
    _rule(s, b, AllowedHeaders=headers, **rule)
    s("get-bucket-cors-casing", "get_bucket_cors", Bucket=b)
    _preflight(s, "opt-get-non-allowed", url, "GET", payer, Origin=ORIGIN)
    _preflight(s, "opt-get-allowed", url, "GET", owner, Origin=ORIGIN)
    mixed = encryption.replace("server", "SERVER")
    _preflight(s, "opt-get-allowed-diff-casing", url, "GET", f"{owner}, {mixed}", Origin=ORIGIN)
    _preflight(s, "opt-get-allowed-no-space", url, "GET", f"{owner},{encryption}", Origin=ORIGIN)
    asks = {"Access_Control_Request_Headers": payer}
    _visit(s, "get-non-allowed-with-acl", url, Origin=ORIGIN, **asks)
    _visit(s, "get-non-allowed", url, Origin=ORIGIN, x_amz_request_payer="requester")


@scenario("TestS3Cors::test_cors_expose_headers")
def _(s: Story) -> None:
    exposed = ["x-amz-id-2", "x-amz-request-id", "x-amz-request-payer"]
    b = _shared(s, AllowedOrigins=["*"], AllowedMethods=["GET"], ExposeHeaders=exposed)
    _preflight(s, "opt-get", _as_host(b), "GET", Origin=ORIGIN)


@scenario("TestS3Cors::test_put_cors_default_values")
def _(s: Story) -> None:
    b = _shared(s, AllowedOrigins=["*"], AllowedMethods=["GET"])
    _preflight(s, "opt-get", _as_host(b), "GET", Origin=ORIGIN)
    label = "opt-get-headers"
    _preflight(s, label, _as_host(b), "GET", "x-amz-request-payer", Origin=ORIGIN)


PARTIAL = {"AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 3000}


@scenario("TestS3Cors::test_cors_options_match_partial_origin")
def _(s: Story) -> None:
    b = _shared(s, AllowedOrigins=["http://*.origin.com"], **PARTIAL)
    label, origin = "options_match_partial_origin", "http://test.origin.com"
    _preflight(s, label, _as_host(b), "PUT", Origin=origin)


@scenario("TestS3Cors::test_cors_options_fails_partial_origin")
def _(s: Story) -> None:
    b = _shared(s, AllowedOrigins=["http://*.origin.com"], **PARTIAL)
    label, origin = "options_fails_partial_origin", "http://test.other.com"
    _preflight(s, label, f"/{b}", "GET", Origin=origin)


@scenario("TestS3Cors::test_put_cors")
def _(s: Story) -> None:
    rule = {
        "AllowedOrigins": ["https://test.com", "https://app.test.com", "http://test.com:80"],
        "AllowedMethods": ["GET", "PUT", "HEAD"],
        "MaxAgeSeconds": 3000,
        "AllowedHeaders": [
            "x-amz-expected-bucket-owner",
            "x-amz-server-side-encryption-customer-algorithm",
        ],
    }
    b = {"Bucket": s.bucket()}
    s("put-cors", "put_bucket_cors", **b, CORSConfiguration={"CORSRules": [rule]})
    s("get-cors", "get_bucket_cors", **b)


@scenario("TestS3Cors::test_put_cors_empty_origin")
def _(s: Story) -> None:
    b = s.bucket()
    _rule(s, b, AllowedOrigins=[""], AllowedMethods=["GET", "PUT", "HEAD"])
    s("get-cors-empty", "get_bucket_cors", Bucket=b)
