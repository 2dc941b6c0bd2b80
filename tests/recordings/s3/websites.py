"""Pages of buckets that are websites, as visitors without credentials see them."""

from __future__ import annotations

import json
import re
from typing import Any

from recordings.s3.raw import ask
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

_OF_THE_REQUEST = re.compile(r"<li>(RequestId|HostId|BucketName): [^<]*</li>")
_WORDS = {"RequestId": "request-id", "HostId": "host-id", "BucketName": "bucket-name"}


def _page(s: Story, b: str, path: str, method: str = "GET") -> str:
    """With the recordings' words for what is another in each answer."""
    came = ask(s, f"http://{b}.s3-website.localhost{path}", method).body.decode()
    return _OF_THE_REQUEST.sub(lambda found: f"<li>{found[1]}: <{_WORDS[found[1]]}></li>", came)


def _site(s: Story, **how: Any) -> str:
    """A website that anybody may read."""
    b = s.bucket()
    s.do("delete_public_access_block", Bucket=b)
    everybody = {"Effect": "Allow", "Principal": "*"}
    arn = f"arn:aws:s3:::{b}"
    may = [
        {**everybody, "Action": "s3:GetObject", "Resource": f"{arn}/*"},
        {**everybody, "Action": "s3:ListBucket", "Resource": arn},
    ]
    policy = {"Version": "2012-10-17", "Statement": may}
    s.do("put_bucket_policy", Bucket=b, Policy=json.dumps(policy))
    _configure(s, b, **how)
    return b


def _configure(s: Story, b: str, **how: Any) -> None:
    configuration = {"IndexDocument": {"Suffix": "index.html"}, **how}
    s.do("put_bucket_website", Bucket=b, WebsiteConfiguration=configuration)


@scenario("TestS3StaticWebsiteHosting::test_website_hosting_404")
def _(s: Story) -> None:
    b = _site(s)
    s.said["404-no-such-key"] = _page(s, b, "/")
    _configure(s, b, ErrorDocument={"Key": "error.html"})
    s.said["404-no-such-key-nor-custom"] = _page(s, b, "/")


@scenario("TestS3StaticWebsiteHosting::test_website_hosting_http_methods")
def _(s: Story) -> None:
    b = _site(s)
    s.do("put_object", Bucket=b, Key="index.html", Body="index")
    for method in ("POST", "DELETE"):
        page = _page(s, b, "/index.html", method)
        s.said[f"not-allowed-{method.lower()}"] = {"content": page}


@scenario("TestS3StaticWebsiteHosting::test_website_hosting_index_lookup")
def _(s: Story) -> None:
    b = _site(s)
    s.do("put_object", Bucket=b, Key="directory/index.html", Body="index")
    s.said["404-no-trailing-slash"] = _page(s, b, "/directory-wrong")
    s.said["404-with-trailing-slash"] = _page(s, b, "/directory-wrong/")


@scenario("TestS3StaticWebsiteHosting::test_website_hosting_no_such_website")
def _(s: Story) -> None:
    s.said["no-such-bucket"] = _page(s, f"nobodys-{s.account}", "/")
    b = s.bucket()
    s.said["no-such-website-config"] = _page(s, b, "/")
    s.said["no-such-website-config-key"] = _page(s, b, "/index.html")
