"""Conditions: every operator, its negation and its quantifiers, against the keys of a request.

What is undocumented fails closed: a key with several values, tested without a quantifier, is right for an Allow when
all its values are, and for a Deny when one is. A value that is not of the operator's type equals nothing.
AWS: IAM User Guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or
values", "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from pilvi.languages.policy.grammar import Condition
from pilvi.languages.policy.patterns import Matcher, Wild, matcher
from pilvi.languages.policy.variables import (
    Context,
    Template,
    Variable,
    fill,
    fill_text,
    read,
)

Holds = Callable[[Context], bool]
_T = TypeVar("_T")
_Bind = Callable[[Context], Matcher]
"""From a request's context to the test of one of its values. A variable without a value equals nothing."""

_NEGATED = frozenset(
    {
        *("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike"),
        *("NumericNotEquals", "DateNotEquals", "NotIpAddress", "ArnNotEquals", "ArnNotLike"),
    }
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def condition_test(condition: Condition, version: str, *, allows: bool) -> Holds:
    """Says of a request's context whether the condition holds, in a statement that allows or denies."""
    key = condition.key.lower()
    if condition.operator == "Null":
        return _null_test(key, condition.values)
    bind = _binding(condition.operator, condition.values, version)
    negated = condition.operator in _NEGATED
    if condition.quantifier == "ForAllValues":
        return _for_all(key, bind, negated)
    if condition.quantifier == "ForAnyValue":
        return _for_any(key, bind, negated, when_absent=condition.if_exists)
    return _plain(
        key, bind, negated, when_absent=negated or condition.if_exists, every_value=allows
    )


def _null_test(key: str, values: tuple[str, ...]) -> Holds:
    """ "true": the key is absent; "false": it is not. A key of empty values alone is as good as absent."""
    wanted = {one.lower() for one in values}
    when_absent, when_present = "true" in wanted, "false" in wanted
    return lambda context: when_present if any(context.get(key, ())) else when_absent


def _plain(key: str, bind: _Bind, negated: bool, *, when_absent: bool, every_value: bool) -> Holds:
    def holds(context: Context) -> bool:
        values = context.get(key)
        if not values:
            return when_absent
        matches = bind(context)
        if len(values) == 1:
            return matches(values[0]) != negated
        right = (matches(value) != negated for value in values)
        return all(right) if every_value else any(right)

    return holds


def _for_all(key: str, bind: _Bind, negated: bool) -> Holds:
    def holds(context: Context) -> bool:
        values = context.get(key, ())
        if not any(values):
            return True
        matches = bind(context)
        return all(matches(value) != negated for value in values)

    return holds


def _for_any(key: str, bind: _Bind, negated: bool, *, when_absent: bool) -> Holds:
    def holds(context: Context) -> bool:
        values = context.get(key, ())
        if not any(values):
            return when_absent and not values
        matches = bind(context)
        return any(matches(value) != negated for value in values)

    return holds


def _binding(name: str, values: tuple[str, ...], version: str) -> _Bind:
    if name.startswith("String"):
        return _strings(name, values, version)
    if name.startswith("Arn"):
        arns = tuple(_arn_template(one, version) for one in values)
        return _bound(arns, _arns, varies=any(_vary(one) for one in arns))
    if name == "Bool":
        texts = tuple(read(one, version, wildcards=False) for one in values)
        return _bound(texts, _booleans, varies=_vary(texts))
    if name.startswith("Numeric"):
        return _fixed(_compared(_COMPARISONS[name.removeprefix("Numeric")], _number, values))
    if name.startswith("Date"):
        return _fixed(_compared(_COMPARISONS[name.removeprefix("Date")], _instant, values))
    if name == "BinaryEquals":
        return _fixed(_compared(operator.eq, _binary, values))
    assert name in ("IpAddress", "NotIpAddress"), name
    return _fixed(_addresses(values))


def _fixed(matches: Matcher) -> _Bind:
    return lambda context: matches


def _bound(
    templates: tuple[_T, ...],
    test: Callable[[tuple[_T, ...], Context], Matcher],
    *,
    varies: bool,
) -> _Bind:
    """Made once where nothing varies, else for each request."""
    if varies:
        return lambda context: test(templates, context)
    return _fixed(test(templates, {}))


def _vary(templates: Iterable[Template]) -> bool:
    return any(isinstance(part, Variable) for one in templates for part in one)


def _strings(name: str, values: tuple[str, ...], version: str) -> _Bind:
    like = name.endswith("Like")
    templates = tuple(read(one, version, wildcards=like) for one in values)
    test = _likes if like else _equals_ignoring_case if name.endswith("IgnoreCase") else _equals
    return _bound(templates, test, varies=_vary(templates))


def _texts(templates: tuple[Template, ...], context: Context) -> Iterator[str]:
    for template in templates:
        text = fill_text(template, context)
        if text is not None:
            yield text


def _equals(templates: tuple[Template, ...], context: Context) -> Matcher:
    return frozenset(_texts(templates, context)).__contains__


def _equals_ignoring_case(templates: tuple[Template, ...], context: Context) -> Matcher:
    lower = frozenset(one.lower() for one in _texts(templates, context))
    return lambda value: value.lower() in lower


def _booleans(templates: tuple[Template, ...], context: Context) -> Matcher:
    wanted = frozenset(one.lower() for one in _texts(templates, context)) & {"true", "false"}
    return lambda value: value.lower() in wanted


def _likes(templates: tuple[Template, ...], context: Context) -> Matcher:
    filled = [fill(one, context) for one in templates]
    return _any([matcher(one) for one in filled if one is not None])


def _any(matchers: list[Matcher]) -> Matcher:
    if len(matchers) == 1:
        return matchers[0]
    return lambda value: any(one(value) for one in matchers)


def _arn_template(text: str, version: str) -> tuple[Template, ...]:
    """Its segments. The colon in a variable parts nothing."""
    segments: list[Template] = [()]
    for part in read(text, version, wildcards=True):
        if not isinstance(part, str):
            segments[-1] = (*segments[-1], part)
            continue
        pieces = part.split(":", 6 - len(segments))
        segments[-1] = (*segments[-1], pieces[0])
        segments.extend((piece,) for piece in pieces[1:])
    return tuple(segments)


def _arns(templates: tuple[tuple[Template, ...], ...], context: Context) -> Matcher:
    """Segment by segment; ArnEquals and ArnLike are one operator. A lone star is any ARN."""
    matchers: list[Matcher] = []
    for template in templates:
        filled = [fill(one, context) for one in template]
        segments = [matcher(one) for one in filled if one is not None]
        if len(segments) == len(filled):
            any_arn = template == ((Wild.ANY,),)
            matchers.append(_arn_matcher(segments * 6 if any_arn else segments))
    return _any(matchers)


def _arn_matcher(segments: list[Matcher]) -> Matcher:
    def matches(value: str) -> bool:
        given = value.split(":", 5)
        if len(given) != 6 or len(segments) != 6 or given[0] != "arn":
            return False
        return all(one(part) for one, part in zip(segments, given, strict=True))

    return matches


def _compared(
    compare: Callable[[Any, Any], bool],
    typed: Callable[[str], _T | None],
    values: tuple[str, ...],
) -> Matcher:
    """Compares as a type; what is not of it compares with nothing."""
    limits = [one for value in values if (one := typed(value)) is not None]

    def matches(value: str) -> bool:
        given = typed(value)
        return given is not None and any(compare(given, limit) for limit in limits)

    return matches


_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,3})?"
)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"-?[0-9]{5,15}(?:\.[0-9]{1,9})?|[0-9]{1,3}")
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)


@lru_cache(maxsize=256)
def _instant(text: str) -> Decimal | None:
    """Seconds since the epoch. Four digits are a year. A time without a zone is UTC's."""
    if _SECONDS.fullmatch(text):
        return Decimal(text)
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(
            *(int(year), int(month or 1), int(day or 1)),
            *(int(hour or 0), int(minute or 0), int(second or 0)),
            tzinfo=_zone(zone),
        )
    except ValueError:
        return None
    return Decimal((moment - _EPOCH) // timedelta(seconds=1)) + Decimal(f"0.{fraction or 0}")


def _zone(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _addresses(values: tuple[str, ...]) -> Matcher:
    networks = [one for value in values if (one := _network(value)) is not None]

    def matches(value: str) -> bool:
        address = _address(value)
        return address is not None and any(
            address[0] == version and address[1] & mask == network
            for version, network, mask in networks
        )

    return matches


def _network(text: str) -> tuple[int, int, int] | None:
    """Version, network, mask; an address alone is a network of one."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return found.version, int(found.network_address), int(found.netmask)


@lru_cache(maxsize=1024)
def _address(text: str) -> tuple[int, int] | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.version, int(found)
