"""Event patterns: what they choose, what is refused and in which words, and how long they may take."""

from __future__ import annotations

import contextlib
import json
import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.languages import event_pattern
from pilvi.languages.event_pattern import InvalidPattern

EMPLOYEES = {
    "employees": [
        {"first": "John", "last": "Doe"},
        {"first": "Anna", "last": "Smith", "middle": "B"},
        {"first": "Peter", "last": "Jones", "phones": [{"kind": "home", "n": 1}, {"kind": "work"}]},
    ]
}


def _chooses(pattern: Any, event: dict[str, Any]) -> bool:
    return event_pattern.compile(json.dumps(pattern)).matches(event)


# The conditions of one field, each with values that it takes and values that it does not.
@pytest.mark.parametrize(
    ("condition", "taken", "not_taken"),
    [
        ("a", ["a", ["b", "a"]], ["A", "ab", "", None, 1, ["b"], []]),
        ("", [""], [None, "a", []]),
        (None, [None, [None]], ["", 0, False, "null"]),
        (True, [True], [False, 1, "true"]),
        (300, [300, 300.0, 3.0e2], ["300", 301, True, None]),
        (3.0e2, [300, 300.0], [3]),
        (0.1, [0.1], [0.10000001]),
        (123456789012, [123456789012], [123456789012.0, "123456789012"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2", "1"]),
        ({"exactly": "a"}, ["a"], ["b"]),
        ({"prefix": "us-"}, ["us-", "us-1", ["eu", "us-2"]], ["US-1", "xus-", None, 1]),
        ({"prefix": ""}, ["", "a"], [1, None]),
        ({"prefix": {"equals-ignore-case": "EventB"}}, ["eventbridge", "EVENTB"], ["event"]),
        ({"suffix": ".png"}, ["a.png", ".png"], ["a.PNG", "png"]),
        ({"suffix": {"equals-ignore-case": ".png"}}, ["a.PNG"], ["a.jpg"]),
        ({"equals-ignore-case": "Alice"}, ["alice", "ALICE"], ["alic", 1]),
        ({"wildcard": "a*b*c"}, ["abc", "axxbxxc", "aabbcc"], ["ab", "xabc", "abcx", 1]),
        ({"wildcard": "a\\*b"}, ["a*b"], ["axb", "a\\*b"]),
        ({"wildcard": "*"}, ["", "x"], [None, 1]),
        ({"wildcard": "ab*ba"}, ["abba"], ["aba"]),
        ({"wildcard": "a*b*b"}, ["abb", "axbxb"], ["ab"]),
        ({"wildcard": "*ab*a*"}, ["aba", "xabxax"], ["ab", "aab"]),
        ({"anything-but": "a"}, ["b", "", None, 1, True, ["a", "b"]], ["a", ["a"], []]),
        ({"anything-but": ["a", "b"]}, ["c", None], ["a", "b"]),
        ({"anything-but": 0}, [1, "0", None], [0, 0.0]),
        ({"anything-but": [1, 2]}, [3, "1"], [1, 2.0]),
        ({"anything-but": {"prefix": "a"}}, ["b", 1, None], ["a", "ab"]),
        ({"anything-but": {"prefix": ["a", "b"]}}, ["c"], ["ax", "bx"]),
        ({"anything-but": {"suffix": ".png"}}, ["a.jpg", None], ["a.png"]),
        ({"anything-but": {"equals-ignore-case": ["a", "b"]}}, ["c", None], ["A", "b"]),
        ({"anything-but": {"wildcard": "*/lib/*"}}, ["/a", 1], ["/lib/", "x/lib/y"]),
        ({"anything-but": {"wildcard": ["*a", "b*"]}}, ["ab"], ["ba", "b", "a"]),
        ({"numeric": [">", 0, "<=", 5]}, [5, 0.1, [0, 1]], [0, 5.1, "1", None, True]),
        ({"numeric": ["=", 3.018e2]}, [301.8], [302]),
        ({"numeric": ["<", 10]}, [9, -5e9], [10, -6e9]),
        ({"numeric": [">=", 10]}, [10, 5e9], [9, 6e9]),
        ({"exists": True}, [0, None, "", [1]], [[], {}, {"x": 1}]),
        ({"exists": False}, [[], {}, {"x": 1}], [0, None]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.255"], ["10.0.1.0", "x", 10, None]),
        ({"cidr": "2001:db8:1234:1a00::/64"}, ["2001:db8:1234:1a00::7"], ["2001:db8:1234:1a01::"]),
    ],
)  # fmt: skip
def test_conditions(condition: Any, taken: list[Any], not_taken: list[Any]) -> None:
    pattern = event_pattern.compile(json.dumps({"f": [condition]}))
    assert [value for value in taken if not pattern.matches({"f": value})] == []
    assert [value for value in not_taken if pattern.matches({"f": value})] == []
    assert pattern.matches({}) == (condition == {"exists": False})


@pytest.mark.parametrize(
    ("pattern", "event", "chosen"),
    [
        ({"a": {"b": [1]}, "c": [2]}, {"a": {"b": 1}, "c": 2}, True),
        ({"a": {"b": [1]}, "c": [2]}, {"a": {"b": 1}}, False),
        ({"a": ["x", {"exists": False}]}, {}, True),
        ({"a": ["x", {"exists": False}]}, {"a": "y"}, False),
        # Dots in names and steps of paths are the same to EventBridge, on either side.
        ({"a": {"b.c": [1]}}, {"a": {"b": {"c": 1}}}, True),
        ({"a": {"b": {"c": [1]}}}, {"a.b": {"c": 1}}, True),
        ({"a.b": [1], "a": {"c": [2]}}, {"a.b": 1, "a": {"c": 2}}, True),
        # Fields in objects of one array must be of one element.
        ({"employees": {"first": ["Anna"]}}, EMPLOYEES, True),
        ({"employees": {"first": ["Anna"], "last": ["Smith"]}}, EMPLOYEES, True),
        ({"employees": {"first": ["Anna"], "last": ["Jones"]}}, EMPLOYEES, False),
        ({"employees": {"first": ["Peter"], "phones": {"kind": ["work"]}}}, EMPLOYEES, True),
        ({"employees": {"first": ["Anna"], "phones": {"kind": ["work"]}}}, EMPLOYEES, False),
        ({"employees": {"phones": {"kind": ["work"], "n": [1]}}}, EMPLOYEES, False),
        ({"employees": {"phones": {"kind": ["home"], "n": [1]}}}, EMPLOYEES, True),
        ({"employees": {"first": ["Anna"], "middle": [{"exists": False}]}}, EMPLOYEES, False),
        ({"employees": {"first": ["John"], "middle": [{"exists": False}]}}, EMPLOYEES, True),
        ({"employees": {"middle": [{"exists": False}]}}, EMPLOYEES, False),
        ({"a": {"b": [1]}}, {"a": [[{"b": 2}], [{"b": 1}]]}, True),
        # "$or" is multiplied out; what stands beside it holds in each branch.
        ({"a": [1], "$or": [{"b": [2]}, {"c": [3], "d": [4]}]}, {"a": 1, "c": 3, "d": 4}, True),
        ({"a": [1], "$or": [{"b": [2]}, {"c": [3], "d": [4]}]}, {"a": 1, "c": 3}, False),
        ({"a": {"$or": [{"b": [1]}, {"$or": [{"c": [1]}, {"d": [1]}]}]}}, {"a": {"d": 1}}, True),
        ({"$or": [{"a": [1]}, {"b": [1]}], "c": {"$or": [{"d": [1]}, {"e": [1]}]}}, {"b": 1}, False),
    ],
)  # fmt: skip
def test_whole_patterns(pattern: Any, event: dict[str, Any], chosen: bool) -> None:
    assert _chooses(pattern, event) is chosen


_JSON = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_BUT = "Value of anything-but must be an array or single string/number value."
_BUT_CASE = (
    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
)
_BUT_LIST = "Inside anything but list, start|null|boolean is not supported."
_CASE = "equals-ignore-case match pattern must be a string"
_QUOTE = "was expecting double-quote to start field name"
_OR_RESERVED = "prefix is Ruler reserved fieldName which cannot be used inside $or."


# Reasons as recorded from AWS. The place is that of the next character that AWS's reader would have read.
@pytest.mark.parametrize(
    ("text", "reason", "columns"),
    [
        ('{"int": 42}', '"int" must be an object or an array', [11]),
        ('{"string": "my-value"}', '"string" must be an object or an array', [13]),
        ('{"resources": []}', "Empty arrays are not allowed", [17]),
        ('{"a": {}}', "Empty objects are not allowed", [9]),
        ('["not", "a", "dict", "but valid json"]', "Filter is not an object", [2]),
        ('{"my_key": [{"EXISTS": true}]}', "Unrecognized match type EXISTS", [28]),
        ('{"d": {"c": [{"numeric": [">", 0, ">", 0]}]}}', "Bad numeric range operator: >", [38]),
        ('{"d": {"c": [{"numeric": [">", 0, "<"]}]}}', "Value of < must be numeric", [39]),
        ('{"d": {"c": [{"numeric": 10}]}}', "Value of numeric must be an array.", [28]),
        ('{"a": [{"numeric": ["<", 6e9]}]}', "Value must be between -5.0E9 and 5.0E9, inclusive", [29]),
        ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less than top", [36]),
        ('{"time": [{"prefix": 123}]}', "prefix match pattern must be a string", [25]),
        ('{"time": [{"prefix": ["x"]}]}', "prefix match pattern must be a string", [23]),
        ('{"F": [{"suffix": 123}]}', "suffix match pattern must be a string", [22]),
        ('{"E": [{"wildcard": 123}]}', "wildcard match pattern must be a string", [24]),
        ('{"E": [{"wildcard": "a:**"}]}', "Consecutive wildcard characters at pos 3", [27]),
        ('{"E": [{"wildcard": "\\\\a"}]}', "Invalid escape character at pos 1", [26]),
        ('{"a": [{"equals-ignore-case": ["x"]}]}', _CASE, [32]),
        ('{"a": [{"anything-but": null}]}', _BUT, [29]),
        ('{"a": [{"anything-but": ["s", null]}]}', _BUT_LIST, [35, 35]),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed", [38]),
        ('{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "f"}}}]}', _BUT, [37]),
        ('{"a": [{"anything-but": {"suffix": [1, "x"]}}]}', "prefix/suffix match pattern must be a string", [38, 38]),
        ('{"a": [{"anything-but": {"equals-ignore-case": 123}}]}', _BUT_CASE, [51]),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false.", [20]),
        ('{"a": [[1]]}', "Match value must be String, number, true, false, or null", [9]),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed in match expression", [35]),
        ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", [21]),
        ('{"$or": {"a": [1]}}', "It must be an Array followed with $or.", [10]),
        ('{"$or": [{"prefix": [1]}, {"a": [1]}]}', _OR_RESERVED, [22]),
        ('{"a": [{"cidr": "1.2.3.4"}]}', "Malformed CIDR, one '/' required", []),
        ('{"a": [{"cidr": "1.2.3.4/x"}]}', "Malformed CIDR, mask bits must be an integer", []),
        ('{"a": [{"cidr": "xx.11.xx/8"}]}', "Nonstandard IP address: xx.11.xx", []),
        ('{"a": [{"cidr": "1.2.3.4/32"}]}', "IPv4 mask bits must be < 32", []),
        ('{"a": [{"cidr": ["bad"]}]}', "prefix match pattern must be a string", [18]),
        ("this is no object", f"Unrecognized token 'this': was expecting ({_JSON})", [5]),
        ("{'bad': 'quotation'}", f"Unexpected character (''' (code 39)): {_QUOTE}", [2]),
        ('{"not": closed mark"', f"Unrecognized token 'closed': was expecting ({_JSON})", [15]),
    ],
)  # fmt: skip
def test_refusals(text: str, reason: str, columns: list[int]) -> None:
    with pytest.raises(InvalidPattern) as refused:
        event_pattern.compile(text)
    places = [f'\n at [Source: (String)"{text}"; line: 1, column: {column}]' for column in columns]
    assert refused.value.reason == reason + "".join(places)


# Whatever is written, it is compiled or refused; nothing else comes out.
@given(st.text(alphabet='{}[]":,\\ab10-.e $or', max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InvalidPattern):
        assert event_pattern.compile(text).explain({}) != "no field"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [{"wildcard": "%s"}]}' % ("*a" * 30),
        '{"a": [{"wildcard": "x*%s"}]}' % ("a" * 40),
        "{" + ", ".join(f'"{c}": {{"$or": [{{"x": [1]}}, {{"y": [1]}}]}}' for c in "abcdefghijk") + "}",
        '{"a": ' * 5000 + "[1]" + "}" * 5000,
    ],
)  # fmt: skip
def test_what_is_too_complex_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern, match="Rule is too complex"):
        event_pattern.compile(text)


# Wildcards and arrays are where a matcher could take for ever; these would need years if they multiplied.
def test_matching_does_not_explode() -> None:
    wildcard = event_pattern.compile(json.dumps({"a": [{"wildcard": "*a*a*a*a*a*a*a*b"}]}))
    things = [{"x": n, "y": -n, "z": [{"k": n}]} for n in range(2000)]
    arrays = event_pattern.compile(
        json.dumps({"p": {"x": [{"exists": True}], "y": [7], "z": {"k": [-7]}}, "q": {"x": [1]}})
    )
    assert not wildcard.matches({"a": "a" * 50_000})
    assert not arrays.matches({"p": things, "q": things})


def test_explain_names_the_field_that_refused() -> None:
    pattern = event_pattern.compile('{"a": {"b": [1]}, "$or": [{"c": [1], "d": [1]}, {"e": [1]}]}')
    assert pattern.explain({"a": {"b": 2}}) == "a.b"
    assert pattern.explain({"a": {"b": 1}, "c": 1}) == "d"
    assert pattern.explain({"a": {"b": 1}, "e": 1}) is None


# --- against a naive evaluator: all leaves, all combinations

_SCALARS = st.sampled_from([1, 2, "a", "b", None, True])
_NAMES = st.sampled_from(["p", "q", "r"])
_EVENTS = st.recursive(
    _SCALARS,
    lambda inner: st.dictionaries(_NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)
_VALUES = st.lists(
    st.sampled_from([1, "a", None, {"exists": True}, {"exists": False}, {"anything-but": "a"}]),
    min_size=1,
    max_size=2,
)
_PATTERNS = st.dictionaries(
    _NAMES,
    st.recursive(
        _VALUES, lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=3), max_leaves=4
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(_PATTERNS, st.dictionaries(_NAMES, _EVENTS, max_size=3))
def test_as_the_naive_evaluator(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert _chooses(pattern, event) == _naive(pattern, event)


def _naive(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    fields = sorted(_flatten(pattern), key=lambda pair: pair[0])
    leaves = list(_naive_leaves(event, (), {}))
    choices = [
        [*(leaf for leaf in leaves if leaf[0] == path), None] for path, _ in fields
    ]  # None: the field is absent
    return any(_holds(fields, chosen, leaves) for chosen in product(*choices))


def _holds(fields: list[Any], chosen: Any, leaves: list[Any]) -> bool:
    places: dict[int, int] = {}
    for (path, values), leaf in zip(fields, chosen, strict=True):
        if leaf is None:
            there = any(one[0] == path and _agrees(one[2], places) for one in leaves)
            if there or {"exists": False} not in values:
                return False
        elif not _agrees(leaf[2], places) or not any(_takes(one, leaf[1]) for one in values):
            return False
        else:
            places |= leaf[2]
    return True


def _agrees(a: dict[int, int], b: dict[int, int]) -> bool:
    return all(b.get(array, place) == place for array, place in a.items())


def _takes(condition: Any, value: Any) -> bool:
    if isinstance(condition, dict):
        return condition == {"exists": True} or ("anything-but" in condition and value != "a")
    return type(condition) is type(value) and condition == value


def _flatten(pattern: dict[str, Any], path: tuple[str, ...] = ()) -> Any:
    for name, inner in pattern.items():
        if isinstance(inner, dict):
            yield from _flatten(inner, (*path, name))
        else:
            yield (*path, name), inner


def _naive_leaves(value: Any, path: tuple[str, ...], places: dict[int, int]) -> Any:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _naive_leaves(inner, (*path, name), places)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            own = {id(value): place} if isinstance(inner, (dict, list)) else {}
            yield from _naive_leaves(inner, path, places | own)
    else:
        yield path, value, places


def test_reasons_are_cut_like_awss() -> None:
    text = '{"a": [], "' + "x" * 600 + '": [1]}'
    with pytest.raises(InvalidPattern) as refused:
        event_pattern.compile(text)
    assert re.search(r"xxx\"\[truncated 118 chars\]; line: 1, column: 9\]$", refused.value.reason)
