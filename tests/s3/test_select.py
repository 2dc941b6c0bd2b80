"""SelectObjectContent over the wire: what boto3 reads, what is refused, what stays bounded."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError, EventStreamError

from persons import Person, allow
from servers import Server

PEOPLE = b"name,age,city\nann,30,Oslo\nbob,7,Bergen\ncid,41,\n"
CSV, JSON = {"CSV": {}}, {"JSON": {}}
USE = {"CSV": {"FileHeaderInfo": "USE"}}
LINES = {"JSON": {"Type": "LINES"}}

Select = Callable[..., Any]


@pytest.fixture
def select(s3: Any, bucket: str) -> Select:
    """select(body, expression): the records, as text. The object stays, as `k`."""

    def run(body: bytes | None, expression: str, source: Any = None, **more: Any) -> str:
        if body is not None:
            s3.put_object(Bucket=bucket, Key="k", Body=body)
        return records(ask(s3, bucket, expression, source, **more))

    return run


def ask(s3: Any, bucket: str, expression: str, source: Any = None, **more: Any) -> Any:
    return s3.select_object_content(
        Bucket=bucket,
        Key=more.pop("Key", "k"),
        Expression=expression,
        ExpressionType=more.pop("ExpressionType", "SQL"),
        InputSerialization=USE if source is None else source,
        OutputSerialization=more.pop("target", CSV),
        **more,
    )["Payload"]


def records(events: Any) -> str:
    found = b""
    ended = False
    for event in events:
        found += event.get("Records", {}).get("Payload", b"")
        ended = "End" in event
    assert ended, "the stream broke off"
    return found.decode()


@pytest.mark.parametrize(
    ("expression", "source", "wanted"),
    [
        ("SELECT * FROM S3Object", USE, "ann,30,Oslo\nbob,7,Bergen\ncid,41,\n"),
        ("SELECT * FROM S3Object LIMIT 1", CSV, "name,age,city\n"),
        (
            "SELECT _1, s._3 FROM S3Object s LIMIT 1",
            {"CSV": {"FileHeaderInfo": "IGNORE"}},
            "ann,Oslo\n",
        ),
        ("SELECT s.NAME FROM s3object s WHERE CAST(age AS INT) > 29", USE, "ann\ncid\n"),
        ("SELECT name FROM S3Object WHERE age > 29 AND city <> ''", USE, "ann\n"),
        ("SELECT s._2 FROM S3Object s WHERE s.\"name\" = 'bob'", USE, "7\n"),
        ("SELECT COUNT(*), AVG(CAST(age AS INT)), MAX(age) FROM S3Object", USE, "3,26,41\n"),
        ("SELECT name, s._9 FROM S3Object s LIMIT 1", USE, "ann,\n"),
    ],
)
def test_rows_of_csv(select: Select, expression: str, source: Any, wanted: str) -> None:
    assert select(PEOPLE, expression, source) == wanted


def test_json_out_of_csv_has_the_names_of_the_header_or_of_places(select: Select) -> None:
    assert select(PEOPLE, "SELECT * FROM S3Object LIMIT 1", target=JSON) == (
        '{"name":"ann","age":"30","city":"Oslo"}\n'
    )
    found = select(
        None, "SELECT * FROM S3Object LIMIT 1", CSV, target={"JSON": {"RecordDelimiter": ";"}}
    )
    assert found == '{"_1":"name","_2":"age","_3":"city"};'


def test_other_delimiters_and_quotes(select: Select) -> None:
    source = {"CSV": {"FieldDelimiter": ";", "RecordDelimiter": "|", "QuoteCharacter": "'"}}
    target = {
        "CSV": {"QuoteFields": "ALWAYS", "FieldDelimiter": "\t", "QuoteEscapeCharacter": "\\"}
    }
    body = "'a;b';c\"d|#comment|é;f".encode()
    wanted = '"a;b"\t"c\\"d"\n"é"\t"f"\n'
    assert select(body, "SELECT * FROM S3Object", source, target=target) == wanted


def test_quoted_record_delimiters_must_be_asked_for(select: Select, refused: Any) -> None:
    body = b'a,"b\nc"\n'
    source = {"CSV": {"AllowQuotedRecordDelimiter": True}}
    assert select(body, "SELECT _2 FROM S3Object", source) == '"b\nc"\n'
    refused("CSVEscapingRecordDelimiter", select, None, "SELECT _2 FROM S3Object", CSV)


DOCUMENTS = b"""{ "created": "936864000", "dir_name": "important_docs",
 "files": [ { "name": "." }, { "name": ".aws" } ], "owner": "AWS S3" }
{ "created": "936864000", "dir_name": "other_docs", "files": [ { "name": "my stuff" } ] }"""


def test_rows_of_json(select: Select) -> None:
    source = {"JSON": {"Type": "DOCUMENT"}}
    found = select(DOCUMENTS, "SELECT d.dir_name, d.files FROM S3Object[*] d", source, target=JSON)
    assert [json.loads(line) for line in found.splitlines()] == [
        {"dir_name": "important_docs", "files": [{"name": "."}, {"name": ".aws"}]},
        {"dir_name": "other_docs", "files": [{"name": "my stuff"}]},
    ]
    query = "SELECT _1.dir_name, _1.owner FROM S3Object[*]"
    assert select(None, query, source, target=JSON) == (
        '{"dir_name":"important_docs","owner":"AWS S3"}\n{"dir_name":"other_docs"}\n'
    )
    query = "SELECT name FROM S3Object[*].files[*].name WHERE name LIKE '.%'"
    assert select(None, query, source) == ".\n.aws\n"


@pytest.mark.parametrize(("kind", "compress"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compressed_objects(select: Select, kind: str, compress: Any, s3: Any, bucket: str) -> None:
    packed = compress(PEOPLE * 2)
    source = {**USE, "CompressionType": kind}
    assert select(packed, "SELECT COUNT(*) FROM S3Object", source) == "7\n"
    stats = [
        event for event in ask(s3, bucket, "SELECT * FROM S3Object", source) if "Stats" in event
    ]
    details = stats[0]["Stats"]["Details"]
    assert details["BytesScanned"] == len(packed)
    assert details["BytesProcessed"] == 2 * len(PEOPLE)
    assert details["BytesReturned"] == len(PEOPLE) * 2 - len(b"name,age,city\n")


def test_the_events_end_with_stats_and_end_and_tell_of_progress_when_asked(
    select: Select, s3: Any, bucket: str
) -> None:
    select(PEOPLE, "SELECT * FROM S3Object")
    plain = [next(iter(event)) for event in ask(s3, bucket, "SELECT * FROM S3Object")]
    assert plain == ["Records", "Stats", "End"]
    asked = ask(s3, bucket, "SELECT * FROM S3Object", RequestProgress={"Enabled": True})
    assert [next(iter(event)) for event in asked] == ["Records", "Progress", "Stats", "End"]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("MissingHeaders", {"expression": "SELECT nobody FROM S3Object"}),
        ("MissingHeaders", {"expression": 'SELECT "NAME" FROM S3Object'}),
        ("MissingHeaders", {"source": {"CSV": {"FileHeaderInfo": "IGNORE"}}}),
        ("InvalidColumnIndex", {"expression": "SELECT _0 FROM S3Object"}),
        ("CastFailed", {"expression": "SELECT CAST(name AS INT) FROM S3Object"}),
        ("ParseUnexpectedToken", {"expression": "SELEC"}),
        ("ExpressionTooLong", {"expression": "SELECT * FROM S3Object --" + "x" * 262_144}),
        ("InvalidExpressionType", {"ExpressionType": "XPATH"}),
        ("InvalidDataSource", {"source": {}}),
        ("ObjectSerializationConflict", {"source": {**CSV, **LINES}}),
        ("ObjectSerializationConflict", {"target": {**CSV, **JSON}}),
        ("InvalidFileHeaderInfo", {"source": {"CSV": {"FileHeaderInfo": "MAYBE"}}}),
        ("InvalidJsonType", {"source": {"JSON": {"Type": "TREE"}}}),
        ("InvalidQuoteFields", {"target": {"CSV": {"QuoteFields": "NEVER"}}}),
        ("InvalidCompressionFormat", {"source": {**USE, "CompressionType": "ZIP"}}),
        ("InvalidCompressionFormat", {"source": {"Parquet": {}, "CompressionType": "GZIP"}}),
        ("InvalidCompressionFormat", {"source": {**USE, "CompressionType": "GZIP"}}),
        ("InvalidRequestParameter", {"source": {"CSV": {"FieldDelimiter": "::"}}}),
        ("MissingRequiredParameter", {"source": {"CSV": {"RecordDelimiter": ""}}}),
        ("InvalidScanRange", {"ScanRange": {"Start": 9, "End": 3}}),
        ("InvalidScanRange", {"ScanRange": {"Start": 10_000}}),
        (
            "UnsupportedScanRangeInput",
            {"source": {"JSON": {"Type": "DOCUMENT"}}, "ScanRange": {"End": 3}},
        ),
        ("ParquetParsingError", {"source": {"Parquet": {}}}),
        ("JSONParsingError", {"source": LINES}),
        ("NoSuchKey", {"Key": "other"}),
    ],
)
def test_what_is_wrong_from_the_start_is_an_answer_of_its_own(
    s3: Any, bucket: str, code: str, arguments: dict[str, Any], refused: Any
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE)
    given = {"expression": "SELECT name FROM S3Object", **arguments}
    error = refused(code, ask, s3, bucket, **given)
    assert error["status"] == (404 if code == "NoSuchKey" else 400)


def test_a_request_in_other_words_and_one_without_any(
    s3: Any, bucket: str, client: Callable[..., Any]
) -> None:
    """AWS's pages call the document SelectRequest, and clients that write it themselves do so."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"a\n")

    def sent(body: bytes) -> tuple[int, bytes]:
        speaker = client("s3", parameter_validation=False)

        def replace(request: Any, **_: Any) -> None:
            request.data = body
            del request.headers["Content-Length"]

        speaker.meta.events.register("before-sign.s3.SelectObjectContent", replace)
        found = b""
        try:
            for event in ask(speaker, bucket, "x", CSV):
                found += event.get("Records", {}).get("Payload", b"")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"][
                "Code"
            ].encode()
        return 200, found

    document = (
        b"<SelectRequest><Expression>SELECT * FROM S3Object</Expression><ExpressionType>SQL</ExpressionType>"
        b"<InputSerialization><CSV/></InputSerialization><OutputSerialization><CSV/></OutputSerialization>"
        b"</SelectRequest>"
    )
    assert sent(document) == (200, b"a\n")
    assert sent(b"") == (400, b"EmptyRequestBody")
    short = document.replace(b"<ExpressionType>SQL</ExpressionType>", b"")
    assert sent(short) == (400, b"MissingRequiredParameter")


def test_what_is_wrong_later_is_an_error_inside_the_stream(s3: Any, bucket: str) -> None:
    """The records before it have arrived."""
    body = b"n\n" + b"1\n" * 200_000 + b"x\n"
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    events = ask(s3, bucket, "SELECT CAST(n AS INT) FROM S3Object")
    found = 0
    try:
        for event in events:
            found += len(event.get("Records", {}).get("Payload", b""))
    except EventStreamError as error:
        assert error.response["Error"]["Code"] == "CastFailed"  # noqa: PT017 what came before it counts
    else:
        pytest.fail("the stream ended well")
    assert found == 400_000


@pytest.mark.parametrize("header", ["NONE", "USE"])
def test_scan_ranges_that_do_not_overlap_give_each_record_once(select: Select, header: str) -> None:
    body = b"n,text\n" + b"".join(b"%d,%s\n" % (n, b"x" * (n % 40)) for n in range(3000))
    source = {"CSV": {"FileHeaderInfo": header}}
    column = "n" if header == "USE" else "_1"
    whole = select(body, f"SELECT {column} FROM S3Object", source)
    parts = ""
    for start in range(0, len(body), 20_007):
        scan = {"Start": start, "End": start + 20_006}
        parts += select(None, f"SELECT {column} FROM S3Object", source, ScanRange=scan)
    assert parts == whole
    assert select(None, f"SELECT {column} FROM S3Object", source, ScanRange={"End": 10}) == ""
    assert select(None, f"SELECT {column} FROM S3Object", source, ScanRange={"End": 50}) == "2999\n"


def test_scan_range_of_the_user_guide(select: Select) -> None:
    body = b"A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n"
    assert select(body, "SELECT * FROM S3Object", CSV, ScanRange={"Start": 1, "End": 4}) == "C,D\n"
    lines = b'{"a":1}\n{"a":2}\n{"a":3}\n'
    assert select(lines, "SELECT a FROM S3Object", LINES, ScanRange={"Start": 8}) == "2\n3\n"


# --- Parquet


def parquet(tmp_path: Path, query: str, options: str = "") -> bytes:
    place = tmp_path / "made.parquet"
    place.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{place}' (FORMAT parquet{options})")
    return place.read_bytes()


def test_rows_of_parquet(select: Select, tmp_path: Path) -> None:
    query = (
        "SELECT i::INT AS Id, 'n' || i AS name, (i / 4)::DECIMAL(8, 2) AS price, DATE '2024-02-28' + i::INT AS day,"
        " TIMESTAMP '2024-01-01 10:00:00.5' AS at, [i, NULL] AS pair, {'a': i} AS deep, NULL::INT AS nothing,"
        " i % 2 = 0 AS even, 0.5::DOUBLE AS half FROM range(3) t(i)"
    )
    body = parquet(tmp_path, query)
    found = select(body, "SELECT * FROM S3Object s WHERE s.id = 2", {"Parquet": {}}, target=JSON)
    assert json.loads(found) == {
        "Id": 2,
        "name": "n2",
        "price": 0.5,
        "day": "2024-03-01",
        "at": "2024-01-01T10:00:00.5Z",
        "pair": [2, None],
        "deep": {"a": 2},
        "nothing": None,
        "even": True,
        "half": 0.5,
    }
    query = "SELECT deep.a, pair[0], name FROM S3Object WHERE nothing IS NULL AND even"
    assert select(None, query, {"Parquet": {}}) == "0,0,n0\n2,2,n2\n"
    assert select(None, "SELECT COUNT(*) FROM S3Object", {"Parquet": {}}) == "3\n"


def test_parquet_is_read_by_row_groups_and_columns(
    select: Select, s3: Any, bucket: str, tmp_path: Path
) -> None:
    """Of a large column that the query does not name nothing is read."""
    query = "SELECT i AS n, md5(i::VARCHAR) || md5((-i)::VARCHAR) AS ballast FROM range(40000) t(i)"
    body = parquet(tmp_path, query, ", ROW_GROUP_SIZE 10240")
    assert select(body, "SELECT SUM(n) FROM S3Object", {"Parquet": {}}) == "799980000\n"
    events = list(ask(s3, bucket, "SELECT SUM(n) FROM S3Object", {"Parquet": {}}))
    assert events[-2]["Stats"]["Details"]["BytesScanned"] < len(body) / 2
    found = ""
    for start in range(0, len(body), 1_400_001):
        scan = {"Start": start, "End": start + 1_400_000}
        found += select(None, "SELECT n FROM S3Object", {"Parquet": {}}, ScanRange=scan)
    assert found.split() == [str(n) for n in range(40_000)]


def test_parquet_that_aws_does_not_read_is_refused(
    select: Select, refused: Any, tmp_path: Path
) -> None:
    body = parquet(tmp_path, "SELECT 1 AS a", ", COMPRESSION zstd")
    query = "SELECT a FROM S3Object"
    refused("ParquetUnsupportedCompressionCodec", select, body, query, {"Parquet": {}})
    body = parquet(tmp_path, "SELECT TIME '10:00:00' AS a")
    refused("UnsupportedParquetType", select, body, query, {"Parquet": {}})
    body = parquet(tmp_path, "SELECT 1 AS a")
    refused("EvaluatorBindingDoesNotExist", select, body, "SELECT b FROM S3Object", {"Parquet": {}})
    refused(
        "ParquetParsingError", select, body[:-9] + b"\xff" * 5 + b"PAR1", query, {"Parquet": {}}
    )


# --- who may, and of which objects


def test_whoever_may_get_the_object_may_query_it(
    s3: Any, bucket: str, client: Callable[..., Any], account: str
) -> None:
    ann = Person(client, account)
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE)
    ann.may(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k"))
    assert records(ask(ann.client("s3"), bucket, "SELECT name FROM S3Object")) == "ann\nbob\ncid\n"
    ann.may(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(ann.client("s3"), bucket, "SELECT name FROM S3Object")


def test_nobody_in_particular_may_not(
    s3: Any, bucket: str, refused: Any, client: Callable[..., Any]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE)
    s3.delete_public_access_block(Bucket=bucket)
    statement = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    refused("UnauthorizedAccess", ask, client("s3", signature_version=UNSIGNED), bucket, "SELECT 1")


def test_objects_under_a_customers_key_need_it(s3: Any, bucket: str, refused: Any) -> None:
    key = os.urandom(32)
    customer = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE, **customer)
    query = "SELECT name FROM S3Object LIMIT 1"
    assert records(ask(s3, bucket, query, **customer)) == "ann\n"
    refused("InvalidRequest", ask, s3, bucket, query)


def test_storage_classes_that_cannot_be_queried(s3: Any, bucket: str, refused: Any) -> None:
    query = "SELECT name FROM S3Object"
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE, StorageClass="GLACIER")
    refused("InvalidObjectState", ask, s3, bucket, query)
    s3.put_object(Bucket=bucket, Key="k", Body=PEOPLE, StorageClass="REDUCED_REDUNDANCY")
    refused("UnsupportedStorageClass", ask, s3, bucket, query)


def test_an_object_of_several_parts_is_one(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    first = b"n\n" + (b"7" * 1023 + b"\n") * (5 * 1024)
    parts = []
    for number, body in enumerate((first, b"8\n"), 1):
        made = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert records(ask(s3, bucket, "SELECT COUNT(*) FROM S3Object WHERE n = '8'")) == "1\n"


# --- bounds


def workers_of(server: Server) -> set[int]:
    """The processes of queries that the server has under way."""
    assert server.process is not None
    found: set[int] = set()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (place / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == server.process.pid and b"pilvi.compute.queries" in command:
            found.add(int(place.name))
    return found


def memory_of(server: Server) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_a_large_object_is_read_and_answered_without_being_held(
    own_server: Callable[..., Server], account: str
) -> None:
    """And it stays as it was when the query began, though it is deleted meanwhile."""
    server = own_server()
    s3 = server.client("s3", account)
    s3.create_bucket(Bucket="large")
    row = b"some text,17," + b"more of it that fills the row," * 33 + b"end\n"
    s3.put_object(Bucket="large", Key="k", Body=row * 35_000)
    s3.put_object(Bucket="large", Key="small", Body=row)
    records(ask(s3, "large", "SELECT * FROM S3Object", CSV, Key="small"))
    before = memory_of(server)
    events = ask(s3, "large", "SELECT * FROM S3Object", CSV)
    found, most = 0, 0
    for number, event in enumerate(events):
        if number == 10:
            s3.delete_object(Bucket="large", Key="k")
        found += len(event.get("Records", {}).get("Payload", b""))
        if number % 50 == 0:
            most = max(most, memory_of(server))
    assert found == len(row) * 35_000
    assert most - before < 24 * 1024 * 1024, most - before


def test_a_client_that_goes_away_ends_its_query(
    own_server: Callable[..., Server], account: str
) -> None:
    server = own_server()
    s3 = server.client("s3", account)
    s3.create_bucket(Bucket="left")
    s3.put_object(Bucket="left", Key="k", Body=b"some text\n" * 1_000_000)
    events = ask(s3, "left", "SELECT * FROM S3Object", CSV)
    next(iter(events))
    (process,) = workers_of(server)
    events.close()
    s3.put_object(Bucket="left", Key="other", Body=b"1\n")
    while process in workers_of(server):
        s3.head_object(Bucket="left", Key="other")


def test_the_server_itself_never_loads_the_engine(
    own_server: Callable[..., Server], account: str, tmp_path: Path
) -> None:
    server = own_server()
    s3 = server.client("s3", account)
    s3.create_bucket(Bucket="engine")
    s3.put_object(Bucket="engine", Key="k", Body=parquet(tmp_path, "SELECT 1 AS a"))
    assert records(ask(s3, "engine", "SELECT a FROM S3Object", {"Parquet": {}})) == "1\n"
    assert server.process is not None
    assert "duckdb" not in Path(f"/proc/{server.process.pid}/maps").read_text()
