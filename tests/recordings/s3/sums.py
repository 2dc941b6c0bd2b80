"""Checksums: of parts, of what is made of them, and of copies."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

OF_UPLOADS = "TestS3MultipartUploadChecksum::test_"
ALGORITHMS = ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME")
LENGTHS = {"CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
CREATE, COMPLETE = "create_multipart_upload", "complete_multipart_upload"


def _parameters(s: Story) -> list[str]:
    return s.name.partition("[")[2].removesuffix("]").split("-")


def _begun(s: Story, label: str, key: str, **how: str) -> dict[str, Any]:
    o: dict[str, Any] = {"Bucket": s.bucket(), "Key": key}
    return {**o, "UploadId": s(label, CREATE, **o, **how)["UploadId"]}


def _parts(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"Parts": [{"PartNumber": number, **part} for number, part in enumerate(parts, 1)]}


@scenario(
    *(
        f"{OF_UPLOADS}multipart_checksum_type_compatibility[{kind}-{name}]"
        for kind in ("COMPOSITE", "FULL_OBJECT")
        for name in ALGORITHMS
    )
)
def _(s: Story) -> None:
    kind, name = _parameters(s)
    o = {"Bucket": s.bucket(), "Key": "test-multipart-checksum-compat"}
    refused = name == "CRC64NVME" if kind == "COMPOSITE" else name.startswith("SHA")
    label = f"create-mpu-checksum{'-exc' if refused else ''}"
    s(label, CREATE, **o, ChecksumAlgorithm=name, ChecksumType=kind)


@scenario(*(f"{OF_UPLOADS}multipart_checksum_type_default_for_checksum[{n}]" for n in ALGORITHMS))
def _(s: Story) -> None:
    o = {"Bucket": s.bucket(), "Key": "test-multipart-checksum-default"}
    s("create-mpu-default-checksum-type", CREATE, **o, ChecksumAlgorithm=_parameters(s)[0])


@scenario(*(f"{OF_UPLOADS}multipart_upload_part_checksum_exception[{n}]" for n in ALGORITHMS))
def _(s: Story) -> None:
    name = _parameters(s)[0]
    part = {**_begun(s, "made", "test-part", ChecksumAlgorithm=name), "PartNumber": 1}
    member = f"Checksum{name}"
    s("put-wrong-checksum-no-b64", "upload_part", **part, Body="abc", **{member: "invalid"})
    other = base64.b64encode(bytes(LENGTHS.get(name, 4))).decode()
    s("put-wrong-checksum-value", "upload_part", **part, Body="abc", **{member: other})


@scenario(f"{OF_UPLOADS}multipart_size_validation")
def _(s: Story) -> None:
    made = _begun(s, "create-mpu", "test-multipart-size")
    tag = s("upload-part", "upload_part", **made, PartNumber=1, Body="aaaa")["ETag"]
    parts = {"MultipartUpload": _parts({"ETag": tag})}
    s("complete-multipart-wrong-size", COMPLETE, **made, **parts, MpuObjectSize=5)
    s("complete-multipart-good-size", COMPLETE, **made, **parts, MpuObjectSize=4)
    at = {"Bucket": made["Bucket"], "Key": made["Key"]}
    s("get-object-attrs", "get_object_attributes", **at, ObjectAttributes=["Checksum", "ETag"])


def _read(s: Story, made: dict[str, Any]) -> dict[str, Any]:
    at = {"Bucket": made["Bucket"], "Key": made["Key"]}
    s("get-object-with-checksum", "get_object", **at, ChecksumMode="ENABLED")
    s("head-object-with-checksum", "head_object", **at, ChecksumMode="ENABLED")
    wanted = ["Checksum", "ETag", "ObjectParts"]
    s("get-object-attrs", "get_object_attributes", **at, ObjectAttributes=wanted)
    return at


def _copied(s: Story, at: dict[str, Any]) -> None:
    source = {"CopySource": f"{at['Bucket']}/{at['Key']}"}
    there = {"Bucket": at["Bucket"], "Key": "copied"}
    s("copy-obj-checksum", "copy_object", **there, **source)
    wanted = ["Checksum", "ETag"]
    s("get-copy-object-attrs", "get_object_attributes", **there, ObjectAttributes=wanted)


@scenario(f"{OF_UPLOADS}complete_multipart_parts_checksum_full_object_default")
def _(s: Story) -> None:
    how = {"ChecksumAlgorithm": "CRC64NVME"}
    made = _begun(s, "create-mpu-checksum-crc64", "test-multipart-checksum", **how)
    part = {**made, "PartNumber": 1, "Body": "aaa", **how}
    tag = s("upload-part", "upload_part", **part)["ETag"]
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=_parts({"ETag": tag}))
    _read(s, made)


BODIES = ("a" * (5 * 1024 * 1024 + 1),) * 2 + ("a" * 10,)


FIRST_WRONG = {
    "COMPOSITE-CRC32": 1,
    "COMPOSITE-CRC32C": 2,
    "COMPOSITE-SHA1": 3,
    "COMPOSITE-SHA256": 3,
    "FULL_OBJECT-CRC32": 3,
    "FULL_OBJECT-CRC32C": 1,
    "FULL_OBJECT-CRC64NVME": 1,
}
"""The part that was told: AWS names any of those that are wrong."""


def _one_wrong(name: str, kind: str, told: list[dict[str, str]]) -> dict[str, Any]:
    """The parts, one of them with the checksum of another."""
    number, member = FIRST_WRONG[f"{kind}-{name}"] - 1, f"Checksum{name}"
    other = told[2 if number < 2 else 0][member]
    return _parts(*({**p, member: other} if n == number else p for n, p in enumerate(told)))


def _three(s: Story, name: str, kind: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """An upload with three parts, and how each of them is told when it is completed."""
    how = {"ChecksumAlgorithm": name, "ChecksumType": kind}
    made = _begun(s, "create-mpu-checksum", "test-multipart-checksum", **how)
    told: list[dict[str, str]] = []
    for number, body in enumerate(BODIES):
        given = {"PartNumber": number + 1, "Body": body, "ChecksumAlgorithm": name}
        part = s(f"upload-part-{number}", "upload_part", **made, **given)
        told.append({member: part[member] for member in ("ETag", f"Checksum{name}")})
    s("list-parts", "list_parts", **made)
    return made, told


@scenario(
    *(
        f"{OF_UPLOADS}complete_multipart_parts_checksum_composite[{name}]"
        for name in ("CRC32", "CRC32C", "SHA1", "SHA256")
    )
)
def _(s: Story) -> None:
    name = _parameters(s)[0]
    made, told = _three(s, name, "COMPOSITE")
    wrong = _one_wrong(name, "COMPOSITE", told)
    s("complete-multipart-wrong-parts-checksum", COMPLETE, **made, MultipartUpload=wrong)
    bare = _parts(*({"ETag": part["ETag"]} for part in told))
    s("complete-multipart-no-checksum", COMPLETE, **made, MultipartUpload=bare)
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=_parts(*told))
    at = _read(s, made)
    _copied(s, at)
    s("get-object-part-checksum", "get_object", **at, PartNumber=3, ChecksumMode="ENABLED")


@scenario(
    *(
        f"{OF_UPLOADS}complete_multipart_parts_checksum_full_object[{name}]"
        for name in ("CRC32", "CRC32C", "CRC64NVME")
    )
)
def _(s: Story) -> None:
    name = _parameters(s)[0]
    made, told = _three(s, name, "FULL_OBJECT")
    wrong = _one_wrong(name, "FULL_OBJECT", told)
    s("complete-multipart-wrong-parts-checksum", COMPLETE, **made, MultipartUpload=wrong)
    bare = _parts(*({"ETag": part["ETag"]} for part in told))
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=bare)
    at = _read(s, made)
    _copied(s, at)
    s("get-object-part-checksum", "get_object", **at, PartNumber=3, ChecksumMode="ENABLED")


@scenario(f"{OF_UPLOADS}complete_multipart_parts_checksum_default")
def _(s: Story) -> None:
    made = _begun(s, "create-mpu-no-checksum", "test-multipart-checksum")
    s("list-multiparts", "list_multipart_uploads", Bucket=made["Bucket"])
    given = {"PartNumber": 1, "Body": "aaa", "ChecksumAlgorithm": "CRC32C"}
    part = s("upload-part-different-checksum-than-default", "upload_part", **made, **given)
    s("list-parts", "list_parts", **made)
    bare = {"ETag": part["ETag"]}
    summed = {**bare, "ChecksumCRC32C": part["ChecksumCRC32C"]}
    s("complete-multipart-parts-checksum", COMPLETE, **made, MultipartUpload=_parts(summed))
    wrong = {**bare, "ChecksumSHA256": _sha256("bbb")}
    s("complete-multipart-wrong-parts-checksum", COMPLETE, **made, MultipartUpload=_parts(wrong))
    for label, kind in (("full-object", "FULL_OBJECT"), ("composite", "COMPOSITE")):
        how = {"MultipartUpload": _parts(bare), "ChecksumType": kind}
        s(f"complete-multipart-{label}-type", COMPLETE, **made, **how)
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=_parts(bare))
    _copied(s, _read(s, made))


def _sha256(body: str) -> str:
    return base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()


@scenario(f"{OF_UPLOADS}multipart_parts_checksum_exceptions_full_object")
def _(s: Story) -> None:
    key, kind = "test-multipart-checksum-exc", {"ChecksumType": "FULL_OBJECT"}
    b = {"Bucket": s.bucket()}
    o: dict[str, Any] = {**b, "Key": key}
    s("create-mpu-no-checksum-algo-with-type", CREATE, **o, **kind)
    how = {"ChecksumAlgorithm": "CRC32C", **kind}
    made = {**o, "UploadId": s("create-mpu-checksum-crc32c", CREATE, **o, **how)["UploadId"]}
    s("list-multiparts", "list_multipart_uploads", **b)
    given = {"PartNumber": 1, "Body": "abc"}
    bare = s.make("s3", request_checksum_calculation="when_required")
    part = s.of(bare, "upload-part-no-checksum-ok", "upload_part", **made, **given)
    done = {**made, "MultipartUpload": _parts({"ETag": part["ETag"]})}
    wrong, other = "AAAAAA==", _sha256("abc")
    s("complete-part-bad-checksum-type", COMPLETE, **done, ChecksumType="COMPOSITE")
    s("complete-part-good-checksum-no-type", COMPLETE, **done, ChecksumCRC32C=wrong)
    s("complete-part-only-checksum-algo", COMPLETE, **done, **kind, ChecksumCRC32C=wrong)
    s("complete-part-only-checksum-algo-diff", COMPLETE, **done, **kind, ChecksumSHA256=other)
    s("complete-part-bad-checksum", COMPLETE, **done, **kind, ChecksumCRC32C=wrong)
    s("complete-part-bad-checksum-algo", COMPLETE, **done, **kind, ChecksumSHA256=other)
    s("complete-success", COMPLETE, **done, **kind)
    made = {**o, "UploadId": s("create-mpu-with-checksum", CREATE, **o, **how)["UploadId"]}
    label = "upload-part-different-checksum-exc"
    s(label, "upload_part", **made, **given, ChecksumAlgorithm="CRC32")


@scenario(
    *(f"{OF_UPLOADS}multipart_upload_part_copy_checksum[{k}]" for k in ("COMPOSITE", "FULL_OBJECT"))
)
def _(s: Story) -> None:
    kind = s.name.partition("[")[2][:-1]
    b = {"Bucket": s.bucket()}
    o: dict[str, Any] = {**b, "Key": "test-multipart-checksum"}
    s("put-object", "put_object", **b, Key="source", Body="this is a part")
    how = {"ChecksumAlgorithm": "CRC32C", "ChecksumType": kind}
    made = {**o, "UploadId": s("create-mpu-checksum-sha256", CREATE, **o, **how)["UploadId"]}
    source = {"PartNumber": 1, "CopySource": f"{b['Bucket']}/source"}
    part = s("upload-part-copy", "upload_part_copy", **made, **source)["CopyPartResult"]
    s("list-parts", "list_parts", **made)
    told = {member: part[member] for member in ("ETag", "ChecksumCRC32C")}
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=_parts(told))
    _read(s, made)


@scenario(*(f"TestS3::test_get_object_part_checksum[{k}]" for k in ("COMPOSITE", "FULL_OBJECT")))
def _(s: Story) -> None:
    how = {"ChecksumAlgorithm": "CRC32C", "ChecksumType": s.name.partition("[")[2][:-1]}
    made = _begun(s, "create-mpu-checksum", "test-multipart-checksum", **how)
    given = {"PartNumber": 1, "Body": "test content 123", "ChecksumAlgorithm": "CRC32C"}
    part = s("upload-part", "upload_part", **made, **given)
    told = {member: part[member] for member in ("ETag", "ChecksumCRC32C")}
    s("complete-multipart-checksum", COMPLETE, **made, MultipartUpload=_parts(told))
    at = {"Bucket": made["Bucket"], "Key": made["Key"], "PartNumber": 1, "ChecksumMode": "ENABLED"}
    s("head-object-part", "head_object", **at)
    s("get-object-part", "get_object", **at)


@scenario("TestS3Multipart::test_upload_part_copy_no_copy_source_range")
def _(s: Story) -> None:
    b = {"Bucket": s.bucket()}
    o: dict[str, Any] = {**b, "Key": "test-upload-part-copy"}
    s("put-src-object", "put_object", **b, Key="source", Body="0123456789")
    made = {**o, "UploadId": s("create-multipart", CREATE, **o)["UploadId"]}
    source = {"PartNumber": 1, "CopySource": f"{b['Bucket']}/source"}
    s("upload-part-copy", "upload_part_copy", **made, **source)
    s("list-parts", "list_parts", **made)


@scenario("TestS3ListParts::test_list_parts_via_object_attrs_pagination")
def _(s: Story) -> None:
    how = {"ChecksumAlgorithm": "SHA256"}
    made = _begun(s, "made", "test-object-attrs-pagination", **how)
    told: list[dict[str, str]] = []
    for number in (1, 2):
        part = s.do("upload_part", **made, PartNumber=number, Body=BODIES[0], **how)
        told.append({member: part[member] for member in ("ETag", "ChecksumSHA256")})
    s("list-parts", "list_parts", **made)
    s("complete-mpu", COMPLETE, **made, MultipartUpload=_parts(*told))
    get = "get_object_attributes"
    at = {"Bucket": made["Bucket"], "Key": made["Key"], "ObjectAttributes": ["ObjectParts"]}
    s("get-object-attrs-all", get, **at)
    s("get-object-attrs-1", get, **at, PartNumberMarker=0)
    s("get-object-attrs-next", get, **at, MaxParts=1, PartNumberMarker=1)
    s("get-object-attrs-wrong-part", get, **at, MaxParts=1, PartNumberMarker=10)


@scenario(*(f"TestS3::test_s3_copy_object_with_default_checksum[{name}]" for name in ALGORITHMS))
def _(s: Story) -> None:
    b, get = s.bucket(), "get_object_attributes"
    o = {"Bucket": b, "Key": "source-object"}
    wanted = {"ObjectAttributes": ["Checksum"]}
    given = {"ContentType": "application/json", "ChecksumAlgorithm": _parameters(s)[0]}
    s("put-object-no-checksum", "put_object", **o, Body='{"key": "value"}', **given)
    s("object-attrs", get, **o, **wanted)
    copy = {"CopySource": f"{b}/source-object"}
    label = "copy-object-in-place-with-no-checksum"
    s(label, "copy_object", **o, **copy, MetadataDirective="REPLACE")
    s("object-attrs-after-copy", get, **o, **wanted)
    at = {"Bucket": b, "Key": "dest"}
    s("copy-object-to-dest-keep-checksum", "copy_object", **at, **copy)
    s("dest-object-attrs-after-copy", get, **at, **wanted)


@scenario("TestS3PutObjectChecksum::test_s3_checksum_with_content_encoding")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumSHA256")
    o = {"Bucket": s.bucket(), "Key": "test.gz"}
    how = {"ContentEncoding": "gzip", "ChecksumAlgorithm": "SHA256"}
    s("put-object", "put_object", **o, Body="x" * 41, **how)
    s("get-object", "get_object", **o)
    s("get-object-with-checksum", "get_object", **o, ChecksumMode="ENABLED")
    s("get-object-attrs", "get_object_attributes", **o, ObjectAttributes=["Checksum"])
