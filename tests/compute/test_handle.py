"""What a sandbox says before anybody there is to hear it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pilvi.compute.handle import Handle


@pytest.mark.parametrize("told_later", [True, False])
def test_what_is_said_early_is_told_to_whoever_wants_it_later(told_later: bool) -> None:
    """A snapshot may be ready before there is anything in the server that stands for it."""

    async def story() -> None:
        handle = Handle(lambda _handle: None, told_later=told_later)
        handle.far_end.send(b'{"snapshot": true}')
        handle.far_end.send(b'{"exit": 3}')
        how = await asyncio.wait_for(handle.exited, 10)
        told: list[dict[str, Any]] = []
        handle.hear(lambda message, _descriptors: told.append(message) is None)
        assert told == ([{"snapshot": True}] if told_later else [])
        assert (how.code, how.fault is None) == ((3, True) if told_later else (None, False))
        await handle.kill()

    asyncio.run(story())
