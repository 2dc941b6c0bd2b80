"""Uploads by browsers' forms: what policies allow, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persons import Person, allow
from recordings.s3.raw import Raw, ask, signer
from recordings.s3.scenarios import scenario
from recordings.s3.story import Story

KEY = "test-presigned-post"
BOUNDARY = "----form"


def _encoded(fields: Mapping[str, str], file: bytes, filename: str | None) -> bytes:
    """`filename`: None for a file that is a field as the others are."""
    pieces: list[bytes] = []
    for name, value in fields.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        pieces.append(f"{head}{value}\r\n".encode())
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"{named}\r\n\r\n'
    return b"".join([*pieces, head.encode(), file, f"\r\n--{BOUNDARY}--\r\n".encode()])


def posted(
    s: Story,
    b: str,
    fields: Mapping[str, str],
    file: bytes = b"abcdef",
    *,
    filename: str | None = "file",
) -> Raw:
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return ask(s, f"/{b}", "POST", _encoded(fields, file, filename), kind)


def _signed(s3: Any, b: str, key: str = KEY, **given: str) -> dict[str, str]:
    """The fields of a form whose policy allows what is given, and that it is given so."""
    conditions = [{name: value} for name, value in given.items()]
    made = s3.generate_presigned_post(b, key, Fields=dict(given), Conditions=conditions)
    return made["fields"]


def _with(s3: Any, b: str, fields: Mapping[str, str], *conditions: Any) -> dict[str, str]:
    """The fields of a form whose policy has these conditions, whether the fields meet them or not."""
    made = s3.generate_presigned_post(b, KEY, Fields=dict(fields), Conditions=list(conditions))
    return made["fields"]


def _head(s: Story, b: str, label: str = "head-object", key: str = KEY, **how: str) -> Any:
    return s(label, "head_object", Bucket=b, Key=key, **how)


DESCRIBED = {
    "Content-Type": "text/plain",
    "Expires": "Wed, 21 Oct 2015 07:28:00 GMT",
    "x-amz-meta-test-1": "test-meta-1",
    "x-amz-meta-test-2": "test-meta-2",
}


@scenario("TestS3PresignedPost::test_post_object_default_checksum")
def _(s: Story) -> None:
    s.of_unknown_bytes("ChecksumCRC64NVME")
    b, s3 = s.bucket(), signer(s)
    assert posted(s, b, _signed(s3, b), b"x" * 17).status == 204
    _head(s, b, ChecksumMode="ENABLED")


@scenario("TestS3PresignedPost::test_post_object_with_metadata")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b, s3 = s.bucket(), signer(s)
    assert posted(s, b, _signed(s3, b, **DESCRIBED), b"x" * 17).status == 204
    _head(s, b)


@scenario("TestS3PresignedPost::test_post_object_with_storage_class")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b, s3 = s.bucket(), signer(s)
    member = "x-amz-storage-class"
    assert posted(s, b, _signed(s3, b, **{member: "STANDARD_IA"}), b"x" * 23).status == 204
    _head(s, b)
    fake = _signed(s3, b, **{member: "FakeClass"})
    s.said["invalid-storage-error"] = posted(s, b, fake).said


@scenario("TestS3PresignedPost::test_post_object_with_file_as_string")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b, s3 = s.bucket(), signer(s)
    key = f"{KEY}-file-as-field"
    assert posted(s, b, _signed(s3, b, key), b"x" * 23, filename=None).status == 204
    _head(s, b, key=key)
    fields = _signed(s3, b, "file-as-field-${filename}")
    assert posted(s, b, fields, b"x" * 44, filename=None).status == 204
    s("list-objects", "list_objects_v2", Bucket=b)


TAG = "<Tag><Key>TagName{0}</Key><Value>TagValue{0}</Value></Tag>"


def _tags(*numbers: str) -> str:
    inside = "".join(TAG.format(number) for number in numbers)
    return f"<Tagging><TagSet>{inside}</TagSet></Tagging>"


TAGGINGS = {
    "single": _tags(""),
    "list": _tags("", "2"),
    "invalid": "<InvalidXmlTagging></InvalidXmlTagging>",
    "notxml": "not-xml",
}


@scenario(*(f"TestS3PresignedPost::test_post_object_with_tags[{name}]" for name in TAGGINGS))
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    which = s.name.partition("[")[2].rstrip("]")
    came = posted(s, b, _signed(s3, b, tagging=TAGGINGS[which]))
    if which == "notxml":
        s.said["tagging-error"] = came.said
    else:
        assert came.status == 204
        s("get-tagging", "get_object_tagging", Bucket=b, Key=KEY)


@scenario("TestS3PresignedPost::test_post_object_with_wrong_content_type")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = _encoded(_signed(s3, b), b"abcdef", "file")
    s.said["invalid-content-type-error"] = ask(s, f"/{b}", "POST", body, kind).said


REDIRECT = "success_action_redirect"
RANDOM = "http://localhost.test/random"


@scenario("TestS3PresignedPost::test_post_object_policy_conditions_validation_eq")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    other = {REDIRECT: "http://wrong.location/test"}
    given = {REDIRECT: RANDOM}
    for label, fields, condition in (
        ("eq", other, ["eq", f"${REDIRECT}", RANDOM]),
        ("missing-prefix", given, ["eq", REDIRECT, RANDOM]),
        ("wrong-condition", given, {REDIRECT: RANDOM, "key": KEY}),
        ("wrong-value-casing", given, ["eq", f"${REDIRECT}", RANDOM.replace("http", "HTTP")]),
    ):
        s.said[f"invalid-condition-{label}"] = posted(s, b, _with(s3, b, fields, condition)).said
    assert posted(s, b, _signed(s3, b, **DESCRIBED)).status == 204
    _head(s, b, "head-object-metadata")
    fields = _with(s3, b, {REDIRECT: RANDOM}, ["eq", f"${REDIRECT}", RANDOM])
    assert posted(s, b, fields).status == 303
    s("final-object", "get_object", Bucket=b, Key=KEY)


@scenario("TestS3PresignedPost::test_post_object_policy_conditions_validation_starts_with")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    condition = ["starts-with", f"${REDIRECT}", "http://localhost"]
    label = "invalid-condition-starts-with"
    wrong = {REDIRECT: "http://wrong.location/test"}
    s.said[label] = posted(s, b, _with(s3, b, wrong, condition)).said
    casing = {REDIRECT: RANDOM.replace("http", "HTTP")}
    s.said[f"{label}-casing"] = posted(s, b, _with(s3, b, casing, condition)).said
    assert posted(s, b, _with(s3, b, {REDIRECT: RANDOM}, condition)).status == 303
    s("get-object-1", "get_object", Bucket=b, Key=KEY)
    anything = _with(s3, b, {REDIRECT: RANDOM}, ["starts-with", f"${REDIRECT}", ""])
    assert posted(s, b, anything, b"manual value to change ETag").status == 303
    s("get-object-2", "get_object", Bucket=b, Key=KEY)


@scenario("TestS3PresignedPost::test_post_object_policy_validation_size")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    fields = _with(s3, b, {}, ["content-length-range", 5, 10])
    label = "invalid-content-length"
    s.said[f"{label}-too-big"] = posted(s, b, fields, b"a" * 12).said
    s.said[f"{label}-too-small"] = posted(s, b, fields, b"a").said
    assert posted(s, b, fields, b"a" * 10).status == 204
    s("final-object", "get_object", Bucket=b, Key=KEY)
    fields = _with(s3, b, {}, ["content-length-range", "test", 10])
    s.said[f"{label}-wrong-type"] = posted(s, b, fields, b"a" * 10).said


LETTERS = "abcdefghijklmnopqrstuvwxyz"
SAFE = f"! \"#$%&'()*+,-./0123456789:;<>'?@{LETTERS.upper()}[\\]^_`{LETTERS}{{|}}~\t"
NOT_LATIN = "non-ascii-%E2%80%94_—_é_"


@scenario("TestS3PresignedPost::test_post_object_with_unicode_metadata")
def _(s: Story) -> None:
    s.of_unknown_bytes()
    b, s3 = s.bucket(), signer(s)
    fields = {
        "Cache-Control": NOT_LATIN,
        "Content-Disposition": 'filename="test_—_file%E2%80%94_é_2-.pdf"',
        "x-amz-meta-nonascii": "ÄMÄZÕÑ S3",
        "x-amz-meta-nonascii-2": "test_—_file%E2%80%94_é_2👑.pdf",
        "x-amz-meta-b-encoded": "=?UTF-8?B?YWJj?=",
        "x-amz-meta-q-encoded": "=?UTF-8?Q?actually-ascii?=",
        "x-amz-meta-safe-chars": SAFE,
        "x-amz-meta-utf-8": "\x00\x01\x02\x03\x04",
        "success_action_status": "201",
    }
    key = "test_unicode—_file.pdf"
    came = posted(s, b, _signed(s3, b, key, **fields), b"x" * 17)
    s.said["post-object"] = {"LocationHeader": came.headers["location"], **came.said}
    _head(s, b, key=key)


# --- refusals for what is not signed, or not so


def _of_version(s: Story) -> tuple[str, Any, dict[str, str]]:
    """A bucket, a signer of the version that the name tells, and a form's fields."""
    version = s.name.partition("[")[2].rstrip("]") or "s3v4"
    b, s3 = s.bucket(), signer(s, version)
    return b, s3, _signed(s3, b)


@scenario("TestS3PresignedPost::test_post_request_expires")
def _(s: Story) -> None:
    b, s3 = s.bucket(), signer(s)
    fields = s3.generate_presigned_post(b, KEY, ExpiresIn=1)["fields"]
    s.clock.advance(seconds=5)
    s.said["exception"] = posted(s, b, fields).refusal


VERSIONS = ("s3", "s3v4")
PRESIGNED_POST = "TestS3PresignedPost::test_post_request"


@scenario(*(f"{PRESIGNED_POST}_malformed_policy[{version}]" for version in VERSIONS))
def _(s: Story) -> None:
    b, _, fields = _of_version(s)
    fields["policy"] = fields["policy"][:-4] + "fQ==" + "x"
    s.said["exception-policy"] = posted(s, b, fields).refusal


@scenario(*(f"{PRESIGNED_POST}_missing_signature[{version}]" for version in VERSIONS))
def _(s: Story) -> None:
    b, _, fields = _of_version(s)
    kept = {name: value for name, value in fields.items() if "signature" not in name.lower()}
    s.said["exception-missing-signature"] = posted(s, b, kept).refusal


@scenario(*(f"{PRESIGNED_POST}_missing_fields[{version}]" for version in VERSIONS))
def _(s: Story) -> None:
    b, _, fields = _of_version(s)
    first = {"AWSAccessKeyId", "x-amz-algorithm"}
    kept = {name: value for name, value in fields.items() if name not in first}
    s.said["exception-missing-fields"] = posted(s, b, kept).refusal
    s.said["exception-no-sig-related-fields"] = posted(s, b, {"key": KEY}).refusal


@scenario("TestS3PresignedPost::test_presigned_post_with_different_user_credentials")
def _(s: Story) -> None:
    b = s.bucket()
    person = Person(s.make, s.account, "bob")
    person.may(allow("s3:PutObject", f"arn:aws:s3:::{b}/*"))
    assert posted(s, b, _signed(person.client("s3", signature_version="s3v4"), b)).status == 204
    s("get-obj", "get_object", Bucket=b, Key=KEY)
