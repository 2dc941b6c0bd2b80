"""CSV and JSON in and out, against Python's own readers and writers, and cut at any place."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.languages.select_sql.formats import csv_reader, json_reader, text
from pilvi.languages.select_sql.formats.options import CsvInput, CsvOutput, JsonOutput
from pilvi.languages.select_sql.formats.writers import writer
from pilvi.languages.select_sql.parser import parse
from pilvi.languages.select_sql.problems import SelectProblem
from pilvi.languages.select_sql.values import MISSING

_FIELDS = st.text(st.sampled_from('ab,"\n\r #x\\é'), max_size=6)
_ROWS = st.lists(st.lists(_FIELDS, min_size=2, max_size=4), max_size=5)


def pieces(whole: str, size: int) -> Iterator[str]:
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


@given(_ROWS, st.integers(1, 9))
def test_what_python_writes_as_csv_is_read_wherever_it_is_cut(
    rows: list[list[str]], size: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    how = CsvInput(multiline=True, comments="")
    assert list(csv_reader.rows(pieces(out.getvalue(), size), how)) == rows


@given(_ROWS, st.booleans())
def test_what_is_written_as_csv_python_reads(rows: list[list[str]], always: bool) -> None:
    write = writer(CsvOutput(always=always))
    whole = "".join(write((["_1"], row)) for row in rows)
    assert list(csv.reader(io.StringIO(whole, newline=""))) == rows


@given(_ROWS, st.integers(1, 9))
def test_another_dialect_comes_back_as_it_was(rows: list[list[str]], size: int) -> None:
    """Own writer, own reader: other quotes, an escape, records of two characters."""
    rows = [[*row, "end"] for row in rows]
    write = writer(CsvOutput(always=True, field=";", record="\r\n", quote="'", escape="\\"))
    whole = "".join(write((["_1"], row)) for row in rows)
    how = CsvInput(field=";", record="\r\n", quote="'", escape="\\", comments="", multiline=True)
    assert list(csv_reader.rows(pieces(whole, size), how)) == rows


@pytest.mark.parametrize(
    ("whole", "how", "wanted"),
    [
        ("a,b\nc,d", {}, [["a", "b"], ["c", "d"]]),
        ("a,b\r\nc,d\r\n", {}, [["a", "b"], ["c", "d"]]),
        ("a,,\n\n,\n", {}, [["a", "", ""], ["", ""]]),
        ("#no\na\n", {}, [["a"]]),
        ("!no\n#a\n", {"comments": "!"}, [["#a"]]),
        ('"a,b","c""d",e\n', {}, [["a,b", 'c"d', "e"]]),
        ('"a"x,b"c\n', {}, [["ax", 'b"c']]),
        ("a|b;c|d;", {"field": "|", "record": ";"}, [["a", "b"], ["c", "d"]]),
        ("'a,b',c\n", {"quote": "'"}, [["a,b", "c"]]),
        ('"a\\"b",c\n', {"escape": "\\"}, [['a"b', "c"]]),
        ('"a",b\n', {"quote": ""}, [['"a"', "b"]]),
        ('"a\nb",c\n', {"multiline": True}, [["a\nb", "c"]]),
    ],
)
def test_csv_is_read_as_the_request_says(
    whole: str, how: dict[str, Any], wanted: list[list[str]]
) -> None:
    for multiline in {bool(how.get("multiline")), True}:
        found = csv_reader.rows(iter([whole]), CsvInput(**{**how, "multiline": multiline}))
        assert list(found) == wanted


@pytest.mark.parametrize(
    ("whole", "multiline", "wanted"),
    [
        ('"a\nb"\n', False, "CSVEscapingRecordDelimiter"),
        ('a\n"b', True, "CSVParsingError"),
        ("a" * 1_048_577, False, "OverMaxRecordSize"),
        ("a\n" + '"' + "b" * 1_048_577 + '"\n', True, "OverMaxRecordSize"),
    ],
)
def test_csv_that_cannot_be_read_is_refused(whole: str, multiline: bool, wanted: str) -> None:
    with pytest.raises(SelectProblem) as caught:
        list(csv_reader.rows(pieces(whole, 70_000), CsvInput(multiline=multiline)))
    assert caught.value.code == wanted


# --- JSON


def rows_of(whole: str, source: str = "", size: int = 7, *, lines: bool = False) -> list[Any]:
    steps = parse(f"SELECT * FROM S3Object{source}").source
    read = json_reader.lines if lines else json_reader.document
    return list(read(pieces(whole, size), steps))


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(_VALUES, max_size=4), st.integers(1, 9), st.sampled_from([None, 2]))
def test_what_python_writes_as_json_is_read_wherever_it_is_cut(
    values: list[Any], size: int, indent: int | None
) -> None:
    whole = "\n".join(json.dumps(value, indent=indent) for value in values)
    assert rows_of(whole, size=size) == values
    if indent is None:
        assert rows_of(whole, size=size, lines=True) == values


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=4))
def test_what_is_written_as_json_python_reads(record: dict[str, Any]) -> None:
    line = writer(JsonOutput())((list(record), list(record.values())))
    assert json.loads(line) == record
    assert line.endswith("}\n")


@given(st.lists(_VALUES, max_size=4), st.integers(1, 9))
def test_a_list_that_is_read_while_it_comes_gives_what_it_gives_at_once(
    values: list[Any], size: int
) -> None:
    whole = json.dumps({"before": values, "list": values, "behind": [values]})
    assert rows_of(whole, "[*]['list'][*]", size) == (values or [MISSING])
    assert rows_of(whole, "[*].*", size) == [values, values, [values]]


RULES = """{ "Rules": [ {"id": "1"}, {"expr": "y > x"}, {"id": "2", "expr": "z = DEBUG"} ]}
{ "created": "June 27", "modified": "July 6" }
"""


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("[*].Rules[*].id", ["1", MISSING, "2", MISSING]),
        ("[*].rules[0].id", ["1", MISSING]),
        ("[*].Rules[7]", [MISSING, MISSING]),
        ("[*].Rules[*].nothing[*]", [MISSING] * 4),
        ("[*].created[*]", [MISSING, MISSING]),
        ("[*].Rules.*", [MISSING, MISSING]),
        ("[*].Rules[1][*]", [MISSING, MISSING]),
    ],
)
def test_from_gives_at_least_one_row_for_each_root_value(source: str, wanted: list[Any]) -> None:
    assert rows_of(RULES, source) == wanted
    assert rows_of(RULES, source, lines=True) == wanted


@pytest.mark.parametrize(
    ("whole", "source", "wanted"),
    [
        ('{"a":', "", "JSONParsingError"),
        ('{"a": 1,}', "", "JSONParsingError"),
        ("{'a': 1}", "", "JSONParsingError"),
        ("[NaN]", "", "JSONParsingError"),
        ("[1, 2", "[*][*]", "JSONParsingError"),
        ("[1 2]", "[*][*]", "JSONParsingError"),
        ("[" * 100_000, "", "JSONParsingError"),
        ('{"a": "' + "b" * 1_048_577 + '"}', "", "OverMaxRecordSize"),
        ('[1, "' + "b" * 1_048_577 + '"]', "[*][*]", "OverMaxRecordSize"),
        ("} " + " " * 1_100_000, "", "JSONParsingError"),
    ],
)
def test_json_that_cannot_be_read_is_refused(whole: str, source: str, wanted: str) -> None:
    with pytest.raises(SelectProblem) as caught:
        rows_of(whole, source, 100_000)
    assert caught.value.code == wanted


def test_numbers_of_json_stay_as_they_were_written() -> None:
    (row,) = rows_of('{"price": 1.10, "large": 12345678901234567890}')
    assert writer(JsonOutput("|"))((list(row), list(row.values()))) == (
        '{"price":1.10,"large":12345678901234567890}|'
    )


def test_nested_data_is_for_json_only() -> None:
    assert (
        writer(JsonOutput())((["a", "b"], [[1, {"c": None}], MISSING])) == '{"a":[1,{"c":null}]}\n'
    )
    with pytest.raises(SelectProblem) as caught:
        writer(CsvOutput())((["a"], [[1]]))
    assert caught.value.code == "UnrecognizedFormatException"


# --- bytes


@pytest.mark.parametrize(("kind", "compress"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compressed_files_may_be_several_behind_each_other(kind: str, compress: Any) -> None:
    clear = b"0123456789" * 100_000
    packed = compress(clear) + compress(b"more") + (b"\0" * 10 if kind == "GZIP" else b"")
    for size in (1000, len(packed)):
        cut = (packed[at : at + size] for at in range(0, len(packed), size))
        assert b"".join(text.decompressed(cut, kind)) == clear + b"more"


@pytest.mark.parametrize(("kind", "compress"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_what_is_not_compressed_or_ends_too_early_is_refused(kind: str, compress: Any) -> None:
    packed = compress(bytes(range(256)) * 10)
    for data, wanted in (
        (packed[:-5], "TruncatedInput"),
        (b"a,b\n" * 9, "InvalidCompressionFormat"),
    ):
        with pytest.raises(SelectProblem) as caught:
            list(text.decompressed(iter([data]), kind))
        assert caught.value.code == wanted


def test_what_expands_without_end_comes_in_small_pieces() -> None:
    packed = gzip.compress(bytes(50 * 1024 * 1024))
    assert max(map(len, text.decompressed(iter([packed]), "GZIP"))) <= 256 * 1024


def test_only_utf8_is_read_and_a_byte_order_mark_is_no_text() -> None:
    assert list(text.decoded(iter([b"\xef\xbb", b"\xbfa\xc3", b"\xa9"]))) == ["a", "é"]
    with pytest.raises(SelectProblem) as caught:
        list(text.decoded(iter([b"abc", b"d\xff"])))
    assert caught.value.text.endswith("near byte 4.")


@given(
    st.lists(st.integers(0, 4), max_size=8),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(1, 5),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_a_scan_range_gives_the_records_whose_first_byte_is_in_it(
    lengths: list[int], start: int, length: int, size: int, delimiter: bytes
) -> None:
    records = [bytes([65 + number]) * count + delimiter for number, count in enumerate(lengths)]
    whole, last = b"".join(records), start + length
    at, wanted = 0, b""
    for record in records:
        if start <= at <= last:
            wanted += record
        at += len(record)
    begins = max(start - len(delimiter), 0)
    cut = (whole[place : place + size] for place in range(begins, len(whole), size))
    assert b"".join(text.within(cut, begins, start, last, delimiter)) == wanted
