"""Where statements stand in a policy's text, as AWS counts it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.languages.policy import Place, statement_spans

STATEMENT = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}


# As recorded of AWS, for a statement that stands alone.
def test_a_place_is_behind_its_brace() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": STATEMENT})
    assert statement_spans(text) == ((Place(1, 41), Place(1, 113)),)


def test_lines_and_columns_begin_at_one() -> None:
    text = '{\n "Statement": [\n  {"Sid":\n "}"\n },{}]}'
    assert statement_spans(text) == ((Place(3, 4), Place(5, 3)), (Place(5, 5), Place(5, 6)))


def test_only_the_policys_own_statements_count() -> None:
    """Names that look like it, inside or in front, and a name written with an escape."""
    text = (
        '{"Id": "{\\"Statement\\": {}", "x": {"Statement": [{}, {}]},'
        ' "\\u0053tatement": [{"Condition": {"Statement": {"Statement": "{"}}}], "y": {}}'
    )
    (span,) = statement_spans(text)
    assert text[span.start.column - 1 :].startswith('"Condition"')
    assert text[: span.end.column - 1].endswith('"{"}}}')


texts = st.text(alphabet='{}[]":,\\ \n\tStatemnéx', max_size=12)
values = st.recursive(
    texts | st.integers() | st.booleans(),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(texts | st.just("Statement"), below)
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(texts, values, max_size=3), max_size=4), values, st.booleans())
def test_each_span_holds_its_statement(
    statements: list[dict[str, Any]], other: Any, indented: bool
) -> None:
    policy = {"Version": other, "Statement": statements, "Id": {"Statement": other}}
    text = json.dumps(policy, indent=2 if indented else None, ensure_ascii=False)
    lines = text.split("\n")

    def offset(place: Place) -> int:
        return sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1

    found = [text[offset(one.start) - 1 : offset(one.end)] for one in statement_spans(text)]
    assert [json.loads(one) for one in found] == statements
