"""Fixtures of the tests of Lambda."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambda_.support import Functions


@pytest.fixture
def functions(client: Callable[..., Any], account: str) -> Functions:
    return Functions(client("lambda"), account)
