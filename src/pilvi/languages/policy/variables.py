"""Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, and `${*}`, `${?}`, `${$}`.

A text is read once into a template and filled from each request's context. A value that is filled in is only ever
itself: a star in it is a star, not a wildcard.
AWS: IAM User Guide, "IAM policy elements: Variables and tags", with "Policy variables with no value".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pilvi.languages.policy.patterns import Part, Parts, Wild, joined, read_wildcards

Context = Mapping[str, tuple[str, ...]]
"""What is known of a request: keys in lower case, each with its values."""

SINCE = "2012-10-17"
"""The version of the policy language that has variables; in an older one they are plain text."""

_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^{},']+?)(?:, *'([^']*)')?)\}")


class Variable(msgspec.Struct, frozen=True):
    """`key` in lower case, as all keys of the context."""

    key: str
    default: str | None = None


Template = tuple[Part | Variable, ...]


def read(text: str, version: str, *, wildcards: bool) -> Template:
    """`wildcards`: whether `*` and `?` mean more than themselves where the text stands."""
    if version != SINCE:
        return _plain(text, wildcards)
    found: list[Part | Variable] = []
    at = 0
    for match in _VARIABLE.finditer(text):
        found.extend(_plain(text[at : match.start()], wildcards))
        sign, key, default = match.groups()
        found.append(sign or Variable(key.strip().lower(), default))
        at = match.end()
    found.extend(_plain(text[at:], wildcards))
    return tuple(found)


def named(text: str, version: str) -> tuple[str, ...]:
    """The keys that a text's variables name, as they are written."""
    if version != SINCE:
        return ()
    return tuple(match[2].strip() for match in _VARIABLE.finditer(text) if match[2])


def _plain(text: str, wildcards: bool) -> Parts:
    if wildcards:
        return read_wildcards(text)
    return (text,) if text else ()


def constant(template: Template) -> Parts | None:
    """The pattern, where it needs nothing from the request."""
    return fill(template, {}) if not any(isinstance(one, Variable) for one in template) else None


def fill(template: Template, context: Context) -> Parts | None:
    """None when a variable has no value: such a pattern equals nothing, so that NotEquals holds of it.

    A key with several values has none that could stand in a text.
    """
    found: list[Part] = []
    for part in template:
        if not isinstance(part, Variable):
            found.append(part)
            continue
        values = context.get(part.key, ())
        if len(values) == 1:
            found.append(values[0])
        elif part.default is not None and not values:
            found.append(part.default)
        else:
            return None
    return joined(found)


def fill_text(template: Template, context: Context) -> str | None:
    """As `fill`, of a template that was read without wildcards."""
    parts = fill(template, context)
    return None if parts is None else "".join(one for one in parts if not isinstance(one, Wild))
