"""A whole cloud inside the test's own process and in memory, for what no client can ask of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pilvi.app import QUESTIONS, SERVICES
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.dispatch.dispatcher import Dispatcher
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import Settings
from pilvi.store.blobs import Blobs
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer


def in_memory(path: Path, **settings: Any) -> Cloud:
    """All services. Jobs are taken in, and nothing runs them. Make it where an event loop runs."""
    store, entropy = MemoryStore(), Entropy(seed=1)
    cloud = Cloud(
        Settings(data=path, **settings),
        store=store,
        blobs=Blobs(path, store, entropy=entropy),
        clock=Clock(),
        entropy=entropy,
        services=SERVICES,
        questions=QUESTIONS,
    )
    cloud.bind(Sealer, Sealer(RootKeySource(None), entropy))
    Dispatcher(store, cloud.clock, entropy, resolve=cloud.registrations, consumers={}, run_dir=path)
    return cloud
