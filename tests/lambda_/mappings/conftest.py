"""Fixtures of the tests of event source mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambda_.mappings.support import Workshop
from servers import Server


@pytest.fixture
def workshop(server: Server, client: Callable[..., Any], account: str) -> Workshop:
    return Workshop(server, account, client)
