"""MinIO's client for Python: streams of unknown length, copies made of many, tags, policies, listing."""

from __future__ import annotations

import io
import json
import os
from urllib.parse import urlsplit

import minio
import pytest
from minio.commonconfig import ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.versioningconfig import ENABLED, VersioningConfig

from persons import Person

PART = 5 * 1024 * 1024


@pytest.fixture
def store(endpoint: str, ann: Person) -> minio.Minio:
    key, secret = ann.keys.values()
    return minio.Minio(urlsplit(endpoint).netloc, key, secret, secure=False)


def test_streams_and_what_is_made_of_them(store: minio.Minio, bucket: str) -> None:
    large = os.urandom(2 * PART + 7)
    store.put_object(bucket, "a/ä b+c", io.BytesIO(large), -1, part_size=PART)
    with store.get_object(bucket, "a/ä b+c", offset=PART - 3, length=6) as answer:
        assert answer.read() == large[PART - 3 : PART + 3]
    source = ComposeSource(bucket, "a/ä b+c")
    store.compose_object(bucket, "twice", [source, source])
    assert store.stat_object(bucket, "twice").size == 2 * len(large)
    store.copy_object(bucket, "one", CopySource(bucket, "a/ä b+c"))
    names = [one.object_name for one in store.list_objects(bucket, recursive=True)]
    assert names == ["a/ä b+c", "one", "twice"]
    gone = store.remove_objects(bucket, [DeleteObject(name) for name in names if name])
    assert list(gone) == []
    with pytest.raises(minio.S3Error, match="NoSuchKey"):
        store.stat_object(bucket, "one")


def test_what_is_set_on_buckets_and_objects(store: minio.Minio, bucket: str) -> None:
    assert store.bucket_exists(bucket)
    assert not store.bucket_exists("nobodys-bucket")
    store.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    first = store.put_object(bucket, "k", io.BytesIO(b"1"), 1, metadata={"note": "a"})
    store.put_object(bucket, "k", io.BytesIO(b"2"), 1)
    with store.get_object(bucket, "k", version_id=first.version_id) as answer:
        assert answer.read() == b"1"
    tags = Tags.new_object_tags()
    tags["colour"] = "blue"
    store.set_object_tags(bucket, "k", tags)
    assert store.get_object_tags(bucket, "k") == tags
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/secret/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    store.set_bucket_policy(bucket, policy)
    assert json.loads(store.get_bucket_policy(bucket))["Statement"] == [statement]
    versions = store.list_objects(bucket, include_version=True)
    assert [one.is_latest for one in versions] == ["true", "false"]
