"""A client of SQS for each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def sqs(client: Callable[..., Any]) -> Any:
    return client("sqs")
