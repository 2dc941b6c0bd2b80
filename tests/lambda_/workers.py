"""The worker processes of a server, and how its residents are spread over them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lambda_.mappings.support import until
from pilvi.dispatch.presence import read_held
from servers import Server


def workers_of(server: Server) -> list[int]:
    assert server.process is not None
    main = server.process.pid
    found: list[int] = []
    for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def until_spread(server: Server, *counts: int) -> None:
    """Until the workers that live have so many residents each."""

    def look() -> list[int]:
        found: list[int] = []
        for worker in workers_of(server):
            for file in (server.data / "run").glob(f"dispatch-*-{worker}-*.lock"):
                with suppress(FileNotFoundError):
                    found.append(sum((read_held(file.read_bytes()) or {}).values()))
        return sorted(found)

    until(look, lambda found: found == sorted(counts))
