"""Lifecycle configurations: what AWS takes, and what it refuses in which words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]
MALFORMED = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)
DATE = datetime(2030, 1, 1, tzinfo=UTC)


def put(s3: Any, bucket: str, *rules: dict[str, Any], **options: Any) -> Any:
    """`rules`: with ID, Status and Filter, unless they say otherwise; None takes one out."""
    made = [
        {
            name: value
            for name, value in {
                "ID": f"rule {n}",
                "Status": "Enabled",
                "Filter": {},
                **rule,
            }.items()
            if value is not None
        }
        for n, rule in enumerate(rules)
    ]
    return s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": made}, **options
    )


def moved(*moves: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"Days": days, "StorageClass": name} for days, name in moves]


def test_what_is_put_is_told_again(s3: Any, bucket: str, refused: Refused) -> None:
    """Also rules that are disabled, and whatever a filter may say."""
    missing = refused(
        "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket
    )
    assert (missing["status"], missing["BucketName"]) == (404, bucket)
    rules = [
        {
            "ID": "all",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": 365},
            "Transitions": moved((30, "STANDARD_IA"), (60, "GLACIER"), (150, "DEEP_ARCHIVE")),
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 30, "StorageClass": "GLACIER_IR", "NewerNoncurrentVersions": 2}
            ],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 5},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "some",
            "Status": "Disabled",
            "Filter": {
                "And": {
                    "Prefix": "logs/",
                    "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}],
                    "ObjectSizeGreaterThan": 0,
                    "ObjectSizeLessThan": 1000,
                }
            },
            "Expiration": {"Date": DATE},
        },
        {
            "ID": "markers",
            "Status": "Enabled",
            "Filter": {},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
    ]
    told = s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    assert told["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == rules
    assert got["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    for _ in range(2):
        s3.delete_bucket_lifecycle(Bucket=bucket)
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)


def test_older_requests_are_the_same(s3: Any, bucket: str, account: str, refused: Refused) -> None:
    """PutBucketLifecycle, which had one transition and a prefix, is still spoken by old clients."""
    rule = {
        "ID": "old",
        "Prefix": "a/",
        "Status": "Enabled",
        "Transition": {"Days": 1, "StorageClass": "GLACIER"},
        "Expiration": {"Days": 2},
    }
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]
    denied = refused(
        "AccessDenied",
        s3.get_bucket_lifecycle_configuration,
        Bucket=bucket,
        ExpectedBucketOwner="9" * 12,
    )
    assert denied["status"] == 403


def test_a_rule_without_an_id_is_given_one(s3: Any, bucket: str) -> None:
    put(s3, bucket, {"ID": None, "Expiration": {"Days": 1}})
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"]) == 48
    told = put(s3, bucket, {"Expiration": {"Days": 1}})
    assert told["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"


def test_a_digest_is_required(send: Callable[..., Any], s3: Any, bucket: str) -> None:
    body = (
        b"<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status>"
        b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    answer = send("PUT", f"/{bucket}?lifecycle", body)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert b"Content-MD5 OR x-amz-checksum-" in answer.body
    answer = send("PUT", f"/{bucket}?lifecycle", body, {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert (answer.status, answer.code) == (400, "BadDigest")


EXPIRES = {"Expiration": {"Days": 1}}
FILTER = "'(prefix=)'"

CASES: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("MalformedXML", MALFORMED, []),
    ("MalformedXML", MALFORMED, [{"Filter": None, **EXPIRES}]),
    ("MalformedXML", MALFORMED, [{"Status": "On", **EXPIRES}]),
    ("MalformedXML", MALFORMED, [{"Filter": {"Prefix": "a", "ObjectSizeLessThan": 3}, **EXPIRES}]),
    ("MalformedXML", MALFORMED, [{"Filter": {"And": {"Prefix": "a"}}, **EXPIRES}]),
    ("MalformedXML", MALFORMED, [{"Filter": {"And": {"Prefix": "a"}, "Prefix": ""}, **EXPIRES}]),
    ("MalformedXML", MALFORMED, [{"Expiration": {"ExpiredObjectDeleteMarker": True, "Days": 1}}]),
    ("MalformedXML", MALFORMED, [{"Expiration": {"Date": DATE, "Days": 1}}]),
    ("MalformedXML", MALFORMED, [{"Expiration": {}}]),
    ("MalformedXML", MALFORMED, [{"NoncurrentVersionExpiration": {}}]),
    ("MalformedXML", MALFORMED, [{"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}]),
    ("MalformedXML", MALFORMED, [{"AbortIncompleteMultipartUpload": {}}]),
    ("MalformedXML", MALFORMED, [{"Transitions": [{"StorageClass": "GLACIER"}]}]),
    ("MalformedXML", MALFORMED, [{"Transitions": moved((1, "STANDARD"))}]),
    ("MalformedXML", MALFORMED, [{"Transitions": [{"Days": 1}]}]),
    (
        "InvalidArgument",
        "ID length should not exceed allowed limit of 255",
        [{"ID": "i" * 256, **EXPIRES}],
    ),
    (
        "InvalidArgument",
        "Rule ID must be unique. Found same ID for more than one rule",
        [{"ID": "a", **EXPIRES}, {"ID": "a", **EXPIRES}],
    ),
    ("InvalidRequest", "At least one action needs to be specified in a rule", [{}]),
    (
        "InvalidRequest",
        "The number of lifecycle rules must not exceed the allowed limit of 1000 rules.",
        [EXPIRES] * 1001,
    ),
    (
        "InvalidRequest",
        "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
        [EXPIRES, {"Filter": None, "Prefix": "a", **EXPIRES}],
    ),
    (
        "InvalidRequest",
        "Filter element can only be used in Lifecycle V2.",
        [{"Filter": None, "Prefix": "a", **EXPIRES}, EXPIRES],
    ),
    (
        "InvalidRequest",
        "NewerNoncurrentVersions element can only be used in Lifecycle V2.",
        [
            {
                "Filter": None,
                "Prefix": "",
                "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1},
            }
        ],
    ),
    (
        "InvalidRequest",
        "Found overlapping prefixes '' and 'a' for same action type 'Expiration'",
        [{"Filter": None, "Prefix": "", **EXPIRES}, {"Filter": None, "Prefix": "a", **EXPIRES}],
    ),
    (
        "InvalidRequest",
        "Found two rules with same prefix 'a'",
        [{"Filter": None, "Prefix": "a", **EXPIRES}, {"Filter": None, "Prefix": "a", **EXPIRES}],
    ),
    (
        "InvalidRequest",
        "Duplicate Tag Keys are not allowed.",
        [
            {
                "Filter": {
                    "And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
                },
                **EXPIRES,
            }
        ],
    ),
    (
        "InvalidRequest",
        "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
        [{"Filter": {"ObjectSizeLessThan": 0}, **EXPIRES}],
    ),
    (
        "InvalidRequest",
        "'ObjectSizeGreaterThan' should be between 0 and 1099511627776000.",
        [{"Filter": {"ObjectSizeGreaterThan": -1}, **EXPIRES}],
    ),
    (
        "InvalidRequest",
        "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        [{"Filter": {"And": {"ObjectSizeLessThan": 5, "ObjectSizeGreaterThan": 5}}, **EXPIRES}],
    ),
    (
        "InvalidArgument",
        "'Days' for Expiration action must be a positive integer",
        [{"Expiration": {"Days": 0}}],
    ),
    (
        "InvalidArgument",
        "'Date' must be at midnight GMT",
        [{"Expiration": {"Date": datetime(2030, 1, 1, 1, tzinfo=UTC)}}],
    ),
    (
        "InvalidArgument",
        "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
        [{"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}],
    ),
    (
        "InvalidArgument",
        "'NewerNoncurrentVersions' must be a positive integer",
        [{"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 0}}],
    ),
    (
        "InvalidArgument",
        "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        [{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}],
    ),
    (
        "InvalidRequest",
        "AbortIncompleteMultipartUpload cannot be specified with Tags.",
        [
            {
                "Filter": {"Tag": {"Key": "a", "Value": "b"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            }
        ],
    ),
    (
        "InvalidRequest",
        "AbortIncompleteMultipartUpload cannot be specified with Object Size.",
        [
            {
                "Filter": {"ObjectSizeLessThan": 5},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            }
        ],
    ),
    (
        "InvalidRequest",
        "ExpiredObjectDeleteMarker cannot be specified with Tags.",
        [
            {
                "Filter": {"Tag": {"Key": "a", "Value": "b"}},
                "Expiration": {"ExpiredObjectDeleteMarker": True},
            }
        ],
    ),
    (
        "InvalidArgument",
        "'Days' in Transition action must be nonnegative",
        [{"Transitions": moved((-1, "GLACIER"))}],
    ),
    (
        "InvalidArgument",
        "'Days' in Transition action must be greater than or equal to 30 for storageClass 'ONEZONE_IA'",
        [{"Transitions": moved((29, "ONEZONE_IA"))}],
    ),
    (
        "InvalidRequest",
        f"'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter {FILTER}",
        [{"Transitions": moved((1, "GLACIER"), (2, "GLACIER"))}],
    ),
    (
        "InvalidArgument",
        f"'Days' in the Transition action for StorageClass 'DEEP_ARCHIVE' for filter {FILTER} must be greater"
        f" than 'Days' in the Transition action for StorageClass 'GLACIER' for filter {FILTER}",
        [{"Transitions": moved((1, "DEEP_ARCHIVE"), (1, "GLACIER"))}],
    ),
    (
        "InvalidArgument",
        f"'Days' in the Transition action for StorageClass 'GLACIER' for filter {FILTER} must be 30 days more"
        f" than 'Days' in the Transition action for StorageClass 'STANDARD_IA' for filter {FILTER}",
        [{"Transitions": moved((30, "STANDARD_IA"), (59, "GLACIER"))}],
    ),
    (
        "InvalidRequest",
        "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter"
        " '(prefix=a and tag: key=k, value=v and objectsizelessthan=9)'",
        [
            {
                "Filter": {
                    "And": {
                        "Prefix": "a",
                        "Tags": [{"Key": "k", "Value": "v"}],
                        "ObjectSizeLessThan": 9,
                    }
                },
                "Expiration": {"Date": DATE},
                "Transitions": moved((1, "GLACIER")),
            }
        ],
    ),
    (
        "InvalidArgument",
        f"'Days' in the Expiration action for filter {FILTER} must be greater than 'Days' in the Transition"
        " action",
        [{"Expiration": {"Days": 3}, "Transitions": moved((3, "GLACIER"))}],
    ),
    (
        "InvalidArgument",
        f"'NoncurrentDays' in the NoncurrentVersionExpiration action for filter {FILTER} must be greater than"
        " 'NoncurrentDays' in the NoncurrentVersionTransition action",
        [
            {
                "NoncurrentVersionExpiration": {"NoncurrentDays": 2},
                "NoncurrentVersionTransitions": [{"NoncurrentDays": 2, "StorageClass": "GLACIER"}],
            }
        ],
    ),
]


@pytest.mark.parametrize(("code", "message", "rules"), CASES, ids=range(len(CASES)))
def test_refused(
    s3: Any, bucket: str, refused: Refused, code: str, message: str, rules: list[dict[str, Any]]
) -> None:
    error = refused(code, put, s3, bucket, *rules)
    assert (error["Message"], error["status"]) == (message, 400)
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)


def test_unknown_minimum(s3: Any, bucket: str, refused: Refused) -> None:
    error = refused(
        "InvalidRequest", put, s3, bucket, EXPIRES, TransitionDefaultMinimumObjectSize="value"
    )
    assert error["Message"] == "Invalid TransitionDefaultMinimumObjectSize found: value"


def test_not_at_midnight_tells_the_argument(s3: Any, bucket: str, refused: Refused) -> None:
    date = datetime(2030, 1, 1, 2, tzinfo=UTC)
    error = refused("InvalidArgument", put, s3, bucket, {"Expiration": {"Date": date}})
    assert (error["ArgumentName"], error["ArgumentValue"]) == ("Date", "2030-01-01T02:00:00.000Z")
