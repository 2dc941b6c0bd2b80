"""Whose request is it: host names, paths and signatures, also those that look like something else."""

from __future__ import annotations

import pytest

from pilvi.base.http import HttpRequest
from pilvi.gateway.origins import ForeignHost, ForeignPage, Origins
from pilvi.gateway.routing import host_name, route
from pilvi.identity.principal import ANONYMOUS, root_of


def request(host: str, path: str = "/", method: str = "GET", **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path, _, query = path.partition("?")
    return HttpRequest(method, path, query, {"host": host, **named})


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=1/20260101/us-east-1/{service}/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("host", "path", "seen"),
    [
        ("localhost:4566", "/b/k", "/b/k"),
        ("s3.localhost:4566", "/b/k", "/b/k"),
        ("S3.us-east-1.LOCALHOST", "/b/k", "/b/k"),
        ("[::1]:4566", "/b/k", "/b/k"),
        ("127.0.0.1:4566", "/b/k", "/b/k"),
        ("b.s3.localhost:4566", "/k", "/b/k"),
        ("b.localhost", "/k", "/b/k"),
        ("b.localhost.", "/k", "/b/k"),
        ("b.s3.us-gov-west-1.amazonaws.com", "/k", "/b/k"),
        ("b.s3-eu-west-1.amazonaws.com", "/k", "/b/k"),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", "/k", "/b/k"),
        ("my.s3.bucket.localhost", "/k", "/my.s3.bucket/k"),
        ("a.s3.s3.localhost", "/k", "/a.s3/k"),
        ("dotted.name.s3.localhost", "/k", "/dotted.name/k"),
        ("sns.bucket.localhost", "/k", "/sns.bucket/k"),
        ("b.s3.cloud.example", "/k", "/b/k"),
        ("b.s3.pilvi.lan:4566", "/k", "/b/k"),
        ("b.s3.localhost", "/_pilvi/reset", "/b/_pilvi/reset"),
        ("b.s3.localhost", "/metrics", "/b/metrics"),
        ("b.localhost", "/_aws/execute-api/x/y", "/b/_aws/execute-api/x/y"),
        ("b.localhost", "//k", "/b//k"),
    ],
)
def test_buckets_by_host_and_by_path(host: str, path: str, seen: str) -> None:
    found = route(request(host, path), external_name="cloud.example")
    assert (found.kind, found.service, found.request.path) == ("service", "s3", seen)


@pytest.mark.parametrize(
    ("host", "path", "identifier", "seen"),
    [
        ("a.b.s3-website.localhost:4566", "/metrics", "a.b", "/a.b/metrics"),
        ("b.s3-website-eu-west-1.amazonaws.com", "/_pilvi/reset", "b", "/b/_pilvi/reset"),
        ("b.s3-website.eu-central-1.cloud.example", "/", "b", "/b/"),
        ("localhost", "/_aws/s3-website/b//x%2F", "b", "/b//x%2F"),
        ("abc.execute-api.localhost:4566", "/metrics", "abc", "/metrics"),
        ("abc.execute-api.eu-west-1.amazonaws.com", "/_pilvi/reset", "abc", "/_pilvi/reset"),
        ("abc.lambda-url.us-east-1.cloud.example", "/x", "abc", "/x"),
        ("localhost", "/_aws/execute-api/abc//x%2F", "abc", "//x%2F"),
        ("localhost", "/_aws/lambda-url/abc", "abc", "/"),
        ("localhost", "/restapis/abc/prod/_user_request_/x", "abc", "/prod/x"),
    ],
)
def test_endpoints(host: str, path: str, identifier: str, seen: str) -> None:
    """An API's own host is all its own: pilvi's paths are not carved out of it."""
    found = route(request(host, path), external_name="cloud.example")
    assert (found.kind, found.identifier, found.request.path) == ("endpoint", identifier, seen)


@pytest.mark.parametrize("host", ["localhost:4566", "[::1]:4566", "cloud.example"])
def test_own_paths(host: str) -> None:
    for path in ("/_pilvi/health", "/_localstack/health", "/metrics"):
        assert route(request(host, path), external_name="cloud.example").kind == "own"


def test_a_bucket_may_be_called_metrics() -> None:
    by_header = request("localhost", "/metrics", authorization=signed("s3"))
    by_query = request(
        "localhost", "/metrics?X-Amz-Credential=1%2F20260101%2Fr%2Fs3%2Faws4_request"
    )
    creates = request("localhost", "/metrics", "PUT", authorization=signed("s3"))
    for asked in (by_header, by_query, creates):
        assert route(asked, external_name="localhost").service == "s3"


def test_what_sdks_put_into_host_names_is_no_bucket() -> None:
    """S3 Control's account, and prefixes of other services: the signature tells better."""
    control = request(
        "123456789012.localhost:4566",
        "/v20180820/accesspoint",
        authorization=signed("s3"),
        x_amz_account_id="123456789012",
    )
    assert route(control, external_name="localhost").service == "s3control"
    states = request("sync-x.localhost:4566", x_amz_target="AWSStepFunctions.StartSyncExecution")
    assert route(states, external_name="localhost").service == "stepfunctions"
    iam = request("any.localhost:4566", authorization=signed("iam"))
    assert route(iam, external_name="localhost").service == "iam"


@pytest.mark.parametrize(
    "host",
    [
        "my-point-123456789012.s3-accesspoint.eu-west-1.localhost:4566",
        "my-point-123456789012.s3-accesspoint-fips.dualstack.eu-west-1.amazonaws.com",
        "my-point-123456789012.s3-accesspoint.eu-west-1.cloud.example",
    ],
)
def test_hosts_of_access_points(host: str) -> None:
    """The path then names the point as no bucket is called, in one segment."""
    found = route(request(host, "/some/key"), external_name="localhost")
    assert found.service == "s3"
    arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint:my-point"
    assert found.request.path == f"/{arn}/some/key"


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.b:1", "a.b"), ("[::1]:1", "::1"), ("[::1]", "::1"), ("x.", "x"), ("", ""), ("[", "")],
)
def test_host_names(host: str, name: str) -> None:
    assert host_name(host) == name


ROOT = root_of("000000000000", "1")


def guarded(host: str, **headers: str) -> type[Exception] | None:
    origins = Origins(("https://app.example",), "cloud.example")
    try:
        origins.guard(request(host, **headers), ROOT)
    except (ForeignPage, ForeignHost) as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(
    "host",
    [
        "localhost:4566",
        "LOCALHOST:4566",
        "b.s3.localhost:4566",
        "127.0.0.1:4566",
        "172.17.0.1:4566",
        "[::1]:4566",
        "[fe80::1]:4566",
        "cloud.example",
        "b.cloud.example",
        "pilvi:4566",
        "host.docker.internal:4566",
        "b.s3.eu-west-1.amazonaws.com",
        "",
    ],
)
def test_names_of_this_machine(host: str) -> None:
    assert guarded(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:4566",
        "localhost.evil.example",
        "evilcloud.example",
        "1.2.3.4.evil.example",
        "amazonaws.com.evil.example",
        "evil-amazonaws.com",
        "[::1].evil.example",
    ],
)
def test_a_name_that_was_rebound_is_refused(host: str) -> None:
    """DNS rebinding: a page's own name suddenly means this machine. To its browser a GET is then of the same
    origin, so that it sends neither Origin nor (over plain HTTP) Sec-Fetch-Site."""
    expected = (
        None if host.startswith("[") else ForeignHost
    )  # the server refuses the last as malformed
    assert guarded(host) is expected


def test_pages() -> None:
    here = "localhost:4566"
    assert guarded(here, origin="http://localhost:3000") is None
    assert guarded(here, origin="http://[::1]:3000") is None
    assert guarded(here, origin="https://app.example") is None
    assert guarded(here, origin="https://app.example.evil.example") is ForeignPage
    assert guarded(here, origin="https://localhost.evil.example") is ForeignPage
    assert guarded(here, origin="null") is ForeignPage
    assert guarded(here, sec_fetch_site="cross-site") is ForeignPage
    assert guarded(here, sec_fetch_site="same-origin") is None
    assert guarded("evil.example", origin="http://localhost:3000") is ForeignHost


def test_who_signs_or_is_nobody_is_not_guarded() -> None:
    """A verified signature vouches for its request; what is public is public."""
    asked = request("evil.example", origin="https://evil.example")
    Origins((), "localhost").guard(asked, ANONYMOUS)
