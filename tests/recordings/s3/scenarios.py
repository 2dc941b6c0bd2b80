"""Which scenarios were rebuilt, by name."""

from __future__ import annotations

from collections.abc import Callable

from recordings.rebuilt import Rebuilt
from recordings.s3.story import Story

Scenario = Callable[[Story], None]
SCENARIOS: Rebuilt[Scenario] = Rebuilt()
scenario = SCENARIOS.named
