"""Hosts, headers and metadata as they go over the wire, and what anybody may do without a name."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED

from recordings.s3.raw import ask, signed, signer, virtual
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

HOST = "s3.localhost"

# --- hosts


@scenario("TestS3::test_bucket_does_not_exist")
def _(s: Story) -> None:
    none = {"Bucket": f"nobodys-{s.account}"}
    s("list_object", "list_objects", **none)
    s.of(virtual(s), "list_object_vhost", "list_objects", **none)


@scenario("TestS3::test_bucket_name_with_dots")
def _(s: Story) -> None:
    b = f"my.bucket.{s.bucket()}"
    s.do("create_bucket", Bucket=b)
    s.do("delete_public_access_block", Bucket=b)
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s.do("put_bucket_ownership_controls", Bucket=b, OwnershipControls=rules)
    s.do("put_bucket_acl", Bucket=b, ACL="public-read")
    s.do("put_object", Bucket=b, Key="my-content", Body="something")
    s("list-objects", "list_objects", Bucket=b)
    s.said["request-vhost-url-content"] = ask(s, f"http://{b}.{HOST}/").said
    s.said["request-path-url-content"] = ask(s, f"/{b}").said


@scenario("TestS3::test_create_bucket_head_bucket")
def _(s: Story) -> None:
    one, two = (f"{s.bucket()}-{name}" for name in ("one", "two"))
    west = s.make("s3", region_name="us-west-1")
    place = {"LocationConstraint": "us-west-1"}
    s("create_bucket", "create_bucket", Bucket=one)
    label = "create_bucket_location_constraint"
    s.of(west, label, "create_bucket", Bucket=two, CreateBucketConfiguration=place)
    for label, client, b in (("head_bucket", s.s3, one), ("head_bucket_2", west, two)):
        headers = s.of(client, label, "head_bucket", Bucket=b)["ResponseMetadata"]["HTTPHeaders"]
        s.said[f"{label}_filtered_header"] = {
            name: value
            for name, value in headers.items()
            if name == "content-type" or name.startswith("x-")
        }
    s("head_bucket_not_exist", "head_bucket", Bucket=f"nobodys-{s.account}")


@scenario(
    *(f"TestS3::test_get_object_content_length_with_virtual_host[{how}]" for how in (True, False))
)
def _(s: Story) -> None:
    b = s.bucket()
    s.do("put_object", Bucket=b, Key="key", Body="123")
    style = "virtual" if "True" in s.name else "path"
    s3 = signer(s, s3={"addressing_style": style})
    url = s3.generate_presigned_url("get_object", Params={"Bucket": b, "Key": "key"})
    s.said["get-obj-content-len-headers"] = ask(s, url).headers


@scenario("TestS3::test_set_external_hostname")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC64NVME")
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": "test.file"}
    for label in ("multipart-upload", "get-object"):
        upload = {"UploadId": s.do("create_multipart_upload", **o)["UploadId"]}
        tag = s.do("upload_part", **o, **upload, PartNumber=1, Body="x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        s(label, "complete_multipart_upload", **o, **upload, MultipartUpload=parts)


@scenario("TestS3::test_create_bucket_aws_global")
def _(s: Story) -> None:
    b = f"{s.bucket()}-global"
    refused = signed(s, f"/{b}", "PUT", region="aws-global")
    s.said["xml-error-create-bucket"] = refused.said
    s("create-bucket-global", "create_bucket", Bucket=b)
    s("head-bucket-global", "head_bucket", Bucket=b)
    s("get-location-1", "get_bucket_location", Bucket=b)
    s("list-buckets", "list_buckets", Prefix=b)


# --- headers


def _metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """But for what follows from how often the tests' clients try."""
    told = answer["ResponseMetadata"].items()
    return {name: value for name, value in told if name != "MaxAttemptsReached"}


@scenario("TestS3::test_put_and_get_object_with_content_language_disposition")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    how = {"ContentLanguage": "de", "CacheControl": "no-cache"}
    shown = {"ContentDisposition": 'attachment; filename="foo.jpg"'}
    came = s("put-object", "put_object", **o, Body="abc123", **how, **shown)
    s.said["put-object-headers"] = _metadata(came)
    came = s("get-object", "get_object", **o, ChecksumMode="ENABLED")
    s.said["get-object-headers"] = _metadata(came)


@scenario("TestS3::test_get_object_attributes_with_space")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumSHA256")
    o = {"Bucket": s.bucket(), "Key": "test"}
    s.do("put_object", **o, Body=b"x" * 9, ChecksumAlgorithm="SHA256")
    for how, joint in (("with", ", "), ("without", ",")):
        wanted = joint.join(("ETag", "Checksum", "ObjectSize", "StorageClass"))
        headers = {"x-amz-object-attributes": wanted}
        came = signed(s, f"/{o['Bucket']}/test?attributes", headers=headers)
        s.said[f"get-attrs-{how}-whitespace"] = came.said


@scenario("TestS3::test_s3_get_object_headers")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    tag = s.do("put_object", **o, Body="test")["ETag"]
    for label, how in (
        ("if_none_match_err_1", {"IfNoneMatch": tag}),
        ("if_none_match_err_2", {"IfNoneMatch": tag.strip('"')}),
        ("if_none_match_1", {"IfNoneMatch": "etag"}),
        ("if_match_1", {"IfMatch": tag}),
        ("if_match_2", {"IfMatch": tag.strip('"')}),
        ("if_match_err_1", {"IfMatch": "etag"}),
    ):
        came = s(label, "get_object", **o, **how)
        s.said[label] = came.get("Error", came["ResponseMetadata"]["HTTPStatusCode"])


@scenario("TestS3PutObjectChecksum::test_s3_checksum_no_automatic_sdk_calculation")
def _(s: Story) -> None:
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": "test"}
    body, url = b"test data..", f"/{o['Bucket']}/test"
    member, named = "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"
    right = base64.b64encode(hashlib.sha256(body).digest()).decode()
    s.said["wrong-checksum"] = signed(s, url, "PUT", body, {member: "wrong"}).said
    for label, headers in (
        ("right-checksum", {member: right}),
        ("only-checksum-algo", {named: "SHA256"}),
        ("diff-checksum-algo", {named: "CRC32", member: right}),
        ("no-checksum", {}),
    ):
        assert signed(s, url, "PUT", body, headers).status == 200
        s(f"head-obj-{label}", "head_object", **o, ChecksumMode="ENABLED")
    wanted = {"ObjectAttributes": ["Checksum"]}
    s("get-obj-attrs-no-checksum", "get_object_attributes", **o, **wanted)
    to = {**o, "Key": "copy"}
    s("copy-obj-default-checksum", "copy_object", **to, CopySource=url[1:])
    s("get-copy-obj-attrs-no-checksum", "get_object_attributes", **to, **wanted)


@scenario("TestS3::test_upload_file_multipart")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC32")
    o = {"Bucket": s.bucket(), "Key": "test"}
    config = TransferConfig(multipart_threshold=1024, use_threads=False)
    path = s.files / "uploaded"
    path.write_bytes(b"x" * 6144)
    s.s3.upload_file(str(path), **o, Config=config)
    s("get_object", "get_object", **o, ChecksumMode="ENABLED")


@scenario(*(f"TestS3::test_url_encoded_key[{virtual}]" for virtual in (True, False)))
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b = s.bucket()
    s3 = virtual(s) if "True" in s.name else s.s3
    for key, size in (("test@key/", 16), ("test%40key", 24), ("test%40key/", 12)):
        s3.put_object(Bucket=b, Key=key, Body=b"x" * size)
    s.of(s3, "list-object-encoded-char", "list_objects_v2", Bucket=b)


# --- metadata


@scenario("TestS3::test_system_metadata_with_unicode")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    name = "test_—_file%E2%80%94_é_2.pdf"
    shown = {"ContentDisposition": f'attachment; filename="{name}"', "ContentLanguage": "de"}
    s("put-object", "put_object", **o, CacheControl="ÄMÄZÕÑ S3", **shown)
    s("get-object", "get_object", **o, ChecksumMode="ENABLED")


def _word(data: bytes) -> str:
    return f"=?UTF-8?B?{base64.b64encode(data).decode()}?="


@scenario("TestS3::test_user_metadata_rfc2047_encoded")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    metadata = {
        "asciib64-encoded": _word(b"abc"),
        "fake-encoded": "=?UTF-8?Q?actually-ascii?=",
        "non-ascii": _word("test_—_file%E2%80%94_é_2?.pdf".encode()),
        "non-ascii-2": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        "non-ascii-binary": _word(bytes(range(4))),
        "replacement-chars": _word(b"\xff" * 7),
        "safe-chars": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    }
    s("put-object", "put_object", **o, Metadata=metadata)
    s("get-object", "get_object", **o, ChecksumMode="ENABLED")


@scenario("TestS3::test_user_metadata_rfc2047_bad_b64_encoded")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test"}
    s("put-object", "put_object", **o, Metadata={"bad-b64-encoded": _word(b"\xffa\xff")})
    s("get-object", "get_object", **o, ChecksumMode="ENABLED")


# --- anybody


@scenario("TestS3::test_get_object_with_anon_credentials")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(acls=True), "Key": "test"}
    s.do("put_object", **o, Body="body data", ACL="public-read")
    anybody = s.make("s3", signature_version=UNSIGNED)
    s.of(anybody, "get_object", "get_object", **o, ChecksumMode="ENABLED")


@scenario("TestS3::test_s3_batch_delete_public_objects_using_requests")
def _(s: Story) -> None:
    b = s.bucket(acls=True)
    s.do("put_bucket_acl", Bucket=b, ACL="public-read-write")
    keys = [f"key-created-by-anonymous-{number}" for number in (1, 2)]
    for key in keys:
        assert ask(s, f"/{b}/{key}", "PUT", b"x").status == 200
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    body = f"<Delete>{objects}</Delete>".encode()
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    came = ask(s, f"/{b}?delete", "POST", body, {"Content-MD5": digest})
    s.said["multi-delete-with-requests"] = came.said
    s("list-remaining-objects", "list_objects", Bucket=b)


@scenario("TestS3::test_s3_multipart_upload_acls")
def _(s: Story) -> None:
    b = s.bucket(acls=True)
    s.do("put_bucket_acl", Bucket=b, ACL="public-read")
    s("bucket-acl", "get_bucket_acl", Bucket=b)
    for number, acl in enumerate(("", "private", "public-read-write")):
        o: dict[str, Any] = {"Bucket": b, "Key": f"acl-key{number}"}
        how = {"ACL": acl} if acl else {}
        upload = {"UploadId": s.do("create_multipart_upload", **o, **how)["UploadId"]}
        tag = s.do("upload_part", **o, **upload, PartNumber=1, Body="x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        s.do("complete_multipart_upload", **o, **upload, MultipartUpload=parts)
        s(f"permission-acl-key{number}", "get_object_acl", **o)
