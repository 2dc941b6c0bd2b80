"""Fixtures of the tests of event source mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from lambda_.mappings.support import Workshop
from servers import Server


@pytest.fixture
def workshop(server: Server, client: Callable[..., Any], account: str) -> Workshop:
    return Workshop(server, account, client)


@pytest.fixture(scope="session")
def shared(server: Server) -> Iterator[Workshop]:
    """One for tests that leave nothing behind, with a function that runs already."""
    account = "777700000001"
    workshop = Workshop(server, account, partial(server.client, account=account))
    workshop.function()
    yield workshop
    for mapping in workshop.lambda_.list_event_source_mappings()["EventSourceMappings"]:
        workshop.lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
