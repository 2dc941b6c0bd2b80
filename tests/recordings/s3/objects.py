"""Objects: what is put comes back, in versions and with tags."""

from __future__ import annotations

from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

WRONG_VERSION = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"


@scenario("TestS3ObjectCRUD::test_delete_object_versioned")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-delete"}
    first = s("put-object", "put_object", **o, Body="test-delete")["VersionId"]
    marker = s("delete-object", "delete_object", **o)["VersionId"]
    s("get-deleted-object", "get_object", **o)
    s("get-object-with-version", "get_object", **o, VersionId=first)
    s("get-delete-marker", "get_object", **o, VersionId=marker)
    s("delete-object-2", "delete_object", **o)
    s("list-object-versions", "list_object_versions", Bucket=b, Prefix="test-delete")
    s("delete-delete-marker", "delete_object", **o, VersionId=marker)
    s("delete-object-version", "delete_object", **o, VersionId=first)
    s("get-deleted-object-with-version", "get_object", **o, VersionId=first)
    s("delete-with-bad-version", "delete_object", **o, VersionId="bad-version-id-of-no-form")
    s("delete-wrong-key", "delete_object", Bucket=b, Key="wrong-key")


@scenario("TestS3ObjectCRUD::test_delete_object")
def _(s: Story) -> None:
    b = s.bucket()
    s("put-object", "put_object", Bucket=b, Key="test-delete", Body="test-delete")
    s("delete-object", "delete_object", Bucket=b, Key="test-delete")
    s("delete-nonexistent-object", "delete_object", Bucket=b, Key="test-delete")
    o = {"Bucket": b, "Key": "test-delete", "VersionId": WRONG_VERSION}
    s("delete-nonexistent-object-versionid", "delete_object", **o)


@scenario("TestS3ObjectCRUD::test_get_object_with_version_unversioned_bucket")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-version"}
    s("put-object", "put_object", **o, Body="test-version")
    s("get-obj-with-version", "get_object", **o, VersionId=WRONG_VERSION)
    s("get-obj-with-null-version", "get_object", **o, VersionId="null")


@scenario("TestS3ObjectCRUD::test_list_object_versions_order_unversioned")
def _(s: Story) -> None:
    b = s.bucket()
    s("list-empty", "list_object_versions", Bucket=b)
    s("put-object", "put_object", Bucket=b, Key="a-test-object-1", Body="test-object-1")
    s("put-object-3", "put_object", Bucket=b, Key="c-test-object-3", Body="test-object-3")
    s("put-object-2", "put_object", Bucket=b, Key="b-test-object-2", Body="test-object-2")
    s("list-object-versions", "list_object_versions", Bucket=b)


def _delete(*objects: dict[str, str], quiet: bool | None = None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Objects": list(objects)}
    if quiet is not None:
        wanted["Quiet"] = quiet
    return wanted


@scenario("TestS3ObjectCRUD::test_delete_objects")
def _(s: Story) -> None:
    b = s.bucket()
    s("put-object", "put_object", Bucket=b, Key="test-delete", Body="test-delete")
    wrong = _delete({"Key": "test-delete", "VersionId": WRONG_VERSION})
    s("delete-object-wrong-version-id", "delete_objects", Bucket=b, Delete=wrong)
    keys = [{"Key": key} for key in ("a-wrong-key", "c-wrong-key", "test-delete")]
    answer = s("delete-objects", "delete_objects", Bucket=b, Delete=_delete(*keys))
    answer["Deleted"].sort(key=lambda one: one["Key"])


@scenario("TestS3ObjectCRUD::test_delete_objects_versioned")
def _(s: Story) -> None:
    b, key = s.bucket(), "test-delete"
    s.versioned(b)
    first = s("put-object", "put_object", Bucket=b, Key=key, Body="test-delete")["VersionId"]
    keys = [{"Key": one} for one in (key, "wrongkey", "wrongkey-x")]
    label = "delete-objects-no-version-id"
    gone = s(label, "delete_objects", Bucket=b, Delete=_delete(*keys))["Deleted"]
    gone.sort(key=lambda one: one["Key"])
    marker = {"Key": key, "VersionId": gone[0]["DeleteMarkerVersionId"]}
    s("delete-objects-marker", "delete_objects", Bucket=b, Delete=_delete(marker))
    wrong = [{"Key": one, "VersionId": WRONG_VERSION} for one in (key, "wrong-key-2")]
    label = "delete-objects-wrong-version-id"
    answer = s(label, "delete_objects", Bucket=b, Delete=_delete(*wrong))
    answer["Errors"].sort(key=lambda one: one["Key"])
    version = {"Key": key, "VersionId": first}
    s("delete-objects-version-id", "delete_objects", Bucket=b, Delete=_delete(version))


@scenario("TestS3ObjectCRUD::test_put_object_on_suspended_bucket")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-version"}
    for number in range(3):
        s(f"put-object-{number}", "put_object", **o, Body=f"test-version-{number}")
    s("list-enabled", "list_object_versions", Bucket=b)
    s.versioned(b, "Suspended")
    s("list-suspended", "list_object_versions", Bucket=b)
    s("put-object-suspended", "put_object", **o, Body="test-version-suspended")
    s("list-suspended-after-put", "list_object_versions", Bucket=b)
    s("put-object-suspended-overwrite", "put_object", **o, Body="test-version-suspended")
    s("list-suspended-after-overwrite", "list_object_versions", Bucket=b)
    s("get-object-current", "get_object", **o)


@scenario("TestS3ObjectCRUD::test_delete_object_on_suspended_bucket")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-delete-suspended"}
    for number in range(2):
        s(f"put-object-{number}", "put_object", **o, Body=f"test-version-{number}")
    s.versioned(b, "Suspended")
    s("list-suspended", "list_object_versions", Bucket=b)
    s("delete-object-no-version", "delete_object", **o)
    s("list-suspended-delete", "list_object_versions", Bucket=b)
    s("put-object-suspended", "put_object", **o, Body="test-version-suspended-after-delete")
    s("list-suspended-put", "list_object_versions", Bucket=b)
    s("delete-object-no-version-after-put", "delete_object", **o)
    s("list-suspended-after-put", "list_object_versions", Bucket=b)


@scenario("TestS3BucketCRUD::test_delete_versioned_bucket_with_objects")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test"}
    first = s.do("put_object", **o, Body="b")["VersionId"]
    marker = s.do("delete_object", **o)["VersionId"]
    s("delete-with-obj-and-delete-marker", "delete_bucket", Bucket=b)
    s("delete-obj-by-version", "delete_object", **o, VersionId=first)
    s("delete-with-only-delete-marker", "delete_bucket", Bucket=b)
    s("delete-marker-by-version", "delete_object", **o, VersionId=marker)
    s("success-delete-bucket", "delete_bucket", Bucket=b)


@scenario("TestS3BucketCRUD::test_delete_bucket_with_objects")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    s.do("put_object", **o, Body="b")
    s("delete-with-obj", "delete_bucket", Bucket=o["Bucket"])
    s("delete-obj", "delete_object", **o)
    s("delete-bucket", "delete_bucket", Bucket=o["Bucket"])


@scenario("TestS3BucketVersioning::test_bucket_versioning_crud")
def _(s: Story) -> None:
    b = s.bucket()

    def put(label: str, how: dict[str, str], bucket: str = b) -> None:
        s(label, "put_bucket_versioning", Bucket=bucket, VersioningConfiguration=how)

    s("get-versioning-before", "get_bucket_versioning", Bucket=b)
    put("put-versioning-suspended-before", {"Status": "Suspended"})
    s("get-versioning-after-suspended", "get_bucket_versioning", Bucket=b)
    put("put-versioning-enabled-lowercase", {"Status": "enabled"})
    put("put-versioning-enabled-capitalized", {"Status": "Enabled"})
    s("get-versioning-after-enabled", "get_bucket_versioning", Bucket=b)
    put("put-versioning-suspended-after", {"Status": "Suspended"})
    put("put-versioning-disabled", {"Status": "Disabled"})
    put("put-versioning-empty", {})
    put("put-versioning-no-bucket", {"Status": "Suspended"}, f"{b}-none")
    s("get-versioning-no-bucket", "get_bucket_versioning", Bucket=f"{b}-none")


@scenario("TestS3BucketVersioning::test_object_version_id_format")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    s("put-object", "put_object", Bucket=b, Key="k")


# --- tags


def _tags(*pairs: tuple[str | None, str | None]) -> dict[str, Any]:
    found: list[dict[str, str]] = []
    for key, value in pairs:
        one = {} if key is None else {"Key": key}
        found.append(one if value is None else {**one, "Value": value})
    return {"TagSet": found}


@scenario("TestS3BucketObjectTagging::test_bucket_tagging_crud")
def _(s: Story) -> None:
    b = s.bucket()
    s("get-bucket-tags-empty", "get_bucket_tagging", Bucket=b)
    two = _tags(("tag1", "tag1"), ("tag2", ""))
    s("put-bucket-tags", "put_bucket_tagging", Bucket=b, Tagging=two)
    s("get-bucket-tags", "get_bucket_tagging", Bucket=b)
    s("put-bucket-tags-overwrite", "put_bucket_tagging", Bucket=b, Tagging=_tags(("tag3", "tag3")))
    s("get-bucket-tags-overwritten", "get_bucket_tagging", Bucket=b)
    s("delete-bucket-tags", "delete_bucket_tagging", Bucket=b)
    s("put-bucket-tags-empty", "put_bucket_tagging", Bucket=b, Tagging=_tags())


@scenario("TestS3BucketObjectTagging::test_object_tagging_crud")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-tagging"}
    s("put-object", "put_object", **o, Body="test-tagging")
    s("get-object-tags-empty", "get_object_tagging", **o)
    two = _tags(("tag1", "tag1"), ("tag2", ""))
    s("put-object-tags", "put_object_tagging", **o, Tagging=two)
    s("get-object-tags", "get_object_tagging", **o)
    s("put-object-tags-overwrite", "put_object_tagging", **o, Tagging=_tags(("tag3", "tag3")))
    s("get-object-tags-overwritten", "get_object_tagging", **o)
    s("get-obj-after-tags", "get_object", **o)
    s("delete-object-tags", "delete_object_tagging", **o)
    s("get-object-tags-deleted", "get_object_tagging", **o)
    s("get-obj-after-tags-deleted", "get_object", **o)


@scenario("TestS3BucketObjectTagging::test_put_object_with_tags")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-put-object-tagging"}

    def tagged(label: str, **at: str) -> None:
        s(label, "get_object_tagging", **at)["TagSet"].sort(key=lambda tag: tag["Key"])

    s("put-object", "put_object", **o, Body="test-tagging", Tagging="tag1=tag1&tag2=tag2&tag=")
    tagged("get-object-tags", **o)
    s("put-object-tags", "put_object_tagging", **o, Tagging=_tags(("tag3", "tag3")))
    tagged("get-object-tags-override", **o)
    s("head-obj", "head_object", **o)
    s("get-obj", "get_object", **o)
    s.do("put_object", **o, Body="test-tagging", Tagging="wrongquery&wrongagain")
    tagged("get-object-tags-wrong-format-qs", **o)
    s.do("put_object", **o, Body="test-tagging", Tagging="key1&&&key2")
    tagged("get-object-tags-wrong-format-qs-2", **o)


@scenario("TestS3BucketObjectTagging::test_bucket_tagging_exc")
def _(s: Story) -> None:
    none = {"Bucket": f"{s.bucket()}-none"}
    s("get-no-bucket-tags", "get_bucket_tagging", **none)
    s("delete-no-bucket-tags", "delete_bucket_tagging", **none)
    s("put-no-bucket-tags", "put_bucket_tagging", **none, Tagging=_tags())


@scenario("TestS3BucketObjectTagging::test_object_tagging_versioned")
def _(s: Story) -> None:
    b = s.bucket()
    s.versioned(b)
    o = {"Bucket": b, "Key": "test-version-tagging"}
    ids: list[str] = []
    for number in range(2):
        given = {"Body": f"test-{number}", "Tagging": f"test_tag=tagv{number + 1}"}
        ids.append(s(f"put-obj-{number}", "put_object", **o, **given)["VersionId"])
    first, second = ({"VersionId": one} for one in ids)
    put, get, delete = "put_object_tagging", "get_object_tagging", "delete_object_tagging"
    s("put-object-tags-current-version", put, **o, Tagging=_tags(("tag3", "tag3")))
    s("get-object-tags-current-version", get, **o)
    s("get-object-tags-previous-version", get, **o, **first)
    label = "put-object-tags-previous-version"
    s(label, put, **o, **first, Tagging=_tags(("tag1", "tag1")))
    s("get-object-tags-previous-version-again", get, **o, **first)
    s.do(delete, **o)
    s("get-object-tags-deleted-current", get, **o)
    s.do(delete, **o, **second)
    s("get-object-tags-previous-version-deleted", get, **o, **second)
    marker = {"VersionId": s("put-delete-marker", "delete_object", **o)["VersionId"]}
    some = _tags(("tag1", "tag1"))
    for label, which in (("id", marker), ("latest", {})):
        s(f"put-object-tags-delete-marker-{label}", put, **o, **which, Tagging=some)
        s(f"get-object-tags-delete-marker-{label}", get, **o, **which)
        s(f"delete-object-tags-delete-marker-{label}", delete, **o, **which)


@scenario("TestS3BucketObjectTagging::test_object_tagging_exc")
def _(s: Story) -> None:
    b = s.bucket()
    put, get, delete = "put_object_tagging", "get_object_tagging", "delete_object_tagging"
    for label, at in (
        ("bucket", {"Bucket": f"{b}-none", "Key": "fake-key"}),
        ("key", {"Bucket": b, "Key": "fake-key"}),
    ):
        s(f"get-no-{label}-tags", get, **at)
        s(f"delete-no-{label}-tags", delete, **at)
        s(f"put-no-{label}-tags", put, **at, Tagging=_tags())
    o = {"Bucket": b, "Key": "wrong-tags", "Body": ""}
    s("put-obj-duplicate-tagging", "put_object", **o, Tagging="key1=val1&key1=val2")
    s("put-obj-wrong-format", "put_object", **o, Tagging="key1=val1,key2=val2")


@scenario("TestS3BucketObjectTagging::test_object_tags_delete_or_overwrite_object")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-tagging"}
    s.do("put_object", **o, Body="", Tagging="tag1=val1")
    s("get-object-after-creation", "get_object_tagging", **o)
    s.do("put_object", **o, Body="")
    s("get-object-after-overwrite", "get_object_tagging", **o)
    s.do("delete_object", **o)
    s.do("put_object", **o, Body="")
    s("get-object-after-recreation", "get_object_tagging", **o)


@scenario("TestS3BucketObjectTagging::test_tagging_validation")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    o = {**b, "Key": "invalid-tags"}
    s.do("put_object", **o, Body="")
    twice = _tags(("Key1", "Val1"), ("Key1", "Val1"))
    key, value = _tags(("Key1,Key2", "Val1")), _tags(("Key1", "Val1,Val2"))
    no_key, no_value = _tags((None, "Val1")), _tags(("Key1", None))
    aws = _tags(("aws:prefixed", "Val1"))
    for label, given in (
        ("duplicate-keys", twice),
        ("invalid-key", key),
        ("none-key", no_key),
        ("invalid-value", value),
        ("none-value", no_value),
        ("aws-prefixed", aws),
    ):
        s(f"put-bucket-tags-{label}", "put_bucket_tagging", **b, Tagging=given)
    for label, given in (
        ("duplicate-keys", twice),
        ("invalid-field", key),
        ("aws-prefixed", aws),
        ("none-key", no_key),
        ("none-value", no_value),
    ):
        s(f"put-object-tags-{label}", "put_object_tagging", **o, Tagging=given)


@scenario("TestS3BucketObjectTagging::test_put_object_tagging_none_value")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k"}
    s.do("put_object", **o, Body="", Tagging="tag1=tag1")
    s("put-none-tag-set", "put_object_tagging", **o, Tagging={"TagSet": []})
    s("get-object-tags-none", "get_object_tagging", **o)


@scenario("TestS3BucketObjectTagging::test_put_bucket_tagging_none_value")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    s("put-bucket-tags-origin", "put_bucket_tagging", **b, Tagging=_tags(("tag1", "tag1")))
    s("put-none-tag-set", "put_bucket_tagging", **b, Tagging={"TagSet": []})
    s("no-such-tag-set", "get_bucket_tagging", **b)


def _made_with(*pairs: tuple[str | None, str | None]) -> dict[str, Any]:
    return {"CreateBucketConfiguration": {"Tags": _tags(*pairs)["TagSet"]}}


@scenario("TestS3BucketObjectTagging::test_create_bucket_with_tags_us_east_1_idempotency")
def _(s: Story) -> None:
    b = {"Bucket": f"tagged-{s.account}"}
    one = _made_with(("tag1", "value1"))
    s("create-bucket-with-tags", "create_bucket", **b, **one)
    s("get-bucket-tags", "get_bucket_tagging", **b)
    s("create-bucket-different-tags", "create_bucket", **b, **_made_with(("tag2", "value2")))
    s("create-bucket-with-no-tags", "create_bucket", **b)
    s("get-bucket-tags-after-re-create", "get_bucket_tagging", **b)
    s("create-bucket-with-same-tags", "create_bucket", **b, **one)
    s("create-bucket-with-empty-tags", "create_bucket", **b, **_made_with())
    s("get-bucket-tags-after-create-empty", "get_bucket_tagging", **b)


@scenario("TestS3BucketObjectTagging::test_create_bucket_with_tags_exc")
def _(s: Story) -> None:
    b = {"Bucket": f"tagged2-{s.account}"}
    for label, pair in (
        ("key-none", (None, "value1")),
        ("value-none", ("key", None)),
        ("key-aws-prefix", ("aws:test", "value1")),
        ("key-aws-bad-value", ("test", "value1,value2")),
        ("key-aws-bad-key", ("test,test2", "value1")),
    ):
        s(f"tags-{label}", "create_bucket", **b, **_made_with(pair))


@scenario("TestS3BucketObjectTagging::test_create_bucket_with_empty_tags")
def _(s: Story) -> None:
    b = {"Bucket": f"tagged3-{s.account}"}
    s("create-bucket-with-empty-tags", "create_bucket", **b, **_made_with())
    s("get-bucket-tags", "get_bucket_tagging", **b)
    s("create-bucket-with-none-tags", "create_bucket", **b)


@scenario("TestS3BucketObjectTagging::test_head_object_with_tags")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-head"}
    s("put-object", "put_object", **o, Body="test-tagging", Tagging="tag1=tag1&tag2=tag2&tag=")
    s("head-obj-after-create", "head_object", **o)
    s("put-object-tags", "put_object_tagging", **o, Tagging=_tags(("tag3", "tag3")))
    s("head-obj-after-tagging", "head_object", **o)
    s.do("put_object", **o, Body="test-tagging", Tagging="tag1=tag1&tag2=tag2&tag=")
    s("head-obj-after-overwrite", "head_object", **o)
    s.do("delete_object_tagging", **o)
    s("head-obj-after-removal", "head_object", **o)
