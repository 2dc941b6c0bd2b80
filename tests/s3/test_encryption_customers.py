"""Encryption with keys that customers bring (SSE-C): with each request, and stored nowhere. As recorded from AWS."""

from __future__ import annotations

import base64
import hashlib
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]

KEY, OTHER = os.urandom(32), os.urandom(32)
DATA = b"what the customer keeps " * 9000
HEADER = "x-amz-server-side-encryption-customer-"


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def of(key: bytes = KEY, source: str = "") -> dict[str, Any]:
    """botocore makes base64 of the key, and its MD5."""
    prefix = f"{source}SSECustomer"
    return {f"{prefix}Algorithm": "AES256", f"{prefix}Key": key}


def spelled(key: bytes = KEY) -> dict[str, str]:
    """As the headers have it, where botocore leaves that to the caller."""
    encoded = base64.b64encode(key).decode()
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": encoded,
        "SSECustomerKeyMD5": md5(key),
    }


TOLD = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": md5(KEY)}
NEEDED = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to"
    " retrieve the object."
)


def test_the_key_must_come_with_each_request(s3: Any, bucket: str, refused: Refused) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=DATA, **of())
    assert TOLD.items() <= put.items()
    assert "ServerSideEncryption" not in put
    assert put["ETag"] != f'"{hashlib.md5(DATA).hexdigest()}"'
    reading = {"Bucket": bucket, "Key": "k"}
    got = s3.get_object(**reading, **of(), Range="bytes=65530-65545")
    assert got["Body"].read() == DATA[65530:65546]
    assert TOLD.items() <= got.items()
    assert TOLD.items() <= s3.head_object(**reading, **of()).items()
    attributes = {"ObjectAttributes": ["ETag", "ObjectSize"]}
    assert s3.get_object_attributes(**reading, **spelled(), **attributes)["ObjectSize"] == len(DATA)
    assert refused("InvalidRequest", s3.get_object, **reading)["Message"] == NEEDED
    refused("400", s3.head_object, **reading)
    refused("InvalidRequest", s3.get_object_attributes, **reading, **attributes)
    error = refused("AccessDenied", s3.get_object, **reading, **of(OTHER))
    assert "must provide the correct secret key" in error["Message"]
    assert error["status"] == 403
    refused("403", s3.head_object, **reading, **of(OTHER))
    refused("AccessDenied", s3.get_object_attributes, **reading, **spelled(OTHER), **attributes)
    s3.delete_object(**reading)
    s3.put_object(**reading, Body=b"")
    error = refused("InvalidRequest", s3.get_object, **reading, **of())
    assert error["Message"] == "The encryption parameters are not applicable to this object."


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
def test_bodies_of_all_sizes(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body, **of())
    assert s3.get_object(Bucket=bucket, Key="k", **of())["Body"].read() == body


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (
            {"algorithm": "KMS", "key": KEY, "key-md5": md5(KEY)},
            "InvalidEncryptionAlgorithmError",
            "AES256.",
        ),
        ({"key": KEY, "key-md5": md5(KEY)}, "InvalidArgument", "a valid encryption algorithm."),
        ({"algorithm": "AES256"}, "InvalidArgument", "an appropriate secret key."),
        ({"algorithm": "AES256", "key": KEY}, "InvalidArgument", "the client calculated MD5"),
        (
            {"algorithm": "AES256", "key": b"short", "key-md5": md5(b"short")},
            "InvalidArgument",
            "was invalid",
        ),
        (
            {"algorithm": "AES256", "key": KEY, "key-md5": md5(OTHER)},
            "InvalidArgument",
            "did not match",
        ),
    ],
)
def test_half_a_key_is_none(
    send: Send, s3: Any, bucket: str, given: dict[str, Any], code: str, words: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=DATA, **of())
    headers = {
        f"{HEADER}{name}": base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in given.items()
    }
    for method, body in (("PUT", b"1"), ("GET", b"")):
        answer = send(method, f"/{bucket}/k", body, headers)
        assert (answer.status, answer.code) == (400, code)
        assert words in answer.body.decode()
        assert base64.b64encode(KEY) not in answer.body


def test_two_kinds_are_one_too_many(s3: Any, bucket: str, refused: Refused) -> None:
    both = {"Bucket": bucket, "Key": "k", **of(), "ServerSideEncryption": "AES256"}
    for call, more in ((s3.put_object, {"Body": b"1"}), (s3.create_multipart_upload, {})):
        error = refused("InvalidArgument", call, **both, **more)
        assert error["ArgumentValue"] == "AES256"
        assert "is incompatible with the encryption method specified" in error["Message"]


def test_copies(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=DATA, **of())
    source = {"CopySource": f"{bucket}/k"}
    from_customer = of(source="CopySource")
    error = refused("InvalidRequest", s3.copy_object, Bucket=bucket, Key="c", **source)
    assert error["Message"] == NEEDED
    wrong = of(OTHER, "CopySource")
    refused("AccessDenied", s3.copy_object, Bucket=bucket, Key="c", **source, **wrong)
    plain = s3.copy_object(Bucket=bucket, Key="plain", **source, **from_customer)
    assert plain["ServerSideEncryption"] == "AES256"
    assert plain["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(DATA).hexdigest()}"'
    again = s3.copy_object(Bucket=bucket, Key="again", **source, **from_customer, **of(OTHER))
    assert again["SSECustomerKeyMD5"] == md5(OTHER)
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == DATA
    assert s3.get_object(Bucket=bucket, Key="again", **of(OTHER))["Body"].read() == DATA
    refused("AccessDenied", s3.get_object, Bucket=bucket, Key="again", **of())
    kms = s3.copy_object(
        Bucket=bucket, Key="kms", **source, **from_customer, ServerSideEncryption="aws:kms"
    )
    assert kms["ServerSideEncryption"] == "aws:kms"
    assert s3.get_object(Bucket=bucket, Key="kms")["Body"].read() == DATA


def test_an_upload_in_parts(s3: Any, bucket: str, refused: Refused) -> None:
    first, last = os.urandom(5 * 1024 * 1024 + 1), b"the end"
    s3.put_object(Bucket=bucket, Key="last", Body=last, **of(OTHER))
    upload: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
    begun = s3.create_multipart_upload(**upload, **of())
    assert TOLD.items() <= begun.items()
    upload["UploadId"] = begun["UploadId"]
    missing = refused("InvalidRequest", s3.upload_part, **upload, PartNumber=1, Body=b"1")
    assert "Subsequent part requests must include" in missing["Message"]
    wrong = refused(
        "InvalidRequest", s3.upload_part, **upload, PartNumber=1, Body=b"1", **of(OTHER)
    )
    assert wrong["Message"] == (
        "The provided encryption parameters did not match the ones used originally."
    )
    made = s3.upload_part(**upload, PartNumber=1, Body=first, **of())
    assert TOLD.items() <= made.items()
    copied = s3.upload_part_copy(
        **upload,
        PartNumber=2,
        CopySource=f"{bucket}/last",
        **of(),
        **of(OTHER, "CopySource"),
    )
    parts = [
        {"PartNumber": 1, "ETag": made["ETag"]},
        {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]},
    ]
    document = {"MultipartUpload": {"Parts": parts}}
    refused("InvalidRequest", s3.complete_multipart_upload, **upload, **document, **of(OTHER))
    done = s3.complete_multipart_upload(**upload, **document, **of())
    assert "ServerSideEncryption" not in done
    refused("InvalidRequest", s3.get_object, Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", **of())["Body"].read() == first + last
    plain = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = {"Bucket": bucket, "Key": "k", "UploadId": plain, "PartNumber": 1, "Body": b"1"}
    refused("InvalidRequest", s3.upload_part, **part, **of())


def test_a_bucket_may_block_it(s3: Any, bucket: str, refused: Refused) -> None:
    """What is there is still read."""

    def block(*kinds: str) -> None:
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BlockedEncryptionTypes": {"EncryptionType": list(kinds)},
        }
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    s3.put_object(Bucket=bucket, Key="k", Body=DATA, **of())
    block("SSE-C")
    told = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert told["Rules"][0]["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    put = {"Bucket": bucket, "Key": "new"}
    assert refused("AccessDenied", s3.put_object, **put, Body=b"1", **of())["status"] == 403
    refused("AccessDenied", s3.create_multipart_upload, **put, **of())
    assert s3.get_object(Bucket=bucket, Key="k", **of())["Body"].read() == DATA
    block("NONE")
    s3.put_object(**put, Body=b"1", **of())


def test_a_presigned_url_with_a_key(client: Callable[..., Any], bucket: str) -> None:
    """The key is not in the URL: whoever uses it sends it as a header that was signed."""
    s3 = client("s3", signature_version="s3v4")
    params = {"Bucket": bucket, "Key": "k", **of()}
    encoded = base64.b64encode(KEY).decode()
    headers = {
        f"{HEADER}algorithm": "AES256",
        f"{HEADER}key": encoded,
        f"{HEADER}key-MD5": md5(KEY),
    }
    for operation, method, body in (("put_object", "PUT", DATA), ("get_object", "GET", None)):
        url = s3.generate_presigned_url(operation, Params=dict(params))
        request = urllib.request.Request(url, method=method, data=body, headers=headers)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
            if method == "GET":
                assert answer.read() == DATA
