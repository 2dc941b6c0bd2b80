"""Fixtures of the tests of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Server
from terminals import Person


@pytest.fixture
def person(server: Server, account: str, tmp_path: Path) -> Iterator[Person]:
    someone = Person(server, account, tmp_path)
    yield someone
    someone.functions.client.close()
