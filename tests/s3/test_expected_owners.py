"""x-amz-expected-bucket-owner on every operation that has it: whoever else's bucket it is, nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pilvi.protocol import service_model
from pilvi.protocol.model import Shape
from pilvi.services.s3 import s3 as service

ANOTHER = "999999999999"

MODEL = service_model("s3")


GIVEN: dict[str, dict[str, Any]] = {
    "PutBucketIntelligentTieringConfiguration": {
        "IntelligentTieringConfiguration": {
            "Id": "some",
            "Status": "Enabled",
            "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
        }
    },
    "PutBucketInventoryConfiguration": {
        "InventoryConfiguration": {
            "Id": "some",
            "IsEnabled": True,
            "Destination": {
                "S3BucketDestination": {"Bucket": "arn:aws:s3:::some-bucket", "Format": "CSV"}
            },
            "IncludedObjectVersions": "All",
            "Schedule": {"Frequency": "Daily"},
        }
    },
    "SelectObjectContent": {
        "InputSerialization": {"CSV": {}},
        "OutputSerialization": {"CSV": {}},
    },
}
"""Documents that are looked at before the bucket is."""


def input_of(operation: str) -> Shape:
    shape = MODEL.operation(operation).input
    assert shape is not None
    return shape


WITH_OWNER = [
    operation
    for operation in service.operations
    if "ExpectedBucketOwner" in input_of(operation).members
]
WITH_SOURCE = [
    operation
    for operation in WITH_OWNER
    if "ExpectedSourceBucketOwner" in input_of(operation).members
]


def needed(shape: Shape, depth: int = 0) -> Any:
    """A value with what is required, and what a document needs to be one."""
    match shape.type:
        case "structure":
            names = set(shape.required) or (set(shape.members) if depth == 0 else set())
            return {name: needed(shape.members[name], depth + 1) for name in names}
        case "list":
            return [needed(shape.member, depth + 1)]
        case "boolean":
            return True
        case "integer" | "long":
            return 1
        case "blob":
            return b""
        case "timestamp":
            return "2030-01-01T00:00:00Z"
        case _:
            choices = shape.traits.get("enum")
            return choices[0] if choices else "some"


def arguments(operation: str, bucket: str) -> dict[str, Any]:
    shape = input_of(operation)
    payload = shape.traits.get("payload")
    wanted = set(shape.required)
    if payload is not None and not shape.members[payload].streaming:
        wanted.add(payload)
    made = {name: needed(shape.members[name], 0) for name in wanted}
    given = {"Bucket": bucket, "CopySource": f"{bucket}/k", "Id": "some", "Policy": "{}"}
    made |= GIVEN.get(operation, {})
    return made | {name: value for name, value in given.items() if name in shape.members}


def call(client: Any, operation: str, **given: Any) -> None:
    method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == operation)
    getattr(client, method)(**given)


@pytest.mark.parametrize("operation", WITH_OWNER)
def test_a_bucket_of_somebody_else(s3: Any, bucket: str, operation: str) -> None:
    given = arguments(operation, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError) as caught:
        call(s3, operation, **given, ExpectedBucketOwner=ANOTHER)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403, error["Error"]
    with pytest.raises(ClientError) as caught:
        call(s3, operation, **given, ExpectedBucketOwner="nobody")
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400, error["Error"]
    if not operation.startswith("Head"):
        assert error["Error"]["Code"] == "InvalidBucketOwnerAWSAccountID"


@pytest.mark.parametrize("operation", WITH_SOURCE)
def test_a_source_of_somebody_else(
    s3: Any, bucket: str, operation: str, refused: Callable[..., dict[str, Any]]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    given = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
    if operation == "UploadPartCopy":
        upload = s3.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
        given |= {"UploadId": upload, "PartNumber": 1}
    refused("AccessDenied", call, s3, operation, **given, ExpectedSourceBucketOwner=ANOTHER)
