"""What becomes of a version: a table of rules and ages, and the rules against a reading of them day by day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilvi.services.s3.lifecycle import judging
from pilvi.services.s3.lifecycle.judging import DAY_MS, DELETE, MARK, TRANSITION, Step, Subject
from pilvi.services.s3.lifecycle.records import VARIES, Lifecycle, Rule, Transition
from pilvi.services.s3.records.locks import Lock

BIG = 1 << 20
NOON = 100 * DAY_MS + DAY_MS // 2
"""When everything was written: the middle of day 100."""


def midnight(days: int) -> int:
    """Of the `days`th day after it was written: `Days: 0` is midnight 1."""
    return (101 + days) * DAY_MS


def object_(**fields: Any) -> Subject:
    return Subject(**{"key": "logs/a", "current_since_ms": NOON, "size": BIG, **fields})


def moves(*given: tuple[int, str]) -> tuple[Transition, ...]:
    return tuple(Transition(name, days) for days, name in given)


def told(steps: list[Step]) -> list[tuple[str, int, str]]:
    """What, at which midnight, and by which rule or to which class."""
    return [(one.what, one.due_ms // DAY_MS - 101, one.storage_class or one.rule) for one in steps]


TABLE: list[tuple[str, list[Rule], Subject, bool, list[tuple[str, int, str]]]] = [
    ("three days", [Rule("r", days=3)], object_(), False, [(DELETE, 3, "r")]),
    (
        "written at midnight",
        [Rule("r", days=3)],
        object_(current_since_ms=100 * DAY_MS),
        False,
        [(DELETE, 3, "r")],
    ),
    ("a delete marker is made", [Rule("r", days=3)], object_(), True, [(MARK, 3, "r")]),
    ("another prefix", [Rule("r", prefix="log/", days=3)], object_(), False, []),
    ("the earlier", [Rule("a", days=3), Rule("b", days=2)], object_(), False, [(DELETE, 2, "b")]),
    (
        "of two the first",
        [Rule("a", days=3), Rule("b", days=3)],
        object_(),
        False,
        [(DELETE, 3, "a")],
    ),
    ("a date", [Rule("r", date_ms=midnight(9))], object_(), False, [(DELETE, 9, "r")]),
    ("larger than", [Rule("r", larger=BIG, days=1)], object_(), False, []),
    ("larger than", [Rule("r", larger=BIG - 1, days=1)], object_(), False, [(DELETE, 1, "r")]),
    ("smaller than", [Rule("r", smaller=BIG, days=1)], object_(), False, []),
    ("smaller than", [Rule("r", smaller=BIG + 1, days=1)], object_(), False, [(DELETE, 1, "r")]),
    (
        "one tag of two",
        [Rule("r", tags={"a": "1", "b": "2"}, days=1)],
        object_(tags={"a": "1"}),
        False,
        [],
    ),
    (
        "all tags",
        [Rule("r", tags={"a": "1"}, days=1)],
        object_(tags={"a": "1", "b": "2"}),
        False,
        [(DELETE, 1, "r")],
    ),
    (
        "down, day by day",
        [Rule("r", transitions=moves((30, "STANDARD_IA"), (60, "GLACIER")), days=90)],
        object_(),
        True,
        [(TRANSITION, 30, "STANDARD_IA"), (TRANSITION, 60, "GLACIER"), (MARK, 90, "r")],
    ),
    (
        "deleting for good comes before moving",
        [Rule("a", transitions=moves((9, "GLACIER"))), Rule("b", days=9)],
        object_(),
        False,
        [(DELETE, 9, "b")],
    ),
    (
        "moving comes before marking",
        [Rule("a", transitions=moves((9, "GLACIER"))), Rule("b", days=9)],
        object_(),
        True,
        [(TRANSITION, 9, "GLACIER"), (MARK, 10, "b")],
    ),
    (
        "the cheaper of two",
        [
            Rule("a", transitions=moves((30, "GLACIER"))),
            Rule("b", transitions=moves((30, "ONEZONE_IA"))),
        ],
        object_(),
        False,
        [(TRANSITION, 30, "GLACIER")],
    ),
    (
        "Intelligent-Tiering before all but archives",
        [
            Rule("a", transitions=moves((30, "GLACIER_IR"))),
            Rule("b", transitions=moves((30, "INTELLIGENT_TIERING"))),
        ],
        object_(),
        False,
        [(TRANSITION, 30, "INTELLIGENT_TIERING")],
    ),
    (
        "never up",
        [
            Rule("a", transitions=moves((1, "GLACIER"))),
            Rule("b", transitions=moves((30, "STANDARD_IA"))),
        ],
        object_(),
        False,
        [(TRANSITION, 1, "GLACIER")],
    ),
    (
        "small objects stay",
        [Rule("r", transitions=moves((1, "GLACIER")))],
        object_(size=131_071),
        False,
        [],
    ),
    (
        "unless the rule says a size",
        [Rule("r", larger=10, transitions=moves((1, "GLACIER")))],
        object_(size=11),
        False,
        [(TRANSITION, 1, "GLACIER")],
    ),
    (
        "noncurrent since it was replaced",
        [Rule("r", noncurrent_days=2, days=1)],
        object_(noncurrent_since_ms=midnight(5)),
        True,
        [(DELETE, 8, "r")],
    ),
    (
        "one of the newer ones that are kept",
        [Rule("r", noncurrent_days=2, noncurrent_keep=3)],
        object_(noncurrent_since_ms=NOON, newer=2),
        True,
        [],
    ),
    (
        "one more than are kept",
        [Rule("r", noncurrent_days=2, noncurrent_keep=3)],
        object_(noncurrent_since_ms=NOON, newer=3),
        True,
        [(DELETE, 2, "r")],
    ),
    ("a marker on versions", [Rule("r", markers=True, days=1)], object_(marker=True), True, []),
    (
        "a marker alone",
        [Rule("r", prefix="logs", days=4)],
        object_(marker=True, alone=True),
        True,
        [(DELETE, 4, "r")],
    ),
    (
        "a noncurrent marker",
        [Rule("r", noncurrent_days=1)],
        object_(marker=True, noncurrent_since_ms=NOON),
        True,
        [(DELETE, 1, "r")],
    ),
    (
        "a marker has neither tags nor size",
        [Rule("a", tags={"a": ""}, noncurrent_days=1), Rule("b", larger=0, noncurrent_days=1)],
        object_(marker=True, noncurrent_since_ms=NOON),
        True,
        [],
    ),
    (
        "a legal hold",
        [Rule("r", noncurrent_days=1)],
        object_(noncurrent_since_ms=NOON, lock=Lock(held=True)),
        True,
        [],
    ),
    (
        "retention",
        [Rule("r", noncurrent_days=1)],
        object_(noncurrent_since_ms=NOON, lock=Lock("GOVERNANCE", midnight(7))),
        True,
        [(DELETE, 7, "r")],
    ),
    (
        "a locked object may be hidden",
        [Rule("r", days=1)],
        object_(lock=Lock("COMPLIANCE", midnight(7), True)),
        True,
        [(MARK, 1, "r")],
    ),
]


@pytest.mark.parametrize(
    ("rules", "subject", "versioned", "expected"),
    [case[1:] for case in TABLE],
    ids=[case[0] for case in TABLE],
)
def test_what_becomes_of_a_version(
    rules: list[Rule],
    subject: Subject,
    *,
    versioned: bool,
    expected: list[tuple[str, int, str]],
) -> None:
    assert told(judging.steps(Lifecycle(tuple(rules)), subject, versioned=versioned)) == expected


def test_small_objects_go_to_archives_where_the_default_varies() -> None:
    rule = Rule("r", transitions=moves((1, "GLACIER_IR"), (100, "DEEP_ARCHIVE")))
    steps = judging.steps(Lifecycle((rule,), VARIES), object_(size=1), versioned=False)
    assert told(steps) == [(TRANSITION, 100, "DEEP_ARCHIVE")]


def test_uploads_and_prefixes() -> None:
    rules = (
        Rule("a", prefix="x", abort_days=3),
        Rule("b", prefix="xy", abort_days=1),
        Rule("c", days=1),
    )
    step = judging.abort(Lifecycle(rules), "xyz", NOON)
    assert step is not None
    assert told([step]) == [("abort", 1, "b")]
    assert judging.abort(Lifecycle(rules), "a", NOON) is None
    assert judging.prefixes(rules[:2]) == ["x"]
    assert judging.prefixes([Rule("a", prefix=p) for p in ("b/", "a", "b/c", "ä", "a")]) == [
        "a",
        "b/",
        "ä",
    ]


# --- against a naive reading

CLASSES = (
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
DOWN = {  # AWS's figure of the waterfall
    "STANDARD": set(CLASSES),
    "STANDARD_IA": set(CLASSES[1:]),
    "INTELLIGENT_TIERING": {"ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"},
    "ONEZONE_IA": {"GLACIER", "DEEP_ARCHIVE"},
    "GLACIER_IR": {"GLACIER", "DEEP_ARCHIVE"},
    "GLACIER": {"DEEP_ARCHIVE"},
    "DEEP_ARCHIVE": set[str](),
}
PREFERENCE = [
    "DEEP_ARCHIVE",
    "GLACIER",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "ONEZONE_IA",
    "STANDARD_IA",
]
DAYS = st.integers(0, 6)


@st.composite
def rules_of(draw: st.DrawFn) -> Rule:
    found = draw(st.lists(st.tuples(DAYS, st.sampled_from(CLASSES)), max_size=3))
    return Rule(
        "r",
        prefix=draw(st.sampled_from(["", "logs/", "x"])),
        tags=draw(st.sampled_from([{}, {"a": "1"}])),
        larger=draw(st.sampled_from([None, BIG])),
        days=draw(st.none() | st.integers(1, 7)),
        transitions=moves(*found),
    )


def naive(rules: list[Rule], subject: Subject, *, versioned: bool) -> list[tuple[str, int, str]]:
    """Every midnight for ten days: which rules say something of today, and what of it counts."""
    mine = [
        rule
        for rule in rules
        if subject.key.startswith(rule.prefix)
        and (rule.larger is None or subject.size > rule.larger)
        and all(subject.tags.get(k) == v for k, v in rule.tags.items())
    ]
    at, done = subject.storage_class, list[tuple[str, int, str]]()
    for day in range(10):
        expired = any(rule.days is not None and rule.days <= day for rule in mine)
        if expired and not versioned:
            return [*done, (DELETE, day, "r")]
        today = [
            move.storage_class
            for rule in mine
            for move in rule.transitions
            if move.days == day and (rule.larger is not None or subject.size >= 128 * 1024)
        ]
        possible = [one for one in PREFERENCE if one in today and (one == at or one in DOWN[at])]
        if possible and possible[0] != at:
            at = possible[0]
            done.append((TRANSITION, day, at))
        elif expired:
            return [*done, (MARK, day, "r")]
    return done


@settings(deadline=None, max_examples=300)
@given(
    st.lists(rules_of(), max_size=4),
    st.sampled_from([1000, BIG, 2 * BIG]),
    st.sampled_from([{}, {"a": "1"}]),
    st.booleans(),
    st.integers(0, 9),
)
def test_as_a_naive_reading(
    rules: list[Rule], size: int, tags: dict[str, str], versioned: bool, today: int
) -> None:
    """And a run that comes late does what the runs that it missed would have done, and then nothing more."""
    lifecycle, subject = Lifecycle(tuple(rules)), object_(size=size, tags=tags)
    steps = judging.steps(lifecycle, subject, versioned=versioned)
    assert told(steps) == naive(rules, subject, versioned=versioned)
    past = [step for step in steps if step.due_ms <= midnight(today)]
    if past and past[-1].what == TRANSITION:
        later = replace(subject, storage_class=past[-1].storage_class)
        again = judging.steps(lifecycle, later, versioned=versioned)
        assert not [s for s in again if s.due_ms <= midnight(today) and s.what == TRANSITION]
