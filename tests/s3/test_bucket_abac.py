"""Attribute-based access control: a bucket's tags count in policies where it was switched on, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow, refusal

Make = Callable[..., Any]


def switch(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": status})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": status}


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "s3:BucketTag/team"])
def test_tags_of_buckets_count_where_it_is_on(
    s3: Any, bucket: str, client: Make, account: str, key: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "red"}]})
    ann = Person(client, account)
    ann.may(allow("s3:*", "*", Condition={"StringEquals": {key: "red"}}))
    mine = ann.client("s3")
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Disabled"}
    assert refusal(mine.get_object, Bucket=bucket, Key="k")[0] == "AccessDenied"
    switch(s3, bucket, "Enabled")
    mine.get_object(Bucket=bucket, Key="k")
    mine.list_objects_v2(Bucket=bucket)
    switch(s3, bucket, "Disabled")
    assert refusal(mine.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"


def test_tags_are_then_put_one_by_one(
    s3: Any, bucket: str, client: Make, account: str, refused: Callable[..., Any]
) -> None:
    """Whoever may only put tags must not thereby let himself in: that is TagResource's permission."""
    switch(s3, bucket, "Enabled")
    refused("InvalidRequest", s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": []})
    refused("InvalidRequest", s3.delete_bucket_tagging, Bucket=bucket)
    client("s3control").tag_resource(
        AccountId=account,
        ResourceArn=f"arn:aws:s3:::{bucket}",
        Tags=[{"Key": "team", "Value": "red"}],
    )
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "red"}]
    wrong = {"Status": "enabled"}
    refused("MalformedXML", s3.put_bucket_abac, Bucket=bucket, AbacStatus=wrong)
