"""Reads an event pattern: its branches, each a set of fields with their conditions, all of which must hold.

What "$or" joins is multiplied out, so each branch is a plain conjunction. A field is named by its whole path, with
dots between the steps; one that a branch names twice has the conditions that come last.
AWS: EventBridge User Guide, "Creating Amazon EventBridge event patterns"; the reasons are those of EventBridge.
"""

from __future__ import annotations

from collections.abc import Callable

from pilvi.languages.event_pattern import conditions
from pilvi.languages.event_pattern.addresses import find_address, read_network
from pilvi.languages.event_pattern.conditions import (
    NUMBER_MAX,
    Absent,
    Condition,
    Exactly,
    Number,
    Satisfies,
    Test,
)
from pilvi.languages.event_pattern.problems import InvalidPattern
from pilvi.languages.event_pattern.tokens import Kind, Tokens
from pilvi.languages.event_pattern.wildcards import BadWildcard, read_pieces, refuse_complex

Branch = dict[str, list[Condition]]

_BRANCHES_MAX = 1000
_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"
_RESERVED = frozenset(
    (
        *(
            "exactly",
            "equals-ignore-case",
            "prefix",
            "suffix",
            "anything-but",
            "exists",
            "wildcard",
        ),
        *("numeric", "cidr", "=", "<", "<=", ">", ">=", "regex", "not-wildcard"),
        *("not-equals-ignore-case", "date-after", "date-on-or-after", "date-before"),
        *("date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
    )
)
_VALUE_KINDS = (Kind.START_ARRAY, Kind.STRING, Kind.NUMBER)


def parse(text: str) -> list[Branch]:
    """Raises: InvalidPattern."""
    return _Grammar(text).pattern()


class _Grammar:
    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)
        self._wildcards: list[tuple[str, ...]] = []
        """Those of the field that is being read."""

    def pattern(self) -> list[Branch]:
        if self._tokens.next() is not Kind.START_OBJECT:
            self._tokens.refuse("Filter is not an object")
        branches: list[Branch] = [{}]
        self._read_object(branches, (), inside_or=False)
        return branches

    # --- objects and "$or"

    def _read_object(
        self, branches: list[Branch], path: tuple[str, ...], *, inside_or: bool
    ) -> None:
        tokens, empty = self._tokens, True
        while tokens.next() is not Kind.END_OBJECT:
            empty = False
            name = tokens.name
            if name == "$or":
                self._read_or(branches, path)
                continue
            if inside_or and name in _RESERVED:
                tokens.refuse(
                    f"{name} is Ruler reserved fieldName which cannot be used inside $or."
                )
            kind = tokens.next()
            if kind is Kind.START_OBJECT:
                self._read_object(branches, (*path, name), inside_or=inside_or)
            elif kind is Kind.START_ARRAY:
                found = self._read_values()
                for branch in branches:
                    branch[".".join((*path, name))] = found
            else:
                tokens.refuse(f'"{name}" must be an object or an array')
        if empty:
            tokens.refuse("Empty objects are not allowed")

    def _read_or(self, branches: list[Branch], path: tuple[str, ...]) -> None:
        tokens = self._tokens
        if tokens.next() is not Kind.START_ARRAY:
            tokens.refuse("It must be an Array followed with $or.")
        before = [dict(branch) for branch in branches]
        branches.clear()
        alternatives = 0
        while (kind := tokens.next()) is not Kind.END_ARRAY:
            alternatives += 1
            if kind is not Kind.START_OBJECT:
                tokens.refuse("Only JSON object is allowed in array of $or relationship.")
            own = [dict(branch) for branch in before]
            self._read_object(own, path, inside_or=True)
            branches += own
            if len(branches) > _BRANCHES_MAX:
                raise InvalidPattern("Rule is too complex - try using fewer $or combinations")
        if alternatives < 2:
            tokens.refuse("There must have at least 2 Objects in $or relationship.")

    # --- the values of one field

    def _read_values(self) -> list[Condition]:
        tokens = self._tokens
        found: list[Condition] = []
        self._wildcards.clear()
        while (kind := tokens.next()) is not Kind.END_ARRAY:
            if kind is Kind.START_OBJECT:
                found.append(self._read_expression())
            elif kind is Kind.STRING:
                found.append(_exactly(tokens.text()))
            elif kind is Kind.NUMBER:
                found.append(Satisfies(conditions.equals_number(_number(tokens.text()))))
            elif kind in _WORDS:
                found.append(Satisfies(conditions.is_word(_WORDS[kind])))
            else:
                tokens.refuse("Match value must be String, number, true, false, or null")
        if not found:
            tokens.refuse("Empty arrays are not allowed")
        refuse_complex(self._wildcards)
        return found

    def _read_expression(self) -> Condition:
        tokens = self._tokens
        if tokens.next() is not Kind.NAME:
            tokens.refuse("Match expression name not found")
        name = tokens.name
        reader = _EXPRESSIONS.get(name)
        if reader is None:
            tokens.refuse(f"Unrecognized match type {name}")
        return reader(self)

    def _text(self, refusal: str) -> str:
        if self._tokens.next() is not Kind.STRING:
            self._tokens.refuse(refusal)
        return self._tokens.text()

    def _end(self, refusal: str = _ONE_KEY) -> None:
        if self._tokens.next() is not Kind.END_OBJECT:
            self._tokens.refuse(refusal)

    def read_exactly(self) -> Condition:
        text = self._text("exact match pattern must be a string")
        self._end()
        return Exactly(text)

    def read_prefix(self) -> Condition:
        return self._read_end_of_text(
            "prefix", conditions.has_prefix, conditions.has_prefix_in_any_case
        )

    def read_suffix(self) -> Condition:
        return self._read_end_of_text(
            "suffix", conditions.has_suffix, conditions.has_suffix_in_any_case
        )

    def _read_end_of_text(
        self, word: str, make: Callable[[str], Test], make_for_any_case: Callable[[str], Test]
    ) -> Condition:
        tokens = self._tokens
        kind = tokens.next()
        if kind is Kind.START_OBJECT:
            if tokens.next() is not Kind.NAME:
                tokens.refuse(f"{word.capitalize()} expression name not found")
            if tokens.name != "equals-ignore-case":
                tokens.refuse(f"Unsupported {word} pattern: {tokens.name}")
            text = self._text("equals-ignore-case match pattern must be a string")
            self._end()
            self._end()
            return Satisfies(make_for_any_case(text))
        if kind is not Kind.STRING:
            tokens.refuse(f"{word} match pattern must be a string")
        text = tokens.text()
        self._end()
        return Satisfies(make(text))

    def read_equals_ignore_case(self) -> Condition:
        text = self._text("equals-ignore-case match pattern must be a string")
        self._end()
        return Satisfies(conditions.equals_in_any_case(text))

    def read_wildcard(self) -> Condition:
        pieces = self._pieces(self._text("wildcard match pattern must be a string"))
        self._end()
        return Satisfies(conditions.matches_wildcard(pieces))

    def _pieces(self, text: str) -> tuple[str, ...]:
        try:
            pieces = read_pieces(text)
        except BadWildcard as problem:
            self._tokens.refuse(str(problem))
        self._wildcards.append(pieces)
        return pieces

    def read_cidr(self) -> Condition:
        network = read_network(self._text("prefix match pattern must be a string"))
        self._end()
        return Satisfies(conditions.is_address(*network))

    def read_exists(self) -> Condition:
        kind = self._tokens.next()
        if kind not in (Kind.TRUE, Kind.FALSE):
            self._tokens.refuse("exists match pattern must be either true or false.")
        self._end()
        return Satisfies(conditions.is_present) if kind is Kind.TRUE else Absent()

    # --- numbers

    def read_numeric(self) -> Condition:
        tokens = self._tokens
        if tokens.next() is not Kind.START_ARRAY:
            tokens.refuse("Value of numeric must be an array.")
        if tokens.next() is not Kind.STRING:
            tokens.refuse(f"Invalid member in numeric match: {tokens.text()}")
        operator = tokens.text()
        if operator not in ("=", "<", "<=", ">", ">="):
            tokens.next()
            tokens.refuse(f"Unrecognized numeric range operator: {operator}")
        bound = self._bound("equals" if operator == "=" else operator)
        kind = tokens.next()
        if kind is Kind.END_ARRAY:
            test = _one_sided(operator, bound)
        elif operator in (">", ">="):
            test = self._complete_range(kind, bound, above_low=operator == ">")
        else:
            tokens.refuse(_TOO_MANY)
        self._end(_TOO_MANY)
        return Satisfies(test)

    def _complete_range(self, kind: Kind, low: Number, *, above_low: bool) -> Test:
        tokens = self._tokens
        if kind is not Kind.STRING:
            tokens.refuse(f"Bad value in numeric range: {tokens.text()}")
        operator = tokens.text()
        if operator not in ("<", "<="):
            tokens.refuse(f"Bad numeric range operator: {operator}")
        high = self._bound(operator)
        if tokens.next() is not Kind.END_ARRAY:
            tokens.refuse("Too many terms in numeric range expression")
        if low >= high:
            tokens.refuse("Bottom must be less than top")
        return conditions.is_between(low, high, above_low=above_low, below_high=operator == "<")

    def _bound(self, operator: str) -> Number:
        if self._tokens.next() is not Kind.NUMBER:
            self._tokens.refuse(f"Value of {operator} must be numeric")
        try:
            return _comparable(self._tokens.text())
        except InvalidPattern as problem:
            self._tokens.refuse(problem.reason)

    # --- "anything-but"

    def read_anything_but(self) -> Condition:
        tokens = self._tokens
        kind = tokens.next()
        nested = None
        if kind is Kind.START_OBJECT:
            if tokens.next() is not Kind.NAME:
                tokens.refuse("Anything-But expression name not found")
            nested = tokens.name
            if nested not in _NESTED:
                tokens.refuse(f"Unsupported anything-but pattern: {nested}")
            kind = tokens.next()
        if kind not in _VALUE_KINDS:
            tokens.refuse("Value of anything-but must be an array or single string/number value.")
        test = self._but_values(kind) if nested is None else self._but_nested(kind, nested)
        self._end(_TOO_MANY)
        if nested is not None:
            self._end(_TOO_MANY)
        return Satisfies(test)

    def _but_values(self, kind: Kind) -> Test:
        tokens = self._tokens
        if kind is not Kind.START_ARRAY:
            text = tokens.text()
            return conditions.is_none_of([text if kind is Kind.STRING else _comparable(text)])
        values: list[str | Number] = []
        try:
            while (kind := tokens.next()) is not Kind.END_ARRAY:
                if kind is Kind.STRING:
                    values.append(tokens.text())
                elif kind is Kind.NUMBER:
                    values.append(_comparable(tokens.text()))
                else:
                    tokens.refuse("Inside anything but list, start|null|boolean is not supported.")
        except InvalidPattern as problem:
            raise tokens.again(problem) from None
        if len({isinstance(value, str) for value in values}) != 1:
            tokens.refuse(
                "Inside anything but list, either all values are number or string, mixed type is not supported"
            )
        return conditions.is_none_of(values)

    def _but_nested(self, kind: Kind, nested: str) -> Test:
        if kind is not Kind.START_ARRAY:
            return conditions.is_nothing_that([self._but_one(kind, nested)])
        tests: list[Test] = []
        try:
            while (kind := self._tokens.next()) is not Kind.END_ARRAY:
                tests.append(self._but_one(kind, nested))
        except InvalidPattern as problem:
            raise self._tokens.again(problem) from None
        return conditions.is_nothing_that(tests)

    def _but_one(self, kind: Kind, nested: str) -> Test:
        tokens = self._tokens
        if kind is not Kind.STRING:
            tokens.refuse(_NESTED[nested])
        text = tokens.text()
        if nested == "wildcard":
            return conditions.matches_wildcard(self._pieces(text))
        if nested == "equals-ignore-case":
            return conditions.equals_in_any_case(text)
        if not text:
            tokens.refuse("Null prefix/suffix not allowed")
        return conditions.has_prefix(text) if nested == "prefix" else conditions.has_suffix(text)


_WORDS: dict[Kind, bool | None] = {Kind.TRUE: True, Kind.FALSE: False, Kind.NULL: None}

_NESTED = {
    "equals-ignore-case": (
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
    ),
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}
"""What "anything-but" can be applied to, and the refusal of values that are no texts."""

_EXPRESSIONS: dict[str, Callable[[_Grammar], Condition]] = {
    "exactly": _Grammar.read_exactly,
    "prefix": _Grammar.read_prefix,
    "suffix": _Grammar.read_suffix,
    "equals-ignore-case": _Grammar.read_equals_ignore_case,
    "wildcard": _Grammar.read_wildcard,
    "cidr": _Grammar.read_cidr,
    "exists": _Grammar.read_exists,
    "numeric": _Grammar.read_numeric,
    "anything-but": _Grammar.read_anything_but,
}


def _exactly(text: str) -> Condition:
    """A text; one that spells an IP address is that address, however it is spelled."""
    address = find_address(text)
    if address is None:
        return Exactly(text)
    version, number = address
    return Satisfies(conditions.is_address(version, number, number))


def _number(text: str) -> Number:
    return float(text) if any(mark in text for mark in ".eE") else int(text)


def _comparable(text: str) -> Number:
    """A number that can be compared. Raises: InvalidPattern."""
    value = _number(text)
    if not -NUMBER_MAX <= value <= NUMBER_MAX:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    return value


def _one_sided(operator: str, bound: Number) -> Test:
    if operator == "=":
        return conditions.equals_number(bound)
    if operator in (">", ">="):
        return conditions.is_between(bound, None, above_low=operator == ">", below_high=False)
    return conditions.is_between(None, bound, above_low=False, below_high=operator == "<")
