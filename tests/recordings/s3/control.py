"""What s3control tells of accounts, access points and tags."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
POINT = "TestS3ControlAccessPoint::test_access_point_"


def _control(s: Story) -> tuple[Any, dict[str, str]]:
    return s.make("s3control"), {"AccountId": s.account}


@scenario("TestS3ControlPublicAccessBlock::test_crud_public_access_block")
def _(s: Story) -> None:
    control, at = _control(s)
    get, delete = "get_public_access_block", "delete_public_access_block"
    s.of(control, "get-default-public-access-block", get, **at)
    block = {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCK, False)}
    s.of(control, "put-public-access-block", "put_public_access_block", **at, **block)
    s.of(control, "get-public-access-block", get, **at)
    s.of(control, "delete-public-access-block", delete, **at)
    s.of(control, "get-public-access-block-after-delete", get, **at)
    s.of(control, "idempotent-delete-public-access-block", delete, **at)


@scenario("TestS3ControlPublicAccessBlock::test_empty_public_access_block")
def _(s: Story) -> None:
    control, at = _control(s)
    none: dict[str, Any] = {"PublicAccessBlockConfiguration": {}}
    s.of(control, "put-public-access-block-empty", "put_public_access_block", **at, **none)


@scenario(f"{POINT}bucket_not_exists")
def _(s: Story) -> None:
    control, at = _control(s)
    given = {**at, "Name": "test-point", "Bucket": f"none-{s.account}"}
    s.of(control, "access-point-bucket-not-exists", "create_access_point", **given)


@scenario(f"{POINT}name_validation")
def _(s: Story) -> None:
    control, at = _control(s)
    b = s.bucket()
    for label, name in (("wrong-naming", "xn-_test-alias"), ("name-too-short", "sa")):
        given = {**at, "Name": name, "Bucket": b}
        s.of(control, f"access-point-{label}", "create_access_point", **given)


@scenario(f"{POINT}already_exists")
def _(s: Story) -> None:
    control, at = _control(s)
    given = {**at, "Name": "test-point", "Bucket": s.bucket()}
    control.create_access_point(**given)
    s.of(control, "access-point-already-exists", "create_access_point", **given)


@scenario(f"{POINT}lifecycle")
def _(s: Story) -> None:
    control, at = _control(s)
    control.create_access_point(**at, Name="test-point-b", Bucket=s.bucket())
    lists, get, delete = "list_access_points", "get_access_point", "delete_access_point"
    s.of(control, "list-access-points-start", lists, **at)
    one = {**at, "Name": "test-point-a"}
    s.of(control, "create-access-point", "create_access_point", **one, Bucket=s.bucket())
    s.of(control, "get-access-point", get, **one)
    s.of(control, "list-access-points-after-create", lists, **at)
    s.of(control, "delete-access-point", delete, **one)
    s.of(control, "list-access-points-after-delete", lists, **at)
    s.of(control, "get-delete-access-point", get, **one)
    s.of(control, "delete-already-deleted-access-point", delete, **one)


@scenario(f"{POINT}public_access_block_configuration")
def _(s: Story) -> None:
    control, at = _control(s)
    b = s.bucket()
    for number, (label, block) in enumerate(
        (
            ("empty-pabc", {}),
            ("partial-pabc", {"BlockPublicAcls": False}),
            ("partial-true-pabc", {"BlockPublicAcls": True}),
            ("pabc-not-set", None),
        )
    ):
        one = {**at, "Name": f"test-point-{number}"}
        how: dict[str, Any] = {"PublicAccessBlockConfiguration": block}
        given = {"Bucket": b, **({} if block is None else how)}
        s.of(control, f"put-ap-{label}", "create_access_point", **one, **given)
        s.of(control, f"get-ap-{label}", "get_access_point", **one)
    control.create_access_point(**at, Name="test-point-z", Bucket=s.bucket())
    s.of(control, "list-access-points", "list_access_points", **at)


@scenario(f"{POINT}pagination")
def _(s: Story) -> None:
    control, at = _control(s)
    first, second, third = s.bucket(), s.bucket(), s.bucket()
    made = (("test-point-2", first), ("test-point-1", first), ("test-point-3", second))
    for number, (name, b) in enumerate(made):
        given = {**at, "Name": name, "Bucket": b}
        s.of(control, f"create-access-point-{number}", "create_access_point", **given)
    control.create_access_point(**at, Name="test-point-4", Bucket=third)
    lists = "list_access_points"
    s.of(control, "list-all", lists, **at)
    page = s.of(control, "list-one-max", lists, **at, MaxResults=1)
    for label in ("list-one-next", "list-one-next-2"):
        page = s.of(control, label, lists, **at, MaxResults=1, NextToken=page["NextToken"])
    s.of(control, "list-by-bucket", lists, **at, Bucket=first)


OF_TAGS = "TestS3ControlTagging::test_tag_"


def _tagged(*pairs: tuple[str | None, str | None]) -> list[dict[str, str]]:
    members = ("Key", "Value")
    return [
        {name: one for name, one in zip(members, pair, strict=True) if one is not None}
        for pair in pairs
    ]


@scenario(f"{OF_TAGS}lifecycle")
def _(s: Story) -> None:
    control, at = _control(s)
    on = {**at, "ResourceArn": f"arn:aws:s3:::{s.bucket()}"}
    lists, tag, untag = "list_tags_for_resource", "tag_resource", "untag_resource"
    s.of(control, "list-tags-before", lists, **on)
    s.of(control, "tag-resource", tag, **on, Tags=_tagged(("key1", "value1"), ("key2", "value2")))
    s.of(control, "list-tags-1", lists, **on)
    s.of(control, "tag-resource-after-update", tag, **on, Tags=_tagged(("key3", "value3")))
    s.of(control, "list-tags-after-update", lists, **on)
    s.of(control, "untag-resource", untag, **on, TagKeys=["key3"])
    s.of(control, "list-tags-after-untag", lists, **on)
    s.of(control, "untag-resource-idempotent", untag, **on, TagKeys=["key3"])


@scenario(f"{OF_TAGS}operation_no_bucket")
def _(s: Story) -> None:
    control, at = _control(s)
    on = {**at, "ResourceArn": f"arn:aws:s3:::none-{s.account}"}
    s.of(control, "tag-resource-no-exist", "tag_resource", **on, Tags=_tagged(("k", "v")))
    s.of(control, "untag-resource-no-exist", "untag_resource", **on, TagKeys=["k"])
    s.of(control, "list-resource-tags-no-exist", "list_tags_for_resource", **on)


@scenario(f"{OF_TAGS}resource_validation")
def _(s: Story) -> None:
    control, at = _control(s)
    on = {**at, "ResourceArn": f"arn:aws:s3:::{s.bucket()}"}
    for label, tags in (
        ("key-none", _tagged((None, "value"))),
        ("value-none", _tagged(("key", None))),
        ("key-aws-prefix", _tagged(("aws:prefix", "value"))),
        ("key-aws-duplicated-key", _tagged(("key", "one"), ("key", "two"))),
        ("key-aws-bad-value", _tagged(("key", "wrong,value"))),
        ("key-aws-bad-key", _tagged(("wrong,key", "value"))),
    ):
        s.of(control, f"tags-{label}", "tag_resource", **on, Tags=tags)
