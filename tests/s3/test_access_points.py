"""Access points: what S3 Control says of them, how requests name them, and who may do what through one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from persons import Person, allow, deny, document
from servers import Server

Make = Callable[..., Any]


class Points:
    """Access points of the test's account."""

    def __init__(self, client: Make, account: str) -> None:
        self.control = client("s3control")
        self.account = account

    def create(self, name: str, bucket: str, **more: Any) -> dict[str, Any]:
        return self.control.create_access_point(
            AccountId=self.account, Name=name, Bucket=bucket, **more
        )

    def put_policy(self, name: str, *statements: dict[str, Any]) -> None:
        self.control.put_access_point_policy(
            AccountId=self.account, Name=name, Policy=document(*statements)
        )


@pytest.fixture
def points(client: Make, account: str) -> Points:
    return Points(client, account)


def at_server(client: Any, server: Server) -> Any:
    """Names below localhost are not known everywhere: the host goes into a header, as SDKs sign it."""

    def send(request: Any, **_: Any) -> None:
        host = request.url.split("/")[2]
        request.headers["Host"] = host
        request.url = server.url + request.url.partition(host)[2]

    client.meta.events.register("before-send.s3", send)
    return client


# --- S3 Control


def test_the_life_of_a_point(
    points: Points, bucket: str, account: str, refused: Callable[..., Any]
) -> None:
    """Recorded answers: shapes, the settings that are on by default, and what is said of one that is gone."""
    made = points.create("my-point", bucket)
    arn = f"arn:aws:s3:us-east-1:{account}:accesspoint/my-point"
    assert made["AccessPointArn"] == arn
    assert made["Alias"].startswith("my-point-")
    assert made["Alias"].endswith("-s3alias")
    assert len(made["Alias"]) <= 63
    found = points.control.get_access_point(AccountId=account, Name="my-point")
    assert found["Bucket"] == bucket
    assert found["NetworkOrigin"] == "Internet"
    assert found["BucketAccountId"] == account
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    assert found["Endpoints"]["ipv4"].startswith("s3-accesspoint.us-east-1.")
    assert "VpcConfiguration" not in found
    again = refused("AccessPointAlreadyOwnedByYou", points.create, "my-point", bucket)
    assert again["status"] == 409
    gone = points.control.delete_access_point(AccountId=account, Name="my-point")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (points.control.get_access_point, points.control.delete_access_point):
        error = refused("NoSuchAccessPoint", call, AccountId=account, Name="my-point")
        assert error["AccessPointName"] == "my-point"
        assert error["status"] == 404


@pytest.mark.parametrize("name", ["xn-_test", "sa", "-abc", "abc-", "Abc", "a.b.c", "x-s3alias"])
def test_names_that_are_none(
    points: Points, bucket: str, name: str, refused: Callable[..., Any]
) -> None:
    error = refused("InvalidURI", points.create, name, bucket)
    assert error["URI"] == f"accesspoint/{name}"


def test_a_point_needs_its_bucket(
    points: Points, bucket: str, s3: Any, refused: Callable[..., Any]
) -> None:
    error = refused("InvalidRequest", points.create, "point", "no-such-bucket-at-all")
    assert error["Message"] == "Amazon S3 AccessPoint can only be created for existing bucket"
    points.create("point", bucket)
    refused("BucketHasAccessPointsAttached", s3.delete_bucket, Bucket=bucket)
    points.control.delete_access_point(AccountId=points.account, Name="point")
    s3.delete_bucket(Bucket=bucket)


def test_lists_are_paged_and_may_be_about_one_bucket(
    points: Points, new_bucket: Callable[[], str], client: Make
) -> None:
    one, two = new_bucket(), new_bucket()
    for name, bucket in (("ccc", one), ("aaa", one), ("bbb", two)):
        points.create(name, bucket)
    listed = points.control.list_access_points
    whole = listed(AccountId=points.account)
    assert [point["Name"] for point in whole["AccessPointList"]] == ["aaa", "bbb", "ccc"]
    assert "NextToken" not in whole
    page = listed(AccountId=points.account, Bucket=one, MaxResults=1)
    rest = listed(AccountId=points.account, Bucket=one, NextToken=page["NextToken"])
    names = [p["Name"] for p in page["AccessPointList"] + rest["AccessPointList"]]
    assert names == ["aaa", "ccc"]
    elsewhere = client("s3control", region_name="eu-west-1")
    assert elsewhere.list_access_points(AccountId=points.account)["AccessPointList"] == []


def test_policies_are_about_the_point_alone(
    points: Points, bucket: str, account: str, refused: Callable[..., Any]
) -> None:
    arn = points.create("point", bucket)["AccessPointArn"]
    put, named = points.put_policy, {"AccountId": account, "Name": "point"}
    refused("NoSuchAccessPointPolicy", points.control.get_access_point_policy, **named)
    refused("NoSuchAccessPointPolicy", points.control.get_access_point_policy_status, **named)
    everyone = allow("s3:GetObject", f"{arn}/object/*", Principal="*")
    error = refused("AccessDenied", put, "point", everyone)
    assert "BlockPublicPolicy" in error["Message"]
    foreign = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": account})
    refused("MalformedPolicy", put, "point", foreign)
    put("point", {**everyone, "Principal": {"AWS": account}})
    stored = json.loads(points.control.get_access_point_policy(**named)["Policy"])
    assert stored["Statement"][0]["Resource"] == f"{arn}/object/*"
    status = points.control.get_access_point_policy_status(**named)
    assert status["PolicyStatus"] == {"IsPublic": False}
    points.control.delete_access_point_policy(**named)
    refused("NoSuchAccessPointPolicy", points.control.get_access_point_policy, **named)


def test_only_the_own_account_is_told(
    points: Points, bucket: str, client: Make, refused: Callable[..., Any]
) -> None:
    points.create("point", bucket)
    stranger = client("s3control", account="999999999999")
    for call in (stranger.get_access_point, stranger.delete_access_point):
        refused("AccessDenied", call, AccountId=points.account, Name="point")


# --- tags


def test_tags_of_buckets_and_points(
    points: Points, bucket: str, s3: Any, refused: Callable[..., Any]
) -> None:
    """A bucket has one set of tags: what TagResource adds, GetBucketTagging tells."""
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    point = points.create("point", bucket, Tags=[{"Key": "a", "Value": "1"}])["AccessPointArn"]
    for arn in (f"arn:aws:s3:::{bucket}", point):
        named = {"AccountId": points.account, "ResourceArn": arn}
        added = points.control.tag_resource(**named, Tags=[{"Key": "b", "Value": "2"}])
        assert added["ResponseMetadata"]["HTTPStatusCode"] == 204
        points.control.untag_resource(**named, TagKeys=["a", "never"])
        told = points.control.list_tags_for_resource(**named)["Tags"]
        assert told == [{"Key": "b", "Value": "2"}]
        wrong = [{"Key": "aws:x", "Value": "y"}]
        error = refused("InvalidTag", points.control.tag_resource, **named, Tags=wrong)
        assert error["Message"].startswith("User-defined tag keys can't start with")
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "b", "Value": "2"}]
    missing = {"AccountId": points.account, "ResourceArn": "arn:aws:s3:::no-such-bucket-here"}
    refused("NoSuchResource", points.control.list_tags_for_resource, **missing)
    group = f"arn:aws:s3:us-east-1:{points.account}:storage-lens-group/g"
    refused(
        "NotImplemented",
        points.control.list_tags_for_resource,
        AccountId=points.account,
        ResourceArn=group,
    )


# --- names in requests


def test_every_way_to_name_a_point(
    points: Points, bucket: str, s3: Any, client: Make, server: Server
) -> None:
    """The ARN (which SDKs turn into a host name), the alias, AWS's own host names, and sources of copies."""
    made = points.create("point", bucket)
    sdk = at_server(client("s3"), server)
    s3.put_object(Bucket=bucket, Key="a/key +é", Body=b"body")
    for name, using in ((made["AccessPointArn"], sdk), (made["Alias"], s3)):
        assert using.get_object(Bucket=name, Key="a/key +é")["Body"].read() == b"body"
        listed = using.list_objects_v2(Bucket=name)
        assert [one["Key"] for one in listed["Contents"]] == ["a/key +é"]
        using.put_object(Bucket=name, Key="written", Body=b"through")
        copied = {"Bucket": name, "Key": "written"}
        using.copy_object(Bucket=name, Key="copied", CopySource=copied)
        assert s3.get_object(Bucket=bucket, Key="copied")["Body"].read() == b"through"
        uploaded = using.create_multipart_upload(Bucket=name, Key="parts")
        part = {"Bucket": name, "Key": "parts", "UploadId": uploaded["UploadId"]}
        etag = using.upload_part(**part, PartNumber=1, Body=b"part")["ETag"]
        done = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        using.complete_multipart_upload(**part, MultipartUpload=done)
        gone = [{"Key": key} for key in ("written", "copied", "parts")]
        using.delete_objects(Bucket=name, Delete={"Objects": gone})
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert s3.head_bucket(Bucket=made["Alias"])["AccessPointAlias"] is True
    assert s3.head_bucket(Bucket=bucket)["AccessPointAlias"] is False


@pytest.mark.parametrize(
    "host",
    ["s3-accesspoint.us-east-1.localhost", "s3-accesspoint.dualstack.us-east-1.amazonaws.com"],
)
def test_presigned_urls_at_a_points_own_host(
    points: Points, bucket: str, s3: Any, client: Make, server: Server, host: str, account: str
) -> None:
    points.create("point", bucket)
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    elsewhere = client("s3", signature_version="s3v4", s3={"addressing_style": "virtual"})
    elsewhere.meta.events.register(
        "before-sign.s3",
        lambda request, **_: setattr(
            request, "url", f"http://point-{account}.{host}/{request.url.split('/', 3)[3]}"
        ),
    )
    url = elsewhere.generate_presigned_url("get_object", Params={"Bucket": "any", "Key": "key"})
    asked = urllib.request.Request(
        server.url + "/" + url.split("/", 3)[3], headers={"Host": url.split("/")[2]}
    )
    with urllib.request.urlopen(asked) as answer:
        assert answer.read() == b"body"


def test_what_points_are_not_for(
    points: Points, bucket: str, s3: Any, refused: Callable[..., Any]
) -> None:
    alias = points.create("point", bucket)["Alias"]
    for call, more in (
        (s3.delete_bucket, {}),
        (s3.get_bucket_versioning, {}),
        (s3.put_bucket_policy, {"Policy": "{}"}),
        (s3.delete_bucket_policy, {}),
        (s3.put_bucket_tagging, {"Tagging": {"TagSet": []}}),
    ):
        error = refused("MethodNotAllowed", call, Bucket=alias, **more)
        assert error["status"] == 405
    private = points.create("private", bucket, VpcConfiguration={"VpcId": "vpc-1"})["Alias"]
    refused("AccessDenied", s3.list_objects_v2, Bucket=private)
    other = f"{alias[:-9]}{'1' if alias[-9] == '0' else '0'}-s3alias"
    refused("NoSuchBucket", s3.list_objects_v2, Bucket=other)


# --- who may


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    return Person(client, account)


DELEGATING = "s3:DataAccessPointAccount"


def delegate(s3: Any, bucket: str, account: str) -> None:
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(
            allow(
                "s3:*",
                [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                Principal="*",
                Condition={"StringEquals": {DELEGATING: account}},
            )
        ),
    )


def outcome(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"


def test_the_point_and_the_bucket_must_both_allow(
    points: Points, bucket: str, s3: Any, ann: Person, account: str
) -> None:
    """What a point's policy grants counts only where the bucket grants the same, or leaves it to its points."""
    made = points.create("point", bucket)
    s3.put_object(Bucket=bucket, Key="a/key", Body=b"body")
    s3.put_object(Bucket=bucket, Key="b/key", Body=b"body")
    mine = ann.client("s3")
    asked = {"Bucket": made["Alias"], "Key": "a/key"}
    assert outcome(mine.get_object, **asked) == "AccessDenied"
    points.put_policy(
        "point",
        allow("s3:GetObject", f"{made['AccessPointArn']}/object/a/*", Principal={"AWS": ann.arn}),
    )
    assert outcome(mine.get_object, **asked) == "AccessDenied"
    delegate(s3, bucket, account)
    assert outcome(mine.get_object, **asked) == "allowed"
    assert outcome(mine.get_object, **{**asked, "Key": "b/key"}) == "AccessDenied"
    assert outcome(mine.get_object, Bucket=bucket, Key="a/key") == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    ann.may(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    assert outcome(mine.get_object, **asked) == "allowed"
    ann.may(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
        deny("s3:GetObject", f"{made['AccessPointArn']}/object/*"),
    )
    assert outcome(mine.get_object, **asked) == "AccessDenied"
    assert outcome(mine.get_object, Bucket=bucket, Key="a/key") == "allowed"


def test_root_passes_a_point_that_a_bucket_forbids(
    points: Points, bucket: str, s3: Any, account: str
) -> None:
    """A bucket that is reached through points alone: also root is held to it."""
    alias = points.create("point", bucket)["Alias"]
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    only = deny(
        "s3:GetObject",
        f"arn:aws:s3:::{bucket}/*",
        Principal="*",
        Condition={"StringNotEquals": {DELEGATING: account}},
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=document(only))
    assert outcome(s3.get_object, Bucket=bucket, Key="key") == "AccessDenied"
    assert outcome(s3.get_object, Bucket=alias, Key="key") == "allowed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("s3:DataAccessPointArn", "arn:aws:s3:us-east-1:{account}:accesspoint/point"),
        ("s3:AccessPointNetworkOrigin", "Internet"),
        ("s3:AccessPointTag/team", "red"),
    ],
)
def test_policies_are_told_of_the_point(
    points: Points, bucket: str, s3: Any, ann: Person, account: str, key: str, value: str
) -> None:
    alias = points.create("point", bucket, Tags=[{"Key": "team", "Value": "red"}])["Alias"]
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    condition = {"StringEquals": {key: value.format(account=account)}}
    ann.may(allow("s3:GetObject", "*", Condition=condition))
    mine = ann.client("s3")
    assert outcome(mine.get_object, Bucket=alias, Key="key") == "allowed"
    assert outcome(mine.get_object, Bucket=bucket, Key="key") == "AccessDenied"


def test_tags_of_objects_are_told_through_points(
    points: Points, bucket: str, s3: Any, ann: Person
) -> None:
    alias = points.create("point", bucket)["Alias"]
    s3.put_object(Bucket=bucket, Key="key", Body=b"body", Tagging="team=red")
    s3.put_object(Bucket=bucket, Key="other", Body=b"body")
    condition = {"StringEquals": {"s3:ExistingObjectTag/team": "red"}}
    ann.may(allow("s3:GetObject", "*", Condition=condition))
    mine = ann.client("s3")
    assert outcome(mine.get_object, Bucket=alias, Key="key") == "allowed"
    assert outcome(mine.get_object, Bucket=alias, Key="other") == "AccessDenied"


def test_a_point_of_another_account(
    points: Points, bucket: str, s3: Any, client: Make, refused: Callable[..., Any]
) -> None:
    """Another account may make a point of a bucket; what it leads to is the bucket's to say."""
    theirs = f"9{points.account[1:]}"
    control = client("s3control", account=theirs)
    asked = {"AccountId": theirs, "Name": "point", "Bucket": bucket}
    refused("AccessDenied", control.create_access_point, **asked)
    wrong = {**asked, "BucketAccountId": theirs}
    refused("InvalidRequest", control.create_access_point, **wrong)
    made = control.create_access_point(**asked, BucketAccountId=points.account)
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    bob = Person(lambda service, **more: client(service, **{"account": theirs, **more}), theirs)
    mine = bob.client("s3")
    bob.may(allow("s3:GetObject", f"{made['AccessPointArn']}/object/*"))
    through = {"Bucket": made["Alias"], "Key": "key"}
    assert outcome(mine.get_object, **through) == "AccessDenied"
    delegate(s3, bucket, theirs)
    assert outcome(mine.get_object, **through) == "allowed"
    assert outcome(mine.get_object, Bucket=bucket, Key="key") == "AccessDenied"
    bob.may(allow("s3:ListBucket", "*"))
    assert outcome(mine.get_object, **through) == "AccessDenied"
    s3.delete_object(Bucket=bucket, Key="key")
    s3.delete_bucket(Bucket=bucket)  # points of others do not keep it
    bob.may(allow("s3:*", "*"))
    assert outcome(mine.get_object, **through) == "NoSuchBucket"


def test_a_public_point_and_nobody_in_particular(
    points: Points, bucket: str, s3: Any, endpoint: str, account: str
) -> None:
    """Both policies are public, and nothing blocks them; then the point blocks."""
    open_to_all = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
    )
    made = points.create("point", bucket, PublicAccessBlockConfiguration=open_to_all)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="key", Body=b"body")
    delegate(s3, bucket, account)

    def status() -> int:
        try:
            with urllib.request.urlopen(f"{endpoint}/{made['Alias']}/key") as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status() == 403
    public = allow("s3:GetObject", f"{made['AccessPointArn']}/object/*", Principal="*")
    points.put_policy("point", public)
    assert status() == 200
    points.control.put_public_access_block(
        AccountId=account,
        PublicAccessBlockConfiguration={**open_to_all, "RestrictPublicBuckets": True},
    )
    assert status() == 403
    points.control.delete_public_access_block(AccountId=account)
    assert status() == 200


def test_what_a_bucket_does_by_default_it_does_through_points(
    points: Points, bucket: str, s3: Any
) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    alias = points.create("point", bucket)["Alias"]
    put = s3.put_object(Bucket=alias, Key="key", Body=b"body")
    assert put["ServerSideEncryption"] == "aws:kms"
    made = s3.create_multipart_upload(Bucket=alias, Key="other")
    assert made["ServerSideEncryption"] == "aws:kms"
    assert s3.get_object(Bucket=alias, Key="key")["Body"].read() == b"body"


def test_requests_through_points_are_logged(
    points: Points, bucket: str, new_bucket: Callable[[], str], s3: Any, clock: Any
) -> None:
    target = new_bucket()
    s3.put_bucket_policy(
        Bucket=target,
        Policy=document(
            allow(
                "s3:PutObject",
                f"arn:aws:s3:::{target}/*",
                Principal={"Service": "logging.s3.amazonaws.com"},
            )
        ),
    )
    made = points.create("point", bucket)
    s3.put_bucket_logging(
        Bucket=bucket,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "l/"}},
    )
    s3.put_object(Bucket=made["Alias"], Key="through", Body=b"body")
    clock.advance(seconds=600)
    clock.wait_until_idle()
    (log,) = s3.list_objects_v2(Bucket=target)["Contents"]
    lines = s3.get_object(Bucket=target, Key=log["Key"])["Body"].read().decode().splitlines()
    (line,) = [one for one in lines if " through " in one]
    assert f" {bucket} " in line
    assert line.split()[-2] == made["AccessPointArn"]
