"""Buckets as websites: what may be configured, and what people see."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

Refused = Callable[..., dict[str, Any]]


class Seen(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


Visit = Callable[..., Seen]


@pytest.fixture
def visit(endpoint: str, bucket: str) -> Visit:
    """visit("/page", host=...): as a browser asks, without credentials; redirects are not followed."""

    def ask(
        path: str,
        method: str = "GET",
        host: str = f"{bucket}.s3-website.localhost",
        headers: Mapping[str, str] = {},
    ) -> Seen:
        connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
        connection.request(method, path, headers={"Host": host, **headers})
        answer = connection.getresponse()
        seen = Seen(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read().decode(),
        )
        connection.close()
        return seen

    return ask


def _open(s3: Any, bucket: str, *, listed: bool) -> None:
    """Anybody may read; and where `listed`, know which keys there are."""
    s3.delete_public_access_block(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
    ]
    if listed:
        statements.append(
            {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": arn}
        )
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _site(s3: Any, bucket: str, **more: Any) -> None:
    configuration = {"IndexDocument": {"Suffix": "index.html"}, **more}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)


def test_the_configuration(s3: Any, bucket: str, refused: Refused) -> None:
    """Recorded: test_crud_website_configuration."""
    error = refused("NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket=bucket)
    assert (error["BucketName"], error["status"]) == (bucket, 404)
    s3.delete_bucket_website(Bucket=bucket)
    _site(s3, bucket)
    assert s3.get_bucket_website(Bucket=bucket)["IndexDocument"] == {"Suffix": "index.html"}
    rules = [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyWith": "b"}}]
    _site(s3, bucket, ErrorDocument={"Key": "e.html"}, RoutingRules=rules)
    told = s3.get_bucket_website(Bucket=bucket)
    assert (told["ErrorDocument"], told["RoutingRules"]) == ({"Key": "e.html"}, rules)
    s3.delete_bucket_website(Bucket=bucket)
    refused("NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket=bucket)


INDEX = {"IndexDocument": {"Suffix": "index.html"}}


def _rule(condition: dict[str, str] | None, **redirect: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"Redirect": redirect}
    if condition is not None:
        rule["Condition"] = condition
    return {**INDEX, "RoutingRules": [rule]}


# Recorded: test_validate_website_configuration.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"IndexDocument": {"Suffix": "/index.html"}}, "InvalidArgument", "not well formed"),
    ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument", "not well formed"),
    ({**INDEX, "RedirectAllRequestsTo": {"HostName": "x"}}, "InvalidArgument", "in conjunction"),
    ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument", "must be provided"),
    (
        {"RedirectAllRequestsTo": {"HostName": "x", "Protocol": "ftp"}},
        "InvalidRequest",
        "Invalid protocol, protocol can be http or https.",
    ),
    (_rule(None, ReplaceKeyWith="a", ReplaceKeyPrefixWith="b"), "InvalidRequest", "not both"),
    (_rule({}, ReplaceKeyWith="a"), "InvalidRequest", "Condition cannot be empty."),
    (_rule(None), "MalformedXML", ""),
    (_rule(None, HttpRedirectCode="200"), "InvalidRequest", "(200) is not valid"),
    (
        _rule({"HttpErrorCodeReturnedEquals": "300"}, HostName="x"),
        "InvalidRequest",
        "Valid codes are 4XX or 5XX.",
    ),
]


def test_configurations_that_are_none(s3: Any, bucket: str, refused: Refused) -> None:
    for configuration, code, text in WRONG:
        error = refused(
            code, s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=configuration
        )
        assert text in error["Message"], configuration
    refused("NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket=bucket)


def test_pages_folders_and_errors(s3: Any, bucket: str, visit: Visit) -> None:
    """Recorded: test_website_hosting_index_lookup, test_website_hosting_404."""
    _open(s3, bucket, listed=True)
    _site(s3, bucket)
    missing = visit("/")
    assert missing.status == 404
    assert missing.headers["content-type"] == "text/html; charset=utf-8"
    assert missing.text.startswith(
        "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n"
        "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n"
        "<li>Key: index.html</li>\n<li>RequestId: "
    )
    assert missing.text.endswith("</ul>\n<hr/>\n</body>\n</html>\n")
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"home", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="dir/index.html", Body=b"dir", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="a b/ö.txt", Body=b"odd", ContentType="text/plain")
    home = visit("/")
    assert (home.status, home.text, home.headers["content-type"]) == (200, "home", "text/html")
    assert visit("/dir/").text == "dir"
    folder = visit("/dir")
    assert (folder.status, folder.headers["location"]) == (302, "/dir/")
    assert visit("/a%20b/%C3%B6.txt").text == "odd"
    assert visit("/?response-content-type=text/evil&versionId=x").text == "home"
    part = visit("/", headers={"Range": "bytes=0-1"})
    assert (part.status, part.text) == (206, "ho")
    known = visit("/", headers={"If-None-Match": home.headers["etag"]})
    assert (known.status, known.text) == (304, "")
    head = visit("/", "HEAD")
    assert (head.status, head.text, head.headers["content-length"]) == (200, "", "4")
    assert visit("/wrong").text.count("<li>Key: wrong</li>") == 1
    assert "<li>Key: wrong/index.html</li>" in visit("/wrong/").text
    script = visit("/%3Cscript%3E")
    assert "<script>" not in script.text
    assert "&lt;script&gt;" in script.text
    _site(s3, bucket, ErrorDocument={"Key": "error.html"})
    both = visit("/wrong")
    assert (
        "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n"
        "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n"
        "<li>Key: error.html</li>\n</ul>\n<hr/>" in both.text
    )
    s3.put_object(Bucket=bucket, Key="error.html", Body=b"sorry", ContentType="text/html")
    sorry = visit("/wrong")
    assert (sorry.status, sorry.text) == (404, "sorry")
    assert sorry.headers["x-amz-error-code"] == "NoSuchKey"


def test_only_what_anybody_may_read(s3: Any, bucket: str, visit: Visit, endpoint: str) -> None:
    """Who may not list is not told what there is; a signature does not help."""
    _site(s3, bucket)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"home")
    closed = visit("/")
    assert closed.status == 403
    assert "<li>Code: AccessDenied</li>" in closed.text
    signed = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "index.html"})
    assert visit(f"/index.html?{urlsplit(signed).query}").status == 403
    _open(s3, bucket, listed=False)
    assert visit("/").text == "home"
    assert visit("/missing").status == 403


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_is_written_there(s3: Any, bucket: str, visit: Visit, method: str) -> None:
    """Recorded: test_website_hosting_http_methods."""
    _open(s3, bucket, listed=True)
    _site(s3, bucket)
    answer = visit("/k", method)
    assert answer.status == 405
    assert (
        "<li>Code: MethodNotAllowed</li>\n"
        "<li>Message: The specified method is not allowed against this resource.</li>\n"
        f"<li>Method: {method}</li>\n<li>ResourceType: OBJECT</li>\n" in answer.text
    )


def test_no_such_site(s3: Any, bucket: str, visit: Visit) -> None:
    """Recorded: test_website_hosting_no_such_website."""
    none = visit("/", host="no-such-bucket-here.s3-website.localhost")
    assert none.status == 404
    assert "<li>Code: NoSuchBucket</li>" in none.text
    assert "<li>BucketName: no-such-bucket-here</li>" in none.text
    unconfigured = visit("/some-key")
    assert unconfigured.status == 404
    assert f"<li>BucketName: {bucket}</li>" in unconfigured.text
    assert "<li>Code: NoSuchWebsiteConfiguration</li>" in unconfigured.text


def test_redirects(s3: Any, bucket: str, visit: Visit) -> None:
    """Of all requests, of one object, and by rules: before a key is looked for, and when that failed."""
    host = f"{bucket}.s3-website-eu-west-1.amazonaws.com"
    _open(s3, bucket, listed=True)
    everything = {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=everything)
    sent = visit("/a/b?c=d", host=host)
    assert (sent.status, sent.headers["location"]) == (301, "https://example.com/a/b?c=d")
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "gone/"},
            "Redirect": {"HostName": "archive.example", "HttpRedirectCode": "302"},
        },
        {
            "Condition": {"KeyPrefixEquals": "all/"},
            "Redirect": {"ReplaceKeyWith": "one.html", "Protocol": "https"},
        },
    ]
    _site(s3, bucket, RoutingRules=rules)
    sent = visit("/old/x", host=host)
    assert (sent.status, sent.headers["location"]) == (301, f"http://{host}/new/x")
    s3.put_object(Bucket=bucket, Key="gone/there", Body=b"1")
    assert visit("/gone/there").text == "1"
    sent = visit("/gone/x")
    assert (sent.status, sent.headers["location"]) == (302, "http://archive.example/gone/x")
    assert visit("/all/1", host=host).headers["location"] == f"https://{host}/one.html"
    s3.put_object(Bucket=bucket, Key="moved", WebsiteRedirectLocation="/gone/there")
    sent = visit("/moved")
    assert (sent.status, sent.headers["location"], sent.text) == (301, "/gone/there", "")
    by_path = visit(f"/_aws/s3-website/{bucket}/moved", host="localhost")
    assert by_path.headers["location"] == f"/_aws/s3-website/{bucket}/gone/there"
    s3.put_object(Bucket=bucket, Key="away", WebsiteRedirectLocation="https://x.example/y?z=1")
    assert visit("/away").headers["location"] == "https://x.example/y?z=1"


def test_a_redirect_must_lead_somewhere(s3: Any, bucket: str, refused: Refused) -> None:
    put = s3.put_object
    refused(
        "InvalidRedirectLocation",
        put,
        Bucket=bucket,
        Key="k",
        WebsiteRedirectLocation="javascript:alert(1)",
    )


def test_by_path(s3: Any, bucket: str, visit: Visit) -> None:
    """For those whose resolver knows no names below localhost."""
    _open(s3, bucket, listed=True)
    _site(s3, bucket)
    s3.put_object(Bucket=bucket, Key="dir/index.html", Body=b"dir")
    base = f"/_aws/s3-website/{bucket}"
    assert visit(f"{base}/dir/", host="localhost").text == "dir"
    assert visit(f"{base}/dir", host="localhost").headers["location"] == f"{base}/dir/"
    assert visit(base, host="localhost").status == 404


@pytest.mark.parametrize("path", ["/x%0d%0aX-Evil:%20y", "/%e4%ba%ba", "/%ff%00"])
def test_what_a_stranger_wrote_breaks_no_header(
    visit: Visit, client: Any, bucket: str, path: str
) -> None:
    client("s3").put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "i.html"}}
    )
    seen = visit(path)
    assert (seen.status, "x-evil" in seen.headers) == (403, False)
    assert seen.headers["x-amz-error-code"] == "AccessDenied"
    assert seen.headers["x-amz-error-message"].isprintable()
