"""What AWS says of events that are no JSON: the first two are recorded."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from lambda_.support import Functions, package
from pilvi.services.lambda_ import payloads

PLACE = "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}]"
VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("payload", "text", "place"),
    [
        (b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "Invalid UTF-8 start byte 0x87", "1, column: 3"),
        (
            b"\x99\xeb,j\x07\xa1zYh",
            f"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value {VALUE}",
            "1, column: 1",
        ),
        (b"hello", f"Unrecognized token 'hello': was expecting {VALUE}", "1, column: 6"),
        (
            b"'a'",
            f"Unexpected character (''' (code 39)): expected a valid value {VALUE}",
            "1, column: 1",
        ),
        (
            b"{a: 1}",
            "Unexpected character ('a' (code 97)): was expecting double-quote to start field name",
            "1, column: 2",
        ),
        (
            b'{"a": 1,\n"b": [',
            "Unexpected end-of-input: expected close marker for Array (start marker"
            f" {PLACE.format('2, column: 6')})",
            "2, column: 7",
        ),
    ],
)
def test_the_words_of_the_parser(payload: bytes, text: str, place: str) -> None:
    assert payloads.complaint(payload) == f"{text}\n {PLACE.format(place)}"


@given(st.binary(max_size=40))
def test_there_are_words_for_everything(payload: bytes) -> None:
    assert "[Source: REDACTED" in payloads.complaint(payload)


def test_an_event_that_is_no_json_is_refused(functions: Functions) -> None:
    functions.create("f", package("def handler(event, context): return event"))
    for kind in ("RequestResponse", "Event"):
        with pytest.raises(ClientError) as refusal:
            functions.client.invoke(FunctionName="f", Payload=b"hello", InvocationType=kind)
        error = refusal.value.response["Error"]
        assert error["Code"] == "InvalidRequestContentException"
        assert error["Message"].startswith(
            "Could not parse request body into json: Could not parse payload into json:"
            " Unrecognized token 'hello'"
        )
    with pytest.raises(ClientError, match="Client context must be no more than 3583 bytes"):
        functions.client.invoke(FunctionName="f", ClientContext="a" * 3584)
