"""Signature Version 2: URLs and forms as boto3 and the AWS CLI make them unless told otherwise; and what presigned URLs
of either version say in their parameters."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from persons import Person, allow, deny

Make = Callable[..., Any]


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    person = Person(client, account)
    person.may(allow("s3:*"))
    return person


@pytest.fixture
def bucket(ann: Person, account: str) -> str:
    ann.client("s3").create_bucket(Bucket=f"v2-{account}")
    return f"v2-{account}"


def ask(
    url: str, method: str = "GET", body: bytes | None = None, host: str = "", **headers: str
) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=named, method=method)
    if body is not None and not request.has_header("Content-type"):
        request.add_unredirected_header("Content-type", "")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, re.sub(
            r".*<Code>(.*?)</Code>.*", r"\1", error.read().decode(), flags=re.S
        )


# The default of boto3: no word of a version.
def test_urls_are_verified(ann: Person, bucket: str) -> None:
    s3 = ann.client("s3")
    at = {"Bucket": bucket, "Key": "a/ä b+c"}
    url = s3.generate_presigned_url("put_object", Params={**at, "ContentType": "text/x"})
    assert "&Signature=" in url
    assert ask(url, "PUT", b"text", content_type="text/x")[0] == 200
    assert ask(url, "PUT", b"text", content_type="text/y") == (403, "SignatureDoesNotMatch")
    shown = {"ResponseContentType": "x/y", "ResponseCacheControl": "no cache+ä"[:8]}
    url = s3.generate_presigned_url("get_object", Params={**at, **shown})
    with urllib.request.urlopen(url) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"text", "x/y")
    for changed in (url.replace("x%2Fy", "x%2Fz"), url.replace(bucket, f"{bucket}x")):
        assert ask(changed) == (403, "SignatureDoesNotMatch")
    assert ask(url, "DELETE") == (403, "SignatureDoesNotMatch")
    assert ask(url, x_amz_acl="private") == (403, "SignatureDoesNotMatch")
    assert ask(re.sub("Expires=[0-9]+", "Expires=9999999999", url)) == (
        403,
        "SignatureDoesNotMatch",
    )
    assert ask(re.sub("&Expires=[0-9]+", "", url)) == (403, "AccessDenied")
    assert ask(re.sub("&Expires=[0-9]+", "&Expires=soon", url)) == (403, "AccessDenied")


def test_a_url_ends(ann: Person, bucket: str) -> None:
    url = ann.client("s3").generate_presigned_url(
        "list_objects_v2", Params={"Bucket": bucket}, ExpiresIn=-1
    )
    assert ask(url) == (403, "AccessDenied")


# The bucket is a part of what is signed, also where the host names it.
def test_a_url_of_a_bucket_as_host(ann: Person, bucket: str) -> None:
    s3 = ann.client("s3", s3={"addressing_style": "virtual"})
    s3.meta.events.unregister("before-sign.s3", None)
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
    parts = urlsplit(url)
    assert parts.netloc.startswith(bucket)
    plain = url.replace(f"{bucket}.", "", 1)
    assert ask(plain, Host=parts.netloc)[0] == 200


def test_headers_are_verified(ann: Person, client: Make, bucket: str) -> None:
    s3 = ann.client("s3", signature_version="s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"a": "b"})
    made = s3.create_multipart_upload(Bucket=bucket, Key="m")
    part = {"Bucket": bucket, "Key": "m", "UploadId": made["UploadId"], "PartNumber": 1}
    tag = s3.upload_part(**part, Body=b"2")["ETag"]
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="m",
        UploadId=made["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]},
    )
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k", "m"]
    keys = {**ann.keys, "aws_secret_access_key": "wrong"}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client("s3", signature_version="s3", **keys).list_objects_v2(Bucket=bucket)


def test_a_session_signs_with_its_token(ann: Person, client: Make, bucket: str) -> None:
    lent = ann.client("sts").get_session_token()["Credentials"]
    keys = {
        "aws_access_key_id": lent["AccessKeyId"],
        "aws_secret_access_key": lent["SecretAccessKey"],
        "aws_session_token": lent["SessionToken"],
    }
    url = client("s3", **keys).generate_presigned_url("list_objects_v2", {"Bucket": bucket})
    assert ask(url)[0] == 200
    assert ask(re.sub("x-amz-security-token=[^&]+&?", "", url))[0] == 403


def _post(url: str, fields: dict[str, str]) -> int:
    rows = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    rows += (
        '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbody\r\n--x--\r\n'
    )
    return ask(url, "POST", rows.encode(), content_type="multipart/form-data; boundary=x")[0]


def test_forms_are_verified(ann: Person, bucket: str) -> None:
    s3 = ann.client("s3")
    form = s3.generate_presigned_post(bucket, "posted")
    assert form["fields"].keys() == {"key", "AWSAccessKeyId", "policy", "signature"}
    assert _post(form["url"], form["fields"]) == 204
    assert s3.get_object(Bucket=bucket, Key="posted")["Body"].read() == b"body"
    assert _post(form["url"], {**form["fields"], "key": "other"}) == 403
    assert _post(form["url"], {**form["fields"], "signature": "d3Jvbmc="}) == 403
    without = {name: value for name, value in form["fields"].items() if name != "signature"}
    assert _post(form["url"], without) == 400


# Who wants none of it says so in a policy, as on AWS.
def test_a_policy_can_refuse_it(ann: Person, bucket: str) -> None:
    old = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    ann.may(allow("s3:*"), deny("s3:*", Condition=old))
    at = {"Bucket": bucket}
    old_url = ann.client("s3").generate_presigned_url("list_objects_v2", {**at})
    new = ann.client("s3", signature_version="s3v4")
    new.put_object(**at, Key="k")
    assert ask(old_url) == (403, "AccessDenied")
    assert ask(new.generate_presigned_url("list_objects_v2", {**at}))[0] == 200
    assert _post(**ann.client("s3").generate_presigned_post(bucket, "k")) == 403
    assert _post(**new.generate_presigned_post(bucket, "k")) == 204


# As the SDK for JavaScript signs: what would be headers stands in the query. What a URL alone says counts; a checksum
# there does not, for it is that of the empty body that there was when it was signed.
@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_a_url_says_counts_as_if_in_headers(
    endpoint: str, ann: Person, bucket: str, version: str
) -> None:
    s3 = ann.client("s3")
    keys = Credentials(*ann.keys.values())

    def sign(path: str, said: dict[str, str]) -> str:
        if version == "s3":
            request = AWSRequest("PUT", f"{endpoint}{path}", headers=said)
            HmacV1QueryAuth(keys).add_auth(request)
        else:
            request = AWSRequest("PUT", f"{endpoint}{path}?{urlencode(said, quote_via=quote)}")
            S3SigV4QueryAuth(keys, "s3", "us-east-1").add_auth(request)
        return request.url

    said = {
        "x-amz-meta-note": "a b+c",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "colour=blue",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    url = sign(f"/{bucket}/k", said)
    assert ask(url, "PUT", b"text")[0] == 200
    told = s3.head_object(Bucket=bucket, Key="k")
    assert told["Metadata"] == {"note": "a b+c"}
    assert told["StorageClass"] == "STANDARD_IA"
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "colour", "Value": "blue"}]
    copy = sign(f"/{bucket}/c", {"x-amz-copy-source": f"{bucket}/k"})
    assert "CopyObjectResult" in ask(copy, "PUT")[1]
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"text"


def test_an_unsigned_request_says_nothing_in_its_query(endpoint: str, bucket: str) -> None:
    assert ask(f"{endpoint}/{bucket}/k?x-amz-acl=public-read", "PUT", b"")[0] == 403
