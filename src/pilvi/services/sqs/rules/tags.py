"""Tags of queues. AWS: SQS Developer Guide, "Quotas related to queues", "Queue tags"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pilvi.services.sqs import errors, limits

_TEXT = re.compile(r"[\w\s_.:/=+@-]*")


def check(tags: Mapping[str, str]) -> None:
    """Raises: InvalidParameterValue."""
    if len(tags) > limits.TAGS_MAX:
        raise _bad(f"Too many tags added for queue: at most {limits.TAGS_MAX} are allowed.")
    for key, value in tags.items():
        if not 1 <= len(key) <= limits.TAG_KEY_CHARACTERS_MAX:
            raise _bad("Tag keys must be between 1 and 128 characters in length.")
        if len(value) > limits.TAG_VALUE_CHARACTERS_MAX:
            raise _bad("Tag values must be between 0 and 256 characters in length.")
        if key.lower().startswith("aws:"):
            raise _bad("Tag keys may not start with the reserved prefix aws:.")
        if not _TEXT.fullmatch(key) or not _TEXT.fullmatch(value):
            raise _bad(
                "Tag keys and values may only contain unicode letters, digits, white space, or one"
                " of these symbols: _ . : / = + - @."
            )


def _bad(detail: str) -> errors.InvalidParameterValueException:
    return errors.InvalidParameterValueException(detail=detail)
