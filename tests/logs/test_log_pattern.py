"""Filter patterns as the CloudWatch Logs User Guide describes them ("Filter pattern syntax")."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.languages.log_pattern import BadPattern, compile_pattern
from pilvi.languages.log_regex import BadRegex, LogRegex

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
TRAIL = (
    '{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.222.3", "n": 1, "none": null, '
    '"yes": true, "list": ["a", "b"], "objects": [{"id": 1}, {"id": 2}], "user-name": {"a b": 5}, '
    '"big": 1e3, "text1": "1"}'
)

TERMS = [
    ("", "anything", True),
    ("ERROR", "[ERROR 400] BAD REQUEST", True),
    ("error", "[ERROR 400] BAD REQUEST", False),
    ("ERROR REQUEST", "[ERROR 400] BAD REQUEST", True),
    ("ERROR MISSING", "[ERROR 400] BAD REQUEST", False),
    ("?ERROR ?WARN", "[WARN] slow", True),
    ("?ERROR ?WARN", "[INFO] fast", False),
    ("?ERROR REQUEST", "[INFO] REQUEST", True),
    ("REQUEST -ERROR", "[ERROR] REQUEST", False),
    ("REQUEST -ERROR", "[INFO] REQUEST", True),
    ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
    ('"INTERNAL ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", False),
    ('-"200 OK"', "200 OK", False),
    (r'"say \"hi\""', 'they say "hi" now', True),
    ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
    ("%[0-9]{3}$%", "status 404", True),
    ("%[0-9]{3}$%", "404 status", False),
]

JSON = [
    ('{ $.eventType = "UpdateTrail" }', True),
    ('{ $.eventType != "UpdateTrail" }', False),
    ("{ $.sourceIPAddress = 111.111.* }", True),
    ("{ $.sourceIPAddress != 123.123.* }", True),
    ('{ $.list[0] = "a" }', True),
    ('{ $.list[1] = "a" }', False),
    ('{ $.list[*] = "b" }', True),
    ("{ $.objects[1].id = 2 }", True),
    ("{ $.objects[*].id > 1 }", True),
    ("{ $.n >= 1 && $.n < 2 }", True),
    ('{ $.n = 2 || ($.n = 1 && $.eventType = "Update*") }', True),
    ('{ ($.n = 2 || $.n = 1) && $.eventType = "x" }', False),
    ("{ $.none IS NULL }", True),
    ("{ $.missing IS NULL }", False),
    ("{ $.missing NOT EXISTS }", True),
    ("{ $.none NOT EXISTS }", False),
    ("{ $.yes IS TRUE }", True),
    ("{ $.yes IS FALSE }", False),
    ("{ $.big = 1000 }", True),
    ("{ $.text1 > 0 }", False),
    ("{ $['user-name']['a b'] = 5 }", True),
    ("{ $.user-name NOT EXISTS }", False),
    ("{ $.eventType = %^Up.*l$% }", True),
    ("{ $.missing = 1 }", False),
]

COLUMNS = [
    ("[ip, id, user, time, request, status, size]", True),
    ("[ip, id, user]", False),
    ("[ip, id, user, time, request, status = 4*, size]", True),
    ("[ip, id, user, time, request = *.html*, status, size > 1000]", True),
    ("[ip, ..., status = 404, size]", True),
    ("[..., size > 2000]", False),
    ("[ip, ...]", True),
    ("[ip = %127[.]0%, ...]", True),
    ("[..., status = 4* && status != 404, size]", False),
    ("[..., (status = 5* || status = 404), size]", True),
    ("[a, b, c, d, e, f, g, h, ...]", False),
    ('[ip, id, user, time = "10/Oct*", ...]', True),
]


@pytest.mark.parametrize(("pattern", "line", "expected"), TERMS)
def test_terms(pattern: str, line: str, expected: bool) -> None:
    assert compile_pattern(pattern)(line) is expected


@pytest.mark.parametrize(("pattern", "expected"), JSON)
def test_json_conditions(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(TRAIL) is expected


@pytest.mark.parametrize(("pattern", "expected"), COLUMNS)
def test_space_delimited_columns(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(APACHE) is expected


@pytest.mark.parametrize("line", ["", "plain", "[1]", "{broken", '"text"'])
def test_a_json_pattern_never_matches_what_is_no_json_object(line: str) -> None:
    assert not compile_pattern("{ $.missing NOT EXISTS }")(line)


@pytest.mark.parametrize(
    "pattern",
    [
        "a-b",
        "{ $.a = }",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a > x }",
        "{ $.a = 1 $.b = 2 }",
        "{ ($.a = 1 }",
        "{ $.a IS PURPLE }",
        "[a b]",
        "[..., a, ...]",
        "[a = 1 && b = 2]",
        "%(a)%",
        "%a{2,1}%",
        "{ " + "(" * 500 + "$.a = 1" + ")" * 500 + " }",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


# A regular expression of this language means what Python's means.
_pieces = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "a*", "b+", ".?", "[a-c]{1,2}", "\\."]
)


@given(
    st.lists(st.lists(_pieces, max_size=5).map("".join), min_size=1, max_size=3),
    st.tuples(st.booleans(), st.booleans()),
    st.text("abc1.", max_size=12),
)
def test_regular_expressions_agree_with_pythons(
    choices: list[str], anchors: tuple[bool, bool], text: str
) -> None:
    source = ("^" if anchors[0] else "") + "|".join(choices) + ("$" if anchors[1] else "")
    try:
        found = LogRegex(source).search(text)
    except BadRegex:
        assert not source
        return
    python = source.removesuffix("$") + ("\\Z" if anchors[1] else "")
    assert found == (re.search(python, text, re.ASCII | re.DOTALL) is not None)


def test_a_hostile_expression_costs_linear_time() -> None:
    """A backtracking engine would need longer than the age of the universe for this."""
    assert not LogRegex("a*" * 200 + "b").search("a" * 5_000)
    assert not compile_pattern("{ $.a = " + "*a" * 200 + "*b }")('{"a": "' + "a" * 5_000 + '"}')
