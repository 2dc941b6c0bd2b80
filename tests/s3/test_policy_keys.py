"""What S3's requests and objects tell policies, and what else a request needs to be allowed, over the wire.

AWS: S3 User Guide, "Policy actions, resources and condition keys for Amazon S3"; API Reference, each operation's
"Permissions".
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from persons import Make, Person, allow, deny, refusal
from pilvi.base.http import HttpRequest
from pilvi.services.s3 import told
from servers import Server

DENIED = ("AccessDenied", "403")


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    return Person(client, account)


@pytest.fixture
def bucket(client: Make, account: str) -> str:
    name = f"keys-{account}"
    client("s3").create_bucket(Bucket=name)
    return name


def objects(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}/*"


def test_objects_are_told_by_their_tags(client: Make, ann: Person, bucket: str) -> None:
    root, mine = client("s3"), ann.client("s3")
    root.put_object(Bucket=bucket, Key="open", Body=b"1", Tagging="Access=all")
    root.put_object(Bucket=bucket, Key="shut", Body=b"2", Tagging="Access=none")
    root.put_object(Bucket=bucket, Key="bare", Body=b"3")
    tagged = {"StringEquals": {"s3:ExistingObjectTag/access": "all"}}
    ann.may(allow("s3:GetObject*", objects(bucket), Condition=tagged))
    assert mine.get_object(Bucket=bucket, Key="open")["Body"].read() == b"1"
    mine.get_object_tagging(Bucket=bucket, Key="open")
    for key in ("shut", "bare", "none"):
        assert refusal(mine.get_object, Bucket=bucket, Key=key)[0] in DENIED
    root.put_object_tagging(Bucket=bucket, Key="open", Tagging={"TagSet": []})
    assert refusal(mine.get_object, Bucket=bucket, Key="open")[0] in DENIED


def test_requests_are_told_by_the_tags_that_they_put(ann: Person, bucket: str) -> None:
    allowed = {
        "StringEquals": {"s3:RequestObjectTag/Team": "red"},
        "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["Team", "Size"]},
    }
    ann.may(
        allow("s3:PutObject", objects(bucket)),
        allow("s3:PutObjectTagging", objects(bucket), Condition=allowed),
    )
    mine = ann.client("s3")
    mine.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="Team=red&Size=1")
    for tagging in ("Team=blue", "Size=1", "Team=red&More=1"):
        assert refusal(mine.put_object, Bucket=bucket, Key="k", Tagging=tagging)[0] in DENIED
        started = refusal(mine.create_multipart_upload, Bucket=bucket, Key="k", Tagging=tagging)
        assert started[0] in DENIED
    wrong = {"TagSet": [{"Key": "Team", "Value": "blue"}]}
    assert refusal(mine.put_object_tagging, Bucket=bucket, Key="k", Tagging=wrong)[0] in DENIED
    right = {"TagSet": [{"Key": "Team", "Value": "red"}]}
    mine.put_object_tagging(Bucket=bucket, Key="k", Tagging=right)


def _status(url: str) -> int:
    try:
        return urllib.request.urlopen(url, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def test_how_a_request_is_signed(client: Make, ann: Person, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    mine = ann.client("s3", signature_version="s3v4")

    def fetched() -> int:
        return _status(mine.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}))

    ann.may(allow("s3:GetObject"))
    assert fetched() == 200
    in_header = {"StringEquals": {"s3:authType": "REST-HEADER"}}
    ann.may(allow("s3:GetObject", Condition=in_header))
    assert fetched() == 403
    mine.get_object(Bucket=bucket, Key="k")
    version = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    ann.may(allow("s3:GetObject"), deny("s3:*", Condition=version))
    assert fetched() == 200


def test_how_old_a_signature_is(own_server: Callable[..., Server]) -> None:
    server = own_server()

    def make(service: str, **keys: Any) -> Any:
        return server.client(service, keys.pop("account", "1" * 12), **keys)

    ann = Person(make, "1" * 12)
    make("s3").create_bucket(Bucket="aged")
    make("s3").put_object(Bucket="aged", Key="k", Body=b"x")
    old = {"NumericGreaterThan": {"s3:signatureAge": "600000"}}
    ann.may(allow("s3:GetObject"), deny("s3:*", Condition=old))
    mine = ann.client("s3", signature_version="s3v4")
    url = mine.generate_presigned_url("get_object", {"Bucket": "aged", "Key": "k"})
    for seconds, status in ((0, 200), (500, 200), (200, 403)):
        body = {"action": "advance", "by_ms": seconds * 1000}
        server.ask("POST", "/_pilvi/clock", body)
        assert _status(url) == status


def test_how_old_the_transport_may_be(own_server: Callable[..., Server]) -> None:
    """Without TLS there is no version, and nothing that asks for one is allowed."""
    server = own_server("--tls")
    boto3_of = partial(
        boto3.client,
        endpoint_url=server.url,
        region_name="us-east-1",
        verify=str(server.data / "tls" / "cert.pem"),
        config=Config(retries={"total_max_attempts": 1}),
    )

    def make(service: str, **keys: str) -> Any:
        given = {"aws_access_key_id": "000000000001", "aws_secret_access_key": "x", **keys}
        return boto3_of(service, **given)

    cid = Person(make, "000000000001", "cid")
    make("s3").create_bucket(Bucket="over-tls")
    new = {"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}
    cid.may(allow("s3:*", Condition=new))
    cid.client("s3").put_object(Bucket="over-tls", Key="k", Body=b"x")
    newer = {"NumericGreaterThan": {"s3:TlsVersion": "1.3"}}
    cid.may(allow("s3:*", Condition=newer))
    assert refusal(cid.client("s3").get_object, Bucket="over-tls", Key="k")[0] in DENIED


def test_a_plain_transport_has_no_version(client: Make, ann: Person, bucket: str) -> None:
    ann.may(allow("s3:*", Condition={"NumericGreaterThan": {"s3:TlsVersion": "1.0"}}))
    assert refusal(ann.client("s3").put_object, Bucket=bucket, Key="k")[0] in DENIED


def test_whose_a_bucket_is(client: Make, ann: Person, bucket: str, account: str) -> None:
    others = {"StringNotEquals": {"s3:ResourceAccount": account}}
    ann.may(allow("s3:*"), deny("s3:*", Condition=others))
    ann.client("s3").put_object(Bucket=bucket, Key="k", Body=b"")
    ann.client("s3").list_buckets()
    own = {"StringEquals": {"s3:ResourceAccount": account}}
    ann.may(allow("s3:*"), deny("s3:*", Condition=own))
    assert refusal(ann.client("s3").put_object, Bucket=bucket, Key="k")[0] in DENIED


def test_a_body_must_be_hashed(ann: Person, bucket: str) -> None:
    unsigned = {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}
    ann.may(allow("s3:PutObject"), deny("s3:PutObject", Condition=unsigned))
    mine = ann.client("s3", signature_version="s3v4")
    mine.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = mine.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    request = urllib.request.Request(url, data=b"y", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 403


@pytest.mark.parametrize(
    ("operation", "versioned"),
    [
        ("get_object", "s3:GetObjectVersion"),
        ("head_object", "s3:GetObjectVersion"),
        ("get_object_tagging", "s3:GetObjectVersionTagging"),
        ("delete_object_tagging", "s3:DeleteObjectVersionTagging"),
        ("delete_object", "s3:DeleteObjectVersion"),
    ],
)
def test_a_version_is_not_the_object(
    client: Make, ann: Person, bucket: str, operation: str, versioned: str
) -> None:
    """Also when it is the only one: who may delete objects may not delete versions for good."""
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    ann.may(allow("s3:*", objects(bucket)), deny("s3:*Version*", objects(bucket)))
    call = getattr(ann.client("s3"), operation)
    named = {"Bucket": bucket, "Key": "k"}
    assert refusal(call, **named, VersionId="null")[0] in DENIED
    ann.may(allow(versioned, objects(bucket)))
    assert refusal(call, **named)[0] in DENIED
    call(**named, VersionId="null")


def test_versions_in_a_list(client: Make, ann: Person, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    ann.may(allow("s3:DeleteObject", objects(bucket)))
    mine = ann.client("s3")
    listed = {"Objects": [{"Key": "k", "VersionId": "null"}, {"Key": "other"}]}
    assert refusal(mine.delete_objects, Bucket=bucket, Delete=listed)[0] in DENIED
    client("s3").head_object(Bucket=bucket, Key="k")
    mine.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})


def test_an_acl_needs_its_own_permission(ann: Person, bucket: str) -> None:
    ann.may(allow("s3:PutObject", objects(bucket)))
    mine, put = ann.client("s3"), {"Bucket": bucket, "Key": "k", "Body": b""}
    code, text = refusal(mine.put_object, **put, ACL="bucket-owner-full-control")
    assert code in DENIED
    assert "s3:PutObjectAcl" in text
    full = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    ann.may(allow(["s3:PutObject", "s3:PutObjectAcl"], objects(bucket), Condition=full))
    mine.put_object(**put, ACL="bucket-owner-full-control")
    assert refusal(mine.put_object, **put)[0] in DENIED


def test_tags_are_copied_by_whoever_may_read_and_put_them(
    client: Make, ann: Person, bucket: str
) -> None:
    client("s3").put_object(Bucket=bucket, Key="from", Body=b"x", Tagging="a=b")
    client("s3").put_object(Bucket=bucket, Key="bare", Body=b"x")
    mine = ann.client("s3")
    copy = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/from"}
    ann.may(allow(["s3:GetObject", "s3:PutObject"], objects(bucket)))
    mine.copy_object(**{**copy, "CopySource": f"{bucket}/bare"})
    assert refusal(mine.copy_object, **copy)[0] in DENIED
    ann.may(allow(["s3:GetObject*", "s3:PutObject"], objects(bucket)))
    code, text = refusal(mine.copy_object, **copy)
    assert (code, "s3:PutObjectTagging" in text) == ("AccessDenied", True)
    mine.copy_object(**copy, TaggingDirective="REPLACE")
    ann.may(allow(["s3:GetObject*", "s3:PutObject*"], objects(bucket)))
    mine.copy_object(**copy)
    assert client("s3").get_object_tagging(Bucket=bucket, Key="to")["TagSet"]


def test_a_source_is_known_however_it_is_written(client: Make, ann: Person, bucket: str) -> None:
    client("s3").put_object(Bucket=bucket, Key="secret/k", Body=b"x")
    secret = {"StringLike": {"s3:x-amz-copy-source": f"{bucket}/secret/*"}}
    ann.may(allow("s3:*"), deny("s3:PutObject", Condition=secret))
    mine = ann.client("s3")
    for source in (f"{bucket}/secret/k", f"/{bucket}/secret/k"):
        code, _ = refusal(mine.copy_object, Bucket=bucket, Key="to", CopySource=source)
        assert code in DENIED, source
    client("s3").put_object(Bucket=bucket, Key="plain", Body=b"x")
    mine.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/plain")


def test_a_bucket_is_made_where_and_as_one_may(ann: Person, account: str) -> None:
    north = {"StringEquals": {"s3:LocationConstraint": "eu-north-1"}}
    ann.may(allow("s3:CreateBucket", Condition=north))
    mine = ann.client("s3")
    assert refusal(mine.create_bucket, Bucket=f"a-{account}")[0] in DENIED
    there: dict[str, Any] = {"LocationConstraint": "eu-north-1"}
    mine.create_bucket(Bucket=f"b-{account}", CreateBucketConfiguration=there)
    tagged = {**there, "Tags": [{"Key": "Team", "Value": "red"}]}
    code, text = refusal(
        mine.create_bucket, Bucket=f"c-{account}", CreateBucketConfiguration=tagged
    )
    assert (code, "s3:TagResource" in text) == ("AccessDenied", True)
    red = {"StringEquals": {"aws:RequestTag/Team": "red"}}
    ann.may(allow(["s3:CreateBucket", "s3:TagResource"], Condition=red))
    mine.create_bucket(Bucket=f"c-{account}", CreateBucketConfiguration=tagged)


@pytest.mark.parametrize("text", ["b/s/k", "/b/s/k", "b/%73%2Fk", "/b%2Fs/k?versionId=null"])
def test_a_source_has_one_form(text: str) -> None:
    assert told._source(text) == "b/s/k"


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (HttpRequest("GET", "/b/k", "", {"authorization": "AWS4-HMAC-SHA256 ..."}), "REST-HEADER"),
        (HttpRequest("GET", "/b/k", "X-Amz-Signature=1", {}), "REST-QUERY-STRING"),
        (HttpRequest("POST", "/b", "delete&X-Amz-Signature=1", {}), "REST-QUERY-STRING"),
        (HttpRequest("POST", "/b", "", {"x-amz-date": "20240101T000000Z"}), "POST"),
    ],
)
def test_where_a_signature_is(request_: HttpRequest, kind: str) -> None:
    assert told._signature(request_)[0] == kind
