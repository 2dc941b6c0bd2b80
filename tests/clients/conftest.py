"""A person with keys that the cloud issued: whatever a client signs with them is verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from persons import Person, allow


@pytest.fixture
def ann(client: Callable[..., Any], account: str) -> Person:
    """May do anything."""
    person = Person(client, account)
    person.may(allow("*"))
    return person


@pytest.fixture
def bucket(ann: Person, account: str) -> str:
    name = f"clients-{account}"
    ann.client("s3").create_bucket(Bucket=name)
    return name
