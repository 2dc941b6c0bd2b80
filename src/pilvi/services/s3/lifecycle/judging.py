"""What becomes of a version or an upload, by which rule and when. Pure.

A *day* is 24 hours that begin at midnight UTC, unless the server was told a shorter one. What happens n days after
something, happens at the first midnight behind that instant and n days.

Where several rules apply:
1. Of two expirations the earlier holds.
2. What is deleted for good is not moved on the same day; but it is moved before a delete marker is made, which then
   comes a day later.
3. Of several transitions on one day, the one to the class that costs least, except that Intelligent-Tiering comes
   before all but the two archives. Objects only ever go down (`_BELOW`).

AWS: S3 User Guide, "Lifecycle configuration elements", "How Amazon S3 handles conflicts in lifecycle
configurations", "Transitioning objects using Amazon S3 Lifecycle", "Expiring objects".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from pilvi.services.s3.lifecycle.records import VARIES, Lifecycle, Rule, Transition
from pilvi.services.s3.records.locks import Lock
from pilvi.services.s3.rules.storage_classes import (
    DEEP_ARCHIVE,
    GLACIER,
    GLACIER_IR,
    INTELLIGENT_TIERING,
    ONEZONE_IA,
    REDUCED_REDUNDANCY,
    STANDARD,
    STANDARD_IA,
)

DAY_MS = 24 * 60 * 60 * 1000
SMALL_BYTES = 128 * 1024
"""Smaller objects are not moved, unless something says that they are."""

DELETE, MARK, TRANSITION, ABORT = "delete", "mark", "transition", "abort"
"""What happens: a version goes for good; a delete marker is made; a version is moved; an upload is forgotten."""

_PREFERRED = (STANDARD_IA, ONEZONE_IA, GLACIER_IR, INTELLIGENT_TIERING, GLACIER, DEEP_ARCHIVE)
_RANKS = {name: rank for rank, name in enumerate(_PREFERRED)}
_BELOW: Mapping[str, frozenset[str]] = {
    STANDARD: frozenset(_PREFERRED),
    REDUCED_REDUNDANCY: frozenset(_PREFERRED),
    STANDARD_IA: frozenset(_PREFERRED) - {STANDARD_IA},
    INTELLIGENT_TIERING: frozenset({ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE}),
    ONEZONE_IA: frozenset({GLACIER, DEEP_ARCHIVE}),
    GLACIER_IR: frozenset({GLACIER, DEEP_ARCHIVE}),
    GLACIER: frozenset({DEEP_ARCHIVE}),
    DEEP_ARCHIVE: frozenset(),
}
_ARCHIVES = (GLACIER, DEEP_ARCHIVE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A version, as rules see it.

    `current_since_ms`: when it was written. `noncurrent_since_ms`: when it was replaced; None: it is current.
    `newer`: how many noncurrent versions are newer than it. `marker`: it is a delete marker; `alone`: the only
    version of its key.
    """

    key: str
    current_since_ms: int
    size: int = 0
    storage_class: str = STANDARD
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    noncurrent_since_ms: int | None = None
    newer: int = 0
    marker: bool = False
    alone: bool = False
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """`storage_class`: of a transition."""

    what: str
    due_ms: int
    rule: str
    storage_class: str = ""


def due_ms(since_ms: int, days: int, day_ms: int) -> int:
    """The first midnight behind that many days after an instant."""
    return (since_ms // day_ms + 1 + days) * day_ms


def next_midnight(now_ms: int, day_ms: int) -> int:
    return due_ms(now_ms, 0, day_ms)


# --- what a rule is about


def _applying(lifecycle: Lifecycle, subject: Subject) -> list[Rule]:
    begins = subject.key.startswith
    return [rule for rule in lifecycle.rules if begins(rule.prefix) and _narrows_to(rule, subject)]


def _narrows_to(rule: Rule, subject: Subject) -> bool:
    """Its tags and sizes."""
    if not rule.tags and not rule.sized:
        return True
    if subject.marker:
        return False  # it has neither
    if rule.larger is not None and subject.size <= rule.larger:
        return False
    if rule.smaller is not None and subject.size >= rule.smaller:
        return False
    return all(subject.tags.get(name) == value for name, value in rule.tags.items())


def prefixes(rules: Iterable[Rule]) -> list[str]:
    """Which keys rules are about: in order, and none begins with another."""
    found: list[str] = []
    for prefix in sorted({rule.prefix for rule in rules}, key=str.encode):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found


# --- versions


def steps(
    lifecycle: Lifecycle, subject: Subject, *, versioned: bool, day_ms: int = DAY_MS
) -> list[Step]:
    """What will become of a version while nothing else happens to it, in order; also what is long due."""
    applying = _applying(lifecycle, subject)
    if not applying:
        return []
    end = _end(applying, subject, versioned=versioned, day_ms=day_ms)
    if subject.marker:
        return [] if end is None else [end]
    path = list(_path(lifecycle, applying, subject, day_ms))
    if end is None:
        return path
    while end.what == MARK and any(step.due_ms == end.due_ms for step in path):
        end = Step(MARK, end.due_ms + day_ms, end.rule)
    return [*(step for step in path if step.due_ms < end.due_ms), end]


def expiry(lifecycle: Lifecycle, subject: Subject, day_ms: int = DAY_MS) -> Step | None:
    """When a current object is to go, and by which rule; object lock may keep it longer."""
    return min(
        _expirations(_applying(lifecycle, subject), subject, day_ms),
        key=attrgetter("due_ms"),
        default=None,
    )


def _expirations(rules: Iterable[Rule], subject: Subject, day_ms: int) -> Iterator[Step]:
    for rule in rules:
        if rule.date_ms is not None:
            yield Step(DELETE, rule.date_ms, rule.id)
        elif rule.days is not None:
            yield Step(DELETE, due_ms(subject.current_since_ms, rule.days, day_ms), rule.id)


def _end(rules: list[Rule], subject: Subject, *, versioned: bool, day_ms: int) -> Step | None:
    if subject.noncurrent_since_ms is not None:
        found = _noncurrent_ends(rules, subject, subject.noncurrent_since_ms, day_ms)
        what = DELETE
    elif subject.marker:
        found = _marker_ends(rules, subject, day_ms) if subject.alone else iter(())
        what = DELETE
    else:
        found = _expirations(rules, subject, day_ms)
        what = MARK if versioned else DELETE
    first = min(found, key=attrgetter("due_ms"), default=None)
    if first is None:
        return None
    due = first.due_ms
    if what == DELETE and subject.lock is not None:
        if subject.lock.held:
            return None
        due = max(due, subject.lock.until_ms or 0)
    return Step(what, due, first.rule)


def _noncurrent_ends(
    rules: list[Rule], subject: Subject, since_ms: int, day_ms: int
) -> Iterator[Step]:
    for rule in rules:
        if rule.noncurrent_days is not None and subject.newer >= rule.noncurrent_keep:
            yield Step(DELETE, due_ms(since_ms, rule.noncurrent_days, day_ms), rule.id)


def _marker_ends(rules: list[Rule], subject: Subject, day_ms: int) -> Iterator[Step]:
    """One that stands alone goes at once where a rule says so, else when it is as old as objects may become."""
    for rule in rules:
        if rule.markers:
            yield Step(DELETE, subject.current_since_ms, rule.id)
    yield from _expirations(rules, subject, day_ms)


def _path(lifecycle: Lifecycle, rules: list[Rule], subject: Subject, day_ms: int) -> Iterator[Step]:
    """Day by day, the transitions that are taken."""
    moves = sorted(_moves(lifecycle, rules, subject, day_ms), key=attrgetter("due_ms"))
    at = subject.storage_class
    for _, of_day in groupby(moves, key=attrgetter("due_ms")):
        reachable = [
            one for one in of_day if one.storage_class == at or one.storage_class in _BELOW[at]
        ]
        best = max(reachable, key=lambda one: _RANKS[one.storage_class], default=None)
        if best is not None and best.storage_class != at:
            at = best.storage_class
            yield best


def _moves(
    lifecycle: Lifecycle, rules: list[Rule], subject: Subject, day_ms: int
) -> Iterator[Step]:
    since_ms = subject.noncurrent_since_ms
    for rule in rules:
        given = rule.transitions if since_ms is None else rule.noncurrent_transitions
        for one in given:
            if subject.newer < one.keep or not _large_enough(lifecycle, rule, one, subject):
                continue
            if one.date_ms is not None:
                due = one.date_ms
            else:
                since = subject.current_since_ms if since_ms is None else since_ms
                due = due_ms(since, one.days or 0, day_ms)
            yield Step(TRANSITION, due, rule.id, one.storage_class)


def _large_enough(lifecycle: Lifecycle, rule: Rule, move: Transition, subject: Subject) -> bool:
    if rule.sized or subject.size >= SMALL_BYTES:
        return True
    return lifecycle.minimum == VARIES and move.storage_class in _ARCHIVES


# --- uploads


def abort(lifecycle: Lifecycle, key: str, since_ms: int, day_ms: int = DAY_MS) -> Step | None:
    """When an upload is to be forgotten that began then."""
    found = (
        Step(ABORT, due_ms(since_ms, rule.abort_days, day_ms), rule.id)
        for rule in lifecycle.rules
        if rule.abort_days is not None and key.startswith(rule.prefix)
    )
    return min(found, key=attrgetter("due_ms"), default=None)
