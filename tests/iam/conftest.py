"""Whom and what tests of IAM begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person

Make = Callable[..., Any]


@pytest.fixture
def ann(client: Make, account: str) -> Person:
    return Person(client, account)


@pytest.fixture
def table(client: Make) -> str:
    client("dynamodb").create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "things"
