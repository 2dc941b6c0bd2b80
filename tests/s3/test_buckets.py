"""Buckets and what is configured on them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]


def test_a_bucket_lives_and_dies(s3: Any, account: str, refused: Refused) -> None:
    name = f"life-{account}"
    made = s3.create_bucket(Bucket=name)
    assert made["Location"] == f"/{name}"
    head = s3.head_bucket(Bucket=name)
    assert head["BucketRegion"] == "us-east-1"
    assert "LocationConstraint" not in s3.get_bucket_location(Bucket=name) or (
        s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    )
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    error = refused("BucketNotEmpty", s3.delete_bucket, Bucket=name)
    assert error["BucketName"] == name
    assert error["status"] == 409
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    error = refused("NoSuchBucket", s3.delete_bucket, Bucket=name)
    assert (error["status"], error["BucketName"]) == (404, name)
    refused("404", s3.head_bucket, Bucket=name)


def test_nothing_of_a_bucket_outlives_it(s3: Any, bucket: str, refused: Refused) -> None:
    """A new bucket of the same name has neither the configuration nor the uploads of the old one."""
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="k", UploadId=upload)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "UpperCase",
        "under_score",
        "-lead",
        "trail-",
        "a..b",
        "192.168.1.1",
        "a" * 64,
        "xn--abc",
    ],
)
def test_bucket_names_are_those_that_aws_takes(send: Callable[..., Any], name: str) -> None:
    """Sent by hand, for botocore checks names itself."""
    assert send("PUT", f"/{name}").code == "InvalidBucketName"


def _code_of(body: bytes) -> str:
    return body.decode().partition("<Code>")[2].partition("</Code>")[0]


def test_creating_again_is_harmless_in_us_east_1_only(
    s3: Any, account: str, bucket: str, client: Callable[..., Any], refused: Refused
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    s3.create_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
    elsewhere = client("s3", region_name="eu-west-1")
    name = f"eu-{account}"
    constraint = {"LocationConstraint": "eu-west-1"}
    elsewhere.create_bucket(Bucket=name, CreateBucketConfiguration=constraint)
    assert elsewhere.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    refused(
        "BucketAlreadyOwnedByYou",
        elsewhere.create_bucket,
        Bucket=name,
        CreateBucketConfiguration=constraint,
    )
    refused("IllegalLocationConstraintException", elsewhere.create_bucket, Bucket=name + "x")
    refused(
        "InvalidLocationConstraint",
        s3.create_bucket,
        Bucket=name + "x",
        CreateBucketConfiguration={"LocationConstraint": "nowhere"},
    )


def test_buckets_belong_to_their_account(
    s3: Any, bucket: str, account: str, client: Callable[..., Any], refused: Refused
) -> None:
    """The name is taken for everyone, and everything in it answers AccessDenied to others."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    other = client("s3", account="9" + account[1:])
    refused("BucketAlreadyExists", other.create_bucket, Bucket=bucket)
    for call, more in (
        (other.list_objects_v2, {}),
        (other.get_object, {"Key": "k"}),
        (other.get_object, {"Key": "missing"}),
        (other.put_object, {"Key": "k", "Body": b"y"}),
        (other.delete_object, {"Key": "k"}),
        (other.copy_object, {"Key": "k2", "CopySource": f"{bucket}/k"}),
        (other.delete_bucket, {}),
        (other.put_bucket_policy, {"Policy": "{}"}),
        (other.create_multipart_upload, {"Key": "k"}),
    ):
        assert refused("AccessDenied", call, Bucket=bucket, **more)["status"] == 403
    assert other.list_buckets()["Buckets"] == []
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    refused("AccessDenied", s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="9" * 12)
    refused(
        "InvalidBucketOwnerAWSAccountID", s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="x"
    )


def test_buckets_are_listed_in_pages(s3: Any, new_bucket: Callable[[], str]) -> None:
    names = sorted(new_bucket() for _ in range(5))
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == names
    first = s3.list_buckets(MaxBuckets=3)
    rest = s3.list_buckets(MaxBuckets=3, ContinuationToken=first["ContinuationToken"])
    assert [one["Name"] for one in first["Buckets"] + rest["Buckets"]] == names
    assert "ContinuationToken" not in rest
    assert [one["Name"] for one in s3.list_buckets(Prefix=names[2])["Buckets"]] == [names[2]]


def test_bucket_tags(s3: Any, bucket: str, refused: Refused) -> None:
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    tags = [{"Key": "team", "Value": "a b"}, {"Key": "x", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    twice = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    error = refused("InvalidTag", s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": twice})
    assert error["TagKey"] == "k"
    reserved = [{"Key": "aws:x", "Value": ""}]
    refused("InvalidTag", s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": reserved})


def test_acls_are_off(s3: Any, bucket: str, account: str, refused: Refused) -> None:
    grant = s3.get_bucket_acl(Bucket=bucket)["Grants"][0]
    assert grant["Permission"] == "FULL_CONTROL"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    refused(
        "InvalidBucketAclWithObjectOwnership",
        s3.create_bucket,
        Bucket=f"c{account}",
        ACL="public-read",
    )


# --- public access


def _policy(bucket: str, **changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/public/*",
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _fetch(url: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_policy_makes_objects_public(
    s3: Any, bucket: str, endpoint: str, refused: Refused
) -> None:
    """First the block must go; then exactly what the policy names can be read by anyone."""
    s3.put_object(Bucket=bucket, Key="public/a b", Body=b"hello")
    s3.put_object(Bucket=bucket, Key="private", Body=b"secret")
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)
    error = refused("AccessDenied", s3.put_bucket_policy, Bucket=bucket, Policy=_policy(bucket))
    assert "BlockPublicPolicy" in error["Message"]
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    s3.delete_public_access_block(Bucket=bucket)
    refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(bucket))
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == _policy(bucket)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True

    assert _fetch(f"{endpoint}/{bucket}/public/a%20b") == (200, b"hello")
    assert _fetch(f"{endpoint}/{bucket}/public/a%20b", "HEAD") == (200, b"")
    for path in ("private", "public/missing", "", "?list-type=2"):
        status, body = _fetch(f"{endpoint}/{bucket}/{path}")
        assert (status, _code_of(body)) == (403, "AccessDenied"), path
    assert _fetch(f"{endpoint}/{bucket}/public/x", "DELETE")[0] == 403

    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    assert _fetch(f"{endpoint}/{bucket}/public/a%20b")[0] == 403
    s3.delete_public_access_block(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    assert _fetch(f"{endpoint}/{bucket}/public/a%20b")[0] == 403


def test_a_public_policy_lets_other_accounts_read(
    s3: Any, bucket: str, account: str, client: Callable[..., Any], refused: Refused
) -> None:
    s3.put_object(Bucket=bucket, Key="public/k", Body=b"hello")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(bucket))
    other = client("s3", account="8" + account[1:])
    assert other.get_object(Bucket=bucket, Key="public/k")["Body"].read() == b"hello"
    refused("AccessDenied", other.put_object, Bucket=bucket, Key="public/k", Body=b"")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("", "first byte"),
        ("[]", "first byte"),
        ("{", "first byte"),
        ("{}", "Missing required field Statement"),
        ('{"Statement": [{"Effect": "Allow"}]}', "Missing required field Principal"),
        ('{"Statement": [{"Effect": "Perhaps"}]}', "Invalid effect"),
        ('{"Statement": [{"Effect": "Allow", "What": 1}]}', "Unknown field"),
    ],
)
def test_policies_are_checked(
    s3: Any, bucket: str, policy: str, message: str, refused: Refused
) -> None:
    error = refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy=policy)
    assert message in error["Message"]


# --- CORS


def test_cors_answers_browsers(s3: Any, bucket: str, endpoint: str, refused: Refused) -> None:
    refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=bucket)
    origin = "http://localhost:4200"
    assert _options(f"{endpoint}/{bucket}/k", {}) == (400, "BadRequest", {})
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    assert _options(f"{endpoint}/{bucket}/k", asked)[:2] == (403, "AccessForbidden")
    assert _options(f"{endpoint}/no-such-bucket-x/k", asked)[:2] == (403, "AccessForbidden")
    rule = {
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": [origin],
        "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 300,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    wants = {**asked, "Access-Control-Request-Headers": "X-Amz-Date,x-amz-acl"}
    status, _, headers = _options(f"{endpoint}/{bucket}/k", wants)
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert headers["Access-Control-Allow-Headers"] == "x-amz-date, x-amz-acl"
    assert headers["Access-Control-Max-Age"] == "300"
    assert headers["Access-Control-Expose-Headers"] == "ETag"
    for change in (
        {"Origin": "http://evil.example"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "authorization"},
    ):
        assert _options(f"{endpoint}/{bucket}/k", {**asked, **change})[:2] == (
            403,
            "AccessForbidden",
        )
    request = urllib.request.Request(f"{endpoint}/{bucket}/k", headers={"Origin": origin})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.headers["Access-Control-Allow-Origin"] == origin, "on errors, too"
    s3.delete_bucket_cors(Bucket=bucket)
    assert _options(f"{endpoint}/{bucket}/k", asked)[:2] == (403, "AccessForbidden")
    wrong = {"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]}
    refused("InvalidRequest", s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=wrong)


def _options(url: str, headers: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    request = urllib.request.Request(url, method="OPTIONS", headers=headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, "", dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, _code_of(error.read()), {}


def test_what_is_not_built_is_refused_by_name(s3: Any, bucket: str, refused: Refused) -> None:
    error = refused(
        "NotImplemented",
        s3.rename_object,
        Bucket=bucket,
        Key="k",
        RenameSource=f"{bucket}/j",
    )
    assert "RenameObject" in error["Message"]
    error = refused(
        "NotImplemented", s3.put_object, Bucket=bucket, Key="k", ServerSideEncryption="aws:kms:dsse"
    )
    assert "encryption" in error["Message"]
    for kind in ("OUTPOSTS", "SNOW", "EXPRESS_ONEZONE"):
        error = refused(
            "InvalidStorageClass", s3.put_object, Bucket=bucket, Key="k", StorageClass=kind
        )
        assert error["StorageClassRequested"] == kind
    refused("404", s3.head_object, Bucket=bucket, Key="k")
