"""Uploads in parts, copies, checksums, and reading under conditions."""

from __future__ import annotations

import base64
import datetime
import gzip
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
MIB = 1024 * 1024


def _begin(s: Story, key: str, label: str = "made", **more: Any) -> dict[str, Any]:
    o = {"Bucket": s.bucket(), "Key": key}
    return {**o, "UploadId": s(label, "create_multipart_upload", **o, **more)["UploadId"]}


def _parts(*tags: tuple[int, str]) -> dict[str, Any]:
    return {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in tags]}


@scenario("TestS3::test_multipart_and_list_parts")
def _(s: Story) -> None:
    o = _begin(s, "test-list-parts", "create-multipart")
    b = {"Bucket": o["Bucket"]}
    s("list-part-after-created", "list_parts", **o)
    s("list-all-uploads", "list_multipart_uploads", **b)
    tag = s("upload-part", "upload_part", **o, PartNumber=1, Body="upload-part-1" * 5)["ETag"]
    s("list-part-after-upload", "list_parts", **o)
    s("list-all-uploads-after", "list_multipart_uploads", **b)
    s("complete-multipart", "complete_multipart_upload", **o, MultipartUpload=_parts((1, tag)))
    s("list-part-after-complete-exc", "list_parts", **o)
    s("list-all-uploads-completed", "list_multipart_uploads", **b)
    at = {**b, "Key": o["Key"], "ChecksumMode": "ENABLED"}
    s("head-multipart-checksum", "head_object", **at)
    s("get-multipart-checksum", "get_object", **at)


@scenario("TestS3::test_multipart_no_such_upload")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "fake", "UploadId": "fakeid"}
    s("upload-exc", "upload_part", **o, Body="data", PartNumber=1)
    s("complete-exc", "complete_multipart_upload", **o, MultipartUpload=_parts((1, "x")))
    s("abort-exc", "abort_multipart_upload", **o)


@scenario("TestS3::test_multipart_complete_multipart_too_small")
def _(s: Story) -> None:
    o = _begin(s, "test-upload-part")
    tags = [
        s(f"upload-part{n}", "upload_part", **o, PartNumber=n, Body="data")["ETag"] for n in (1, 2)
    ]
    s("complete-exc-no-parts", "complete_multipart_upload", **o)
    parts = _parts(*enumerate(tags, 1))
    s("complete-exc-too-small", "complete_multipart_upload", **o, MultipartUpload=parts)


@scenario("TestS3::test_multipart_complete_multipart_wrong_part")
def _(s: Story) -> None:
    o = _begin(s, "test-upload-part")
    tag = s.do("upload_part", **o, PartNumber=1, Body="data")["ETag"]
    op = "complete_multipart_upload"
    s("complete-exc-wrong-part-number", op, **o, MultipartUpload=_parts((2, tag)))
    wrong = _parts((1, "d41d8cd98f00b204e9800998ecf8427e"))
    s("complete-exc-wrong-etag", op, **o, MultipartUpload=wrong)


@scenario("TestS3::test_multipart_key_validation")
def _(s: Story) -> None:
    o = _begin(s, "test-upload-part")
    tag = s.do("upload_part", **o, PartNumber=1, Body="data")["ETag"]
    wrong = {**o, "Key": "wrong-key"}
    s("upload-part-wrong-key-name", "upload_part", **wrong, PartNumber=1, Body="data")
    parts = _parts((1, tag))
    label = "complete-multipart-wrong-key-name"
    s(label, "complete_multipart_upload", **wrong, MultipartUpload=parts)
    s("list-parts-wrong-key-name", "list_parts", **wrong)
    s("abort-multipart-wrong-key-name", "abort_multipart_upload", **wrong)


@scenario("TestS3::test_multipart_overwrite_key", "TestS3::test_multipart_copy_object_etag")
def _(s: Story) -> None:
    key = "test.file"
    o = {"Bucket": s.bucket(), "Key": key}
    content = "test content 123"
    s("put-object", "put_object", **o, Body=content)
    made = {**o, "UploadId": s.do("create_multipart_upload", **o)["UploadId"]}
    tag = s.do("upload_part", **made, PartNumber=1, Body=content)["ETag"]
    s("multipart-upload", "complete_multipart_upload", **made, MultipartUpload=_parts((1, tag)))
    source = {"CopySource": f"{o['Bucket']}/{key}"}
    s("copy-object", "copy_object", Bucket=o["Bucket"], Key="copied", **source)
    s("copy-object-in-place", "copy_object", **o, **source, MetadataDirective="REPLACE")
    s("head-obj", "head_object", **o, ChecksumMode="ENABLED")


@scenario("TestS3::test_complete_multipart_parts_order")
def _(s: Story) -> None:
    o = _begin(s, "test-order-parts")
    s("upload-part-negative-part-number", "upload_part", **o, PartNumber=-1, Body="x")
    body, op = "x" * (5 * MIB), "complete_multipart_upload"
    tags = [s.do("upload_part", **o, PartNumber=n, Body=body)["ETag"] for n in (1, 2, 3)]
    mixed = _parts((1, tags[0]), (3, tags[2]), (2, tags[1]))
    s("complete-multipart-unordered", op, **o, MultipartUpload=mixed)


@scenario("TestS3::test_get_object_part")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test.file"}
    made = {**o, "UploadId": s.do("create_multipart_upload", **o)["UploadId"]}
    content = "test content 123"
    bodies = (content * (5 * MIB // len(content) + 1), content)
    tags = [
        s.do("upload_part", **made, PartNumber=n, Body=b)["ETag"] for n, b in enumerate(bodies, 1)
    ]
    parts = _parts(*enumerate(tags, 1))
    s("multipart-upload", "complete_multipart_upload", **made, MultipartUpload=parts)
    s("head-object-part", "head_object", **o, PartNumber=2)
    s("get-object-part", "get_object", **o, PartNumber=2)
    s("get-object-part-with-checksum", "get_object", **o, PartNumber=2, ChecksumMode="ENABLED")
    s("part-doesnt-exist", "get_object", **o, PartNumber=10)
    s("part-with-range", "get_object", **o, PartNumber=2, Range="bytes=0-8")
    single = {"Bucket": o["Bucket"], "Key": "single"}
    s.do("put_object", **single, Body="test-123")
    s("part-no-multipart", "get_object", **single, PartNumber=2)
    s("get-obj-no-multipart", "get_object", **single, PartNumber=1)


@scenario("TestS3::test_put_object_storage_class_outposts")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k", "StorageClass": "OUTPOSTS"}
    s("put-object-outposts", "put_object", **o, Body="body")
    s("create-multipart-outposts-exc", "create_multipart_upload", **o)


CLASSES = ("STANDARD", "STANDARD_IA", "GLACIER_IR", "ONEZONE_IA", "INTELLIGENT_TIERING")


@scenario(
    *(f"TestS3::test_put_object_storage_class[{name}-True]" for name in CLASSES),
    "TestS3::test_put_object_storage_class[REDUCED_REDUNDANCY-True]",
    "TestS3::test_put_object_storage_class[GLACIER-False]",
    "TestS3::test_put_object_storage_class[DEEP_ARCHIVE-False]",
)
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-put-storage-class"}
    name = s.name.partition("[")[2].partition("-")[0]
    s.do("put_object", **o, Body="body-test", StorageClass=name)
    wanted = ["StorageClass"]
    s("get-object-storage-class", "get_object_attributes", **o, ObjectAttributes=wanted)
    s("get-object", "get_object", **o)


# --- checksums


@scenario(*(f"TestS3PutObjectChecksum::test_put_object_checksum[{name}]" for name in ALGORITHMS))
def _(s: Story) -> None:
    name = s.name.partition("[")[2][:-1]
    o = {"Bucket": s.bucket(), "Key": "file-checksum"}
    given = {"ChecksumAlgorithm": name, f"Checksum{name}": "invalid"}
    s("put-wrong-checksum-no-b64", "put_object", **o, Body="test data..", **given)
    sizes = {"CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
    other = bytes(sizes.get(name, 4))
    given[f"Checksum{name}"] = base64.b64encode(other).decode()
    s("put-wrong-checksum-value", "put_object", **o, Body="test data..", **given)
    wanted = {"ObjectAttributes": ["ETag", "Checksum"]}
    s("put-object-generated", "put_object", **o, Body="test data..", ChecksumAlgorithm=name)
    s("get-object-attrs-generated", "get_object_attributes", **o, **wanted)
    s("put-object-autogenerated", "put_object", **o, Body="test data..", ChecksumAlgorithm=name)
    s("get-object-attrs-auto-generated", "get_object_attributes", **o, **wanted)
    s("head-object-with-checksum", "head_object", **o, ChecksumMode="ENABLED")


@scenario(
    *(
        f"TestS3PutObjectChecksum::test_s3_get_object_checksum[{name}]"
        for name in (*ALGORITHMS, "None")
    )
)
def _(s: Story) -> None:
    name = s.name.partition("[")[2][:-1]
    o = {"Bucket": s.bucket(), "Key": "test-checksum-retrieval"}
    given = {} if name == "None" else {"ChecksumAlgorithm": name}
    s("put-object", "put_object", **o, Body="test-checksum", **given)
    s("get-object", "get_object", **o)
    s("get-object-with-checksum", "get_object", **o, ChecksumMode="ENABLED")
    s("head-object-with-checksum", "get_object", **o, ChecksumMode="ENABLED")
    s("get-object-attrs", "get_object_attributes", **o, ObjectAttributes=["Checksum"])


@scenario("TestS3PutObjectChecksum::test_s3_checksum_no_algorithm")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "k", "Body": "test data.."}
    right = "2l26x0trnT0r2AvakoFk2MB7eKVKzYESLMxSAKAzoik="
    s("put-wrong-checksum", "put_object", **o, ChecksumSHA256="TEST")
    s("put-2-checksums", "put_object", **o, ChecksumSHA256=right, ChecksumCRC32="cZWHwQ==")
    s("put-right-checksum", "put_object", **o, ChecksumSHA256=right)
    s("head-obj", "head_object", Bucket=o["Bucket"], Key="k", ChecksumMode="ENABLED")


@scenario(*(f"TestS3::test_s3_copy_object_with_checksum[{name}]" for name in ALGORITHMS))
def _(s: Story) -> None:
    name = s.name.partition("[")[2][:-1]
    o = {"Bucket": s.bucket(), "Key": "source-object"}
    given = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    s("put-object-no-checksum", "put_object", **o, Body='{"key": "value"}', **given)
    wanted = {"ObjectAttributes": ["Checksum"]}
    s("object-attrs", "get_object_attributes", **o, **wanted)
    copy = {"CopySource": f"{o['Bucket']}/source-object"}
    how = {"ChecksumAlgorithm": name, "MetadataDirective": "REPLACE"}
    s("copy-object-in-place-with-checksum", "copy_object", **o, **copy, **how)
    s("object-attrs-after-copy", "get_object_attributes", **o, **wanted)
    label = "copy-object-to-dest-keep-checksum"
    s(label, "copy_object", Bucket=o["Bucket"], Key="dest", **copy)


@scenario("TestS3MultipartUploadChecksum::test_multipart_parts_checksum_exceptions_composite")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-multipart-checksum-exc"}
    op = "create_multipart_upload"
    s("create-mpu-wrong-checksum-algo", op, **o, ChecksumAlgorithm="TEST")
    s("create-mpu-no-checksum-algo-with-type", op, **o, ChecksumType="COMPOSITE")
    how = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "COMPOSITE"}
    made = {**o, "UploadId": s("create-mpu-composite-checksum", op, **o, **how)["UploadId"]}
    s("list-multiparts", "list_multipart_uploads", Bucket=o["Bucket"])
    part = s("upload-part-no-checksum-ok", "upload_part", **made, PartNumber=1, Body="abc")
    done = "complete_multipart_upload"
    sha = "lsqcnL4kIqzlHdLfqjvzCPgsuFmsWVCC0Dcq7b6mS4k="
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": sha}]}
    s("complete-part-with-checksum", done, **made, MultipartUpload=parts)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    how = {"ChecksumType": "FULL_OBJECT"}
    s("complete-part-with-bad-checksum-type", done, **made, MultipartUpload=parts, **how)
    made = {
        **o,
        "UploadId": s("create-mpu-with-checksum", op, **o, ChecksumAlgorithm="SHA256")["UploadId"],
    }
    label = "upload-part-different-checksum-exc"
    s(label, "upload_part", **made, PartNumber=1, Body="abc", ChecksumAlgorithm="CRC32")


@scenario("TestS3::test_s3_invalid_content_md5")
def _(s: Story) -> None:
    b = s.bucket()
    o = {"Bucket": b, "Key": "test-key", "Body": "something"}
    made = s.do("create_multipart_upload", Bucket=b, Key="multi-key")["UploadId"]
    part = {"Bucket": b, "Key": "multi-key", "UploadId": made, "PartNumber": 1, "Body": "something"}
    wrong = ("__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc=")
    right = "Q3uTDbhLgHnC3YBKcZNrXw=="
    for number, md5 in enumerate(wrong):
        s(f"md5-error-{number}", "put_object", **o, ContentMD5=md5)
        s(f"upload-part-md5-error-{number}", "upload_part", **part, ContentMD5=md5)
    s("md5-error-bad-digest", "put_object", **o, ContentMD5="CYketZBSTjX8czcs3cXVlg==")
    s("success-put-object-md5", "put_object", **o, ContentMD5=right)
    s("upload-part-md5-bad-digest", "upload_part", **part, ContentMD5="CYketZBSTjX8czcs3cXVlg==")
    s("success-upload-part-md5", "upload_part", **part, ContentMD5=right)


@scenario("TestS3::test_s3_upload_download_gzip")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test.gz"}
    body = gzip.compress(b"any content", mtime=0)
    s("put-object", "put_object", **o, Body=body, ContentEncoding="gzip")
    s("get-object", "get_object", **o)
    for label in ("put-object", "get-object"):  # of another body
        told = s.said[label]
        told.update({name: value for name, value in _GZIPPED.items() if name in told})


_GZIPPED: dict[str, Any] = {
    "ETag": '"5287ceabf01e3e9c080606b5a5b9bf70"',
    "ChecksumCRC32": "KBARJw==",
    "ContentLength": 41,
}


# --- copies


@scenario("TestS3::test_s3_copy_metadata_replace", "TestS3::test_s3_copy_content_type_and_metadata")
def _(s: Story) -> None:
    b = s.bucket()
    replaced = s.name.endswith("replace")
    o = {"Bucket": b, "Key": "source-object"}
    given: dict[str, Any] = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    if replaced:
        given["ContentLanguage"] = "en-US"
    s("put_object", "put_object", **o, Body='{"key": "value"}', **given)
    s("head_object", "head_object", **o)
    copy = {"Bucket": b, "Key": "copy", "CopySource": f"{b}/source-object"}
    how: dict[str, Any] = {
        "MetadataDirective": "REPLACE",
        "Metadata": {"another-key": "value"},
        "ContentType": "image/jpg",
    }
    s("copy_object", "copy_object", **copy, **(how if replaced else {}))
    s("head_object_copy", "head_object", Bucket=b, Key="copy")
    ignored = {"Metadata": {"other": "x"}, "ContentType": "image/jpg"}
    copy["Key"] = "copy2"
    s("copy_object_second", "copy_object", **copy, **ignored, MetadataDirective="COPY")
    s("head_object_second_copy", "head_object", Bucket=b, Key="copy2")


@scenario("TestS3::test_s3_copy_metadata_directive_copy")
def _(s: Story) -> None:
    b = s.bucket()
    o = {"Bucket": b, "Key": "source-object"}
    given = {"Metadata": {"key": "value"}, "ContentLanguage": "en-US"}
    s("put-object", "put_object", **o, Body="test", **given)
    s("head-object", "head_object", **o)
    copy = {"Bucket": b, "Key": "dest", "CopySource": f"{b}/source-object"}
    how = {"MetadataDirective": "COPY", "Metadata": {"key2": "value2"}, "ContentLanguage": "en-GB"}
    s("copy-object", "copy_object", **copy, **how)
    s("head-object-copy", "head_object", Bucket=b, Key="dest")


@scenario("TestS3::test_s3_copy_object_in_place_metadata_directive")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "source-object"}
    given = {"ContentType": "application/json", "Metadata": {"key": "value"}}
    s("put_object", "put_object", **o, Body='{"key": "value"}', **given)
    s("head_object", "head_object", **o)
    op, copy = "copy_object", {**o, "CopySource": f"{o['Bucket']}/source-object"}
    s("no-metadata-directive-fail", op, **copy, Metadata={"key2": "value2"})
    s(
        "copy-replace-directive",
        op,
        **copy,
        MetadataDirective="REPLACE",
        Metadata={"key2": "value2"},
    )
    s("head-replace-directive", "head_object", **o)
    how: dict[str, Any] = {"MetadataDirective": "COPY", "StorageClass": "STANDARD"}
    s("copy-copy-directive", op, **copy, **how)
    s("head-copy-directive", "head_object", **o)
    s("copy-copy-directive-ignore", op, **copy, **how, Metadata={"key3": "value3"})
    s("head-copy-directive-ignore", "head_object", **o)
    s("copy-replace-directive-empty", op, **copy, MetadataDirective="REPLACE")
    s("head-replace-directive-empty", "head_object", **o)


@scenario(
    *(f"TestS3::test_s3_copy_tagging_directive[{how}]" for how in ("COPY", "REPLACE", "None"))
)
def _(s: Story) -> None:
    directive = s.name.partition("[")[2][:-1]
    how = {} if directive == "None" else {"TaggingDirective": directive}
    b = s.bucket()
    source = {"Bucket": b, "Key": "source-object-tag"}
    s("put-object", "put_object", **source, Body="test", Tagging="key1=value1")
    s("get-object-tag", "get_object_tagging", **source)
    copy = {"Bucket": b, "CopySource": f"{b}/source-object-tag", **how}
    s("copy-object", "copy_object", **copy, Key="one", Tagging="key2=value2")
    s("get-copy-object-tag", "get_object_tagging", Bucket=b, Key="one")
    s("copy-object-tag-empty", "copy_object", **copy, Key="two")
    s("get-copy-object-tag-empty", "get_object_tagging", Bucket=b, Key="two")


@scenario("TestS3::test_s3_copy_object_src_not_exists")
def _(s: Story) -> None:
    b, op = s.bucket(), "copy_object"
    at = {"Bucket": b, "Key": "dest"}
    s("copy-object-src-bucket-not-exists", op, **at, CopySource=f"{b}-none/k")
    key = "random-src-key"
    s("copy-object-src-object-not-exists", op, **at, CopySource=f"{b}/{key}")
    s.versioned(b)
    version = s("put-obj-versioned", "put_object", Bucket=b, Key=key)["VersionId"]
    marker = s("del-obj-versioned", "delete_object", Bucket=b, Key=key)["VersionId"]
    s("copy-object-src-delete-marker-current-version", op, **at, CopySource=f"{b}/{key}")
    label = "copy-object-src-target-delete-marker"
    s(label, op, **at, CopySource=f"{b}/{key}?versionId={marker}")
    label = "copy-object-src-target-object-version"
    s(label, op, **at, CopySource=f"{b}/{key}?versionId={version}")


@scenario("TestS3::test_s3_copy_object_wrong_format")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "dest"}
    s("copy-object-wrong-copy-source", "copy_object", **o, CopySource="wrongformat")


# --- conditions on reading and copying

PAST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
FUTURE = datetime.timedelta(minutes=10)


@scenario(
    "TestS3::test_s3_get_object_preconditions[get_object]",
    "TestS3::test_s3_get_object_preconditions[head_object]",
)
def _(s: Story) -> None:
    op = s.name.partition("[")[2][:-1]
    o = {"Bucket": s.bucket(), "Key": "test-object"}
    s.do("put_object", **o, Body="data")
    head = s.do("head_object", **o)
    tag, at = head["ETag"], head["LastModified"]
    s("precondition-if-match", op, **o, IfMatch='"not-the-etag"')
    s("precondition-if-unmodified-since", op, **o, IfUnmodifiedSince=PAST)
    s("precondition-if-none-match", op, **o, IfNoneMatch=tag)
    s("copy-precondition-if-modified-since", op, **o, IfModifiedSince=at)
    s("obj-ignore-future-modified-since", op, **o, IfModifiedSince=at + FUTURE)
    s("etag-missing-quotes", op, **o, IfNoneMatch=tag.strip('"'))
    s("precondition-if-unmodified-since-is-object", op, **o, IfUnmodifiedSince=at)
    s("precondition-if-modified-since-is-object", op, **o, IfModifiedSince=at)
    good = {"IfMatch": tag, "IfNoneMatch": "not-the-etag", "IfModifiedSince": PAST}
    s("obj-success", op, **o, **good, IfUnmodifiedSince=at)


@scenario("TestS3CopySourcePreconditions::test_s3_copy_object_preconditions")
def _(s: Story) -> None:
    b, op = s.bucket(), "copy_object"
    s.do("put_object", Bucket=b, Key="source", Body="data")
    head = s("head-object", "head_object", Bucket=b, Key="source")
    tag, at = head["ETag"], head["LastModified"]
    o = {"Bucket": b, "Key": "dest", "CopySource": f"{b}/source"}
    s("copy-precondition-if-match", op, **o, CopySourceIfMatch="not-the-etag")
    s("copy-precondition-if-unmodified-since", op, **o, CopySourceIfUnmodifiedSince=PAST)
    s("copy-precondition-if-none-match", op, **o, CopySourceIfNoneMatch=tag)
    s("copy-precondition-if-modified-since", op, **o, CopySourceIfModifiedSince=at)
    s("copy-ignore-future-modified-since", op, **o, CopySourceIfModifiedSince=at + FUTURE)
    s("copy-etag-missing-quotes", op, **o, CopySourceIfNoneMatch=tag.strip('"'))
    good = {"CopySourceIfMatch": tag, "CopySourceIfNoneMatch": "not-the-etag"}
    s("copy-success", op, **o, **good, CopySourceIfModifiedSince=PAST)


@scenario("TestS3::test_invalid_range_error")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "my-key"}
    s.do("put_object", **o, Body="abcdefgh")
    s("exc", "get_object", **o, Range="bytes=1024-4096")


@scenario("TestS3::test_s3_get_object_header_overrides")
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "key-header-overrides"}
    s.do("put_object", **o, Body="something")
    s(
        "get-object",
        "get_object",
        **o,
        ResponseCacheControl="max-age=74",
        ResponseContentDisposition='attachment; filename="foo.jpg"',
        ResponseContentEncoding="identity",
        ResponseContentLanguage="de-DE",
        ResponseContentType="image/jpeg",
        ResponseExpires="2015-10-21T07:28:00Z",
    )
