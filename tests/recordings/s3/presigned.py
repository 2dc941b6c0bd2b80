"""URLs that are signed: what counts of them and of the headers that come along, and what is refused."""

from __future__ import annotations

import re
from typing import Any

from recordings.s3.raw import ask, signer
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

URL = "TestS3PresignedUrl::test"
VERSIONS = ("s3", "s3v4")
NOT_LATIN = "non-ascii-%E2%80%94_—_é_"


def _version(s: Story) -> str:
    return "s3v4" if "s3v4" in s.name else "s3"


def _signer(s: Story) -> tuple[str, Any]:
    """A bucket, and who signs as the scenario's name tells: the version, whether the bucket is in the host."""
    virtual = s.name.endswith(("-True]", "[True]"))
    style = "virtual" if virtual else "path"
    return s.bucket(), signer(s, _version(s), s3={"addressing_style": style})


def _url(
    s3: Any, b: str, operation: str, key: str = "key", expires_s: int = 3600, **more: Any
) -> str:
    params = {"Bucket": b, "Key": key, **more}
    return s3.generate_presigned_url(operation, Params=params, ExpiresIn=expires_s)


def _expired(s: Story, s3: Any, b: str, expires_s: int) -> str:
    """A URL of Version 2 tells only until when it holds, and is judged by the machine's clock as well."""
    if _version(s) == "s3":
        return _url(s3, b, "get_object", expires_s=-1)
    url = _url(s3, b, "get_object", expires_s=expires_s)
    s.clock.advance(seconds=5)
    return url


@scenario(f"{URL}_put_object")
def _(s: Story) -> None:
    b, s3 = _signer(s)
    assert ask(s, _url(s3, b, "put_object"), "PUT", b"something").status == 200
    s("get_object", "get_object", Bucket=b, Key="key")


BOTH = tuple(f"[{version}-{virtual}]" for version in VERSIONS for virtual in (False, True))


@scenario(*(f"{URL}_presigned_url_signature_authentication{how}" for how in BOTH))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    s.do("put_object", Bucket=b, Key="key", Body="123")
    url = _url(s3, b, "get_object")
    assert ask(s, url).body == b"123"
    s.said["invalid-get-1"] = ask(s, url.replace("/key?", "/other?")).said
    url = _url(s3, b, "put_object")
    assert ask(s, url, "PUT", b"456").status == 200
    s.said["invalid-put-1"] = ask(s, url.replace("/key?", "/other?"), "PUT", b"456").said


@scenario(*(f"{URL}_presigned_url_signature_authentication_expired{how}" for how in BOTH))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    s.do("put_object", Bucket=b, Key="key", Body="123")
    s.said["expired"] = ask(s, _expired(s, s3, b, 1)).said


@scenario(*(f"{URL}_s3_presigned_url_expired[{version}]" for version in VERSIONS))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    s.do("put_object", Bucket=b, Key="key", Body="123")
    s.said["expired-exception"] = ask(s, _expired(s, s3, b, 2)).said


@scenario(f"{URL}_presigned_double_encoded_credentials")
def _(s: Story) -> None:
    b = s.bucket()
    url = _url(signer(s), b, "get_object")
    s.said["error-malformed"] = ask(s, url.replace("%2F", "%252F")).said


@scenario(*(f"{URL}_s3_put_presigned_url_missing_sig_param[{version}]" for version in VERSIONS))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    url = re.sub("&(X-Amz-)?Signature=[^&]*", "", _url(s3, b, "put_object"))
    s.said["missing-param-exception"] = ask(s, url, "PUT", b"123").refusal


@scenario(f"{URL}_s3_put_presigned_url_same_header_and_qs_parameter")
def _(s: Story) -> None:
    b = s.bucket()
    url = _url(signer(s), b, "put_object", Metadata={"foo": "bar"})
    given = {"x-amz-meta-foo": "bar"}
    twice = ask(s, f"{url}&x-amz-meta-foo=bar", "PUT", b"123", given)
    s.said["double-header-query-string"] = twice.refusal
    header = ask(s, url, "PUT", b"123", {**given, "X-Amz-Expires": "7200"})
    s.said["override-signed-qs"] = header.refusal


@scenario(
    *(f"{URL}_s3_put_presigned_url_with_different_headers[{version}]" for version in VERSIONS)
)
def _(s: Story) -> None:
    b, s3 = _signer(s)
    named = _url(s3, b, "put_object", ContentType="text/plain")
    kind = {"Content-Type": "text/xml"}
    s.said["content-type-exception"] = ask(s, named, "PUT", b"123", kind).refusal
    answers = {
        "content-type-response": ask(s, _url(s3, b, "put_object"), "PUT", b"123", kind),
        "wrong-content-encoding-response": ask(
            s,
            _url(s3, b, "put_object", ContentEncoding="identity"),
            "PUT",
            b"123",
            {"Content-Encoding": "gzip"},
        ),
    }
    for label, came in answers.items():
        s.said[label] = came.refusal if came.status >= 300 else {"StatusCode": came.status}


@scenario(
    *(
        f"{URL}_put_object_with_md5_and_chunk_signature_bad_headers[{version}-True]"
        for version in VERSIONS
    )
)
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s, _version(s))
    md5 = "4QrcOUm6Wau+VuBX8g+IPg=="
    url = _url(s3, b, "put_object", ContentMD5=md5)
    headers = {
        "Content-MD5": md5,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date": "20220725T134200Z",
    }
    decoded = {**headers, "x-amz-decoded-content-length": "3"}
    s.said["with-decoded-content-length"] = ask(s, url, "PUT", b"123", decoded).said
    s.said["without-decoded-content-length"] = ask(s, url, "PUT", b"123", headers).said


# --- headers in the query


@scenario(f"{URL}_presigned_url_v4_x_amz_in_qs")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)

    def in_query(request: Any, **_: Any) -> None:
        request.params["x-amz-meta-foo"] = "bar-complicated-no-random"

    s3.meta.events.register("before-sign.s3.PutObject", in_query)
    assert ask(s, _url(s3, b, "put_object"), "PUT", b"123456").status == 200
    s("head-object", "head_object", Bucket=b, Key="key", ChecksumMode="ENABLED")


@scenario(f"{URL}_get_response_overrides_unicode_metadata_with_sig_s3")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s, "s3")
    s.do("put_object", Bucket=b, Key="key", Body="123")
    url = _url(s3, b, "get_object", ResponseCacheControl=NOT_LATIN)
    s.said["unicode-error"] = ask(s, url).said


@scenario(f"{URL}_put_unicode_metadata_with_sig_s3")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s, "s3")

    def named(request: Any, **_: Any) -> None:
        request.headers["x-amz-meta-foo"] = NOT_LATIN

    s3.meta.events.register("before-sign.s3.PutObject", named)
    assert ask(s, _url(s3, b, "put_object"), "PUT", b"").status == 200
    s("head_object", "head_object", Bucket=b, Key="key")


@scenario(*(f"{URL}_put_url_metadata_with_sig_s3[{virtual}]" for virtual in (False, True)))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    url = _url(s3, b, "put_object", Metadata={"foo": "bar"})
    assert "x-amz-meta-foo=bar" in url
    assert ask(s, url, "PUT", b"content 123").status == 200
    s("head_object", "head_object", Bucket=b, Key="key")
    wrong = {"x-amz-meta-wrong": "wrong"}
    s.said["wrong-meta-headers"] = ask(s, url, "PUT", b"content 123", wrong).said


@scenario(*(f"{URL}_put_url_metadata_with_sig_s3v4[{virtual}]" for virtual in (False, True)))
def _(s: Story) -> None:
    b, s3 = _signer(s)
    url = _url(s3, b, "put_object", Metadata={"foo": "bar"})
    s.said["no-meta-headers"] = ask(s, url, "PUT", b"content 123").said
    given = {"x-amz-meta-foo": "bar"}
    assert ask(s, url, "PUT", b"content 123", given).status == 200
    s("head_object", "head_object", Bucket=b, Key="key")
    wrong = {**given, "x-amz-meta-wrong": "wrong"}
    s.said["wrong-meta-headers"] = ask(s, url, "PUT", b"content 123", wrong).said


@scenario(f"{URL}_s3_copy_md5")
def _(s: Story) -> None:
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="key", Body="something")
    s("copy-obj", "copy_object", Bucket=b, Key="copy", CopySource=f"{b}/key")
