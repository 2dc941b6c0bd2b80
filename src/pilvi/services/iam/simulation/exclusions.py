"""Which policies a simulation leaves out: by their type, by their ARN, or an inline policy by name and holder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from pilvi.base.arn import Arn
from pilvi.languages.policy import Attachment, Document
from pilvi.languages.policy.patterns import matcher, read_wildcards
from pilvi.services.iam import errors
from pilvi.services.iam.aws_policies import is_aws_managed
from pilvi.services.iam.wire import PolicyIdentifier

_INLINE = (Attachment.INLINE, Attachment.GROUP_INLINE)
_MANAGED = (Attachment.MANAGED, Attachment.GROUP_MANAGED)
_ARN = re.compile(r"arn:[a-z-]+:iam::(?:[0-9]{12}|aws):policy/(?:[^*?]*/)?")
_BOUNDARY = "permission-boundary"


class Exclusion(NamedTuple):
    """One of the three is told. `inline`: its name, the kind of its holder, and the holder's name."""

    policy_type: str | None
    arn: str | None
    inline: tuple[str, str, str] | None


def read(given: Iterable[PolicyIdentifier]) -> tuple[Exclusion, ...]:
    """Raises: InvalidInput."""
    return tuple(map(_read, given))


def _read(given: PolicyIdentifier) -> Exclusion:
    policy_type, arn = given.get("PolicyType"), given.get("PolicyArn")
    inline = None
    if "InlinePolicyIdentifier" in given:
        named = given["InlinePolicyIdentifier"]
        inline = (named["PolicyName"], named["AttachmentType"], named["AttachmentName"])
    found = Exclusion(policy_type, arn, inline)
    if sum(one is not None for one in found) != 1:
        raise errors.InvalidInput(detail="A policy identifier must have exactly one member.")
    if arn is not None:
        folder = arn[: arn.rfind("/") + 1]
        if arn.count("*") > 1 or not _ARN.fullmatch(folder):
            raise errors.InvalidInput(detail=f"Invalid policy identifier: {arn}")
    return found


def kept(documents: Iterable[Document], excluded: tuple[Exclusion, ...]) -> list[Document]:
    """Those that none names."""
    return [
        document for document in documents if not any(_names(one, document) for one in excluded)
    ]


def names_boundary(excluded: tuple[Exclusion, ...]) -> bool:
    return any(one.policy_type == _BOUNDARY for one in excluded)


def _names(one: Exclusion, document: Document) -> bool:
    origin = document.origin
    managed = origin.attachment in _MANAGED
    if one.policy_type is not None:
        if one.policy_type == "inline":
            return origin.attachment in _INLINE
        kind = "aws-managed" if managed and is_aws_managed(origin.arn) else "user-managed"
        return managed and one.policy_type == kind
    if one.arn is not None:
        return managed and matcher(read_wildcards(one.arn))(origin.arn)
    if one.inline is None or origin.attachment not in _INLINE:
        return False
    kind, _, path = Arn.parse(origin.holder).resource.partition("/")
    return one.inline == (origin.name, kind, path.rpartition("/")[2])
