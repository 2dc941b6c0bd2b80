"""Fixtures of the tests of execution environments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compute.support import EVALUATE, Evaluator, Room


@pytest.fixture(scope="session")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("room"))
    yield made
    made.close()


@pytest.fixture
def room(shared_room: Room) -> Iterator[Room]:
    """The default backend. Environments that the test makes end with it."""
    yield shared_room
    shared_room.end_functions()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    """Runs code in one sandbox for all tests of a file."""
    made = Room(tmp_path_factory.mktemp("inside"))
    yield Evaluator(made.start(EVALUATE))
    made.close()
