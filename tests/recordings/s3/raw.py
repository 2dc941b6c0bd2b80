"""Requests as they go over the wire, and answers as they come: for what no SDK asks or shows."""

from __future__ import annotations

import base64
import http.client
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from lxml import etree

from persons import Person, allow
from recordings.s3.story import Story

CONNECTIONS = 16


class Raw(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The document, as the recordings tell one."""
        return told(self.body)

    @property
    def shown(self) -> dict[str, Any]:
        """With its headers; what is not a document is told as it is."""
        body = self.said if self.status >= 300 else self.body.decode()
        return {"StatusCode": self.status, "Headers": self.headers, "Body": body}

    @property
    def refusal(self) -> dict[str, Any]:
        return {**self.said, "StatusCode": self.status}


def ask(
    s: Story,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
) -> Raw:
    """`path`: or a whole URL. Nothing is added to the headers but the host, and the length of the body."""
    connection = http.client.HTTPConnection(urlsplit(s.s3.meta.endpoint_url).netloc, timeout=60)
    parts = urlsplit(path)
    query = f"?{parts.query}" if parts.query else ""
    host = {"Host": parts.netloc} if parts.netloc else {}
    connection.request(method, (parts.path or "/") + query, body, {**host, **headers})
    answer = connection.getresponse()
    came = {name.lower(): value for name, value in answer.getheaders()}
    raw = Raw(answer.status, came, answer.read())
    connection.close()
    return raw


def put_all(s: Story, b: str, bodies: Mapping[str, bytes]) -> None:
    """Many objects over a few connections, as an SDK of today puts them: with CRC32."""
    one = AWSRequest("PUT", f"{s.s3.meta.endpoint_url}/{b}/key", data=b"")
    S3SigV4Auth(Credentials(s.account, "secret"), "s3", "us-east-1").add_auth(one)
    headers = {name.lower(): value for name, value in one.headers.items()}
    headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"

    def put(keys: list[str]) -> None:
        connection = http.client.HTTPConnection(urlsplit(one.url).netloc, timeout=60)
        for key in keys:
            checksum = base64.b64encode(zlib.crc32(bodies[key]).to_bytes(4, "big")).decode()
            given = {**headers, "x-amz-checksum-crc32": checksum}
            connection.request("PUT", f"/{b}/{key}", bodies[key], given)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(put, (list(bodies)[n::CONNECTIONS] for n in range(CONNECTIONS))))


def virtual(s: Story) -> Any:
    """A client that names buckets in the host, and resolves no names."""

    def direct(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        request.headers["Host"] = parts.netloc
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"{s.s3.meta.endpoint_url}{parts.path}{query}"

    made = s.make("s3", s3={"addressing_style": "virtual"})
    made.meta.events.register("before-send.s3", direct)
    return made


def told(document: bytes) -> Any:
    """An element by its name: its text, or what is in it; a list, where there are more of the name."""
    root = etree.fromstring(document)
    inside = _inside(root)
    if isinstance(inside, dict) and None in root.nsmap:
        inside = {"@xmlns": root.nsmap[None], **cast("dict[str, Any]", inside)}
    return {etree.QName(root).localname: inside}


def _inside(element: etree._Element) -> Any:
    if len(element) == 0:
        return element.text
    members: dict[str, Any] = {}
    for child in element:
        name, value = etree.QName(child).localname, _inside(child)
        if name not in members:
            members[name] = value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]
    return members


def signer(s: Story, version: str = "s3v4", **config: Any) -> Any:
    """A client with a key that this cloud issued: what it signs is verified."""
    person = Person(s.make, s.account)
    person.may(allow("s3:*"))
    return person.client("s3", signature_version=version, **config)


def signed(
    s: Story,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
    region: str = "us-east-1",
) -> Raw:
    """As `ask`, with the account's signature."""
    url = s.s3.meta.endpoint_url + path
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    S3SigV4Auth(Credentials(s.account, "secret"), "s3", region).add_auth(request)
    return ask(s, url, method, body, dict(request.headers.items()))
