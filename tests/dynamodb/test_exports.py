"""Tables to S3: what lies in the bucket, as of which moment, in whose name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from amazon.ion import simpleion
from botocore.exceptions import ClientError

from persons import Person, allow
from servers import CloudClock

from .support import make_simple_table, refusal
from .transfers import Transfers

Make = Callable[..., Any]

EVERY_TYPE = {
    "pk": {"S": 'a "quoted" one\n\u2028😀\x00'},
    "n": {"N": "-12.5"},
    "large": {"N": "1" + "0" * 125},
    "small": {"N": "0." + "0" * 129 + "1"},
    "b": {"B": b"\x00\xff"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["x", "y'"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"1", b"2"]},
    "l": {"L": [{"S": "x"}, {"N": "300"}, {"L": []}]},
    "m": {"M": {"k k": {"S": ""}, "true": {"N": "0"}, "$1": {"BOOL": False}, "it's": {"M": {}}}},
}


@pytest.fixture
def transfers(client: Make, clock: CloudClock, account: str) -> Transfers:
    s3 = client("s3")
    s3.create_bucket(Bucket=f"exports-{account}")
    return Transfers(client("dynamodb"), s3, clock, f"exports-{account}")


@pytest.fixture
def table(transfers: Transfers) -> str:
    """The ARN of a table with point-in-time recovery and seven items."""
    make_simple_table(transfers.ddb, "things")
    arn = transfers.recover("things")
    for number in range(7):
        put(transfers, f"k{number}", number)
    return arn


def put(transfers: Transfers, pk: str, number: int) -> None:
    item = {"pk": {"S": pk}, "n": {"N": str(number)}}
    transfers.ddb.put_item(TableName="things", Item=item)


def test_what_lies_in_the_bucket(transfers: Transfers, table: str, tmp_path: Path) -> None:
    """The layout that AWS documents; any reader of JSON lines reads the data."""
    begun = transfers.begin(table, S3Prefix="some/place/")
    assert begun["ExportStatus"] == "IN_PROGRESS"
    assert begun["ExportArn"].startswith(f"{table}/export/")
    assert (begun["ExportType"], begun["ExportFormat"]) == ("FULL_EXPORT", "DYNAMODB_JSON")
    assert begun["S3SseAlgorithm"] == "AES256"
    assert "ExportManifest" not in begun
    transfers.clock.wait_until_idle()
    told = transfers.told_of_export(begun["ExportArn"])
    id = told["ExportArn"].rpartition("/")[2]
    folder = f"some/place/AWSDynamoDB/{id}"
    assert told["ExportManifest"] == f"{folder}/manifest-summary.json"
    found = transfers.s3.list_objects_v2(Bucket=transfers.bucket)["Contents"]
    keys = {one["Key"] for one in found}
    data = {key for key in keys if key.startswith(f"{folder}/data/")}
    assert len(data) == 1
    assert all(key.endswith(".json.gz") for key in data)
    assert keys - data == {
        f"{folder}/{name}"
        for name in (
            *("_started", "manifest-files.json", "manifest-files.md5"),
            *("manifest-summary.json", "manifest-summary.md5"),
        )
    }
    summary = transfers.summary(told)
    assert list(summary) == [
        *("version", "exportArn", "startTime", "endTime", "tableArn", "tableId", "exportTime"),
        *("s3Bucket", "s3Prefix", "s3SseAlgorithm", "s3SseKmsKeyId", "manifestFilesS3Key"),
        *("billedSizeBytes", "itemCount", "outputFormat"),
    ]
    assert (summary["version"], summary["itemCount"]) == ("2020-06-30", 7)
    assert told["BilledSizeBytes"] == summary["billedSizeBytes"] > 0
    assert transfers.exported(told) == transfers.items("things")
    file = tmp_path / "data.json.gz"
    file.write_bytes(transfers.get(data.pop()))
    rows = duckdb.sql(f"SELECT Item.pk.S, Item.n.N FROM read_json('{file}')").fetchall()
    assert sorted(rows) == [(f"k{number}", str(number)) for number in range(7)]


def test_an_empty_table_is_an_empty_file(transfers: Transfers) -> None:
    make_simple_table(transfers.ddb, "things")
    told = transfers.export(transfers.recover("things"))
    assert (told["ItemCount"], transfers.lines(told)) == (0, [])


@pytest.mark.parametrize("form", ["DYNAMODB_JSON", "ION"])
def test_exports_can_be_imported(transfers: Transfers, form: str) -> None:
    """With all types, and without a difference."""
    make_simple_table(transfers.ddb, "things")
    arn = transfers.recover("things")
    transfers.ddb.put_item(TableName="things", Item=EVERY_TYPE)
    put(transfers, "other", 1)
    told = transfers.export(arn, ExportFormat=form)
    lines = transfers.lines(told)
    if form == "ION":
        assert b'$ion_1_0 {Item:{n:1.,pk:"other"}}' in lines or (
            b'$ion_1_0 {Item:{pk:"other",n:1.}}' in lines
        )
        assert all(simpleion.loads(line.decode())["Item"]["pk"] for line in lines)
    folder = told["ExportManifest"].rpartition("/")[0] + "/data/"
    again = transfers.run(folder, "again", InputFormat=form, InputCompressionType="GZIP")
    assert again["ImportStatus"] == "COMPLETED", again
    assert transfers.items("again") == transfers.items("things")
    assert len(lines) == 2


def test_a_table_as_it_was(transfers: Transfers, table: str) -> None:
    """At any time in the window; what was written, changed and deleted since is not in it."""
    before = transfers.items("things")
    at_s = transfers.clock.now_ms() // 1000 + 1
    transfers.clock.advance(seconds=600)
    put(transfers, "k1", 100)
    put(transfers, "new", 1)
    transfers.ddb.delete_item(TableName="things", Key={"pk": {"S": "k2"}})
    told = transfers.export(table, ExportTime=at_s)
    assert transfers.exported(told) == before
    assert told["ExportTime"].timestamp() == at_s
    assert transfers.exported(transfers.export(table)) == transfers.items("things") != before


def test_a_table_that_is_deleted_meanwhile(transfers: Transfers, table: str) -> None:
    """What was asked for is written all the same."""
    before = transfers.items("things")
    arn = transfers.begin(table)["ExportArn"]
    transfers.ddb.delete_table(TableName="things")
    transfers.clock.wait_until_idle()
    assert transfers.exported(transfers.told_of_export(arn)) == before


@pytest.mark.parametrize("form", ["DYNAMODB_JSON", "ION"])
def test_what_was_changed_between_two_times(transfers: Transfers, table: str, form: str) -> None:
    """One line for each item, whatever became of it in between; none for one that came and went."""
    transfers.clock.advance(seconds=60)
    since_s = transfers.clock.now_ms() // 1000 + 1
    transfers.clock.advance(seconds=60)
    for number in (10, 11):
        put(transfers, "k1", number)
    put(transfers, "new", 1)
    put(transfers, "brief", 1)
    for pk in ("k2", "brief"):
        transfers.ddb.delete_item(TableName="things", Key={"pk": {"S": pk}})
    changed_ms = transfers.clock.now_ms()
    transfers.clock.advance(seconds=900)
    until_s = transfers.clock.now_ms() // 1000
    transfers.clock.advance(seconds=60)
    put(transfers, "later", 1)
    put(transfers, "k1", 99)
    specification: dict[str, Any] = {"ExportFromTime": since_s, "ExportToTime": until_s}
    incremental = {"ExportType": "INCREMENTAL_EXPORT", "ExportFormat": form}
    told = transfers.export(table, **incremental, IncrementalExportSpecification=specification)
    assert told["IncrementalExportSpecification"]["ExportViewType"] == "NEW_AND_OLD_IMAGES"
    summary = transfers.summary(told)
    assert (summary["version"], summary["exportType"]) == ("2023-08-01", "INCREMENTAL_EXPORT")
    assert summary["outputView"] == "NEW_AND_OLD_IMAGES"
    assert "exportTime" not in summary

    def changes(told: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        found: dict[str, tuple[Any, Any]] = {}
        for line in transfers.lines(told):
            if form == "ION":
                change = simpleion.loads(line.decode())["Record"]
                key = change["Keys"]["pk"]
                micros = int(change["Metadata"]["WriteTimestampMicros"])
                images = (change.get("OldImage"), change.get("NewImage"))
                found[key] = tuple(one if one is None else int(one["n"]) for one in images)
            else:
                change = json.loads(line)
                key = change["Keys"]["pk"]["S"]
                micros = int(change["Metadata"]["WriteTimestampMicros"]["N"])
                images = (change.get("OldImage"), change.get("NewImage"))
                found[key] = tuple(one if one is None else int(one["n"]["N"]) for one in images)
            assert since_s * 1_000_000 <= micros <= changed_ms * 1000
        return found

    assert changes(told) == {"k1": (1, 11), "k2": (2, None), "new": (None, 1)}
    specification["ExportViewType"] = "NEW_IMAGE"
    told = transfers.export(
        table, **incremental, IncrementalExportSpecification=specification, S3Prefix="p"
    )
    assert changes(told) == {"k1": (None, 11), "k2": (None, None), "new": (None, 1)}
    suffix = "ion.gz" if form == "ION" else "json.gz"
    listed = transfers.s3.list_objects_v2(Bucket=transfers.bucket, Prefix="p/AWSDynamoDB/data/")
    assert [one["Key"].endswith(suffix) for one in listed["Contents"]] == [True]


def test_some_items_and_some_of_their_attributes(transfers: Transfers, table: str) -> None:
    """By the expressions of Query and Scan. An incremental export has none of them yet, and says so."""
    some = {
        "FilterExpression": "#n BETWEEN :low AND :high",
        "ProjectionExpression": "pk",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":low": {"N": "2"}, ":high": {"N": "4.0"}},
    }
    told = transfers.export(table, FilterSpecification=some)
    assert transfers.exported(told) == {f"k{n}": {"pk": {"S": f"k{n}"}} for n in (2, 3, 4)}
    assert told["FilterSpecification"]["FilterExpression"] == some["FilterExpression"]
    one = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "k5"}},
    }
    told = transfers.export(table, FilterSpecification=one, ExportFormat="ION")
    assert len(transfers.lines(told)) == 1
    for specification in (
        {**one, "FilterExpression": "pk = :pk"},
        {**one, "KeyConditionExpression": "n = :pk"},
        {"FilterExpression": "n >"},
        {**some, "FilterExpression": "attribute_exists(pk)"},
    ):
        code, _ = refusal(transfers.begin, table_arn=table, FilterSpecification=specification)
        assert code == "ValidationException", specification


def test_files_are_encrypted_as_asked(transfers: Transfers, table: str, client: Make) -> None:
    key = client("kms").create_key()["KeyMetadata"]
    told = transfers.export(table, S3SseAlgorithm="KMS", S3SseKmsKeyId=key["KeyId"])
    assert transfers.exported(told) == transfers.items("things")
    found = transfers.s3.list_objects_v2(Bucket=transfers.bucket)["Contents"]
    for one in found:
        head = transfers.s3.head_object(Bucket=transfers.bucket, Key=one["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])


def test_the_bucket_is_written_to_in_the_callers_name(
    transfers: Transfers, table: str, client: Make, account: str
) -> None:
    """Who may not write there gets a failed export, which says why."""
    ann = Person(client, account)
    hers = Transfers(ann.client("dynamodb"), transfers.s3, transfers.clock, transfers.bucket)
    ann.may(allow("s3:ListAllMyBuckets"))
    code, _ = refusal(hers.begin, table_arn=table)
    assert code == "AccessDeniedException"
    mine = allow(["dynamodb:ExportTableToPointInTime", "dynamodb:DescribeExport"])
    ann.may(mine)
    told = hers.export(table)
    assert (told["ExportStatus"], told["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert "Error Code: AccessDenied" in told["FailureMessage"]
    ann.may(mine, allow(["s3:PutObject"], f"arn:aws:s3:::{transfers.bucket}/*"))
    assert len(transfers.exported(hers.export(table))) == 7


def test_a_bucket_that_is_only_for_secure_requests(transfers: Transfers, table: str) -> None:
    """DynamoDB's are; those of a client without TLS are not."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{transfers.bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    transfers.s3.put_bucket_policy(Bucket=transfers.bucket, Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="AccessDenied"):
        transfers.put("direct", b"")
    assert len(transfers.exported(transfers.export(table))) == 7


def test_another_accounts_bucket(
    transfers: Transfers, table: str, server: Any, account: str
) -> None:
    """With its owner named, and let in by its policy. Everything in it is its owner's to read."""
    other = "999900001111"
    theirs = server.client("s3", other)
    bucket = f"theirs-{account}"
    theirs.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": ["s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    assert transfers.export(table, S3Bucket=bucket)["FailureCode"] == "S3AccessDenied"
    owner = {"S3Bucket": bucket, "S3BucketOwner": other}
    assert transfers.export(table, **owner)["FailureCode"] == "S3AccessDenied"
    theirs.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert transfers.export(table, S3Bucket=bucket)["FailureCode"] == "S3AccessDenied"
    told = transfers.export(table, **owner)
    there = Transfers(None, theirs, None, bucket)
    assert len(there.exported(told)) == 7
    told = transfers.export(table, S3Bucket=f"{bucket}-no")
    assert told["FailureCode"] == "S3NoSuchBucket"


def test_what_makes_no_sense_is_refused(transfers: Transfers, table: str) -> None:
    make_simple_table(transfers.ddb, "plain")
    plain = transfers.ddb.describe_table(TableName="plain")["Table"]["TableArn"]
    now_s = transfers.clock.now_ms() // 1000

    def incremental(since_s: int, until_s: int) -> dict[str, Any]:
        times = {"ExportFromTime": since_s, "ExportToTime": until_s}
        return {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": times}

    for arn, more, refused in (
        (plain, {}, "PointInTimeRecoveryUnavailableException"),
        (f"{plain}-no", {}, "TableNotFoundException"),
        ("things", {}, "ValidationException"),
        (table, {"ExportTime": now_s - 3600}, "InvalidExportTimeException"),
        (table, {"ExportTime": now_s + 3600}, "InvalidExportTimeException"),
        (table, {"ExportFormat": "CSV"}, "ValidationException"),
        (table, {"ExportType": "INCREMENTAL_EXPORT"}, "ValidationException"),
        (table, {"S3SseKmsKeyId": "some"}, "ValidationException"),
        (table, incremental(now_s - 60, now_s), "ValidationException"),
        (table, incremental(now_s - 90_000, now_s), "ValidationException"),
        (table, incremental(now_s - 3600, now_s), "InvalidExportTimeException"),
    ):
        code, _ = refusal(transfers.begin, table_arn=arn, **more)
        assert code == refused, (arn, more)
    assert transfers.ddb.list_exports()["ExportSummaries"] == []


def test_the_same_token_is_the_same_export(transfers: Transfers, table: str) -> None:
    first = transfers.export(table, ClientToken="mine")
    again = transfers.begin(table, ClientToken="mine")
    assert again["ExportArn"] == first["ExportArn"]
    code, _ = refusal(transfers.begin, table_arn=table, ClientToken="mine", S3Prefix="x")
    assert code == "ExportConflictException"
    transfers.clock.advance(seconds=8 * 3600 + 60)
    other = transfers.begin(table, ClientToken="mine", S3Prefix="x")
    assert other["ExportArn"] != first["ExportArn"]


def test_exports_are_listed_the_latest_first_for_ninety_days(
    transfers: Transfers, table: str
) -> None:
    arns = [transfers.export(table)["ExportArn"] for _ in range(3)]
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = transfers.ddb.list_exports(MaxResults=2, **more)
        found += page["ExportSummaries"]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    expected = {"ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}
    assert found == [{"ExportArn": arn, **expected} for arn in arns[::-1]]
    assert transfers.ddb.list_exports(TableArn=f"{table}-no")["ExportSummaries"] == []
    transfers.clock.advance(seconds=91 * 24 * 3600)
    transfers.clock.wait_until_idle()
    assert transfers.ddb.list_exports(TableArn=table)["ExportSummaries"] == []
    with pytest.raises(ClientError, match="ExportNotFoundException"):
        transfers.told_of_export(arns[0])
