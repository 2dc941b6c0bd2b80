"""Tables from S3: formats, compressions, errors that are counted and written down, permissions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from botocore.exceptions import ClientError

from persons import Person, allow
from servers import CloudClock

from .support import refusal
from .transfers import Transfers, counts, creation

Make = Callable[..., Any]

EVERY_TYPE = {
    "pk": {"S": 'a "quoted" one\n😀'},
    "n": {"N": "-12.5"},
    "big": {"N": "1E+125"},
    "b": {"B": b"\x00\xff"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"1", b"2"]},
    "l": {"L": [{"S": "x"}, {"N": "3"}, {"L": []}]},
    "m": {"M": {"k k": {"S": ""}, "true": {"N": "0"}}},
}
ION = (
    '$ion_1_0 {Item:{pk:"a \\"quoted\\" one\\n😀",n:-12.5,big:1d125,b:{{AP8=}},t:true,z:null,'
    'ss:$dynamodb_SS::["x","y"],ns:$dynamodb_NS::[1.,2.5],bs:$dynamodb_BS::[{{MQ==}},{{Mg==}}],'
    "l:[\"x\",3.,[]],m:{'k k':\"\",'true':0.}}}\n"
).encode()


@pytest.fixture
def transfers(client: Make, clock: CloudClock, account: str) -> Transfers:
    s3 = client("s3")
    s3.create_bucket(Bucket=f"imports-{account}")
    return Transfers(client("dynamodb"), s3, clock, f"imports-{account}")


def lines(*items: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"Item": item}).encode() + b"\n" for item in items)


def numbered(first: int, count: int) -> bytes:
    return lines(*({"pk": {"S": f"k{n}"}, "n": {"N": str(n)}} for n in range(first, first + count)))


def packed(compression: str, text: bytes) -> bytes:
    """In several members or frames, as files are that were put together of others."""
    halves = (text[: len(text) // 2], text[len(text) // 2 :])
    if compression == "GZIP":
        return b"".join(gzip.compress(half) for half in halves)
    if compression == "ZSTD":
        return b"".join(zstandard.ZstdCompressor().compress(half) for half in halves)
    return text


@pytest.mark.parametrize("compression", ["NONE", "GZIP", "ZSTD"])
def test_objects_below_a_prefix_become_a_table(transfers: Transfers, compression: str) -> None:
    """Those beside it do not. More items than a transaction takes, in several objects, compressed or not."""
    texts = [numbered(0, 650), numbered(650, 7).rstrip(b"\n")]
    for number, text in enumerate(texts):
        transfers.put(f"in/{number}", packed(compression, text))
    transfers.put("in/empty", b"")
    transfers.put("other", numbered(9000, 1))
    answer = transfers.ddb.import_table(
        **transfers.asked("in/", "made", InputCompressionType=compression)
    )["ImportTableDescription"]
    assert (answer["ImportStatus"], answer["ErrorCount"]) == ("IN_PROGRESS", 0)
    assert answer["TableArn"].endswith(":table/made")
    assert answer["ImportArn"].startswith(answer["TableArn"] + "/import/")
    assert answer["TableCreationParameters"] == creation("made")
    transfers.clock.wait_until_idle()
    told = transfers.told(answer["ImportArn"])
    assert told["ImportStatus"] == "COMPLETED", told
    assert counts(told) == (657, 657, 0)
    assert told["ProcessedSizeBytes"] == sum(map(len, texts))
    assert told["StartTime"] <= told["EndTime"]
    assert transfers.items("made") == {
        f"k{n}": {"pk": {"S": f"k{n}"}, "n": {"N": str(n)}} for n in range(657)
    }
    table = transfers.ddb.describe_table(TableName="made")["Table"]
    assert (table["TableStatus"], table["TableId"]) == ("ACTIVE", told["TableId"])


def test_ion_has_all_types(transfers: Transfers) -> None:
    transfers.put("ion", ION)
    told = transfers.run("ion", "ions", InputFormat="ION")
    assert told["ImportStatus"] == "COMPLETED", told
    expected = {**EVERY_TYPE, "big": {"N": "1" + "0" * 125}}
    assert list(transfers.items("ions").values()) == [expected]


def test_csv_gives_keys_their_types_and_all_else_strings(transfers: Transfers) -> None:
    """Quotes hold delimiters and line ends; the first line is the header, or an item where a header is given."""
    definitions = [
        {"AttributeName": "pk", "AttributeType": "N"},
        {"AttributeName": "g", "AttributeType": "B"},
    ]
    parameters = creation(
        "rows",
        AttributeDefinitions=definitions,
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    transfers.put("csv/1", b'pk,g,text\r\n1,YQ==,"a, ""b""\nc"\r\n\r\n2,Yg==,\n')
    transfers.put("csv/2", b"text,pk,g\nlast,3,Yw==")
    told = transfers.run("csv/", "rows", InputFormat="CSV", TableCreationParameters=parameters)
    assert told["ImportStatus"] == "COMPLETED", told
    assert "InputFormatOptions" not in told
    assert transfers.items("rows") == {
        "1": {"pk": {"N": "1"}, "g": {"B": b"a"}, "text": {"S": 'a, "b"\nc'}},
        "2": {"pk": {"N": "2"}, "g": {"B": b"b"}, "text": {"S": ""}},
        "3": {"pk": {"N": "3"}, "g": {"B": b"c"}, "text": {"S": "last"}},
    }
    found = transfers.ddb.query(
        TableName="rows",
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"B": b"b"}},
    )
    assert [item["pk"] for item in found["Items"]] == [{"N": "2"}]
    options = {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "text"]}}
    transfers.put("semi", b"pk;text\nx;y\n")
    told = transfers.run("semi", "semi", InputFormat="CSV", InputFormatOptions=options)
    assert told["InputFormatOptions"] == options
    assert set(transfers.items("semi")) == {"pk", "x"}


def test_items_that_cannot_be_are_counted_and_written_down(
    transfers: Transfers, client: Make
) -> None:
    """The others are there, and the import has FAILED, as AWS says of it."""
    bad = [
        b'{"Item": {"other": {"S": "x"}}}',
        b'{"Item": {"pk": {"N": "1"}}}',
        b'{"Item": {"pk": {"S": "n"}, "n": {"N": "x"}}}',
        b"not json",
        b'{"pk": {"S": "bare"}}',
        json.dumps({"Item": {"pk": {"S": "large"}, "x": {"S": "x" * 409_600}}}).encode(),
        b'{"Item": {"pk": {"S": "longer than any item"}, "x": "' + b"x" * 5_000_000 + b'"}}',
    ]
    transfers.put("in", numbered(0, 2) + b"\n".join(bad) + b"\n" + numbered(2, 2) + numbered(0, 1))
    told = transfers.run("in", "some")
    assert (told["ImportStatus"], told["FailureCode"]) == ("FAILED", "ItemValidationError")
    assert told["FailureMessage"].startswith("Some of the items failed validation checks")
    assert counts(told) == (12, 4, 7), "the last line is the first again"
    assert set(transfers.items("some")) == {"k0", "k1", "k2", "k3"}
    assert told["CloudWatchLogGroupArn"].endswith(":log-group:/aws-dynamodb/imports:*")
    events = client("logs").get_log_events(
        logGroupName="/aws-dynamodb/imports",
        logStreamName=told["ImportArn"].rpartition("/")[2] + "/error",
        startFromHead=True,
    )["events"]
    written = [json.loads(event["message"]) for event in events]
    assert [one["itemS3Pointer"]["itemIndex"] for one in written] == list(range(2, 9))
    assert written[0] == {
        "itemS3Pointer": {"bucket": transfers.bucket, "key": "in", "itemIndex": 2},
        "importArn": told["ImportArn"],
        "errorMessages": [
            "One or more parameter values were invalid: Missing the key pk in the item"
        ],
    }


def test_many_errors_with_much_to_say(transfers: Transfers, client: Make) -> None:
    """Each is told, in as many requests to CloudWatch Logs as that takes."""
    twice = {"x": {"SS": ["\x01" * 10_000] * 2}}
    transfers.put("in", lines(*({"pk": {"S": f"k{n}"}, **twice} for n in range(90))))
    told = transfers.run("in", "wrong")
    assert counts(told) == (90, 0, 90)
    logs = client("logs")
    place = told["ImportArn"].rpartition("/")[2] + "/error"
    found = 0
    more: dict[str, Any] = {"startFromHead": True}
    while True:
        page = logs.get_log_events(
            logGroupName="/aws-dynamodb/imports", logStreamName=place, **more
        )
        if not page["events"]:
            break
        found += len(page["events"])
        more = {"nextToken": page["nextForwardToken"]}
    assert found == 90


def test_buckets_of_other_regions(transfers: Transfers, server: Any, account: str) -> None:
    """Are read from, and written to, as AWS allows."""
    away = server.client("s3", account, region_name="eu-west-1")
    bucket = f"away-{account}"
    away.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there = Transfers(transfers.ddb, away, transfers.clock, bucket)
    there.put("in", numbered(0, 3))
    assert there.run("in", "near")["ImportStatus"] == "COMPLETED"
    told = there.export(there.recover("near"))
    assert there.exported(told) == there.items("near")


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
def test_objects_that_are_not_what_they_should_be(transfers: Transfers, compression: str) -> None:
    """One that is not compressed, one that is cut off: what can be read of them is there, and so are the others."""
    text = numbered(0, 300)
    transfers.put("in/0", b"plain\n")
    transfers.put("in/1", packed(compression, text)[:-10])
    transfers.put("in/2", packed(compression, numbered(1000, 1)))
    told = transfers.run("in/", "halves", InputCompressionType=compression)
    assert (told["FailureCode"], told["ErrorCount"]) == ("ItemValidationError", 2)
    assert "k1000" in transfers.items("halves")


def test_an_import_that_cannot_begin_leaves_no_table(transfers: Transfers) -> None:
    """Neither without its bucket, nor from one that is somebody else's."""
    told = transfers.run("in", "gone", S3BucketSource={"S3Bucket": f"{transfers.bucket}-no"})
    assert (told["ImportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert told["FailureMessage"].startswith(
        "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; "
        "Error Code: NoSuchBucket;"
    )
    assert counts(told) == (0, 0, 0)
    code, _ = refusal(transfers.ddb.describe_table, TableName="gone")
    assert code == "ResourceNotFoundException"
    source = {"S3Bucket": transfers.bucket, "S3BucketOwner": "111122223333"}
    assert transfers.run("in", "gone", S3BucketSource=source)["FailureCode"] == "S3AccessDenied"
    assert transfers.run("nothing", "gone")["FailureCode"] == "S3NoSuchKey"


def test_the_caller_needs_permission_for_what_is_read_and_written(
    transfers: Transfers, client: Make, account: str
) -> None:
    """S3 and CloudWatch Logs are asked in their name: each permission that is lacking fails the import. Policies can
    tell such requests from direct ones."""
    transfers.put("in", numbered(0, 3))
    ann = Person(client, account)
    hers = Transfers(ann.client("dynamodb"), transfers.s3, transfers.clock, transfers.bucket)
    bucket = f"arn:aws:s3:::{transfers.bucket}"
    by_way = {"ForAnyValue:StringEquals": {"aws:CalledVia": "dynamodb.amazonaws.com"}}
    log = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    statements = [
        allow(["dynamodb:ImportTable", "dynamodb:DescribeImport"]),
        log,
        allow("s3:ListBucket", bucket),
        allow("s3:GetObject", f"{bucket}/*", Condition=by_way),
    ]
    ann.may(allow("s3:ListAllMyBuckets"))
    code, _ = refusal(hers.ddb.import_table, **hers.asked("in", "hers"))
    assert code == "AccessDeniedException"
    for lacking, failure in (
        (1, "CloudWatchLogsAccessDeniedException"),
        (2, "S3AccessDenied"),
        (3, "S3AccessDenied"),
    ):
        ann.may(*(one for number, one in enumerate(statements) if number != lacking))
        told = hers.run("in", "hers")
        assert (told["ImportStatus"], told["FailureCode"]) == ("FAILED", failure)
        assert "is not authorized to perform" in told["FailureMessage"] or lacking > 1
        code, _ = refusal(transfers.ddb.describe_table, TableName="hers")
        assert code == "ResourceNotFoundException"
    ann.may(*statements)
    assert hers.run("in", "hers")["ImportStatus"] == "COMPLETED"
    code, _ = refusal(ann.client("s3").get_object, Bucket=transfers.bucket, Key="in")
    assert code == "AccessDenied"


def test_the_same_token_is_the_same_import(transfers: Transfers) -> None:
    """For eight hours after its end; with other parameters it is a conflict."""
    transfers.put("in", numbered(0, 1))
    request = transfers.asked("in", "once", ClientToken="mine")
    first = transfers.ddb.import_table(**request)["ImportTableDescription"]
    transfers.clock.wait_until_idle()
    again = transfers.ddb.import_table(**request)["ImportTableDescription"]
    assert again["ImportArn"] == first["ImportArn"]
    other = {**request, "InputCompressionType": "NONE"}
    code, _ = refusal(transfers.ddb.import_table, **other)
    assert code == "ImportConflictException"
    code, message = refusal(transfers.ddb.import_table, **transfers.asked("in", "once"))
    assert (code, message) == ("ResourceInUseException", "Table already exists: once")
    transfers.clock.advance(seconds=8 * 3600 + 60)
    code, _ = refusal(transfers.ddb.import_table, **request)
    assert code == "ResourceInUseException", "it is a new request by then, for a table that exists"


def test_imports_are_listed_the_latest_first_for_ninety_days(transfers: Transfers) -> None:
    transfers.put("in", numbered(0, 1))
    arns = [transfers.run("in", f"t-{number}")["ImportArn"] for number in range(3)]
    transfers.ddb.delete_table(TableName="t-1")
    arns.append(transfers.run("in", "t-1")["ImportArn"])
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = transfers.ddb.list_imports(PageSize=2, **more)
        found += page["ImportSummaryList"]
        if "NextToken" not in page:
            break
        assert len(page["NextToken"]) >= 112
        more = {"NextToken": page["NextToken"]}
    assert [one["ImportArn"] for one in found] == arns[::-1]
    assert found[0]["ImportStatus"] == "COMPLETED"
    of_table = transfers.ddb.list_imports(TableArn=found[0]["TableArn"])["ImportSummaryList"]
    assert [one["ImportArn"] for one in of_table] == [arns[3], arns[1]]
    transfers.clock.advance(seconds=91 * 24 * 3600)
    transfers.clock.wait_until_idle()
    assert transfers.ddb.list_imports()["ImportSummaryList"] == []
    code, message = refusal(transfers.ddb.describe_import, ImportArn=arns[0])
    assert (code, message) == ("ImportNotFoundException", f"Import not found: {arns[0]}")


@pytest.mark.parametrize(
    "more",
    [
        {"InputFormat": "XML"},
        {"InputCompressionType": "LZ4"},
        {"InputFormat": "CSV", "InputFormatOptions": {"Csv": {"Delimiter": "x"}}},
        {"InputFormatOptions": {"Csv": {"Delimiter": ";"}}},
        {"S3BucketSource": {"S3Bucket": "b" * 10, "S3BucketOwner": "me"}},
        {"TableCreationParameters": creation("x" * 3, KeySchema=[])},
    ],
)
def test_what_makes_no_sense_is_refused(transfers: Transfers, more: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        transfers.ddb.import_table(**transfers.asked("in", "none", **more))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert transfers.ddb.list_tables()["TableNames"] == []
