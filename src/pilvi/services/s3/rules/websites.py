"""A bucket as a website: what may be configured, and where a request is sent to.

AWS: S3 User Guide, "Hosting a static website using Amazon S3", "(Optional) Configuring a webpage redirect",
"Routing rule elements".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from pilvi.services.s3 import errors, limits
from pilvi.services.s3.rules.configurations import Document, Template, copied

_TARGET = {"HostName": None, "Protocol": None}
_TEMPLATE: Template = {
    "IndexDocument": {"Suffix": None},
    "ErrorDocument": {"Key": None},
    "RedirectAllRequestsTo": _TARGET,
    "RoutingRules": [
        {
            "Condition": {"HttpErrorCodeReturnedEquals": None, "KeyPrefixEquals": None},
            "Redirect": {
                **_TARGET,
                "HttpRedirectCode": None,
                "ReplaceKeyPrefixWith": None,
                "ReplaceKeyWith": None,
            },
        }
    ],
}
_BREAKS = re.compile(r"[\x00-\x1f\x7f]")


def configuration(given: Mapping[str, Any]) -> Document:
    """What PutBucketWebsite takes. Raises: InvalidArgument, InvalidRequest, MalformedXML."""
    kept = copied(given, _TEMPLATE)
    everything: Document | None = kept.get("RedirectAllRequestsTo")
    if everything is not None:
        if len(kept) > 1:
            raise errors.InvalidArgument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            )
        if not everything.get("HostName"):
            raise errors.MalformedXML()
        _check_target(everything)
        return kept
    if "IndexDocument" not in kept:
        raise errors.InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    suffix = kept["IndexDocument"].get("Suffix", "")
    if not suffix or "/" in suffix:
        raise errors.InvalidArgument(
            "The IndexDocument Suffix is not well formed", "IndexDocument", suffix
        )
    if "ErrorDocument" in kept and not kept["ErrorDocument"].get("Key"):
        raise errors.InvalidArgument(
            "The ErrorDocument Key is not well formed", "ErrorDocument", ""
        )
    rules = cast("Sequence[Document] | None", kept.get("RoutingRules"))
    if rules is not None:
        if not 1 <= len(rules) <= limits.ROUTING_RULES_MAX:
            raise errors.MalformedXML()
        for rule in rules:
            _check_rule(rule)
    return kept


def _check_rule(rule: Document) -> None:
    redirect: Document = rule.get("Redirect", {})
    if not redirect:
        raise errors.MalformedXML()
    if rule.get("Condition", True) == {}:
        raise errors.InvalidRequest(
            detail="Condition cannot be empty. To redirect all requests without a condition, the condition element"
            " shouldn't be present."
        )
    if "ReplaceKeyWith" in redirect and "ReplaceKeyPrefixWith" in redirect:
        raise errors.InvalidRequest(
            detail="You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        )
    code = redirect.get("HttpRedirectCode")
    if code is not None and re.fullmatch("3(?!00)[0-9][0-9]", code) is None:
        raise errors.InvalidRequest(
            detail=f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        )
    returned = rule.get("Condition", {}).get("HttpErrorCodeReturnedEquals")
    if returned is not None and re.fullmatch("[45][0-9][0-9]", returned) is None:
        raise errors.InvalidRequest(
            detail=f"The provided HTTP error code ({returned}) is not valid. Valid codes are 4XX or 5XX."
        )
    _check_target(redirect)


def _check_target(target: Document) -> None:
    """What becomes part of a header must not break it."""
    if target.get("Protocol") not in (None, "http", "https"):
        raise errors.InvalidRequest(
            detail="Invalid protocol, protocol can be http or https. If not defined the protocol will be selected"
            " automatically."
        )
    if any(_BREAKS.search(str(value)) for value in target.values()):
        raise errors.MalformedXML()


class Redirect(NamedTuple):
    """`host` and `protocol`: None for those of the request."""

    status: int
    key: str
    host: str | None = None
    protocol: str | None = None


def redirect_of(site: Document, key: str, status: int | None) -> Redirect | None:
    """The first rule for a key, before it is looked for (`status` None) or after that failed."""
    for rule in cast("Sequence[Document]", site.get("RoutingRules", ())):
        condition: Document = rule.get("Condition", {})
        prefix: str = condition.get("KeyPrefixEquals", "")
        returned = condition.get("HttpErrorCodeReturnedEquals")
        if not key.startswith(prefix) or returned != (None if status is None else str(status)):
            continue
        redirect: Document = rule["Redirect"]
        target = key
        if "ReplaceKeyWith" in redirect:
            target = redirect["ReplaceKeyWith"]
        elif "ReplaceKeyPrefixWith" in redirect:
            target = redirect["ReplaceKeyPrefixWith"] + key[len(prefix) :]
        code = int(redirect.get("HttpRedirectCode", "301"))
        return Redirect(code, target, redirect.get("HostName"), redirect.get("Protocol"))
    return None


def document_of(site: Document, key: str) -> str:
    """The object that answers for a key: of a folder its index document."""
    return key + index_of(site) if not key or key.endswith("/") else key


def index_of(site: Document) -> str:
    return site["IndexDocument"]["Suffix"]


def error_key_of(site: Document) -> str | None:
    return site.get("ErrorDocument", {}).get("Key")
