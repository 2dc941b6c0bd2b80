"""CORS: which rule of a bucket answers a browser, and with which headers.

AWS: S3 User Guide, "Using cross-origin resource sharing (CORS)".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.buckets import CorsRule
from pilvi.services.s3.wire import CORSConfiguration, CORSRule

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def rules_of(configuration: CORSConfiguration) -> tuple[CorsRule, ...]:
    """Raises: MalformedXML, InvalidRequest."""
    given: Sequence[CORSRule] = configuration.get("CORSRules") or ()
    if not 1 <= len(given) <= limits.CORS_RULES_MAX:
        raise errors.MalformedXML()
    return tuple(_rule(rule) for rule in given)


def _rule(rule: CORSRule) -> CorsRule:
    methods = tuple(rule.get("AllowedMethods", ()))
    origins = tuple(rule.get("AllowedOrigins", ()))
    headers = tuple(rule.get("AllowedHeaders") or ())
    if not methods or not origins:
        raise errors.MalformedXML()
    for method in methods:
        if method not in _METHODS:
            raise errors.InvalidRequest(
                detail=f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for origin in origins:
        if origin.count("*") > 1:
            raise errors.InvalidRequest(
                detail=f'AllowedOrigin "{origin}" can not have more than one wildcard.'
            )
    for header in headers:
        if header.count("*") > 1:
            raise errors.InvalidRequest(
                detail=f'AllowedHeader "{header}" can not have more than one wildcard.'
            )
    exposed = tuple(rule.get("ExposeHeaders") or ())
    for header in exposed:
        if "*" in header:
            raise errors.InvalidRequest(
                detail=f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard'
                " for ExposeHeader."
            )
        if _TOKEN.fullmatch(header) is None:  # it will stand in a header of every answer
            raise errors.InvalidRequest(detail=f'ExposeHeader "{header}" is no header name.')
    return CorsRule(
        origins=origins,
        methods=methods,
        headers=headers,
        exposed=exposed,
        max_age_s=rule.get("MaxAgeSeconds"),
        id=rule.get("ID"),
    )


def described(rule: CorsRule) -> CORSRule:
    """As GetBucketCors tells a rule."""
    members: CORSRule = {
        "AllowedMethods": list(rule.methods),
        "AllowedOrigins": list(rule.origins),
    }
    if rule.headers:
        members["AllowedHeaders"] = list(rule.headers)
    if rule.exposed:
        members["ExposeHeaders"] = list(rule.exposed)
    if rule.max_age_s is not None:
        members["MaxAgeSeconds"] = rule.max_age_s
    if rule.id is not None:
        members["ID"] = rule.id
    return members


def find_rule(
    rules: Sequence[CorsRule], origin: str, method: str, headers: Sequence[str] = ()
) -> CorsRule | None:
    """The first rule that allows this origin, method and all of these request headers."""
    for rule in rules:
        if (
            method in rule.methods
            and any(_matches(pattern, origin) for pattern in rule.origins)
            and all(
                any(_matches(pattern.lower(), header.lower()) for pattern in rule.headers)
                for header in headers
            )
        ):
            return rule
    return None


def names_in(header: str) -> list[str]:
    """Of Access-Control-Request-Headers, which counts in any request, not in a preflight alone."""
    return [name.strip() for name in header.split(",") if name.strip()]


def answer_headers(
    rule: CorsRule, origin: str, headers: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """What a response to this origin says; `headers`: those that a preflight asked for."""
    everyone = "*" in rule.origins
    answer = [
        ("Access-Control-Allow-Origin", "*" if everyone else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.methods)),
        ("Vary", _VARY),
    ]
    if headers:
        answer.append(("Access-Control-Allow-Headers", ", ".join(name.lower() for name in headers)))
    if rule.exposed:
        answer.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed)))
    if rule.max_age_s is not None:
        answer.append(("Access-Control-Max-Age", str(rule.max_age_s)))
    if not everyone:
        answer.append(("Access-Control-Allow-Credentials", "true"))
    return answer


def _matches(pattern: str, text: str) -> bool:
    """`*` stands for any characters, once."""
    start, star, end = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)
