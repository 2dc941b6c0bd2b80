"""Replication configurations: what may be put, what is told, and what is refused in which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow, refusal
from s3.replications import rule, versioned_bucket

ROLE = "arn:aws:iam::{}:role/replicator"
MINUTES = {"Minutes": 15}
TIMED = {
    "ReplicationTime": {"Status": "Enabled", "Time": MINUTES},
    "Metrics": {"Status": "Enabled", "EventThreshold": MINUTES},
}
FIRST = {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::TARGET"}}
ELSEWHERE = {"Bucket": "arn:aws:s3:::elsewhere"}
UNMARKED = {"DeleteMarkerReplication": {"Status": "Disabled"}}
TAG = {"Key": "a", "Value": "b"}
KMS = "arn:aws:kms:us-east-1:000000000000:key/1"
SELECTED = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
OF_VERSION = (
    " for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more"
    " information."
)
NOT_WELL_FORMED = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)


def without(given: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != member}


def two(one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"ID": "1", **one}, {"ID": "2", **other}]


def v2(**more: Any) -> dict[str, Any]:
    return rule("TARGET", **more)


GOOD: list[list[dict[str, Any]]] = [
    [v2()],
    [v2(Filter={"Prefix": ""}), v2(ID="b", Priority=0, Filter={"Tag": TAG}, **UNMARKED)],
    [v2(Filter={"And": {"Prefix": "a", "Tags": [TAG]}}, **UNMARKED)],
    [v2(to={**TIMED, "StorageClass": "STANDARD_IA"})],
    [v2(to={"Metrics": {"Status": "Enabled"}})],
    [v2(to={"Account": "111111111111", "AccessControlTranslation": {"Owner": "Destination"}})],
    [
        v2(
            to={"EncryptionConfiguration": {"ReplicaKmsKeyID": KMS}},
            SourceSelectionCriteria={**SELECTED, "ReplicaModifications": {"Status": "Disabled"}},
        )
    ],
    [{**FIRST, "ID": "old", "Prefix": ""}],
    two({**FIRST, "Prefix": "a"}, {**FIRST, "Prefix": "b"}),
]  # fmt: skip

BAD: list[tuple[list[dict[str, Any]], str, str]] = [
    ([], "MalformedXML", NOT_WELL_FORMED),
    ([v2(Status="Perhaps")], "MalformedXML", NOT_WELL_FORMED),
    ([FIRST], "MalformedXML", NOT_WELL_FORMED),
    ([v2(Prefix="")], "MalformedXML", NOT_WELL_FORMED),
    ([v2(Filter={"Prefix": "a", "Tag": TAG})], "MalformedXML", NOT_WELL_FORMED),
    ([v2(Filter={"And": {"Prefix": "a"}})], "MalformedXML", NOT_WELL_FORMED),
    ([v2(ExistingObjectReplication={"Status": "Enabled"})], "MalformedXML", NOT_WELL_FORMED),
    ([v2(to={"StorageClass": "OUTPOSTS"})], "MalformedXML", NOT_WELL_FORMED),
    ([v2(ID="x" * 256)], "InvalidArgument", "Rule Id cannot be greater than 255"),
    (two(v2(ID="1"), v2(ID="1", Priority=2)), "InvalidArgument", "Rule Id must be unique"),
    (two(v2(ID="1"), v2(ID="2")), "InvalidRequest", "Found duplicate priority 1."),
    ([without(v2(), "Priority")], "InvalidRequest", f"Priority must be specified{OF_VERSION}"),
    (
        [without(v2(), "DeleteMarkerReplication")],
        "InvalidRequest",
        f"DeleteMarkerReplication must be specified{OF_VERSION}",
    ),
    (
        [{**FIRST, "Prefix": "", "Priority": 1}],
        "InvalidRequest",
        f"Priority cannot be used{OF_VERSION}",
    ),
    (
        [{**FIRST, "Prefix": "", "DeleteMarkerReplication": {"Status": "Enabled"}}],
        "InvalidRequest",
        f"DeleteMarkerReplication cannot be used{OF_VERSION}",
    ),
    (
        [v2(Filter={"Tag": TAG})],
        "InvalidRequest",
        "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer"
        " Guide for more information.",
    ),
    (
        two({**FIRST, "Prefix": "a"}, {**FIRST, "Prefix": "ab"}),
        "InvalidRequest",
        "Found overlapping prefixes 'a' and 'ab'",
    ),
    (
        two({**FIRST, "Prefix": "a"}, {**FIRST, "Prefix": "b", "Destination": ELSEWHERE}),
        "InvalidRequest",
        "Number of distinct destination bucket ARNs cannot exceed 1",
    ),
    ([v2(Destination={"Bucket": "TARGET"})], "InvalidArgument", "Invalid bucket ARN"),
    (
        [v2(Destination={"Bucket": "arn:aws:s3:::SOURCE"})],
        "InvalidRequest",
        "Destination bucket cannot be the same as the source bucket.",
    ),
    (
        [v2(Destination={"Bucket": "arn:aws:s3:::does-not-exist-at-all"})],
        "InvalidRequest",
        "Destination bucket must have versioning enabled.",
    ),
    (
        [v2(to={"AccessControlTranslation": {"Owner": "Destination"}})],
        "InvalidRequest",
        "Account must be specified if the Owner in AccessControlTranslation has a value",
    ),
    (
        [v2(to={"EncryptionConfiguration": {"ReplicaKmsKeyID": KMS}})],
        "InvalidRequest",
        "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
    ),
    (
        [v2(SourceSelectionCriteria=SELECTED)],
        "InvalidRequest",
        "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
    ),
    (
        [v2(SourceSelectionCriteria=SELECTED, to={"EncryptionConfiguration": {"ReplicaKmsKeyID": "x"}})],
        "InvalidArgument",
        "Invalid ReplicaKmsKeyID ARN.",
    ),
    (
        [v2(to=without(TIMED, "Metrics"))],
        "InvalidRequest",
        "Replication destination must contain both ReplicationTime and Metrics or neither.",
    ),
    (
        [v2(to={**TIMED, "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 5}}})],
        "InvalidArgument",
        "Invalid time minute value",
    ),
    (
        [v2(to={**TIMED, "Metrics": {"Status": "Enabled"}})],
        "InvalidArgument",
        "ReplicationMetrics must contain an event threshold",
    ),
    (
        [v2(to=without(TIMED, "ReplicationTime"))],
        "InvalidArgument",
        "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
    ),
]  # fmt: skip


@pytest.fixture
def put(s3: Any, account: str) -> Callable[..., Any]:
    """put(rules, role=...): from one versioned bucket to another, whose names stand for SOURCE and TARGET."""
    source = versioned_bucket(s3, f"source-{account}")
    target = versioned_bucket(s3, f"target-{account}")

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("SOURCE", source).replace("TARGET", target)
        if isinstance(value, list):
            return [named(one) for one in value]
        if isinstance(value, dict):
            return {name: named(one) for name, one in value.items()}
        return value

    def call(rules: list[dict[str, Any]], role: str = "", by: Any = s3) -> Any:
        configuration = {"Role": role or ROLE.format(account), "Rules": named(rules)}
        by.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)
        told = s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]
        return told == configuration

    return call


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_what_is_put_is_told(put: Callable[..., Any], number: int) -> None:
    assert put(GOOD[number])


def test_what_is_refused(put: Callable[..., Any]) -> None:
    for rules, code, text in BAD:
        assert refusal(lambda rules=rules: put(rules)) == (code, text), rules


def test_roles_that_are_none(put: Callable[..., Any]) -> None:
    for role, text in (
        ("replicator", "Invalid Role specified in replication configuration"),
        ("arn:aws:iam::000000000000:user/u", "The relative id should start with role"),
    ):
        assert refusal(lambda role=role: put(GOOD[0], role)) == ("InvalidArgument", text)


def test_buckets_have_versions_for_as_long_as_they_replicate(
    s3: Any, new_bucket: Callable[[], str], account: str
) -> None:
    """Recorded: test_replication_config."""
    source, target = new_bucket(), versioned_bucket(s3, f"target-{account}")
    assert refusal(s3.get_bucket_replication, Bucket=source) == (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    )
    given: dict[str, Any] = rule(target)
    del given["ID"]
    put = {
        "Bucket": source,
        "ReplicationConfiguration": {"Role": ROLE.format(account), "Rules": [given]},
    }
    assert refusal(s3.put_bucket_replication, **put) == (
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    )
    suspend = {"Bucket": source, "VersioningConfiguration": {"Status": "Suspended"}}
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(**put)
    (told,) = s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]["Rules"]
    assert told.pop("ID"), "one is made"
    assert told == given
    assert refusal(s3.put_bucket_versioning, **suspend)[0] == "InvalidBucketState"
    for _ in range(2):
        s3.delete_bucket_replication(Bucket=source)
    s3.put_bucket_versioning(**suspend)


def test_whoever_gives_a_role_may_pass_it(
    put: Callable[..., Any], client: Callable[..., Any], account: str
) -> None:
    role = f"arn:aws:iam::{account}:role/mighty"
    ann = Person(client, account)
    ann.may(allow("s3:*"))
    code, text = refusal(lambda: put(GOOD[0], role, ann.client("s3")))
    assert code == "AccessDenied"
    assert "iam:PassRole" in text
    only = {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}
    ann.may(allow("s3:*"), allow("iam:PassRole", role, Condition=only))
    assert put(GOOD[0], role, ann.client("s3"))
