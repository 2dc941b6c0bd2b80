"""Tags of keys. AWS: KMS Developer Guide, "Tags in AWS KMS"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pilvi.services.kms import errors, limits
from pilvi.services.kms.wire import Tag


def merged(old: Mapping[str, str], given: Iterable[Tag]) -> dict[str, str]:
    """Raises: TagException."""
    pairs = [(tag["TagKey"], tag["TagValue"]) for tag in given]
    new = dict(pairs)
    if len(new) != len(pairs):
        raise errors.TagException(detail="Duplicate tag keys")
    check_keys(new)
    both = {**old, **new}
    if len(both) > limits.TAGS_MAX:
        raise errors.TagException(detail="Too many tags")
    return both


def check_keys(names: Iterable[str]) -> None:
    """Raises: TagException."""
    if any(name.lower().startswith("aws:") for name in names):
        raise errors.TagException(detail="Tags beginning with aws: are reserved")


def listed(tags: Mapping[str, str]) -> list[Tag]:
    return [{"TagKey": name, "TagValue": value} for name, value in sorted(tags.items())]
