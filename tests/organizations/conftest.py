"""Puts this folder's `house` within reach of its tests, and an organisation."""

from __future__ import annotations

import pytest

from organizations.house import House, Make


@pytest.fixture
def house(client: Make, account: str) -> House:
    return House(client, account)
