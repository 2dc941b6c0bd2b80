"""KMS through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_what_is_not_built_is_refused_by_name(client: Callable[..., Any]) -> None:
    kms = client("kms")
    operation = next(iter(kms.meta.method_to_api_mapping))
    with pytest.raises(ClientError, match="pilvi does not implement kms"):
        getattr(kms, operation)()
