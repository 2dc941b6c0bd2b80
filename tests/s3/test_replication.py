"""Replication: what goes where, with what, in whose name, and what versions say of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from persons import allow, deny, document, trust
from s3.replications import Replicate, rule, status, versioned_bucket, versions

Client = Callable[..., Any]
Make = Callable[[], str]

FOREVER_S = 3600
"""Behind all attempts of what is refused."""
NEEDED = [
    *("s3:GetReplicationConfiguration", "s3:ListBucket", "s3:GetObjectVersionForReplication"),
    *("s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging", "s3:GetObjectRetention"),
    *("s3:GetObjectLegalHold", "s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"),
]


class Role:
    """The role that replicates: what AWS's guide gives it, and what a test gives or takes."""

    def __init__(self, client: Client) -> None:
        self._iam = client("iam")
        made = self._iam.create_role(
            RoleName="replicator", AssumeRolePolicyDocument=trust(Service="s3.amazonaws.com")
        )
        self.arn: str = made["Role"]["Arn"]
        self.may(allow(NEEDED))

    def may(self, *statements: dict[str, Any]) -> None:
        self._iam.put_role_policy(
            RoleName="replicator", PolicyName="own", PolicyDocument=document(*statements)
        )

    def trusts(self, service: str) -> None:
        self._iam.update_assume_role_policy(
            RoleName="replicator", PolicyDocument=trust(Service=service)
        )


@pytest.fixture
def role(client: Client) -> Role:
    return Role(client)


@pytest.fixture
def versioned(s3: Any, new_bucket: Make) -> Make:
    def make() -> str:
        name = new_bucket()
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def source(versioned: Make) -> str:
    return versioned()


@pytest.fixture
def target(versioned: Make) -> str:
    return versioned()


@pytest.fixture
def replicate(s3: Any, source: str, role: Role) -> Replicate:
    """replicate(rule, ..., bucket=..., role=...): put a configuration; on `source` by default."""

    def put(*rules: dict[str, Any], **more: Any) -> None:
        configuration = {"Role": more.get("role", role.arn), "Rules": list(rules)}
        s3.put_bucket_replication(
            Bucket=more.get("bucket", source), ReplicationConfiguration=configuration
        )

    return put


# --- what goes


def test_a_version_goes_as_it_is(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    """The same id, time, entity tag, checksum, metadata and tags: only the status tells which is which."""
    clock.freeze()
    clock.advance(seconds=5)
    replicate(rule(target))
    put = s3.put_object(
        Bucket=source,
        Key="k",
        Body=b"x" * 100_000,
        Metadata={"a": "b"},
        ContentType="text/x",
        Tagging="t=1",
        StorageClass="STANDARD_IA",
        ChecksumAlgorithm="SHA256",
    )
    clock.advance(seconds=5)
    clock.wait_until_idle()
    mine = s3.head_object(Bucket=source, Key="k", ChecksumMode="ENABLED")
    theirs = s3.head_object(Bucket=target, Key="k", ChecksumMode="ENABLED")
    assert mine.pop("ReplicationStatus") == "COMPLETED"
    assert theirs.pop("ReplicationStatus") == "REPLICA"
    assert mine["VersionId"] == put["VersionId"]
    for answer in (mine, theirs):
        del answer["ResponseMetadata"]
    assert mine == theirs
    assert s3.get_object(Bucket=target, Key="k")["Body"].read() == b"x" * 100_000
    tags = s3.get_object_tagging(Bucket=target, Key="k")["TagSet"]
    assert tags == [{"Key": "t", "Value": "1"}]


def test_parts_stay_parts(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    upload = s3.create_multipart_upload(Bucket=source, Key="k", ChecksumAlgorithm="CRC32")
    named = {"Bucket": source, "Key": "k", "UploadId": upload["UploadId"]}
    bodies = [b"a" * 5 * 1024**2, b"b" * 1000]
    parts: list[dict[str, Any]] = []
    for number, body in enumerate(bodies, 1):
        sent = s3.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        part = {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]}
        parts.append(part)
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    clock.wait_until_idle()
    got = s3.get_object(Bucket=target, Key="k", PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (bodies[1], 2)
    assert (got["ETag"], got["VersionId"]) == (done["ETag"], done["VersionId"])
    s3.delete_object(Bucket=source, Key="k", VersionId=done["VersionId"])
    got = s3.get_object(Bucket=target, Key="k")
    assert got["Body"].read() == b"".join(bodies), "it has references of its own"


def test_every_way_of_writing_and_each_status(
    s3: Any, source: str, target: str, role: Role, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    role.may(deny("s3:ReplicateObject"))
    s3.put_object(Bucket=source, Key="put", Body=b"1")
    clock.wait_until_idle()
    assert status(s3, source, "put") == "PENDING"
    role.may(allow(NEEDED))
    s3.copy_object(Bucket=source, Key="copy", CopySource=f"{source}/put")
    clock.advance(seconds=10)
    clock.wait_until_idle()
    assert [status(s3, source, key) for key in ("put", "copy")] == ["COMPLETED"] * 2
    assert [status(s3, target, key) for key in ("put", "copy")] == ["REPLICA"] * 2


def test_what_was_there_before_does_not_go(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    s3.put_object(Bucket=source, Key="k", Body=b"1", Tagging="a=1")
    replicate(rule(target))
    s3.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": []})
    clock.wait_until_idle()
    assert status(s3, source, "k") is None
    assert versions(s3, target) == []


def test_filters(s3: Any, source: str, versioned: Make, replicate: Replicate, clock: Any) -> None:
    by_prefix, by_tag, by_both, off = versioned(), versioned(), versioned(), versioned()
    tag = {"Key": "go", "Value": "yes"}
    none = {"DeleteMarkerReplication": {"Status": "Disabled"}}
    replicate(
        rule(by_prefix, Filter={"Prefix": "in/"}),
        rule(by_tag, Priority=2, Filter={"Tag": tag}, **none),
        rule(by_both, Priority=3, Filter={"And": {"Prefix": "in/", "Tags": [tag]}}, **none),
        rule(off, Priority=4, Status="Disabled"),
    )
    s3.put_object(Bucket=source, Key="in/1", Body=b"1")
    s3.put_object(Bucket=source, Key="in/2", Body=b"1", Tagging="go=yes&x=y")
    s3.put_object(Bucket=source, Key="out", Body=b"1", Tagging="go=yes")
    s3.put_object(Bucket=source, Key="not", Body=b"1", Tagging="go=no")
    clock.wait_until_idle()

    def keys(bucket: str) -> list[str]:
        return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    assert keys(by_prefix) == ["in/1", "in/2"]
    assert keys(by_tag) == ["in/2", "out"]
    assert keys(by_both) == ["in/2"]
    assert keys(off) == []
    assert status(s3, source, "not") is None


def test_of_two_rules_for_one_bucket_the_higher_priority_holds(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    replicate(
        rule(target, ID="low", Priority=1, to={"StorageClass": "ONEZONE_IA"}),
        rule(
            target, ID="high", Priority=9, Filter={"Prefix": "h"}, to={"StorageClass": "GLACIER_IR"}
        ),
    )
    for key in ("high", "other"):
        s3.put_object(Bucket=source, Key=key, Body=b"1")
    clock.wait_until_idle()
    classes = [s3.head_object(Bucket=target, Key=key)["StorageClass"] for key in ("high", "other")]
    assert classes == ["GLACIER_IR", "ONEZONE_IA"]


def test_of_several_buckets_one_that_fails_speaks_for_all(
    s3: Any, source: str, versioned: Make, replicate: Replicate, clock: Any
) -> None:
    good, bad = versioned(), versioned()
    replicate(rule(good), rule(bad, Priority=2))
    s3.put_bucket_versioning(Bucket=bad, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=source, Key="k", Body=b"1")
    clock.wait_until_idle()
    assert status(s3, source, "k") == "PENDING"
    assert status(s3, good, "k") == "REPLICA"
    for _ in range(6):
        clock.advance(seconds=200)
        clock.wait_until_idle()
    assert status(s3, source, "k") == "FAILED"
    s3.put_bucket_versioning(Bucket=bad, VersioningConfiguration={"Status": "Enabled"})
    clock.advance(seconds=FOREVER_S)
    clock.wait_until_idle()
    assert versions(s3, bad) == [], "failed is final"


# --- deleting


def test_delete_markers_go_and_deletes_do_not(
    s3: Any, source: str, versioned: Make, replicate: Replicate, clock: Any
) -> None:
    told, untold = versioned(), versioned()
    replicate(rule(told), rule(untold, Priority=2, DeleteMarkerReplication={"Status": "Disabled"}))
    first = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    clock.wait_until_idle()
    assert versions(s3, told) == [("k", marker, True), ("k", first, False)]
    assert versions(s3, untold) == [("k", first, False)]
    s3.delete_object(Bucket=source, Key="k", VersionId=marker)
    s3.delete_object(Bucket=source, Key="k", VersionId=first)
    clock.wait_until_idle()
    assert versions(s3, source) == []
    assert len(versions(s3, told)) == 2


def test_versions_stand_as_they_stand_in_the_source(
    s3: Any, source: str, target: str, role: Role, replicate: Replicate, clock: Any
) -> None:
    """Whatever was written into the destination meanwhile, and in which order replicas come."""
    replicate(rule(target))
    role.may(deny("*"))
    first = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    clock.advance(seconds=1)
    marker = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    clock.advance(seconds=1)
    own = s3.put_object(Bucket=target, Key="k", Body=b"own")["VersionId"]
    clock.wait_until_idle()
    role.may(allow(NEEDED))
    clock.advance(seconds=30)
    clock.wait_until_idle()
    listed = s3.list_object_versions(Bucket=target)
    assert [one["VersionId"] for one in listed["Versions"]] == [own, first]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == [marker]
    assert s3.get_object(Bucket=target, Key="k")["Body"].read() == b"own"
    s3.delete_object(Bucket=target, Key="k", VersionId=own)
    s3.delete_object(Bucket=target, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=target, Key="k")["Body"].read() == b"1"


# --- what changes later


def test_tags_and_locks_follow(
    s3: Any, source: str, target: str, replicate: Replicate, account: str, clock: Any
) -> None:
    s3.put_object_lock_configuration(
        Bucket=source, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    s3.put_object_lock_configuration(
        Bucket=target, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    )
    replicate(rule(target))
    until = datetime.fromtimestamp(clock.now_ms() // 1000 + 86_400, tz=UTC)
    s3.put_object(
        Bucket=source,
        Key="k",
        Body=b"1",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
    )
    clock.wait_until_idle()
    assert s3.head_object(Bucket=target, Key="k")["ObjectLockRetainUntilDate"] == until
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    s3.put_object_tagging(Bucket=source, Key="k", Tagging=tags)
    s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "ON"})
    clock.wait_until_idle()
    assert s3.get_object_tagging(Bucket=target, Key="k")["TagSet"] == tags["TagSet"]
    assert s3.get_object_legal_hold(Bucket=target, Key="k")["LegalHold"]["Status"] == "ON"
    s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "OFF"})
    s3.put_object_retention(Bucket=source, Key="k", Retention={}, BypassGovernanceRetention=True)
    clock.wait_until_idle()
    head = s3.head_object(Bucket=target, Key="k")
    assert head["ObjectLockLegalHoldStatus"] == "OFF"
    assert head["ObjectLockMode"] == "GOVERNANCE", "nobody passes it by from elsewhere"
    assert status(s3, source, "k") == "COMPLETED"


def test_lists_follow_where_they_count(
    s3: Any,
    client: Client,
    source: str,
    versioned: Make,
    replicate: Replicate,
    account: str,
    clock: Any,
) -> None:
    """And where they do not, replicas are their bucket's, as all else is there."""
    listed, unlisted = versioned(), versioned()
    for name in (source, listed):
        controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=controls)
    friend = client("s3", account=f"8{account[1:]}").list_buckets()["Owner"]["ID"]
    replicate(rule(listed), rule(unlisted, Priority=2))
    s3.put_object(Bucket=source, Key="k", Body=b"1", GrantRead=f"id={friend}")
    clock.wait_until_idle()

    def granted(bucket: str) -> list[str]:
        grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
        return [one["Permission"] for one in grants if one["Grantee"].get("ID") == friend]

    assert [granted(name) for name in (source, listed, unlisted)] == [["READ"], ["READ"], []]
    s3.put_object_acl(Bucket=source, Key="k", GrantReadACP=f"id={friend}")
    assert status(s3, source, "k") in ("PENDING", "COMPLETED")
    clock.wait_until_idle()
    assert [granted(name) for name in (listed, unlisted)] == [["READ_ACP"], []]
    assert status(s3, source, "k") == "COMPLETED"


def test_a_replica_that_was_deleted_does_not_come_back(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    id = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    clock.wait_until_idle()
    s3.delete_object(Bucket=target, Key="k", VersionId=id)
    s3.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": []})
    clock.wait_until_idle()
    assert status(s3, source, "k") == "FAILED"
    assert versions(s3, target) == []


def test_nothing_goes_round_but_changes_where_a_rule_says_so(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    both = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
    replicate(rule(target))
    replicate(rule(source), bucket=target)
    id = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    clock.wait_until_idle()
    assert (status(s3, source, "k"), status(s3, target, "k")) == ("COMPLETED", "REPLICA")
    assert versions(s3, source) == versions(s3, target) == [("k", id, False)]

    def tag(bucket: str, value: str) -> None:
        tags = {"TagSet": [{"Key": "a", "Value": value}]}
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
        clock.wait_until_idle()

    def tags() -> list[str]:
        told = [s3.get_object_tagging(Bucket=name, Key="k") for name in (source, target)]
        return [one["TagSet"][0]["Value"] for one in told]

    tag(source, "1")
    assert tags() == ["1", "1"]
    tag(target, "2")
    assert tags() == ["1", "2"]
    replicate(rule(source, **both), bucket=target)
    tag(target, "3")
    assert tags() == ["3", "3"]
    assert (status(s3, source, "k"), status(s3, target, "k")) == ("COMPLETED", "REPLICA")


# --- who may


@pytest.mark.parametrize(
    "missing", ["GetObjectVersionForReplication", "GetObjectVersionTagging", "ReplicateTags"]
)
def test_the_role_needs_each_permission(
    s3: Any,
    source: str,
    target: str,
    role: Role,
    replicate: Replicate,
    clock: Any,
    missing: str,
) -> None:
    replicate(rule(target))
    role.may(allow(NEEDED), deny(f"s3:{missing}"))
    s3.put_object(Bucket=source, Key="k", Body=b"1", Tagging="a=b")
    for _ in range(6):
        clock.wait_until_idle()
        clock.advance(seconds=200)
    clock.wait_until_idle()
    assert status(s3, source, "k") == "FAILED"
    assert versions(s3, target) == []


def test_a_role_that_does_not_trust_s3(
    s3: Any, source: str, target: str, role: Role, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    role.trusts("lambda.amazonaws.com")
    s3.put_object(Bucket=source, Key="k", Body=b"1")
    clock.wait_until_idle()
    assert status(s3, source, "k") == "PENDING"
    role.trusts("s3.amazonaws.com")
    clock.advance(seconds=10)
    clock.wait_until_idle()
    assert status(s3, source, "k") == "COMPLETED"


def test_across_regions_and_accounts(
    s3: Any, client: Client, source: str, role: Role, replicate: Replicate, account: str, clock: Any
) -> None:
    """The other account's bucket must let the role in; whose the replica is, the rule says."""
    other = f"9{account[1:]}"
    far = client("s3", account=other, region_name="eu-west-1")
    place = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    target = versioned_bucket(far, f"far-{account}", ObjectOwnership="ObjectWriter", **place)
    override = {"Account": other, "AccessControlTranslation": {"Owner": "Destination"}}
    replicate(
        rule(target, ID="mine", Filter={"Prefix": "mine"}),
        rule(target, ID="theirs", Priority=2, Filter={"Prefix": "theirs"}, to=override),
    )
    for key in ("mine", "theirs"):
        s3.put_object(Bucket=source, Key=key, Body=b"1")
    clock.wait_until_idle()
    assert versions(far, target) == []
    actions = ["s3:ReplicateObject", "s3:ObjectOwnerOverrideToBucketOwner"]
    let_in = {**allow(actions, f"arn:aws:s3:::{target}/*"), "Principal": {"AWS": role.arn}}
    far.put_bucket_policy(Bucket=target, Policy=document(let_in))
    role.may(allow([*NEEDED, "s3:ObjectOwnerOverrideToBucketOwner"]))
    clock.advance(seconds=10)
    clock.wait_until_idle()
    owners = {
        one["Key"]: one["Owner"]["ID"]
        for one in far.list_object_versions(Bucket=target)["Versions"]
    }
    mine, theirs = (one.list_buckets()["Owner"]["ID"] for one in (s3, far))
    assert owners == {"mine": mine, "theirs": theirs}
    assert far.get_object(Bucket=target, Key="theirs")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="AccessDenied"):
        far.get_object(Bucket=target, Key="mine")
    assert s3.get_object(Bucket=target, Key="mine")["ReplicationStatus"] == "REPLICA"


# --- encryption


def test_keys_of_customers_stay_theirs(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    key = b"k" * 32
    given = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    s3.put_object(Bucket=source, Key="k", Body=b"x" * 100_000, **given)
    clock.wait_until_idle()
    got = s3.get_object(Bucket=target, Key="k", **given)
    assert got["Body"].read() == b"x" * 100_000
    told = base64.b64encode(hashlib.md5(key).digest()).decode()
    assert (got["SSECustomerKeyMD5"], got["ReplicationStatus"]) == (told, "REPLICA")


def test_keys_of_kms_where_a_rule_selects_them(
    s3: Any,
    client: Client,
    source: str,
    versioned: Make,
    role: Role,
    replicate: Replicate,
    clock: Any,
) -> None:
    """The role must be allowed to decrypt with the one key, through S3, and to encrypt with the other."""
    kms = client("kms")
    mine, theirs = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    target, unselected = versioned(), versioned()
    selected = {"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}}
    with_key = {"EncryptionConfiguration": {"ReplicaKmsKeyID": theirs}}
    replicate(rule(target, to=with_key, **selected), rule(unselected, Priority=2))
    put = s3.put_object(
        Bucket=source,
        Key="k",
        Body=b"x" * 100_000,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=mine,
    )
    clock.wait_until_idle()
    assert status(s3, source, "k") == "PENDING"
    through = {"StringLike": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    encrypting = {
        "StringLike": {
            "kms:ViaService": "s3.us-east-1.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{target}/*",
        }
    }
    role.may(
        allow(NEEDED),
        allow("kms:Decrypt", mine, Condition=through),
        allow("kms:Encrypt", theirs, Condition=encrypting),
    )
    clock.advance(seconds=10)
    clock.wait_until_idle()
    got = s3.get_object(Bucket=target, Key="k")
    assert got["Body"].read() == b"x" * 100_000
    assert (got["SSEKMSKeyId"], got["ETag"]) == (theirs, put["ETag"])
    assert status(s3, source, "k") == "COMPLETED"
    assert versions(s3, unselected) == []
    kms.schedule_key_deletion(KeyId=mine, PendingWindowInDays=7)
    s3.get_object(Bucket=target, Key="k")


# --- what goes away meanwhile


def test_buckets_rules_and_versions_that_are_gone(
    s3: Any, source: str, versioned: Make, role: Role, replicate: Replicate, clock: Any
) -> None:
    target, lost = versioned(), versioned()
    replicate(rule(target), rule(lost, Priority=2, Filter={"Prefix": "lost"}))
    role.may(deny("*"))
    s3.put_object(Bucket=source, Key="lost", Body=b"1")
    gone = s3.put_object(Bucket=source, Key="gone", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=source, Key="gone", VersionId=gone)
    s3.delete_bucket(Bucket=lost)
    s3.put_object(Bucket=source, Key="k", Body=b"1")
    clock.wait_until_idle()
    role.may(allow(NEEDED))
    for _ in range(6):
        clock.advance(seconds=200)
        clock.wait_until_idle()
    assert [key for key, _, _ in versions(s3, target)] == ["k", "lost"]
    assert (status(s3, source, "lost"), status(s3, source, "k")) == ("FAILED", "COMPLETED")
    role.may(deny("*"))
    s3.put_object(Bucket=source, Key="late", Body=b"1")
    clock.wait_until_idle()
    s3.delete_bucket_replication(Bucket=source)
    clock.advance(seconds=10)
    clock.wait_until_idle()
    assert status(s3, source, "late") == "FAILED"


def test_a_source_that_is_deleted_takes_along_what_waits(
    s3: Any, source: str, target: str, role: Role, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    role.may(deny("*"))
    id = s3.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
    clock.wait_until_idle()
    s3.delete_object(Bucket=source, Key="k", VersionId=id)
    s3.delete_bucket(Bucket=source)
    versioned_bucket(s3, source)
    role.may(allow(NEEDED))
    clock.advance(seconds=FOREVER_S)
    clock.wait_until_idle()
    assert versions(s3, target) == []


def test_lifecycle_leaves_alone_what_is_not_replicated(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    """AWS promises so, for else it would be lost. The delete markers of rules do not go."""
    days = {"ID": "d", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=source, LifecycleConfiguration={"Rules": [days]})
    replicate(rule(target))
    s3.put_object(Bucket=source, Key="done", Body=b"1")
    clock.wait_until_idle()
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=source, Key="failed", Body=b"1")
    clock.wait_until_idle()
    for hours in (1, 24, 24, 24):
        clock.advance(seconds=hours * 3600)
        clock.wait_until_idle()
    listed = s3.list_objects_v2(Bucket=source)["Contents"]
    assert [one["Key"] for one in listed] == ["failed"]
    assert [marker for _, _, marker in versions(s3, target)] == [False]


def test_archives_do_not_go(
    s3: Any, source: str, target: str, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    s3.put_object(Bucket=source, Key="k", Body=b"1", StorageClass="GLACIER")
    clock.wait_until_idle()
    assert status(s3, source, "k") is None
    assert versions(s3, target) == []


def test_a_trace_tells_why(
    s3: Any, server: Any, source: str, target: str, role: Role, replicate: Replicate, clock: Any
) -> None:
    replicate(rule(target))
    role.may(allow(NEEDED), deny("s3:ReplicateObject"))
    put = s3.put_object(Bucket=source, Key="k", Body=b"1")
    clock.wait_until_idle()
    story = json.dumps(server.ask("GET", f"/_pilvi/trace/{put['ResponseMetadata']['RequestId']}"))
    assert "DstPutObjectNotPermitted" in story
    assert "s3:ReplicateObject" in story
