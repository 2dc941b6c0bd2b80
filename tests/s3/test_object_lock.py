"""Object lock: what it protects, from whom, and until when."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from persons import Make, Person, allow, deny, refusal

Refused = Callable[..., dict[str, Any]]
Send = Callable[..., Any]

DAY_S = 24 * 60 * 60
LOCKED = "Access Denied because object protected by object lock."


@pytest.fixture
def locking(s3: Any, account: str) -> str:
    """A bucket with object lock, and no retention of its own."""
    s3.create_bucket(Bucket=f"locking-{account}", ObjectLockEnabledForBucket=True)
    return f"locking-{account}"


@pytest.fixture
def in_days(clock: Any) -> Callable[[float], datetime]:
    """in_days(1): an instant by the cloud's clock, in whole seconds."""

    def instant(days: float) -> datetime:
        seconds = clock.now_ms() // 1000
        return datetime.fromtimestamp(seconds, tz=UTC) + timedelta(days=days)

    return instant


def put(s3: Any, bucket: str, key: str = "k", **arguments: Any) -> dict[str, str]:
    made = s3.put_object(Bucket=bucket, Key=key, Body=b"body", **arguments)
    return {"Bucket": bucket, "Key": key, "VersionId": made["VersionId"]}


def governed(until: datetime, mode: str = "GOVERNANCE") -> dict[str, Any]:
    return {"Retention": {"Mode": mode, "RetainUntilDate": until}}


def rule(**retention: Any) -> dict[str, Any]:
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}


def test_buckets_with_object_lock(s3: Any, locking: str, bucket: str, refused: Refused) -> None:
    """It needs versioning, and keeps it on."""
    told = s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"]
    assert told == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=locking)["Status"] == "Enabled"
    error = refused(
        "InvalidBucketState",
        s3.put_bucket_versioning,
        Bucket=locking,
        VersioningConfiguration={"Status": "Suspended"},
    )
    assert error["status"] == 409
    assert error["Message"].startswith("An Object Lock configuration is present on this bucket")
    configure = s3.put_object_lock_configuration
    configure(Bucket=locking, ObjectLockConfiguration=rule(Mode="COMPLIANCE", Years=2))
    told = s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"]
    assert told == rule(Mode="COMPLIANCE", Years=2)
    error = refused(
        "ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket=bucket
    )
    assert error["BucketName"] == bucket
    plain = {"ObjectLockEnabled": "Enabled"}
    refused("InvalidBucketState", configure, Bucket=bucket, ObjectLockConfiguration=plain)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configure(Bucket=bucket, ObjectLockConfiguration=plain)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == plain


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({}, "MalformedXML"),
        ({"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {}}, "MalformedXML"),
        (rule(), "MalformedXML"),
        (rule(Mode="GOVERNANCE"), "MalformedXML"),
        (rule(Mode="BAD", Days=1), "MalformedXML"),
        (rule(Mode="GOVERNANCE", Days=1, Years=1), "MalformedXML"),
        (rule(Mode="GOVERNANCE", Days=0), "InvalidArgument"),
        (rule(Mode="GOVERNANCE", Years=101), "InvalidArgument"),
    ],
)
def test_configurations_that_are_none(
    s3: Any, locking: str, refused: Refused, configuration: dict[str, Any], code: str
) -> None:
    put_it = s3.put_object_lock_configuration
    refused(code, put_it, Bucket=locking, ObjectLockConfiguration=configuration)


def test_governance(
    s3: Any, locking: str, in_days: Callable[[float], datetime], clock: Any, refused: Refused
) -> None:
    """It may be made longer; for the rest one needs the permission and says so. Markers are always possible."""
    one, later = put(s3, locking), in_days(2)
    error = refused("NoSuchObjectLockConfiguration", s3.get_object_retention, **one)
    assert error["Message"] == "The specified object does not have a ObjectLock configuration"
    s3.put_object_retention(**one, **governed(in_days(1)))
    s3.put_object_retention(**one, **governed(later))
    told = s3.get_object_retention(**one)["Retention"]
    assert told == {"Mode": "GOVERNANCE", "RetainUntilDate": later}
    head = s3.head_object(**one)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", later)
    assert refused("AccessDenied", s3.delete_object, **one)["Message"] == LOCKED
    for less in (governed(in_days(1)), {"Retention": {}}, governed(later, "COMPLIANCE")):
        error = refused("AccessDenied", s3.put_object_retention, **one, **less)
        assert error["Message"] == LOCKED
    listed = {"Objects": [{"Key": "k", "VersionId": one["VersionId"]}]}
    answer = s3.delete_objects(Bucket=locking, Delete=listed)
    assert [(e["Code"], e["Message"]) for e in answer["Errors"]] == [("AccessDenied", LOCKED)]
    marker = s3.delete_object(Bucket=locking, Key="k")["VersionId"]
    for call in (s3.get_object_retention, s3.get_object_legal_hold):
        refused("MethodNotAllowed", call, Bucket=locking, Key="k")
    s3.delete_object(Bucket=locking, Key="k", VersionId=marker)
    passing = {"BypassGovernanceRetention": True}
    s3.put_object_retention(**one, **governed(in_days(1)), **passing)
    assert s3.delete_object(**one, **passing)["VersionId"] == one["VersionId"]
    two = put(s3, locking)
    s3.put_object_retention(**two, **governed(in_days(1)))
    clock.advance(seconds=2 * DAY_S)
    s3.delete_object(**two)


def test_compliance(
    s3: Any, locking: str, in_days: Callable[[float], datetime], clock: Any, refused: Refused
) -> None:
    """Nobody passes it by, until it is over."""
    until = in_days(1)
    one = put(s3, locking, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    passing = {"BypassGovernanceRetention": True}
    refused("AccessDenied", s3.delete_object, **one, **passing)
    for less in (
        governed(in_days(0.5), "COMPLIANCE"),
        governed(in_days(3)),
        {"Retention": {}},
    ):
        refused("AccessDenied", s3.put_object_retention, **one, **less, **passing)
    s3.put_object_retention(**one, **governed(in_days(2), "COMPLIANCE"))
    clock.advance(seconds=1.5 * DAY_S)
    refused("AccessDenied", s3.delete_object, **one, **passing)
    clock.advance(seconds=DAY_S)
    s3.delete_object(**one)


def test_a_legal_hold_stands_until_it_is_taken_off(
    s3: Any, locking: str, in_days: Callable[[float], datetime], refused: Refused
) -> None:
    one = put(s3, locking)
    refused("NoSuchObjectLockConfiguration", s3.get_object_legal_hold, **one)
    s3.put_object_legal_hold(**one, LegalHold={"Status": "ON"})
    s3.put_object_retention(**one, **governed(in_days(1)))
    s3.put_object_retention(**one, Retention={}, BypassGovernanceRetention=True)
    assert s3.get_object_legal_hold(**one)["LegalHold"] == {"Status": "ON"}
    assert s3.head_object(**one)["ObjectLockLegalHoldStatus"] == "ON"
    refused("AccessDenied", s3.delete_object, **one, BypassGovernanceRetention=True)
    newer = put(s3, locking, ObjectLockLegalHoldStatus="OFF")
    s3.delete_object(**newer)
    s3.put_object_legal_hold(**one, LegalHold={"Status": "OFF"})
    assert s3.head_object(**one)["ObjectLockLegalHoldStatus"] == "OFF"
    refused("MalformedXML", s3.put_object_legal_hold, **one, LegalHold={})
    s3.delete_object(**one)


def test_the_buckets_retention_is_for_what_brings_none(
    s3: Any, locking: str, in_days: Callable[[float], datetime], clock: Any
) -> None:
    """Also of copies and multipart uploads; what a source was locked by is not copied."""
    clock.freeze()
    first = put(s3, locking, "first", ObjectLockLegalHoldStatus="ON")
    s3.put_object_lock_configuration(
        Bucket=locking, ObjectLockConfiguration=rule(Mode="GOVERNANCE", Days=3)
    )
    put(s3, locking, "put")
    source = {"Bucket": locking, "Key": "first"}
    s3.copy_object(Bucket=locking, Key="copied", CopySource=source)
    to = {"Bucket": locking, "Key": "uploaded"}
    to["UploadId"] = s3.create_multipart_upload(**to)["UploadId"]
    etag = s3.upload_part(**to, PartNumber=1, Body=b"x")["ETag"]
    parts = [{"PartNumber": 1, "ETag": etag}]
    s3.complete_multipart_upload(**to, MultipartUpload={"Parts": parts})
    for key in ("put", "copied", "uploaded"):
        head = s3.head_object(Bucket=locking, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert head["ObjectLockRetainUntilDate"] - in_days(3) <= timedelta(seconds=1)
        assert "ObjectLockLegalHoldStatus" not in head
    assert "ObjectLockMode" not in s3.head_object(**first)
    own = put(s3, locking, "own", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=in_days(1))
    assert s3.head_object(**own)["ObjectLockMode"] == "COMPLIANCE"


def test_what_a_write_must_say(
    s3: Any,
    locking: str,
    bucket: str,
    in_days: Callable[[float], datetime],
    refused: Refused,
    send: Send,
) -> None:
    at = {"Bucket": locking, "Key": "k"}
    invalid = ("InvalidArgument", s3.put_object)
    error = refused(*invalid, **at, ObjectLockMode="GOVERNANCE")
    assert error["ArgumentName"] == "x-amz-object-lock-retain-until-date"
    error = refused(*invalid, **at, ObjectLockRetainUntilDate=in_days(1))
    assert error["ArgumentName"] == "x-amz-object-lock-mode"
    error = refused(*invalid, **at, ObjectLockMode="BAD", ObjectLockRetainUntilDate=in_days(1))
    assert (error["Message"], error["ArgumentValue"]) == ("Unknown wormMode directive.", "BAD")
    error = refused(
        *invalid, **at, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(-1)
    )
    assert error["Message"] == "The retain until date must be in the future!"
    refused(*invalid, **at, ObjectLockLegalHoldStatus="maybe")
    refused("404", s3.head_object, **at)
    elsewhere = {"Bucket": bucket, "Key": "k"}
    for call in (s3.put_object, s3.create_multipart_upload):
        error = refused("InvalidRequest", call, **elsewhere, ObjectLockLegalHoldStatus="ON")
        assert error["Message"] == "Bucket is missing Object Lock Configuration"
    refused("404", s3.head_object, **elsewhere)
    s3.put_object(**elsewhere)
    for call in (s3.get_object_retention, s3.get_object_legal_hold):
        refused("InvalidRequest", call, **elsewhere)
    for bypass in (True, False):
        error = refused(
            "InvalidArgument", s3.delete_object, **elsewhere, BypassGovernanceRetention=bypass
        )
        assert error["ArgumentName"] == "x-amz-bypass-governance-retention"
    held = {"x-amz-object-lock-legal-hold": "ON"}
    answer = send("PUT", f"/{locking}/k", b"body", held)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    digest = {"Content-MD5": base64.b64encode(hashlib.md5(b"body").digest()).decode()}
    answer = send("PUT", f"/{locking}/k", b"body", {**held, **digest})
    assert answer.status == 200


def test_retention_documents(
    s3: Any, locking: str, in_days: Callable[[float], datetime], refused: Refused, send: Send
) -> None:
    put_it = s3.put_object_retention
    refused("NoSuchKey", put_it, Bucket=locking, Key="no", **governed(in_days(1)))
    one = put(s3, locking)
    for wrong in ({"Mode": "GOVERNANCE"}, {"RetainUntilDate": in_days(1)}):
        refused("MalformedXML", put_it, **one, Retention=wrong)
    refused("MalformedXML", put_it, **one, **governed(in_days(1), "BAD"))
    error = refused("InvalidArgument", put_it, **one, **governed(in_days(-1)))
    assert error["ArgumentName"] == "RetainUntilDate"
    answer = send("PUT", f"/{locking}/k?legal-hold", b"<LegalHold><Status>ON</Status></LegalHold>")
    assert answer.code == "InvalidRequest", "a digest is missing"


def test_passing_governance_by_is_a_permission(
    client: Make,
    account: str,
    s3: Any,
    locking: str,
    in_days: Callable[[float], datetime],
) -> None:
    one = put(s3, locking, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(1))
    ann = Person(client, account)
    deleting, passing = "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"
    ann.may(allow(deleting), allow("s3:PutObjectRetention"))
    mine = ann.client("s3")
    say = {"BypassGovernanceRetention": True}
    for call, more in ((mine.delete_object, {}), (mine.put_object_retention, {"Retention": {}})):
        assert refusal(call, **one, **more)[0] == "AccessDenied"
        code, message = refusal(call, **one, **more, **say)
        assert code == "AccessDenied"
        assert passing in message
    ann.may(allow(deleting), allow(passing))
    mine.delete_object(**one, **say)


def test_policies_bound_retention(
    client: Make,
    account: str,
    s3: Any,
    locking: str,
    in_days: Callable[[float], datetime],
) -> None:
    """Also where it comes as a header of a write."""
    ann = Person(client, account)
    long = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}
    mode = {"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}}
    hold = {"StringEquals": {"s3:object-lock-legal-hold": "ON"}}
    ann.may(allow("s3:*"), *(deny("s3:*", Condition=one) for one in (long, mode, hold)))
    mine = ann.client("s3")
    one = put(s3, locking)
    mine.put_object_retention(**one, **governed(in_days(10)))
    put(mine, locking, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=in_days(9))
    for call, more in (
        (mine.put_object_retention, {**one, **governed(in_days(11))}),
        (mine.put_object_retention, {**one, **governed(in_days(10), "COMPLIANCE")}),
        (mine.put_object_legal_hold, {**one, "LegalHold": {"Status": "ON"}}),
        (mine.put_object, {"Bucket": locking, "Key": "k", "ObjectLockLegalHoldStatus": "ON"}),
    ):
        assert refusal(call, **more)[0] == "AccessDenied"
    late = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": in_days(12)}
    assert refusal(mine.put_object, Bucket=locking, Key="k", **late)[0] == "AccessDenied"
