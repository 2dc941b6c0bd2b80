"""Which scenarios were rebuilt, by name."""

from __future__ import annotations

from collections.abc import Callable

from recordings.s3.story import Story

Scenario = Callable[[Story], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(*names: str) -> Callable[[Scenario], Scenario]:
    def keep(told: Scenario) -> Scenario:
        for name in names:
            assert name not in SCENARIOS, name
            SCENARIOS[name] = told
        return told

    return keep
