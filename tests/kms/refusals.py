"""What a refused call must say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(code: str, words: str | None, call: Callable[..., Any], **request: Any) -> str:
    """`words`: the whole text; None for any. Gives the text."""
    with pytest.raises(ClientError) as error:
        call(**request)
    told: dict[str, str] = error.value.response["Error"]
    assert told["Code"] == code, told
    assert words is None or told["Message"] == words, told
    return told["Message"]
