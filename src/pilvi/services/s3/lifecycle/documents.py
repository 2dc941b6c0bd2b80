"""Lifecycle configurations as they are put: what AWS refuses, in its words, and the rules that are made of the rest.

A configuration whose first rule has a `Filter` is of version 2; the older ones have a `Prefix` in each rule, whose
prefixes must not overlap. What is refused first is what stands first.
AWS: S3 User Guide, "Lifecycle configuration elements"; API Reference, PutBucketLifecycleConfiguration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from pilvi.protocol.timestamps import iso8601_full
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.lifecycle.judging import DAY_MS
from pilvi.services.s3.lifecycle.records import ALL_128K, VARIES, Lifecycle, Rule, Transition
from pilvi.services.s3.rules import tags as tag_rules
from pilvi.services.s3.rules.configurations import Document, Template, copied
from pilvi.services.s3.rules.storage_classes import (
    DEEP_ARCHIVE,
    GLACIER,
    GLACIER_IR,
    INTELLIGENT_TIERING,
    ONEZONE_IA,
    STANDARD_IA,
)

_TAG: Template = {"Key": None, "Value": None}
_SIZES: Template = {"ObjectSizeGreaterThan": None, "ObjectSizeLessThan": None}
_RULE: Template = {
    "ID": None,
    "Status": None,
    "Prefix": None,
    "Filter": {
        "Prefix": None,
        "Tag": _TAG,
        **_SIZES,
        "And": {"Prefix": None, "Tags": [_TAG], **_SIZES},
    },
    "Expiration": {"Date": None, "Days": None, "ExpiredObjectDeleteMarker": None},
    "Transitions": [{"Date": None, "Days": None, "StorageClass": None}],
    "NoncurrentVersionTransitions": [
        {"NoncurrentDays": None, "StorageClass": None, "NewerNoncurrentVersions": None}
    ],
    "NoncurrentVersionExpiration": {"NoncurrentDays": None, "NewerNoncurrentVersions": None},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": None},
}
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)
_ORDER = (STANDARD_IA, INTELLIGENT_TIERING, ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE)
"""A later transition is to a class that stands further behind."""
_DAYS_BEFORE = {STANDARD_IA: 30, ONEZONE_IA: 30}
"""How old objects must be for these classes."""
_DAYS_IN = {STANDARD_IA: 30, ONEZONE_IA: 30, GLACIER_IR: 90}
"""How long objects must stay in these classes before they move on."""
_SIZE_MAX = 1_099_511_627_776_000
_DAYS_MAX = 2**31 - 1


def checked(
    given: Mapping[str, Any] | None, minimum: str | None, make_id: Callable[[], str]
) -> tuple[Lifecycle, Document]:
    """What is applied, and what is told again. `make_id`: for rules that bring none.

    Raises: MalformedXML, InvalidRequest, InvalidArgument, InvalidTag.
    """
    if minimum not in (None, ALL_128K, VARIES):
        raise errors.InvalidRequest(
            detail=f"Invalid TransitionDefaultMinimumObjectSize found: {minimum}"
        )
    if given is None:
        raise errors.MalformedXML()
    rules = [copied(one, _RULE) for one in given.get("Rules") or ()]
    if not rules:
        raise errors.MalformedXML()
    if len(rules) > limits.LIFECYCLE_RULES_MAX:
        raise errors.InvalidRequest(
            detail="The number of lifecycle rules must not exceed the allowed limit of"
            f" {limits.LIFECYCLE_RULES_MAX} rules."
        )
    _check_forms(rules)
    _check_ids(rules)
    newer = "Filter" in rules[0]
    for rule in rules:
        _check_rule(rule, newer=newer)
    if not newer:
        _check_apart(rules)
    for rule in rules:
        rule["ID"] = rule.get("ID") or make_id()
    kept = minimum or ALL_128K
    enabled = tuple(_rule(rule) for rule in rules if rule["Status"] == "Enabled")
    document = {"Rules": rules, "TransitionDefaultMinimumObjectSize": kept}
    return Lifecycle(enabled, kept), document


# --- what the schema says


def _check_forms(rules: Iterable[Document]) -> None:
    """Raises: MalformedXML."""
    for rule in rules:
        if rule.get("Status") not in ("Enabled", "Disabled"):
            raise errors.MalformedXML()
        if "Prefix" not in rule and "Filter" not in rule:
            raise errors.MalformedXML()
        _check_filter_form(rule.get("Filter", {}))
        if "Expiration" in rule and len(rule["Expiration"]) != 1:
            raise errors.MalformedXML()
        for one in rule.get("Transitions", ()):
            if one.get("StorageClass") not in _ORDER or ("Days" in one) == ("Date" in one):
                raise errors.MalformedXML()
        for one in rule.get("NoncurrentVersionTransitions", ()):
            if one.get("StorageClass") not in _ORDER or "NoncurrentDays" not in one:
                raise errors.MalformedXML()
        if "NoncurrentDays" not in rule.get("NoncurrentVersionExpiration", {"NoncurrentDays": 1}):
            raise errors.MalformedXML()
        abort = rule.get("AbortIncompleteMultipartUpload")
        if abort is not None and "DaysAfterInitiation" not in abort:
            raise errors.MalformedXML()


def _check_filter_form(given: Document) -> None:
    """One condition or none, or several with And. Raises: MalformedXML."""
    if len(given) > 1:
        raise errors.MalformedXML()
    both: Document | None = given.get("And")
    listed = _tags(given)
    if both is not None:
        conditions = len(listed) + sum(name != "Tags" for name in both)
        if conditions < 2:
            raise errors.MalformedXML()
    if any(not one.get("Key") or "Value" not in one for one in listed):
        raise errors.MalformedXML()


def _tags(given: Document) -> list[Document]:
    both: Document = given.get("And", {})
    return [*both.get("Tags", ()), *([given["Tag"]] if "Tag" in given else ())]


# --- what AWS refuses besides


def _check_ids(rules: Iterable[Document]) -> None:
    """Raises: InvalidArgument."""
    seen: set[str] = set()
    for rule in rules:
        id: str = rule.get("ID") or ""
        if len(id) > limits.LIFECYCLE_ID_LENGTH_MAX:
            raise errors.InvalidArgument(
                f"ID length should not exceed allowed limit of {limits.LIFECYCLE_ID_LENGTH_MAX}",
                "ID",
                id,
            )
        if id and id in seen:
            raise errors.InvalidArgument(
                "Rule ID must be unique. Found same ID for more than one rule", "ID", id
            )
        seen.add(id)


def _check_rule(rule: Document, *, newer: bool) -> None:
    """Raises: InvalidRequest, InvalidArgument, InvalidTag."""
    if newer and "Prefix" in rule:
        raise _refused(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )
    if not newer and "Filter" in rule:
        raise _refused("Filter element can only be used in Lifecycle V2.")
    narrowed = _check_filter(rule)
    if not any(rule.get(name) is not None for name in _ACTIONS):
        raise _refused("At least one action needs to be specified in a rule")
    expiration: Document = rule.get("Expiration", {})
    _check_positive(expiration, "Days", "Expiration")
    _check_midnight(expiration)
    if narrowed and "ExpiredObjectDeleteMarker" in expiration:
        raise _refused(f"ExpiredObjectDeleteMarker cannot be specified with {narrowed}.")
    abort: Document = rule.get("AbortIncompleteMultipartUpload", {})
    if narrowed and abort:
        raise _refused(f"AbortIncompleteMultipartUpload cannot be specified with {narrowed}.")
    _check_positive(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    _check_transitions(rule)
    _check_noncurrent(rule, newer=newer)


def _check_filter(rule: Document) -> str:
    """Gives what it has beside a prefix that some actions do not go with. Raises: InvalidRequest, InvalidTag."""
    given: Document = rule.get("Filter", {})
    flat: Document = {**given, **given.get("And", {})}
    prefix: str = flat.get("Prefix", rule.get("Prefix", ""))
    if len(prefix.encode()) > limits.KEY_BYTES_MAX:
        raise _refused("The maximum size of a prefix is 1024.")
    listed = _tags(given)
    if len({one["Key"] for one in listed}) < len(listed):
        raise _refused("Duplicate Tag Keys are not allowed.")
    tag_rules.check_tags({one["Key"]: one["Value"] for one in listed}, of_bucket=False)
    larger, smaller = flat.get("ObjectSizeGreaterThan"), flat.get("ObjectSizeLessThan")
    if larger is not None and not 0 <= larger <= _SIZE_MAX:
        raise _refused(f"'ObjectSizeGreaterThan' should be between 0 and {_SIZE_MAX}.")
    if smaller is not None and not 1 <= smaller <= _SIZE_MAX:
        raise _refused(f"'ObjectSizeLessThan' should be between 1 and {_SIZE_MAX}.")
    if larger is not None and smaller is not None and smaller <= larger:
        raise _refused(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        )
    if listed:
        return "Tags"
    return "Object Size" if larger is not None or smaller is not None else ""


def _check_transitions(rule: Document) -> None:
    """Raises: InvalidRequest, InvalidArgument."""
    given: list[Document] = rule.get("Transitions", [])
    expiration: Document = rule.get("Expiration", {})
    for one in given:
        _check_days(one, "Days", "Transition")
        _check_midnight(one)
    _check_classes(rule, given, "Transition")
    kinds = {"Days" if "Days" in one else "Date" for one in given}
    if len(kinds) > 1:
        raise _refused(
            "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter"
            f" '{_shown(rule)}'"
        )
    end = next((name for name in ("Days", "Date") if name in expiration), None)
    if kinds and end is not None and end not in kinds:
        raise _refused(
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter"
            f" '{_shown(rule)}'"
        )
    for name in kinds:
        _check_order(rule, given, name, "Transition")
        if end is not None and any(expiration[end] <= one[name] for one in given):
            compared = "greater" if name == "Days" else "later"
            raise errors.InvalidArgument(
                f"'{name}' in the Expiration action for filter '{_shown(rule)}' must be {compared} than"
                f" '{name}' in the Transition action",
                name,
                _value(name, expiration[end]),
            )


def _check_noncurrent(rule: Document, *, newer: bool) -> None:
    """Raises: InvalidRequest, InvalidArgument."""
    given: list[Document] = rule.get("NoncurrentVersionTransitions", [])
    expiration: Document = rule.get("NoncurrentVersionExpiration", {})
    for one in (*given, expiration):
        kept: int | None = one.get("NewerNoncurrentVersions")
        if kept is not None and not newer:
            raise _refused("NewerNoncurrentVersions element can only be used in Lifecycle V2.")
        if kept is not None and kept <= 0:
            raise errors.InvalidArgument(
                "'NewerNoncurrentVersions' must be a positive integer",
                "NewerNoncurrentVersions",
                str(kept),
            )
    _check_positive(expiration, "NoncurrentDays", "NoncurrentVersionExpiration")
    for one in given:
        _check_days(one, "NoncurrentDays", "NoncurrentVersionTransition")
    _check_classes(rule, given, "NoncurrentVersionTransition")
    _check_order(rule, given, "NoncurrentDays", "NoncurrentVersionTransition")
    if expiration and any(expiration["NoncurrentDays"] <= one["NoncurrentDays"] for one in given):
        raise errors.InvalidArgument(
            f"'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{_shown(rule)}' must be"
            " greater than 'NoncurrentDays' in the NoncurrentVersionTransition action",
            "NoncurrentDays",
            str(expiration["NoncurrentDays"]),
        )


def _check_positive(given: Document, name: str, action: str) -> None:
    value: int | None = given.get(name)
    if value is not None and not 0 < value <= _DAYS_MAX:
        raise errors.InvalidArgument(
            f"'{name}' for {action} action must be a positive integer", name, str(value)
        )


def _check_days(given: Document, name: str, action: str) -> None:
    """Of a transition."""
    days: int | None = given.get(name)
    if days is None:
        return
    if not 0 <= days <= _DAYS_MAX:
        raise errors.InvalidArgument(
            f"'{name}' in {action} action must be nonnegative", name, str(days)
        )
    to: str = given["StorageClass"]
    least = _DAYS_BEFORE.get(to, 0)
    if days < least:
        raise errors.InvalidArgument(
            f"'{name}' in {action} action must be greater than or equal to {least} for storageClass '{to}'",
            name,
            str(days),
        )


def _check_midnight(given: Document) -> None:
    date_ms: int | None = given.get("Date")
    if date_ms is not None and date_ms % DAY_MS:
        raise errors.InvalidArgument(
            "'Date' must be at midnight GMT", "Date", _value("Date", date_ms)
        )


def _check_classes(rule: Document, given: Sequence[Document], action: str) -> None:
    """Raises: InvalidRequest."""
    if len({one["StorageClass"] for one in given}) < len(given):
        raise _refused(
            f"'StorageClass' must be different for '{action}' actions in same 'Rule' with filter"
            f" '{_shown(rule)}'"
        )


def _check_order(rule: Document, given: Sequence[Document], name: str, action: str) -> None:
    """Raises: InvalidArgument."""
    ordered = sorted(given, key=lambda one: _ORDER.index(one["StorageClass"]))
    for one, following in pairwise(ordered):
        least = 0 if name == "Date" else _DAYS_IN.get(one["StorageClass"], 0)
        more = f"{least} days more" if least and following[name] > one[name] else "greater"
        if following[name] <= one[name] or following[name] < one[name] + least:
            shown = _shown(rule)
            raise errors.InvalidArgument(
                f"'{name}' in the {action} action for StorageClass '{following['StorageClass']}' for filter"
                f" '{shown}' must be {more} than '{name}' in the {action} action for StorageClass"
                f" '{one['StorageClass']}' for filter '{shown}'",
                name,
                _value(name, following[name]),
            )


def _check_apart(rules: Sequence[Document]) -> None:
    """Of the older configurations: no two rules do the same to one key. Raises: InvalidRequest."""
    for name in _ACTIONS:
        found = sorted(rule["Prefix"] for rule in rules if rule.get(name) is not None)
        for one, following in pairwise(found):
            if one == following:
                raise _refused(f"Found two rules with same prefix '{one}'")
            if following.startswith(one):
                shown = "Transition" if name == "Transitions" else name.removesuffix("s")
                raise _refused(
                    f"Found overlapping prefixes '{one}' and '{following}' for same action type '{shown}'"
                )


def _refused(detail: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(detail=detail)


def _value(name: str, value: int) -> str:
    return iso8601_full(value) if name == "Date" else str(value)


def _shown(rule: Document) -> str:
    """A filter as AWS's messages tell it."""
    given: Document = rule.get("Filter", {})
    flat: Document = {**given, **given.get("And", {})}
    told = [f"prefix={flat.get('Prefix', rule.get('Prefix', ''))}"]
    told += [f"tag: key={one['Key']}, value={one['Value']}" for one in _tags(given)]
    for name in _SIZES:
        if name in flat:
            told.append(f"{name.lower()}={flat[name]}")
    return f"({' and '.join(told)})"


# --- what is applied


def _rule(rule: Document) -> Rule:
    given: Document = rule.get("Filter", {})
    flat: Document = {**given, **given.get("And", {})}
    expiration: Document = rule.get("Expiration", {})
    noncurrent: Document = rule.get("NoncurrentVersionExpiration", {})
    abort: Document = rule.get("AbortIncompleteMultipartUpload", {})
    return Rule(
        id=rule["ID"],
        prefix=flat.get("Prefix", rule.get("Prefix", "")),
        tags={one["Key"]: one["Value"] for one in _tags(given)},
        larger=flat.get("ObjectSizeGreaterThan"),
        smaller=flat.get("ObjectSizeLessThan"),
        days=expiration.get("Days"),
        date_ms=expiration.get("Date"),
        markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        transitions=tuple(
            Transition(one["StorageClass"], one.get("Days"), one.get("Date"))
            for one in cast("list[Document]", rule.get("Transitions", []))
        ),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        noncurrent_keep=noncurrent.get("NewerNoncurrentVersions", 0),
        noncurrent_transitions=tuple(
            Transition(
                one["StorageClass"],
                one["NoncurrentDays"],
                keep=one.get("NewerNoncurrentVersions", 0),
            )
            for one in cast("list[Document]", rule.get("NoncurrentVersionTransitions", []))
        ),
        abort_days=abort.get("DaysAfterInitiation"),
    )
