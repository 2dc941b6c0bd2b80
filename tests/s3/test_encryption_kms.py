"""Encryption with keys of KMS: which key, in whose name, and what is told when it cannot be used."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow, refusal

Refused = Callable[..., dict[str, Any]]
Client = Callable[..., Any]

DATA = b"what KMS keeps " * 9000
KMS = {"ServerSideEncryption": "aws:kms"}


@pytest.fixture
def kms(client: Client) -> Any:
    return client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    """The ARN of a key."""
    return kms.create_key()["KeyMetadata"]["Arn"]


def by_default(s3: Any, bucket: str, *, bucket_key: bool = False, **given: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", **given},
        "BucketKeyEnabled": bucket_key,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    told = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert told == {"Rules": [rule]}


def test_a_key_is_named_in_many_ways(s3: Any, kms: Any, bucket: str, key: str) -> None:
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    for name in (key, key.rpartition("/")[2], "alias/mine", key.rpartition(":")[0] + ":alias/mine"):
        put = s3.put_object(Bucket=bucket, Key="k", Body=DATA, **KMS, SSEKMSKeyId=name)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
        assert put["ETag"] != f'"{hashlib.md5(DATA).hexdigest()}"', "it tells nothing of the body"
        got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=70000-70009")
        assert got["Body"].read() == DATA[70000:70010]
        assert (got["SSEKMSKeyId"], got["ETag"]) == (key, put["ETag"])
        assert "BucketKeyEnabled" not in got
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key


def test_the_key_of_s3_is_made_when_it_is_needed(s3: Any, kms: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=DATA, **KMS)
    managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert first["SSEKMSKeyId"] == managed["Arn"]
    assert managed["KeyManager"] == "AWS"
    by_default(s3, bucket, bucket_key=True)
    second = s3.put_object(Bucket=bucket, Key="k", Body=DATA)
    assert (second["SSEKMSKeyId"], second["BucketKeyEnabled"]) == (managed["Arn"], True)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["BucketKeyEnabled"]) == (DATA, True)
    other = s3.put_object(Bucket=bucket, Key="k", Body=DATA, BucketKeyEnabled=False)
    assert "BucketKeyEnabled" not in other
    plain = s3.put_object(Bucket=bucket, Key="k", Body=DATA, ServerSideEncryption="AES256")
    assert plain["ServerSideEncryption"] == "AES256"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=DATA)["ServerSideEncryption"] == "AES256"


def test_the_encryption_context_is_the_object_and_what_was_said(
    s3: Any, kms: Any, client: Client, account: str, bucket: str, key: str, refused: Refused
) -> None:
    """Key policies see it: who may use the key for this bucket only cannot for another."""
    given = base64.b64encode(json.dumps({"team": "blue"}).encode()).decode()
    put = {"Bucket": bucket, "Key": "k", "Body": DATA, **KMS, "SSEKMSKeyId": key}
    told = s3.put_object(**put, SSEKMSEncryptionContext=given)["SSEKMSEncryptionContext"]
    arn = f"arn:aws:s3:::{bucket}/k"
    assert json.loads(base64.b64decode(told)) == {"team": "blue", "aws:s3:arn": arn}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
    for wrong in ("x", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"a":1}').decode()):
        refused("InvalidArgument", s3.put_object, **put, SSEKMSEncryptionContext=wrong)
    ann = Person(client, account)
    only = {
        "StringEquals": {
            "kms:EncryptionContext:aws:s3:arn": arn,
            "kms:ViaService": "s3.us-east-1.amazonaws.com",
        }
    }
    ann.may(allow("s3:*"), allow("kms:GenerateDataKey", key, Condition=only))
    mine = ann.client("s3")
    mine.put_object(**put)
    code, message = refusal(mine.put_object, **{**put, "Key": "other"})
    assert code == "AccessDenied"
    assert "kms:GenerateDataKey" in message
    assert refusal(ann.client("kms").generate_data_key, KeyId=key, KeySpec="AES_256")[0] == (
        "AccessDeniedException"
    ), "through S3 only"


def test_the_caller_needs_the_key_and_not_only_the_object(
    s3: Any, client: Client, account: str, bucket: str, key: str
) -> None:
    ann = Person(client, account)
    ann.may(allow("s3:*"))
    mine = ann.client("s3")
    put = {"Bucket": bucket, "Key": "k", "Body": DATA, **KMS, "SSEKMSKeyId": key}
    s3.put_object(**put)
    reading = {"Bucket": bucket, "Key": "k"}
    code, message = refusal(mine.get_object, **reading)
    assert code == "AccessDenied"
    assert ann.arn in message
    assert "kms:Decrypt" in message
    assert refusal(mine.put_object, **put)[0] == "AccessDenied"
    assert refusal(mine.create_multipart_upload, **{**reading, **KMS, "SSEKMSKeyId": key})[0] == (
        "AccessDenied"
    )
    copying = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    assert refusal(mine.copy_object, **copying)[0] == "AccessDenied"
    mine.head_object(**reading)
    assert refusal(mine.head_object, **reading, ChecksumMode="ENABLED")[0] == "403"
    ann.may(allow("s3:*"), allow("kms:Decrypt", key))
    assert mine.get_object(**reading)["Body"].read() == DATA
    mine.head_object(**reading, ChecksumMode="ENABLED")
    mine.copy_object(**copying)
    assert refusal(mine.put_object, **put)[0] == "AccessDenied"
    ann.may(allow("s3:*"), allow("kms:GenerateDataKey", key))
    mine.put_object(**put)
    assert refusal(mine.get_object, **reading)[0] == "AccessDenied"


def test_a_bucket_key_is_for_who_was_let_in(
    s3: Any, client: Client, account: str, bucket: str, key: str
) -> None:
    """Keys stay in memory for some minutes: for one requester, and not for the next."""
    by_default(s3, bucket, bucket_key=True, KMSMasterKeyID=key)
    s3.put_object(Bucket=bucket, Key="k", Body=DATA)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
    ann = Person(client, account)
    ann.may(allow("s3:*"))
    mine = ann.client("s3")
    assert refusal(mine.get_object, Bucket=bucket, Key="k")[0] == "AccessDenied"
    assert refusal(mine.put_object, Bucket=bucket, Key="k", Body=b"")[0] == "AccessDenied"
    whole = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"}}
    ann.may(allow("s3:*"), allow("kms:*", key, Condition=whole))
    mine.put_object(Bucket=bucket, Key="k", Body=DATA)
    assert mine.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA


def test_keys_that_cannot_be_used(
    s3: Any, kms: Any, client: Client, account: str, bucket: str, key: str, refused: Refused
) -> None:
    """Codes and texts as recorded from AWS."""
    put = {"Bucket": bucket, "Key": "k", "Body": DATA, **KMS}
    for call, more in (
        (s3.put_object, put),
        (s3.create_multipart_upload, {"Bucket": bucket, "Key": "k", **KMS}),
    ):
        error = refused("KMS.NotFoundException", call, **more, SSEKMSKeyId="fake-key-id")
        assert error["Message"] == "Invalid keyId 'fake-key-id'"
        assert error["status"] == 400
    missing = "134f2428-cec1-4b25-a1ae-9048164dba47"
    error = refused("KMS.NotFoundException", s3.put_object, **put, SSEKMSKeyId=missing)
    assert error["Message"] == (
        f"Key 'arn:aws:kms:us-east-1:{account}:key/{missing}' does not exist"
    )
    elsewhere = client("kms", region_name="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    refused("KMS.NotFoundException", s3.put_object, **put, SSEKMSKeyId=elsewhere)
    s3.put_object(**put, SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    for call, more in ((s3.get_object, {}), (s3.put_object, {**put, "SSEKMSKeyId": key})):
        error = refused("KMS.DisabledException", call, **{"Bucket": bucket, "Key": "k", **more})
        assert error["Message"] == f"{key} is disabled."
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    error = refused("KMS.KMSInvalidStateException", s3.get_object, Bucket=bucket, Key="k")
    assert error["Message"] == f"{key} is pending deletion."
    refused("NoSuchBucket", s3.put_object, **{**put, "Bucket": "no-such-bucket-at-all"})


def test_a_rotated_key_still_opens(s3: Any, kms: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=DATA, **KMS, SSEKMSKeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA


def test_an_upload_in_parts(s3: Any, bucket: str, key: str, client: Client, account: str) -> None:
    parts_of = [os.urandom(5 * 1024 * 1024 + 3), b"the end"]
    upload: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    begun = s3.create_multipart_upload(**upload, **KMS, SSEKMSKeyId=key, BucketKeyEnabled=True)
    told = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}
    assert told.items() <= begun.items()
    upload["UploadId"] = begun["UploadId"]
    ann = Person(client, account)
    ann.may(allow("s3:*"))
    code, _ = refusal(ann.client("s3").upload_part, **upload, PartNumber=1, Body=b"1")
    assert code == "AccessDenied"
    parts = []
    for number, body in enumerate(parts_of, 1):
        made = s3.upload_part(**upload, PartNumber=number, Body=body)
        assert told.items() <= made.items()
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert told.items() <= done.items()
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(parts_of)
    assert told.items() <= got.items()
    assert got["ETag"].endswith('-2"')
    tail = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert tail["Body"].read() == b"the end"


def test_copies_are_encrypted_as_they_ask(
    s3: Any, kms: Any, bucket: str, key: str, new_bucket: Callable[[], str], refused: Refused
) -> None:
    """From key to key the bytes are encrypted anew, so that what the old key's end takes is the old object only."""
    md5 = f'"{hashlib.md5(DATA).hexdigest()}"'
    other = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(
        Bucket=bucket, Key="k", Body=DATA, **KMS, SSEKMSKeyId=key, ChecksumAlgorithm="SHA1"
    )
    source = {"CopySource": f"{bucket}/k"}
    plain = s3.copy_object(Bucket=bucket, Key="plain", **source)
    assert plain["ServerSideEncryption"] == "AES256"
    assert plain["CopyObjectResult"]["ETag"] == md5
    again = s3.copy_object(Bucket=bucket, Key="again", **source, **KMS, SSEKMSKeyId=other)
    assert again["SSEKMSKeyId"] == other
    assert again["CopyObjectResult"]["ETag"] != md5
    same = s3.copy_object(Bucket=bucket, Key="same", **source, **KMS, SSEKMSKeyId=key)
    assert same["SSEKMSKeyId"] == key
    elsewhere = new_bucket()
    by_default(s3, elsewhere, KMSMasterKeyID=other)
    theirs = s3.copy_object(Bucket=elsewhere, Key="k", CopySource=f"{bucket}/plain")
    assert theirs["SSEKMSKeyId"] == other
    assert s3.get_object(Bucket=bucket, Key="same")["Body"].read() == DATA
    head = s3.head_object(Bucket=bucket, Key="plain", ChecksumMode="ENABLED")
    assert head["ChecksumSHA1"] == base64.b64encode(hashlib.sha1(DATA).digest()).decode()
    kms.disable_key(KeyId=key)
    for where, name in ((bucket, "plain"), (bucket, "again"), (elsewhere, "k")):
        assert s3.get_object(Bucket=where, Key=name)["Body"].read() == DATA
    refused("KMS.DisabledException", s3.get_object, Bucket=bucket, Key="same")
    refused("KMS.DisabledException", s3.copy_object, Bucket=bucket, Key="no", **source)


def test_in_place_the_encryption_may_be_all_that_changes(
    s3: Any, bucket: str, key: str, refused: Refused
) -> None:
    """As recorded from AWS."""
    s3.put_object(Bucket=bucket, Key="k", Body=DATA, **KMS, SSEKMSKeyId=key)
    itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    assert s3.copy_object(**itself, **KMS)["SSEKMSKeyId"] != key
    back = s3.copy_object(**itself)
    assert back["ServerSideEncryption"] == "AES256", "another than the source's"
    refused("InvalidRequest", s3.copy_object, **itself)
    s3.copy_object(**itself, ServerSideEncryption="AES256")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA


def test_parts_are_copied_from_objects_of_any_kind(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key="kms", Body=DATA, **KMS, SSEKMSKeyId=key)
    s3.put_object(Bucket=bucket, Key="own", Body=DATA)
    for asked in ({}, {**KMS, "SSEKMSKeyId": key}):
        for source in ("kms", "own"):
            upload: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
            upload["UploadId"] = s3.create_multipart_upload(**upload, **asked)["UploadId"]
            copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/{source}")
            assert copied["ServerSideEncryption"] == ("aws:kms" if asked else "AES256")
            parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
