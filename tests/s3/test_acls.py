"""Access control lists and object ownership: what may be put, what is told, and who is let in by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from hypothesis import given
from hypothesis import strategies as st

from persons import Person
from pilvi.services.s3.rules import names
from servers import Server

Refused = Callable[..., dict[str, Any]]
Make = Callable[..., str]

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
KNOWN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
OTHER = "000000000777"
"""An account that has nothing to do with the bucket's."""


@pytest.fixture
def anyone(client: Callable[..., Any]) -> Any:
    return client("s3", signature_version=UNSIGNED)


@pytest.fixture
def stranger(server: Server) -> Any:
    return server.client("s3", OTHER)


@pytest.fixture
def owner(s3: Any, bucket: str) -> str:
    return s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]


@pytest.fixture
def listed(s3: Any, bucket: str) -> str:
    """A bucket whose lists count, and where nothing is blocked."""
    _let_lists_count(s3, bucket, "ObjectWriter")
    return bucket


def _let_lists_count(s3: Any, bucket: str, ownership: str) -> None:
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]}
    )
    s3.delete_public_access_block(Bucket=bucket)


def grants(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (one["Grantee"].get("URI") or one["Grantee"]["ID"], one["Permission"])
        for one in answer["Grants"]
    ]


@given(st.integers(0, 10**12 - 1))
def test_a_canonical_id_is_one_accounts(number: int) -> None:
    """64 hexadecimal digits, from which nobody else's account can be read by changing one."""
    account = f"{number:012d}"
    canonical = names.canonical_id(account)
    assert len(canonical) == 64
    assert names.account_of(canonical) == account
    wrong = canonical[:-1] + ("0" if canonical[-1] != "0" else "1")
    assert names.account_of(wrong) is None


# Recorded: test_s3_bucket_acl, test_s3_object_acl.
CANNED = [
    ("private", []),
    ("public-read", [(ALL, "READ")]),
    ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
    ("authenticated-read", [(KNOWN, "READ")]),
]


def test_nobody_from_elsewhere_is_told_why(
    s3: Any,
    bucket: str,
    anyone: Any,
    stranger: Any,
    client: Callable[..., Any],
    account: str,
    refused: Refused,
) -> None:
    """AWS: S3 User Guide, "Access denied message examples and how to troubleshoot them"."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    for elsewhere in (anyone, stranger):
        error = refused("AccessDenied", elsewhere.get_object, Bucket=bucket, Key="k")
        assert error["Message"] == "Access Denied"
    ann = Person(client, account)
    error = refused("AccessDenied", ann.client("s3").get_object, Bucket=bucket, Key="k")
    assert error["Message"] == (
        f'User: {ann.arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/k"'
        " because no identity-based policy allows the s3:GetObject action"
    )


@pytest.mark.parametrize(("canned", "granted"), CANNED)
def test_canned_lists(
    s3: Any, listed: str, owner: str, canned: str, granted: list[tuple[str, str]]
) -> None:
    expected = [(owner, "FULL_CONTROL"), *granted]
    s3.put_bucket_acl(Bucket=listed, ACL=canned)
    assert grants(s3.get_bucket_acl(Bucket=listed)) == expected
    s3.put_object(Bucket=listed, Key="put", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=listed, Key="put")) == expected
    s3.copy_object(Bucket=listed, Key="copied", CopySource=f"{listed}/put", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=listed, Key="copied")) == expected
    s3.put_object(Bucket=listed, Key="later")
    s3.put_object_acl(Bucket=listed, Key="later", ACL=canned)
    assert grants(s3.get_object_acl(Bucket=listed, Key="later")) == expected
    upload = s3.create_multipart_upload(Bucket=listed, Key="parts", ACL=canned)["UploadId"]
    one = {"Bucket": listed, "Key": "parts", "UploadId": upload}
    etag = s3.upload_part(**one, PartNumber=1, Body=b"1")["ETag"]
    s3.complete_multipart_upload(
        **one, MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]}
    )
    assert grants(s3.get_object_acl(Bucket=listed, Key="parts")) == expected


def test_lists_by_headers_and_documents(s3: Any, listed: str, owner: str) -> None:
    """Recorded: a list is replaced by what is put, the owner's own grant too."""
    s3.put_bucket_acl(Bucket=listed, GrantRead=f'uri="{LOGS}"')
    assert grants(s3.get_bucket_acl(Bucket=listed)) == [(LOGS, "READ")]
    document = {
        "Owner": {"ID": owner},
        "Grants": [
            {"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"},
            {"Grantee": {"URI": LOGS, "Type": "Group"}, "Permission": "WRITE"},
        ],
    }
    s3.put_bucket_acl(Bucket=listed, AccessControlPolicy=document)
    assert grants(s3.get_bucket_acl(Bucket=listed)) == [(owner, "FULL_CONTROL"), (LOGS, "WRITE")]
    s3.put_object(Bucket=listed, Key="k")
    s3.put_object_acl(Bucket=listed, Key="k", AccessControlPolicy=document)
    assert grants(s3.get_object_acl(Bucket=listed, Key="k")) == [
        (owner, "FULL_CONTROL"),
        (LOGS, "WRITE"),
    ]


def grant(permission: str = "WRITE", **grantee: str) -> dict[str, Any]:
    return {"Grantee": grantee, "Permission": permission}


GROUP = grant(URI=LOGS, Type="Group")
FAKE = "http://acs.amazonaws.com/groups/s3/FakeGroup"
SCHEMA = "The XML you provided was not well-formed or did not validate against our published schema"

# Recorded: test_s3_bucket_acl_exceptions, test_s3_object_acl_exceptions.
REFUSED: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"ACL": "fake-acl"}, "InvalidArgument", {"ArgumentName": "x-amz-acl"}),
    (
        {"GrantWrite": f'uri="{FAKE}"'},
        "InvalidArgument",
        {"ArgumentName": "uri", "ArgumentValue": FAKE, "Message": "Invalid group uri"},
    ),
    (
        {"GrantWrite": 'fakekey="1234"'},
        "InvalidArgument",
        {
            "ArgumentName": "x-amz-grant-write",
            "ArgumentValue": 'fakekey="1234"',
            "Message": "Argument format not recognized",
        },
    ),
    (
        {"GrantWrite": 'id="wrong-id"'},
        "InvalidArgument",
        {"ArgumentName": "id", "ArgumentValue": "wrong-id", "Message": "Invalid id"},
    ),
    ({"GrantWrite": 'emailAddress="ann@example.com"'}, "MethodNotAllowed", {}),
    ({"AccessControlPolicy": {"Grants": [GROUP]}}, "MalformedACLError", {"Message": SCHEMA}),
    ({"AccessControlPolicy": {"Owner": {"ID": "{owner}"}}}, "MalformedACLError", {}),
    ({"AccessControlPolicy": {}}, "MalformedACLError", {"Message": SCHEMA}),
    (
        {"AccessControlPolicy": {"Owner": {"ID": "wrong-id"}, "Grants": [GROUP]}},
        "InvalidArgument",
        {"ArgumentName": "CanonicalUser/ID", "ArgumentValue": "wrong-id"},
    ),
    (
        {
            "AccessControlPolicy": {
                "Owner": {"ID": "{owner}"},
                "Grants": [grant(ID="wrong-id", Type="CanonicalUser")],
            }
        },
        "InvalidArgument",
        {"ArgumentName": "CanonicalUser/ID", "Message": "Invalid id"},
    ),
    (
        {
            "AccessControlPolicy": {
                "Owner": {"ID": "{owner}"},
                "Grants": [grant(URI=FAKE, Type="Group")],
            }
        },
        "InvalidArgument",
        {"ArgumentName": "Group/URI", "ArgumentValue": FAKE, "Message": "Invalid group uri"},
    ),
    (
        {
            "AccessControlPolicy": {
                "Owner": {"ID": "{owner}"},
                "Grants": [grant("FAKE", URI=LOGS, Type="Group")],
            }
        },
        "MalformedACLError",
        {},
    ),
    (
        {
            "AccessControlPolicy": {
                "Owner": {"ID": "{owner}"},
                "Grants": [grant(EmailAddress="ann@example.com", Type="AmazonCustomerByEmail")],
            }
        },
        "MethodNotAllowed",
        {},
    ),
    (
        {"AccessControlPolicy": {"Owner": {"ID": "{stranger}"}, "Grants": [GROUP]}},
        "AccessDenied",
        {},
    ),
    ({}, "MissingSecurityHeader", {"MissingHeaderName": "x-amz-acl"}),
    (
        {"ACL": "private", "GrantRead": f'uri="{LOGS}"'},
        "InvalidRequest",
        {"Message": "Specifying both Canned ACLs and Header Grants is not allowed"},
    ),
    (
        {
            "ACL": "private",
            "AccessControlPolicy": {"Owner": {"ID": "{owner}"}, "Grants": [GROUP]},
        },
        "UnexpectedContent",
        {"Message": "This request does not support content"},
    ),
]


def _filled(value: Any, owner: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, owner) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, owner) for one in value]
    if not isinstance(value, str):
        return value
    return value.replace("{owner}", owner).replace("{stranger}", names.canonical_id(OTHER))


def test_lists_that_are_none(s3: Any, listed: str, owner: str, refused: Refused) -> None:
    s3.put_object(Bucket=listed, Key="k")
    for arguments, code, members in REFUSED:
        given = _filled(arguments, owner)
        for call, where in ((s3.put_bucket_acl, {}), (s3.put_object_acl, {"Key": "k"})):
            error = refused(code, call, Bucket=listed, **where, **given)
            assert members.items() <= error.items(), (arguments, error)
    assert grants(s3.get_bucket_acl(Bucket=listed)) == [(owner, "FULL_CONTROL")]
    refused("NoSuchKey", s3.get_object_acl, Bucket=listed, Key="none")
    refused("NoSuchKey", s3.put_object_acl, Bucket=listed, Key="none", ACL="private")


def test_where_lists_are_off(s3: Any, bucket: str, owner: str, refused: Refused) -> None:
    """As in every new bucket: only what says that the owner has everything may be put."""
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    s3.put_object(Bucket=bucket, Key="k", GrantFullControl=f'id="{owner}"')
    code = "AccessControlListNotSupported"
    error = refused(code, s3.put_object, Bucket=bucket, Key="n", ACL="public-read")
    assert error["Message"] == "The bucket does not allow ACLs"
    refused(code, s3.put_object, Bucket=bucket, Key="n", GrantRead=f'uri="{ALL}"')
    refused(code, s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    source = {"Bucket": bucket, "Key": "k"}
    refused(code, s3.copy_object, Bucket=bucket, Key="n", CopySource=source, ACL="public-read")
    refused(code, s3.create_multipart_upload, Bucket=bucket, Key="n", ACL="public-read")
    refused("NoSuchKey", s3.get_object_acl, Bucket=bucket, Key="n")
    assert grants(s3.get_object_acl(Bucket=bucket, Key="k")) == [(owner, "FULL_CONTROL")]


def test_ownership_controls(s3: Any, new_bucket: Make, account: str, refused: Refused) -> None:
    """Recorded: test_crud_bucket_ownership_controls, test_bucket_ownership_controls_exc."""
    bucket = new_bucket()

    def told() -> str:
        answer = s3.get_bucket_ownership_controls(Bucket=bucket)
        return answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"]

    assert told() == "BucketOwnerEnforced"
    _let_lists_count(s3, bucket, "ObjectWriter")
    assert told() == "ObjectWriter"
    put = s3.put_bucket_ownership_controls
    for rules in (
        [{"ObjectOwnership": "BucketOwnerPreferred"}, {"ObjectOwnership": "ObjectWriter"}],
        [{"ObjectOwnership": "RandomValue"}],
        [],
    ):
        refused("MalformedXML", put, Bucket=bucket, OwnershipControls={"Rules": rules})
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    error = refused(
        "InvalidBucketAclWithObjectOwnership", put, Bucket=bucket, OwnershipControls=enforced
    )
    assert error["status"] == 400
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    put(Bucket=bucket, OwnershipControls=enforced)
    for _ in range(2):
        s3.delete_bucket_ownership_controls(Bucket=bucket)
    error = refused(
        "OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket=bucket
    )
    assert error["BucketName"] == bucket
    bucket = f"{bucket}-made"
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerPreferred")
    assert told() == "BucketOwnerPreferred"
    error = refused("InvalidArgument", s3.create_bucket, Bucket="xyz", ObjectOwnership="Random")
    assert error["Message"] == "Invalid x-amz-object-ownership header: Random"
    refused(
        "InvalidBucketAclWithObjectOwnership", s3.create_bucket, Bucket="xyz", ACL="public-read"
    )
    refused(
        "InvalidBucketAclWithBlockPublicAccessError",
        s3.create_bucket,
        Bucket="xyz",
        ACL="public-read",
        ObjectOwnership="ObjectWriter",
    )


def test_public_objects_are_read_by_anyone(
    s3: Any, listed: str, anyone: Any, stranger: Any, refused: Refused
) -> None:
    """One object's list says nothing of the next, nor of writing, nor of the bucket."""
    s3.put_object(Bucket=listed, Key="open", Body=b"1", ACL="public-read")
    s3.put_object(Bucket=listed, Key="closed", Body=b"2")
    for somebody in (anyone, stranger):
        assert somebody.get_object(Bucket=listed, Key="open")["Body"].read() == b"1"
        somebody.head_object(Bucket=listed, Key="open")
        one = {"Bucket": listed, "Key": "open"}
        refused("AccessDenied", somebody.get_object, Bucket=listed, Key="closed")
        refused("AccessDenied", somebody.get_object, Bucket=listed, Key="missing")
        refused("AccessDenied", somebody.put_object, **one, Body=b"3")
        refused("AccessDenied", somebody.delete_object, **one)
        refused("AccessDenied", somebody.get_object_acl, **one)
        refused("AccessDenied", somebody.put_object_acl, **one, ACL="public-read-write")
        refused("AccessDenied", somebody.get_object_tagging, **one)
        refused("AccessDenied", somebody.list_objects_v2, Bucket=listed)
    s3.put_object_acl(Bucket=listed, Key="open", ACL="authenticated-read")
    stranger.get_object(Bucket=listed, Key="open")
    refused("AccessDenied", anyone.get_object, Bucket=listed, Key="open")
    s3.put_object(Bucket=listed, Key="open", Body=b"1")
    refused("AccessDenied", stranger.get_object, Bucket=listed, Key="open")


def test_a_policys_denial_stands_above_every_list(
    s3: Any, listed: str, anyone: Any, refused: Refused
) -> None:
    s3.put_object(Bucket=listed, Key="open", ACL="public-read")
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{listed}/*",
    }
    text = f'{{"Version": "2012-10-17", "Statement": [{str(denied).replace(chr(39), chr(34))}]}}'
    s3.put_bucket_policy(Bucket=listed, Policy=text)
    refused("AccessDenied", anyone.get_object, Bucket=listed, Key="open")


def test_public_buckets(s3: Any, listed: str, anyone: Any, refused: Refused) -> None:
    """READ lists, WRITE makes new objects; whose they are may delete them, and nobody may touch another's."""
    s3.put_object(Bucket=listed, Key="ours", Body=b"1")
    refused("AccessDenied", anyone.list_objects_v2, Bucket=listed)
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    assert [one["Key"] for one in anyone.list_objects_v2(Bucket=listed)["Contents"]] == ["ours"]
    refused("AccessDenied", anyone.put_object, Bucket=listed, Key="theirs", Body=b"2")
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    anyone.put_object(Bucket=listed, Key="theirs", Body=b"2", ACL="public-read")
    anyone.put_object(Bucket=listed, Key="theirs", Body=b"3", ACL="bucket-owner-full-control")
    refused("AccessDenied", anyone.put_object, Bucket=listed, Key="ours", Body=b"3")
    refused("AccessDenied", anyone.delete_object, Bucket=listed, Key="ours")
    refused("AccessDenied", anyone.get_bucket_acl, Bucket=listed)
    refused("AccessDenied", anyone.delete_bucket, Bucket=listed)
    contents = s3.list_objects(Bucket=listed)["Contents"]
    assert contents[1]["Owner"]["ID"] == names.ANONYMOUS_ID
    assert s3.get_object(Bucket=listed, Key="theirs")["Body"].read() == b"3"
    deleted = anyone.delete_objects(Bucket=listed, Delete={"Objects": [{"Key": "theirs"}]})
    assert deleted["Deleted"] == [{"Key": "theirs"}]


def test_grants_to_an_account(
    s3: Any, listed: str, stranger: Any, anyone: Any, server: Server, refused: Refused
) -> None:
    """A grant to an account is its root's, and nobody else's of it until the account passes it on."""
    who = f'id="{names.canonical_id(OTHER)}"'
    s3.put_object(Bucket=listed, Key="k", Body=b"1", GrantRead=who, GrantReadACP=who)
    one = {"Bucket": listed, "Key": "k"}
    assert stranger.get_object(**one)["Body"].read() == b"1"
    stranger.get_object_acl(**one)
    refused("AccessDenied", stranger.put_object_acl, **one, ACL="private")
    refused("AccessDenied", anyone.get_object, **one)
    refused("AccessDenied", server.client("s3", "000000000778").get_object, **one)
    iam = server.client("iam", OTHER)
    name = f"u-{listed}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = server.client(
        "s3",
        OTHER,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    refused("AccessDenied", user.get_object, **one)
    allowed = '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}'
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument=f'{{"Version": "2012-10-17", "Statement": [{allowed}]}}',
    )
    user.get_object(**one)


def test_objects_are_their_writers(s3: Any, listed: str, stranger: Any, refused: Refused) -> None:
    """What another account writes is that account's: the bucket's owner may delete it, and no more, until a list lets
    him; where he is preferred, it becomes his by the canned list that gives him everything."""
    who = f'id="{names.canonical_id(OTHER)}"'
    s3.put_bucket_acl(Bucket=listed, GrantWrite=who)
    one = {"Bucket": listed, "Key": "theirs"}
    stranger.put_object(**one, Body=b"1")
    assert stranger.get_object(**one)["Body"].read() == b"1"
    refused("AccessDenied", s3.get_object, **one)
    refused("AccessDenied", s3.get_object_acl, **one)
    refused("AccessDenied", s3.put_object_acl, **one, ACL="public-read")
    source = {"CopySource": one}
    refused("AccessDenied", s3.copy_object, Bucket=listed, Key="copy", **source)
    stranger.put_object_acl(**one, ACL="bucket-owner-read")
    assert s3.get_object(**one)["Body"].read() == b"1"
    refused("AccessDenied", s3.get_object_acl, **one)
    stranger.put_object_acl(**one, ACL="bucket-owner-full-control")
    theirs = names.canonical_id(OTHER)
    answer = s3.get_object_acl(**one)
    assert answer["Owner"]["ID"] == theirs
    assert grants(answer)[0] == (theirs, "FULL_CONTROL")
    s3.delete_object(**one)
    _let_lists_count(s3, listed, "BucketOwnerPreferred")
    stranger.put_object(**one, ACL="bucket-owner-full-control")
    assert s3.get_object_acl(**one)["Owner"]["ID"] != theirs
    stranger_again = {"Bucket": listed, "Key": "again"}
    stranger.put_object(**stranger_again)
    refused("AccessDenied", s3.get_object, **stranger_again)
    s3.put_bucket_acl(Bucket=listed, ACL="private")
    _let_lists_count(s3, listed, "BucketOwnerEnforced")
    s3.get_object(**stranger_again)
    refused("AccessDenied", stranger.get_object, **stranger_again)


def test_blocked_lists(s3: Any, listed: str, anyone: Any, refused: Refused) -> None:
    """BlockPublicAcls refuses new ones, IgnorePublicAcls takes the effect of those that there are."""
    s3.put_object(Bucket=listed, Key="open", ACL="public-read")
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    block = {"BlockPublicAcls": True}
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration=block)
    anyone.get_object(Bucket=listed, Key="open")
    anyone.list_objects_v2(Bucket=listed)
    for call, arguments in (
        (s3.put_object, {"Key": "new", "ACL": "public-read"}),
        (s3.put_object, {"Key": "new", "GrantRead": f'uri="{KNOWN}"'}),
        (s3.put_object_acl, {"Key": "open", "ACL": "authenticated-read"}),
        (s3.copy_object, {"Key": "new", "CopySource": f"{listed}/open", "ACL": "public-read"}),
        (s3.create_multipart_upload, {"Key": "new", "ACL": "public-read"}),
        (s3.put_bucket_acl, {"ACL": "public-read-write"}),
    ):
        error = refused("AccessDenied", call, Bucket=listed, **arguments)
        assert "BlockPublicAcls" in error["Message"]
    s3.put_object(Bucket=listed, Key="new", ACL="private")
    block = {"IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration=block)
    refused("AccessDenied", anyone.get_object, Bucket=listed, Key="open")
    refused("AccessDenied", anyone.list_objects_v2, Bucket=listed)
    s3.put_object_acl(Bucket=listed, Key="new", ACL="public-read")
    refused("AccessDenied", anyone.get_object, Bucket=listed, Key="new")
    s3.delete_public_access_block(Bucket=listed)
    anyone.get_object(Bucket=listed, Key="new")


def test_lists_are_of_a_version(s3: Any, listed: str, anyone: Any, refused: Refused) -> None:
    """That the newest is open opens no earlier version, and the other way round."""
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})

    def put(acl: str) -> dict[str, str]:
        made = s3.put_object(Bucket=listed, Key="k", Body=b"x", ACL=acl)
        return {"Bucket": listed, "Key": "k", "VersionId": made["VersionId"]}

    closed, opened = put("private"), put("public-read")
    anyone.get_object(Bucket=listed, Key="k")
    anyone.get_object(**opened)
    refused("AccessDenied", anyone.get_object, **closed)
    refused("AccessDenied", anyone.delete_object, **opened)
    put("private")
    refused("AccessDenied", anyone.get_object, Bucket=listed, Key="k")
    anyone.get_object(**opened)
    s3.put_object_acl(**opened, ACL="private")
    refused("AccessDenied", anyone.get_object, **opened)
    s3.put_object_acl(**closed, ACL="public-read")
    anyone.get_object(**closed)
    assert len(s3.get_object_acl(**closed)["Grants"]) == 2
    assert len(s3.get_object_acl(Bucket=listed, Key="k")["Grants"]) == 1
    marker = s3.delete_object(Bucket=listed, Key="k")["VersionId"]
    refused("NoSuchKey", s3.get_object_acl, Bucket=listed, Key="k")
    refused("MethodNotAllowed", s3.put_object_acl, Bucket=listed, Key="k", ACL="private")
    refused("MethodNotAllowed", s3.get_object_acl, Bucket=listed, Key="k", VersionId=marker)


def test_each_version_has_a_list_of_its_own(
    s3: Any, listed: str, anyone: Any, stranger: Any, refused: Refused
) -> None:
    """That the newest is public says nothing of those before it, nor that an old one is of the newest."""
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})
    one = {"Bucket": listed, "Key": "k"}
    secret = s3.put_object(**one, Body=b"secret")["VersionId"]
    public = s3.put_object(**one, Body=b"public", ACL="public-read")["VersionId"]
    assert anyone.get_object(**one)["Body"].read() == b"public"
    assert anyone.get_object(**one, VersionId=public)["Body"].read() == b"public"
    refused("AccessDenied", anyone.get_object, **one, VersionId=secret)
    mine = {"Bucket": f"{listed}-theirs", "Key": "copy"}
    stranger.create_bucket(Bucket=mine["Bucket"])
    for version, allowed in ((public, True), (secret, False)):
        source = {"CopySource": {**one, "VersionId": version}}
        if allowed:
            stranger.copy_object(**mine, **source)
        else:
            refused("AccessDenied", stranger.copy_object, **mine, **source)
    s3.put_object_acl(**one, VersionId=secret, ACL="public-read")
    s3.put_object_acl(**one, ACL="private")
    assert anyone.get_object(**one, VersionId=secret)["Body"].read() == b"secret"
    refused("AccessDenied", anyone.get_object, **one)
    assert len(s3.get_object_acl(**one, VersionId=secret)["Grants"]) == 2
    assert len(s3.get_object_acl(**one)["Grants"]) == 1


def test_lists_of_delete_markers(s3: Any, listed: str, refused: Refused) -> None:
    """Recorded: test_put_object_acl_on_delete_marker."""
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})
    one = {"Bucket": listed, "Key": "k"}
    s3.put_object(**one)
    marker = s3.delete_object(**one)["VersionId"]
    error = refused("MethodNotAllowed", s3.put_object_acl, **one, ACL="public-read")
    assert (error["Method"], error["ResourceType"]) == ("PUT", "DeleteMarker")
    refused("NoSuchKey", s3.get_object_acl, **one)
    refused("MethodNotAllowed", s3.put_object_acl, **one, VersionId=marker, ACL="private")
    error = refused("MethodNotAllowed", s3.get_object_acl, **one, VersionId=marker)
    assert (error["Method"], error["ResourceType"]) == ("GET", "DeleteMarker")
